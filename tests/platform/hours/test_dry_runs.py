"""Dry runs: whose standing a draft would change and how, before it is published."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from zhixin.hours import areas, drafts, dry_runs, policies, years
from zhixin.hours.draft_states import Effect, RunState
from zhixin.hours.effects import Change, Tally
from zhixin.hours.models import PolicyDryRun, PolicyEffect
from zhixin.hours.policies import Content
from zhixin.hours.rules import Cap, Per, SubjectKind
from zhixin.people import accounts
from zhixin.people.models import OrganisationKind, Role

from .conftest import rule

EASY = rule(
    yearly_total=Decimal(10),
    yearly_minimums={SubjectKind.PROFESSIONAL: Decimal(10)},
)
SPRING = datetime(2025, 4, 1, tzinfo=UTC)


@pytest.fixture
def try_out(session, app, create_person, now):
    """Draft ``rule_`` from a day on and work out what it would change."""
    writer = create_person("writer", Role.ADMINISTRATOR)

    def tried(rule_, effective_from="2026-01-01", area=areas.CITY, chunk=2):
        content = Content("草案", "示例", date.fromisoformat(effective_from), rule_)
        draft = drafts.create(session, writer, area, content, now)
        run = dry_runs.start(session, draft, now)
        session.commit()
        dry_runs.run(app.extensions["db"], run.id, lambda: now, chunk=chunk)
        session.expire_all()
        return session.get(PolicyDryRun, run.id)

    return tried


@pytest.fixture
def effects(session):
    """What was found, by person and year."""

    def found(run):
        rows = session.scalars(sa.select(PolicyEffect).where(PolicyEffect.run_id == run.id))
        return {(row.person_id, row.year): row for row in rows}

    return found


def test_who_would_newly_meet_the_year(give, create_person, try_out, effects):
    """In chunks of two: everybody is looked at once, who changes is written down."""
    people = [create_person(f"p{n}") for n in range(5)]
    for n, person in enumerate(people):
        give(id=n, to=person, hours=Decimal(4 * n + 1))
    run = try_out(EASY)
    assert (run.state, run.people, run.done) == (RunState.DONE, 5, 5)
    tally = Tally.from_json(run.result)
    assert (tally.years, tally.met_before, tally.met_after) == (5, 0, 2)
    assert +tally.effects == {Effect.NEWLY_MET: 2, Effect.LESS_TO_GO: 3}
    found = effects(run)
    assert found[people[4].id, 2026].effect == Effect.NEWLY_MET
    assert (found[people[0].id, 2026].to_go_before, found[people[0].id, 2026].to_go_after) == (
        89,
        9,
    )
    assert sum(tally.bands_before) == sum(tally.bands_after) == 5


def test_caps_that_cut_are_told(give, alice, try_out, effects):
    """Hours that would no longer count, and what is missing then."""
    give(hours=Decimal(30))
    capped = rule(caps=(Cap(hours=Decimal(20), per=Per.YEAR),))
    row = effects(try_out(capped))[alice.id, 2026]
    assert (row.effect, row.counted_before, row.counted_after) == (Effect.MORE_TO_GO, 30, 20)


def test_the_same_rule_changes_nothing(give, alice, try_out, effects):
    """Nobody is listed; everybody was looked at."""
    give()
    run = try_out(rule())
    assert (effects(run), run.result["years"]) == ({}, 1)


def test_only_years_that_it_would_govern_are_looked_at(session, now, give, try_out):
    """From its day on until a later policy takes over."""
    give(id=1, at=datetime(2024, 4, 1, tzinfo=UTC))
    give(id=2, at=SPRING)
    give(id=3)
    policies.publish(
        session, title="后来的", source="示例", effective_from=date(2026, 6, 1), rule=rule(),
        actor_id=None, now=now,
    )  # fmt: skip
    assert try_out(EASY, "2025-01-01").result["of"] == [2025]
    assert try_out(EASY, "2026-06-01").result["of"] == [2026]
    assert try_out(EASY, "2016-01-01").result["of"] == [2024, 2025]


def test_the_running_year_stands_in_for_one_to_come(give, try_out):
    """Of next year nothing is known yet: this year's hours show what the rule would do."""
    give()
    run = try_out(EASY, "2027-01-01")
    assert (run.result["of"], run.result["stands_in"]) == ([2026], True)
    assert run.result["years"] == 1


