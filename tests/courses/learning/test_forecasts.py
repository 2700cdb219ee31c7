"""What a regrade would change, known before anybody decides: whose result, score and hours."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from assessments import attempts, drafting, handing_in, regrading, rekeyed
from assessments.models import Attempt, Paper, PaperVersion
from assessments.regrade_models import IN_FORCE, KeyCorrection, RegradeState
from courses import completion, enrolments, forecasts, regrade_effects, scopes
from courses.forecast_models import ForeseenChange
from tests.courses.learning.conftest import QUESTION, Offer
from tests.courses.learning.test_completion import answer, watch
from zhixin import clock, db
from zhixin.hours.models import Award
from zhixin.people.models import Person, Role


@pytest.fixture
def world(
    session: Session,
    author: Person,
    create_offer: Callable[..., Offer],
    create_person: Callable[..., Person],
    now: datetime,
) -> SimpleNamespace:
    """A quiz whose key is wrong, and its regrade put forward. ``jia`` has seen the video and
    failed by the key, twice; ``yi`` passed by it and has the hours; ``bing`` failed by it and has
    not seen the video; ``ding`` failed by it, then answered as it wants and has the hours."""
    offer = create_offer(("video", "quiz"))
    told = {
        "jia": (True, ("a", "a")), "yi": (True, ("b",)), "bing": (False, ("a",)),
        "ding": (True, ("a", "b")),
    }  # fmt: skip
    people = {}
    for name, (seen, answers) in told.items():
        person = people[name] = create_person(name, Role.LEARNER)
        made = enrolments.enrol(session, person.id, offer.course.id, now)
        enrolment = enrolments.get(session, made.id, person.id)
        end = watch(session, enrolment, offer.asset, now, (0, 60)) if seen else now
        for option in answers:
            answer(session, enrolment, end, option=option)
        completion.check(session, enrolment.id, sampling_seed="s", now=end)
    version = session.get_one(PaperVersion, offer.paper_version_id)
    paper = session.get_one(Paper, version.paper_id)
    mended = {**QUESTION, "correct": ["a"]}
    drafting.update_question(session, paper.id, author.id, mended, paper.revision, now)
    (found,) = rekeyed.candidates(session, paper)
    correction = regrading.propose(session, paper, author.id, found.name, "印错", now)
    forecasts.start(session, correction, now)
    session.commit()
    return SimpleNamespace(offer=offer, correction=correction, **people)


def _run(session: Session, correction: KeyCorrection, **options: Any) -> forecasts.Standing:
    session.commit()
    forecast = forecasts.of(session, correction)
    assert forecast is not None
    forecasts.run(db.database(), forecast.id, clock.now, **options)
    session.expire_all()
    found = forecasts.standing(session, correction, clock.now())
    assert found is not None
    return found


def _hand_in(session: Session, world: SimpleNamespace, person: Person, now: datetime) -> Attempt:
    opened = attempts.open(
        session, person_id=person.id, scope=scopes.of_version(world.offer.version.id),
        paper_version_id=world.offer.paper_version_id, pass_mark=Decimal("0.6"),
        attempts_allowed=None, now=now,
    )  # fmt: skip
    return handing_in.submit(session, opened.id, person.id, {"q1": ["a"]}, now)


@contextmanager
def _queries(session: Session) -> Iterator[list[str]]:
    """The statements that run meanwhile."""
    found: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        found.append(statement)

    engine = session.connection().engine
    sa.event.listen(engine, "before_cursor_execute", note)
    try:
        yield found
    finally:
        sa.event.remove(engine, "before_cursor_execute", note)


def test_it_says_who_gains_and_what(session: Session, world: SimpleNamespace) -> None:
    """Hours come once, to whom the pass completes the course: not twice by two attempts, not
    before the video is seen, and not where they were given already. Hours that rest on a pass
    which the right key would not give are named with their award."""
    standing = _run(session, world.correction, chunk=2)
    assert standing.fresh
    assert (standing.forecast.seen, standing.forecast.total) == (6, 6)
    found = regrade_effects.of(session, world.correction, 1)
    rows = [
        (each.person.name, each.gains, each.loses, each.hours, each.award_id is not None)
        for each in found.rows
    ]
    assert rows == [
        ("jia", True, False, Decimal(1), False),
        ("jia", True, False, None, False),
        ("yi", False, True, Decimal(1), True),
        ("bing", True, False, None, False),
        ("ding", True, False, None, False),
        ("ding", False, True, Decimal(1), True),
    ]
    assert (found.changed, found.gain, found.lose, found.hours) == (6, 4, 2, Decimal(1))
    assert {(each.before, each.after) for each in found.rows} == {(0, 10**6), (10**6, 0)}
    assert session.scalar(sa.select(sa.func.count(Award.id))) == 2


def test_a_killed_forecast_goes_on(
    session: Session, world: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Behind the last chunk that was written, once the dead job's claim is over; each attempt is
    foreseen once."""
    change, looked = regrading.Reader.change, []

    def dies(reader: regrading.Reader, attempt: Attempt) -> Any:
        looked.append(attempt.id)
        if len(looked) == 4:
            raise KeyboardInterrupt("killed")
        return change(reader, attempt)

    monkeypatch.setattr(regrading.Reader, "change", dies)
    with pytest.raises(KeyboardInterrupt):
        _run(session, world.correction, chunk=2)
    session.expire_all()
    forecast = forecasts.of(session, world.correction)
    assert forecast is not None
    assert (forecast.seen, forecast.finished_at) == (2, None)
    assert forecasts.due(session, clock.now()) == []
    later = clock.now() + 2 * forecasts.CLAIM
    assert forecasts.due(session, later) == [forecast.id]
    session.commit()
    forecasts.run(db.database(), forecast.id, lambda: later, chunk=2)
    session.expire_all()
    assert (forecast.seen, forecast.finished_at) == (6, later)
    assert len(set(looked)) == 6
    assert session.scalar(sa.select(sa.func.count(ForeseenChange.id))) == 6


