"""Samples for review: nobody can foresee them, anybody can draw them again."""

from __future__ import annotations

import hashlib

import pytest
import sqlalchemy as sa
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from tests import scenes
from zhixin import clock
from zhixin.audit import desk, draws, sampling, trail
from zhixin.audit.commands import audit
from zhixin.audit.models import Draw, DrawnAward
from zhixin.errors import Conflict, Invalid, NotFound
from zhixin.people.models import Person, Role

ORIGIN = "zhixin.example/ledger"


@given(st.sets(st.integers(1, 10**6), max_size=60), st.integers(1, 70), st.text(max_size=5))
def test_a_sample_is_what_the_description_says(population, wanted, label):
    """Written down again from the documentation; the order of the list does not matter."""
    listed = "".join(f"{n}\n" for n in sorted(population))
    seed = (
        f"zhixin-audit-draw/1\n{ORIGIN}\n7\n{'ab' * 32}\n"
        f"{hashlib.sha256(listed.encode()).hexdigest()}\n{label}\n"
    )
    tickets = {n: hashlib.sha256(f"{seed}{n}".encode()).hexdigest() for n in population}
    ours = sampling.seed(
        origin=ORIGIN, tree_size=7, root="ab" * 32, label=label,
        population_sha256=sampling.population_hash(sampling.listed(population)),
    )  # fmt: skip
    assert ours == seed
    assert sampling.draw(population, ours, wanted) == sorted(population, key=tickets.get)[:wanted]


def test_a_larger_sample_begins_with_the_smaller():
    """More can be drawn later without another choice."""
    assert sampling.draw(range(99), "s", 9)[:4] == sampling.draw(range(99), "s", 4)


@pytest.fixture
def auditor(create_person):
    return create_person("auditor", Role.AUDITOR)


@pytest.fixture
def act(auditor):
    return desk.Act(auditor=auditor, address="::1", now=clock.now())


@pytest.fixture
def recorded(session, create_person):
    """Recorded awards of this year."""
    return [scenes._recorded(session, create_person(f"learner-{n}")) for n in range(3)]


def next_entry(session):
    scenes._next_entry(session)


def test_a_draw_waits_for_a_checkpoint_that_nobody_knew(session, recorded, act):
    """It is announced with its population; the first tree signed afterwards decides it."""
    year = recorded[0].year
    draw = draws.announce(session, act, year=year, organisation_id=None, wanted=2)
    assert draws.complete(session, ORIGIN, act.now) == 0
    with pytest.raises(Conflict):
        draws.check(session, draw.id, ORIGIN)
    next_entry(session)
    next_entry(session)
    assert draws.complete(session, ORIGIN, act.now) == 1
    assert draws.complete(session, ORIGIN, act.now) == 0
    assert draw.tree_size == draw.announced_size + 1
    assert len(draws.drawn(session, draw)) == 2
    assert draws.check(session, draw.id, ORIGIN) == []
    assert [trace.act for trace, _ in trail.of(session, "audit-draw", draw.id)] == [
        "draw", "announce-draw",
    ]  # fmt: skip


def test_everybody_sees_what_was_announced_before_it_is_drawn(app, session, recorded, act):
    """Without an account: first the hash of what is drawn from, then the seed, and no person."""
    stranger, year = app.test_client(), recorded[0].year
    names = session.scalars(sa.select(Person.name).where(Person.id != act.auditor.id)).all()
    address = "/audit/draws/published"
    assert "还没有公布过抽样" in stranger.get(address).text
    draw = draws.announce(session, act, year=year, organisation_id=None, wanted=2)
    session.commit()
    announced = stranger.get(address).text
    assert draw.population_sha256 in announced
    assert "等待检查点" in announced
    next_entry(session)
    draws.complete(session, ORIGIN, act.now)
    session.commit()
    drawn = stranger.get(address).text
    assert draw.root in drawn
    assert "等待检查点" not in drawn
    assert not [name for name in names if name in drawn]
    assert address in stranger.get("/ledger").text


