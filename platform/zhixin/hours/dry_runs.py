"""Dry runs: whose standing a draft would change and how, worked out before it is published.

A job goes through the people in chunks, one query each, and writes down whoever's year would
change. It can be killed at any time: another takes over when its last sign of life is old, and
begins anew. Only years that the draft would govern at their end are looked at; for a draft that
starts in a year to come, the running year stands in, and the page says so.
"""

from __future__ import annotations

import secrets
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from zhixin import clock, jobs
from zhixin.db import Database
from zhixin.hours import areas, policies
from zhixin.hours.counting import LAST, Item
from zhixin.hours.draft_states import RunState
from zhixin.hours.effects import Change, Tally, compare
from zhixin.hours.models import Award, PolicyDraft, PolicyDryRun, PolicyEffect
from zhixin.hours.rules import CreditRule, SubjectKind
from zhixin.hours.states import COUNTED
from zhixin.people import accounts
from zhixin.people.models import Person

CHUNK = 500
#: A running job shows signs of life with every chunk; one that has not for this long is dead.
DEAD_AFTER = timedelta(minutes=5)


def start(session: Session, draft: PolicyDraft, now: datetime) -> PolicyDryRun:
    """A dry run of the draft as it is, in the place of an earlier one."""
    from zhixin.hours.tasks import dry_run

    forget(session, draft.id)
    run = PolicyDryRun(
        draft_id=draft.id,
        revision=draft.revision,
        state=RunState.WAITING,
        beat_at=now,
        created_at=now,
    )
    session.add(run)
    session.flush()
    jobs.enqueue(session, dry_run, run.id)
    return run


def forget(session: Session, draft_id: int) -> None:
    """A dry run of what the draft no longer says is worth nothing."""
    session.execute(sa.delete(PolicyDryRun).where(PolicyDryRun.draft_id == draft_id))


def of(session: Session, draft: PolicyDraft) -> PolicyDryRun | None:
    """The draft's dry run."""
    return session.scalar(sa.select(PolicyDryRun).where(PolicyDryRun.draft_id == draft.id))


def done(session: Session, draft: PolicyDraft) -> bool:
    """Is it known what the draft, as it is, would change?"""
    run = of(session, draft)
    return run is not None and run.state == RunState.DONE and run.revision == draft.revision


def stranded(session: Session, now: datetime) -> Sequence[int]:
    """Dry runs that wait for a job, or whose job is dead."""
    return session.scalars(
        sa.select(PolicyDryRun.id).where(_free(now)).order_by(PolicyDryRun.id)
    ).all()


def _free(now: datetime) -> sa.ColumnElement[bool]:
    return sa.or_(
        PolicyDryRun.state == RunState.WAITING,
        sa.and_(PolicyDryRun.state == RunState.RUNNING, PolicyDryRun.beat_at < now - DEAD_AFTER),
    )


@dataclass(frozen=True)
class Plan:
    """What a run compares: by year, the rules in force in each area at its end."""

    area: str
    tree: areas.Tree
    before: Mapping[int, Mapping[str, CreditRule]]
    after: CreditRule
    stands_in: bool  # the draft starts later; the running year stands in

    def change(self, year: int, employer_id: int | None, items: Sequence[Item]) -> Change | None:
        """What the draft changes for somebody; None: it does not govern them."""
        old = self.before[year]
        governing = self.tree.nearest(employer_id, {**old, self.area: self.after})
        current = self.tree.nearest(employer_id, old)
        if governing is None or governing[0] != self.area or current is None:
            return None
        return compare(items, current[1], self.after)


def plan(session: Session, draft: PolicyDraft, today: date) -> Plan:
    """The years that ``draft`` would govern at their end, and what governs them now."""
    known = session.scalars(sa.select(Award.year).distinct())
    running = today.year
    years = sorted({running, *(year for year in known if year <= running)})
    before = {year: policies.of_areas(session, date(year, 12, 31)) for year in years}
    touched = [
        year
        for year in years
        if date(year, 12, 31) >= draft.effective_from
        and (
            (now := before[year].get(draft.area)) is None
            or now.effective_from <= draft.effective_from
        )
    ]
    stands_in = not touched and draft.effective_from.year > running
    return Plan(
        draft.area,
        areas.load(session),
        {
            year: {area: policies.rule(policy) for area, policy in before[year].items()}
            for year in ([running] if stands_in else touched)
        },
        policies.rule_of(draft),
        stands_in,
    )