def test_one_that_cannot_be_graded_is_told(
    session: Session, world: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The others are foreseen."""
    change, broken = regrading.Reader.change, session.scalar(sa.select(sa.func.min(Attempt.id)))

    def fails(reader: regrading.Reader, attempt: Attempt) -> Any:
        if attempt.id == broken:
            raise ValueError("a damaged row")
        return change(reader, attempt)

    monkeypatch.setattr(regrading.Reader, "change", fails)
    standing = _run(session, world.correction)
    assert (standing.forecast.seen, standing.forecast.failed, standing.done) == (6, 1, True)
    assert regrade_effects.of(session, world.correction, 1).changed == 5


def test_nobody_confirms_without_a_fresh_one(
    session: Session,
    world: SimpleNamespace,
    create_person: Callable[..., Person],
    sign_in: Callable[[Person], FlaskClient],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Not before it is done; not when more than one in a hundred came since, another regrade of
    the paper came between or a day went by, and each time it is told so. Made again, it will do.
    Declining asks for none."""
    reviewer = sign_in(create_person("shenhe", Role.REVIEWER))
    address = f"/regrades/{world.correction.id}"

    def state() -> str:
        return session.scalars(sa.text("SELECT state FROM key_correction")).one()

    def refused() -> bool:
        sent = reviewer.post(address, data={"act": "confirm"})
        assert state() == RegradeState.PROPOSED
        assert 'value="confirm"' not in sent.text
        return sent.status_code == 409 and "还没有最新的影响预估" in sent.text

    def again() -> forecasts.Standing:
        assert reviewer.post(f"{address}/forecast").status_code == 303
        session.expire_all()
        return _run(session, world.correction)

    assert "正在等待预估开始" in reviewer.get(address).text
    assert refused()
    assert _run(session, world.correction).fresh
    assert 'value="confirm"' in reviewer.get(address).text
    _hand_in(session, world, create_person("wu", Role.LEARNER), clock.now())
    session.commit()
    assert "此后又有 1 份答卷评出成绩" in reviewer.get(address).text
    assert refused()
    assert again().fresh
    assert regrade_effects.of(session, world.correction, 1).changed == 7
    with monkeypatch.context() as patched:
        patched.setattr(regrading, "progress", lambda *_: 1)  # another came into force
        assert refused()
    moment = clock.now() + forecasts.FRESH_FOR + timedelta(minutes=1)
    standing = forecasts.standing(session, world.correction, moment)
    assert standing is not None
    assert standing.old
    assert not standing.fresh
    session.commit()
    assert reviewer.post(address, data={"act": "confirm"}).status_code == 303
    assert state() in IN_FORCE
    assert reviewer.post(f"{address}/forecast").status_code == 409


def test_a_page_costs_the_same_for_many(
    session: Session,
    world: SimpleNamespace,
    create_person: Callable[..., Person],
    now: datetime,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As many queries for a full page as for one row; what is not on it is on the next."""
    _run(session, world.correction)
    pages = []
    for size in (1, 4):
        monkeypatch.setattr(regrade_effects, "PAGE", size)
        session.expire_all()
        session.get_one(KeyCorrection, world.correction.id)
        with _queries(session) as found:
            page = regrade_effects.of(session, world.correction, 1)
        assert len(page.rows) == size
        pages.append(len(found))
    assert pages[0] == pages[1] <= 6
    last = regrade_effects.of(session, world.correction, 9)
    assert (last.page, last.pages, len(last.rows)) == (2, 2, 2)