def test_who_looked_at_a_sample_is_on_the_trail(sign_in, auditor, session, recorded, act):
    """It names people."""
    draw = draws.announce(session, act, year=recorded[0].year, organisation_id=None, wanted=2)
    session.commit()
    assert sign_in(auditor).get(f"/audit/draws/{draw.id}").status_code == 200
    kinds = sa.select(trail.Trace.object_kind).where(trail.Trace.act == "view")
    assert session.scalars(kinds).all() == ["audit-draw"]


def test_anybody_draws_it_again(session, recorded, act, tmp_path):
    """With the published list and seed, by the command, without the database."""
    draw = draws.announce(session, act, year=recorded[0].year, organisation_id=None, wanted=2)
    next_entry(session)
    draws.complete(session, ORIGIN, act.now)
    (tmp_path / "ids.txt").write_text(draws.population(session, draw))
    asked = (
        f"sample {tmp_path / 'ids.txt'} --count 2 --origin {ORIGIN} --size {draw.tree_size}"
        f" --root {draw.root} --label {draw.label}"
    )
    answer = CliRunner().invoke(audit, asked.split())
    assert answer.output.split() == [
        str(item.award_id) for item, _name in draws.drawn(session, draw)
    ]


def test_a_changed_draw_is_found_out(session, recorded, act, connection):
    """The database refuses to change it; behind its back it would show."""
    draw = draws.announce(session, act, year=recorded[0].year, organisation_id=None, wanted=2)
    next_entry(session)
    draws.complete(session, ORIGIN, act.now)
    for change in (
        sa.update(Draw).values(population="1\n"),
        sa.update(DrawnAward).values(award_id=recorded[0].id),
        sa.delete(DrawnAward),
    ):
        with pytest.raises(sa.exc.IntegrityError), session.begin_nested():
            session.execute(change)
    session.execute(sa.update(Draw).values(root="00" * 32))
    session.expire_all()
    assert draws.check(session, draw.id, ORIGIN)


def test_there_must_be_something_to_draw(session, act):
    """An empty year, or an impossible number, is refused."""
    for facts in (
        {"year": 2001, "wanted": 1},
        {"year": 2026, "wanted": 0},
        {"year": 2026, "wanted": 501},
    ):
        with pytest.raises(Invalid):
            draws.announce(session, act, organisation_id=None, **facts)


def test_a_review_is_written_down_once(session, recorded, act, create_person):
    """With what was found; on the award's trail, too."""
    draw = draws.announce(session, act, year=recorded[0].year, organisation_id=None, wanted=1)
    next_entry(session)
    draws.complete(session, ORIGIN, act.now)
    draws.review(session, draw, 1, act, " ")
    [(item, name)] = draws.drawn(session, draw)
    session.refresh(item)
    assert (item.finding, name) == ("无异议", "auditor")
    assert [trace.act for trace, _ in trail.of(session, "award", item.award_id)] == ["reviewed"]
    with pytest.raises(Conflict):
        draws.review(session, draw, 1, act, "再看")
    with pytest.raises(NotFound):
        draws.review(session, draw, 2, act, None)


def test_the_pages_of_draws(session, recorded, auditor, sign_in):
    """From the form to the sample; a foreign number is refused."""
    client = sign_in(auditor)
    year = recorded[0].year
    assert client.post("/audit/draws", data={"year": "x", "wanted": "2"}).status_code == 422
    answer = client.post("/audit/draws", data={"year": year, "wanted": "2", "organisation": ""})
    assert answer.status_code == 303
    assert "等待" in client.get(answer.location).text
    next_entry(session)
    draws.complete(session, ORIGIN, clock.now())
    session.commit()
    assert "zhixin-audit-draw/1" in client.get(answer.location).text
    assert client.get("/audit/draws").status_code == 200
    assert client.post(f"{answer.location}/reviews", data={"place": "9"}).status_code == 404