def run(
    database: Database,
    run_id: int,
    now: Callable[[], datetime],
    *,
    chunk: int = CHUNK,
) -> None:
    """Work a dry run out, unless another job does."""
    claim = secrets.token_hex(8)
    with database.transaction() as session:
        taken = session.execute(
            sa.update(PolicyDryRun)
            .where(PolicyDryRun.id == run_id, _free(now()))
            .values(
                state=RunState.RUNNING, claim=claim, beat_at=now(), done=0, people=None, result=None
            )
        )
        if taken.rowcount != 1:  # type: ignore[attr-defined]
            return
        session.execute(sa.delete(PolicyEffect).where(PolicyEffect.run_id == run_id))
    try:
        _work(database, run_id, claim, now, chunk)
    except Exception:
        with database.transaction() as session:
            _report(session, run_id, claim, state=RunState.FAILED)
        raise


def _work(
    database: Database, run_id: int, claim: str, now: Callable[[], datetime], chunk: int
) -> None:
    with database.session(writes=False) as session:
        draft = session.scalars(
            sa.select(PolicyDraft)
            .join(PolicyDryRun, PolicyDryRun.draft_id == PolicyDraft.id)
            .where(PolicyDryRun.id == run_id)
        ).one()
        plan_ = plan(session, draft, clock.local(now()).date())
        people = _people(plan_, sa.func.count())
        total = session.scalar(people) or 0
    tally, last, seen = Tally(), 0, 0
    while True:
        with database.session(writes=False) as session:
            awards = _awards(session, plan_, last, chunk)
        changes = _changes(plan_, awards, tally)
        finished = not awards
        seen += len({award.person_id for award in awards})
        last = max((award.person_id for award in awards), default=last)
        facts: dict[str, Any] = {"people": total, "done": seen, "beat_at": now()}
        if finished:
            years = sorted(plan_.before)
            result = {**tally.to_json(), "of": years, "stands_in": plan_.stands_in}
            facts |= {"state": RunState.DONE, "result": result}
        with database.transaction() as session:
            if not _report(session, run_id, claim, **facts):
                return  # the draft was changed, or another job took over
            if changes:
                session.execute(
                    sa.insert(PolicyEffect), [{"run_id": run_id, **each} for each in changes]
                )
        if finished:
            return


def _report(session: Session, run_id: int, claim: str, **facts: Any) -> bool:
    kept = session.execute(
        sa.update(PolicyDryRun)
        .where(PolicyDryRun.id == run_id, PolicyDryRun.claim == claim)
        .values(**facts)
    )
    return bool(kept.rowcount)  # type: ignore[attr-defined]


def _people(plan: Plan, what: Any) -> sa.Select[Any]:
    """People below the draft's area with hours that count in one of its years."""
    having = sa.exists().where(
        Award.person_id == Person.id, Award.year.in_(list(plan.before)), Award.state.in_(COUNTED)
    )
    found = sa.select(what).select_from(Person).where(having)
    if (organisation_id := areas.organisation_id(plan.area)) is not None:
        found = found.where(Person.employer_id.in_(accounts.below([organisation_id])))
    return found


def _awards(session: Session, plan: Plan, last: int, chunk: int) -> Sequence[sa.Row[Any]]:
    """The awards that count of the next people after ``last``: one query."""
    people = (
        _people(plan, Person.id)
        .add_columns(Person.employer_id)
        .where(Person.id > last)
        .order_by(Person.id)
        .limit(chunk)
        .cte()
    )
    return session.execute(
        sa.select(
            people.c.id.label("person_id"),
            people.c.employer_id,
            Award.id,
            Award.year,
            Award.source_kind,
            Award.activity,
            Award.subject_kind,
            Award.day,
            Award.hours,
            Award.decided_at,
        )
        .join(people, people.c.id == Award.person_id)
        .where(Award.year.in_(list(plan.before)), Award.state.in_(COUNTED))
    ).all()


def _changes(plan: Plan, awards: Sequence[sa.Row[Any]], tally: Tally) -> list[dict[str, Any]]:
    """What changes for the people of a chunk; adds each of their years to ``tally``."""
    years: dict[tuple[int, int, int | None], list[Item]] = defaultdict(list)
    for award in awards:
        years[award.person_id, award.year, award.employer_id].append(
            Item(
                award_id=award.id,
                source_kind=award.source_kind,
                activity=award.activity,
                subject_kind=SubjectKind(award.subject_kind),
                day=award.day,
                hours=award.hours,
                order=award.decided_at or LAST,
            )
        )
    changes = []
    for (person_id, year, employer_id), items in sorted(
        years.items(), key=lambda each: each[0][:2]
    ):
        if (change := plan.change(year, employer_id, items)) is None:
            continue
        tally.add(change)
        if effect := change.effect:
            changes.append(
                {
                    "person_id": person_id,
                    "year": year,
                    "effect": effect,
                    "counted_before": change.counted_before,
                    "counted_after": change.counted_after,
                    "to_go_before": change.to_go_before,
                    "to_go_after": change.to_go_after,
                }
            )
    return changes