def test_an_areas_draft_concerns_its_people(session, give, create_person, try_out, effects):
    """And the city's does not concern people of areas with rules of their own."""
    city = accounts.organisation(session, OrganisationKind.CITY, "示例市")
    east = accounts.organisation(session, OrganisationKind.DISTRICT, "东区", city)
    bank = accounts.organisation(session, OrganisationKind.EMPLOYER, "银行", east)
    inside, outside = create_person("in", employer=bank), create_person("out", employer=city)
    give(id=1, to=inside)
    give(id=2, to=outside)
    run = try_out(EASY, area=areas.of(east.id))
    assert set(effects(run)) == {(inside.id, 2026)}
    policies.publish(
        session, area=areas.of(east.id), title="东区", source="示例",
        effective_from=date(2026, 1, 1), rule=rule(), actor_id=None, now=SPRING,
    )  # fmt: skip
    assert set(effects(try_out(EASY))) == {(outside.id, 2026)}


def test_waiting_hours_are_left_out(give, try_out):
    """Standing is what is verified."""
    give(flags=("overlap",))
    assert try_out(EASY).result["years"] == 0


def test_it_tells_what_publishing_then_does(session, give, alice, try_out, effects, now):
    """The dry run and the person's year under the published rule agree."""
    give(id=1, hours=Decimal(30))
    give(id=2, hours=Decimal(8), subject_kind=SubjectKind.GENERAL)
    strict = rule(caps=(Cap(hours=Decimal(12), per=Per.DAY),), yearly_total=Decimal("95.25"))
    row = effects(try_out(strict))[alice.id, 2026]
    before = years.of(session, alice.id, 2026, now.date())
    policies.publish(
        session, title="发布", source="示例", effective_from=date(2026, 1, 1), rule=strict,
        actor_id=None, now=now,
    )  # fmt: skip
    after = years.of(session, alice.id, 2026, now.date())
    assert (row.counted_before, row.counted_after) == (
        before.standing.total.counted,
        after.standing.total.counted,
    )
    assert (row.to_go_before, row.to_go_after) == (before.standing.to_go, after.standing.to_go)


def test_a_dead_job_is_begun_anew(session, app, give, try_out, effects, now):
    """Killed half way: nothing is doubled, nothing is missing."""
    give()
    run = try_out(EASY)
    session.execute(sa.update(PolicyDryRun).values(state="running", claim="dead", done=1))
    session.commit()
    assert dry_runs.stranded(session, now) == []  # it may still be at work
    later = now + dry_runs.DEAD_AFTER + timedelta(seconds=1)
    assert dry_runs.stranded(session, later) == [run.id]
    dry_runs.run(app.extensions["db"], run.id, lambda: later)
    session.expire_all()
    assert (run.state, len(effects(run))) == (RunState.DONE, 1)


def test_a_second_job_leaves_it_alone(session, app, give, try_out, now):
    """Doubled doorbells: what is done is done."""
    give()
    run = try_out(EASY)
    claim = run.claim
    dry_runs.run(app.extensions["db"], run.id, lambda: now)
    session.expire_all()
    assert run.claim == claim


def test_one_query_for_a_chunk_of_people(give, create_person, try_out, connection):
    """Reading takes as many queries for ten people as for two."""
    for n in range(10):
        give(id=n, to=create_person(f"p{n}"))
    seen: list[str] = []
    sa.event.listen(connection, "before_cursor_execute", lambda _c, _k, text, *_: seen.append(text))
    try_out(EASY, chunk=100)
    assert len([text for text in seen if "award.decided_at" in text]) == 2  # all, and no more


hours = st.integers(0, 100).map(lambda halves: Decimal(halves) / 2)


@settings(deadline=None, max_examples=100)
@given(st.lists(st.tuples(hours, hours, hours, hours), max_size=20))
def test_a_tally_adds_up_and_survives_its_text(changes):
    """Met and not met, bands and effects are each of everybody."""
    tally = Tally()
    for each in changes:
        tally.add(Change(*each))
    assert sum(tally.bands_before) == sum(tally.bands_after) == tally.years == len(changes)
    gained = tally.effects[Effect.NEWLY_MET] - tally.effects[Effect.NO_LONGER_MET]
    assert tally.met_after - tally.met_before == gained
    assert (tally.bands_before[0], tally.bands_after[0]) == (tally.met_before, tally.met_after)
    again = Tally.from_json(tally.to_json())
    assert replace(again, effects=+again.effects) == replace(tally, effects=+tally.effects)
