"""A regrade as the courses see it: who sees it, and running it with all that follows for hours."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa
import structlog
from sqlalchemy.orm import Session

from assessments import analysing, drafting, frozen, prints, regrading
from assessments.errors import UnderExamination
from assessments.models import Attempt, Paper
from assessments.questions import Question
from assessments.regrade_models import (
    IN_FORCE,
    REGRADE_STEPS,
    KeyCorrection,
    RegradeState,
    RegradeStep,
)
from courses import completion, scopes
from courses.models import Enrolment
from courses.regrade_effects import Effects
from zhixin.audit import trail
from zhixin.db import Database
from zhixin.errors import NotFound
from zhixin.people import accounts
from zhixin.people.models import Person, Role

log = structlog.get_logger()

#: Decisions told at once; the others follow.
MOST_TOLD = 10
KIND = "key-correction"
CLAIM = timedelta(minutes=5)
AT_ONCE = 50


def of_person(session: Session, person: Person) -> Sequence[KeyCorrection]:
    """What somebody may see: what waits for a decision first, then the newest."""
    waits = sa.case((KeyCorrection.state == RegradeState.PROPOSED, 0), else_=1)
    query = sa.select(KeyCorrection).where(_seen_by(person))
    return session.scalars(query.order_by(waits, KeyCorrection.id.desc()).limit(200)).all()


def get(session: Session, id: int, person: Person) -> KeyCorrection:
    """One of those.

    Raises:
        NotFound: there is none, or it is not for them.
        UnderExamination: they are being asked the question themselves.
    """
    query = sa.select(KeyCorrection).where(KeyCorrection.id == id, _seen_by(person))
    found = session.scalar(query)
    if found is None:
        raise NotFound
    asked = prints.fingerprint(Question.model_validate(found.before))
    if asked in frozen.under_examination(session, person.id):
        raise UnderExamination
    return found


def waiting(session: Session, person: Person) -> int:
    """How many wait for a decision that this person may take."""
    if Role.REVIEWER not in person.roles:
        return 0
    query = sa.select(sa.func.count(KeyCorrection.id)).where(
        KeyCorrection.state == RegradeState.PROPOSED, regrading.decidable_by(person.id)
    )
    return session.scalar(query) or 0


def untold(session: Session, person: Person) -> Sequence[tuple[KeyCorrection, str]]:
    """What this person put forward, was decided by another and was not read yet, with the papers'
    titles, the newest first."""
    query = (
        sa.select(KeyCorrection, Paper.document["title"].as_string())
        .join(Paper, Paper.id == KeyCorrection.paper_id)
        .where(
            KeyCorrection.proposed_by_id == person.id,
            KeyCorrection.state.in_((*IN_FORCE, RegradeState.DECLINED)),
            KeyCorrection.told_at.is_(None),
        )
        .order_by(KeyCorrection.decided_at.desc())
        .limit(MOST_TOLD)
    )
    return [(correction, title) for correction, title in session.execute(query)]


def tell(session: Session, correction: KeyCorrection, person: Person, now: datetime) -> None:
    """They have read the decision.

    Raises:
        NotFound: it is not decided, or was not put forward by them.
    """
    if correction.proposed_by_id != person.id or correction.state == RegradeState.PROPOSED:
        raise NotFound
    correction.told_at = correction.told_at or now
    session.flush()


def _seen_by(person: Person) -> sa.ColumnElement[bool]:
    """Reviewers and auditors see all; who put it forward and whoever may write the paper (all
    who may edit its course) see theirs."""
    if {Role.REVIEWER, Role.AUDITOR} & set(person.roles):
        return sa.true()
    papers = sa.select(Paper.id).where(drafting.mine(person.id))
    return sa.or_(KeyCorrection.proposed_by_id == person.id, KeyCorrection.paper_id.in_(papers))


def known_to(session: Session, found: Effects, person: Person) -> set[int]:
    """The attempts whose learners somebody may know by name: reviewers all, auditors those of
    the organisations that they audit, authors none."""
    if Role.REVIEWER in person.roles:
        return {each.attempt.id for each in found.rows}
    if Role.AUDITOR not in person.roles:
        return set()
    within = accounts.scope(session, person, Role.AUDITOR)
    return {
        each.attempt.id
        for each in found.rows
        if within is None or each.person.employer_id in within
    }


def note(
    session: Session,
    correction: KeyCorrection,
    act: str,
    actor_id: int | None,
    now: datetime,
    reason: str | None = None,
) -> None:
    """Onto the trail."""
    trail.note(
        session, actor_id=actor_id, act=act, object_kind=KIND, object_id=correction.id,
        reason=reason, now=now,
    )  # fmt: skip


def due(session: Session, now: datetime) -> Sequence[int]:
    """Confirmed and not done, and no worker is at it."""
    free = sa.or_(KeyCorrection.claimed_until.is_(None), KeyCorrection.claimed_until < now)
    query = sa.select(KeyCorrection.id).where(KeyCorrection.state == RegradeState.RUNNING, free)
    return session.scalars(query).all()


def run(
    database: Database, correction_id: int, sampling_seed: str, now: Callable[[], datetime]
) -> bool:
    """Grade again, attempt by attempt, each in a transaction of its own with what follows from
    it; a run that was killed goes on where it was. False: another worker is at it."""
    if not _claim(database, correction_id, now()):
        return False
    place, failed = None, False
    while True:
        with database.transaction() as session:
            correction = session.get_one(KeyCorrection, correction_id, with_for_update=True)
            if correction.state != RegradeState.RUNNING:
                return True  # this one stood still so long that another worker finished
            place = correction.last_attempt_id if place is None else place
            ids = regrading.next_attempts(session, correction, place, AT_ONCE)
            if not ids:
                if not failed:
                    _finish(session, correction, now())
                return not failed
        for attempt_id in ids:
            # One that cannot be graded holds the others up no longer than it must: they are
            # done, and the sweeper begins again with it.
            try:
                with database.transaction() as session:
                    _one(session, correction_id, attempt_id, sampling_seed, now, passed_by=failed)
            except Exception:
                log.exception("an attempt was not graded again", attempt=attempt_id)
                failed = True
            place = attempt_id


def _claim(database: Database, correction_id: int, now: datetime) -> bool:
    with database.transaction() as session:
        claimed = session.execute(
            sa.update(KeyCorrection)
            .where(
                KeyCorrection.id == correction_id,
                KeyCorrection.state == RegradeState.RUNNING,
                sa.or_(KeyCorrection.claimed_until.is_(None), KeyCorrection.claimed_until < now),
            )
            .values(claimed_until=now + CLAIM)
            .execution_options(synchronize_session=False)
        )
        return bool(claimed.rowcount == 1)  # type: ignore[attr-defined]


def _one(
    session: Session,
    correction_id: int,
    attempt_id: int,
    sampling_seed: str,
    clock: Callable[[], datetime],
    *,
    passed_by: bool,
) -> None:
    """One attempt. ``passed_by``: one before it failed, where the next run is to begin."""
    correction = session.get_one(KeyCorrection, correction_id, with_for_update=True)
    if correction.state != RegradeState.RUNNING:
        return
    # In the order of who hands in: the attempt, then the enrolment.
    attempt = session.get_one(Attempt, attempt_id, with_for_update=True)
    enrolments = _enrolments(session, attempt)
    for enrolment in enrolments:  # whoever completes it meanwhile waits
        session.refresh(enrolment, with_for_update=True)
    # Behind a completion, whatever the clock of the host that booked it says: evidence is as of
    # its moment.
    done = [each.completed_at for each in enrolments if each.completed_at]
    now = max([clock(), *(moment + timedelta(microseconds=1) for moment in done)])
    made = regrading.regrade(session, correction, attempt_id, now)
    if made is not None and made.applied and made.passed_after and not made.passed_before:
        for enrolment in _enrolments(session, attempt):
            completion.check(session, enrolment.id, sampling_seed=sampling_seed, now=now)
    if not passed_by:
        correction.seen += 1
        correction.last_attempt_id = max(correction.last_attempt_id, attempt_id)
    correction.claimed_until = now + CLAIM


def _finish(session: Session, correction: KeyCorrection, now: datetime) -> None:
    correction.state = REGRADE_STEPS.after(correction.state, RegradeStep.FINISH)
    correction.finished_at, correction.claimed_until = now, None
    for version_id in regrading.versions_changed(session, correction):
        analysing.ask(session, version_id, now, anew=True)
    changed, gained, kept = regrading.sums(session, correction, scopes.PRACTICE)
    said = f"改变 {changed} 份，改为通过 {gained} 份；按新答案未达到及格线、保留原结果 {kept} 份"
    note(session, correction, "regrade-done", None, now, said)
    session.flush()


def _enrolments(session: Session, attempt: Attempt) -> Sequence[Enrolment]:
    if attempt.scope.startswith(scopes.PRACTICE):
        return ()
    return session.scalars(
        sa.select(Enrolment).where(
            Enrolment.person_id == attempt.person_id,
            Enrolment.version_id == scopes.version_of(attempt.scope),
        )
    ).all()
