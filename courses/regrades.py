"""A regrade as the courses see it: whom it changes, with courses and hours; and running it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal

import sqlalchemy as sa
import structlog
from sqlalchemy.orm import Session

from assessments import analysing, drafting, frozen, prints, regrading
from assessments.errors import UnderExamination
from assessments.models import Attempt, Paper
from assessments.questions import Question
from assessments.regrade_models import (
    IN_FORCE,
    KeyCorrection,
    RegradeState,
    RegradeStep,
    advance,
)
from courses import completion, evidence, progress, scopes
from courses.models import CourseVersion, Enrolment, EnrolmentState
from zhixin.audit import trail
from zhixin.db import Database
from zhixin.errors import NotFound
from zhixin.hours import policies
from zhixin.hours.models import Award, Policy
from zhixin.people import accounts
from zhixin.people.models import Person, Role

log = structlog.get_logger()

#: Rows on the page; beyond it the sums alone.
MOST_SHOWN = 300
KIND = "key-correction"
CLAIM = timedelta(minutes=5)
AT_ONCE = 50


@dataclass(frozen=True, slots=True)
class Effect:
    """What happens to one attempt. Fractions in millionths.

    Attributes:
        hours: that completing the course gives, or that the award carries which rests on the
            pass; None: none are touched.
        award_id: of whom the right key would fail, what people may decide on.
    """

    attempt: Attempt
    person: Person
    course: str
    before: int
    after: int
    passed_before: bool
    passed_after: bool
    hours: Decimal | None = None
    award_id: int | None = None

    @property
    def gains(self) -> bool:
        return self.passed_after and not self.passed_before

    @property
    def loses(self) -> bool:
        return self.passed_before and not self.passed_after


@dataclass(slots=True)
class Effects:
    """Those shown, the most important first, and the sums of all."""

    rows: list[Effect] = field(default_factory=list)
    changed: int = 0
    gain: int = 0
    lose: int = 0


def of_person(session: Session, person: Person) -> Sequence[KeyCorrection]:
    """What somebody may see, the newest first."""
    query = sa.select(KeyCorrection).where(_seen_by(person)).order_by(KeyCorrection.id.desc())
    return session.scalars(query.limit(200)).all()


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


def effects(session: Session, correction: KeyCorrection) -> Effects:
    """Whom it changes: foreseen before it runs, as written down afterwards."""
    if correction.state in IN_FORCE:
        found = Effects([], *regrading.sums(session, correction, scopes.PRACTICE))
        for m, attempt in regrading.made(session, correction, MOST_SHOWN):
            verdict = m.fraction_before, m.fraction_after, m.passed_before, m.passed_after
            found.rows.append(_effect(session, attempt, *verdict))
        return found
    verdicts = [
        (
            c.attempt,
            c.attempt.fraction_millionths or 0,
            c.fraction,
            bool(c.attempt.passed),
            c.passed,
        )
        for c in regrading.changes(session, correction)
    ]
    found = Effects(changed=len(verdicts))
    counted = [each for each in verdicts if not each[0].scope.startswith(scopes.PRACTICE)]
    found.gain = sum(after and not before for _a, _f, _g, before, after in counted)
    found.lose = sum(before and not after for _a, _f, _g, before, after in counted)
    # A verdict that changes comes first.
    verdicts.sort(key=lambda each: (each[3] == each[4], each[0].id))
    found.rows = [_effect(session, *each) for each in verdicts[:MOST_SHOWN]]
    return found


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
    correction.state = advance(correction.state, RegradeStep.FINISH)
    correction.finished_at, correction.claimed_until = now, None
    found = regrading.made(session, correction)
    made = [regrade for regrade, _attempt in found]
    for version_id in {attempt.paper_version_id for _regrade, attempt in found}:
        analysing.ask(session, version_id, now, anew=True)
    gained = sum(each.passed_after and not each.passed_before for each in made)
    kept = sum(not each.applied for each in made)
    said = f"改变 {len(made)} 份，改为通过 {gained} 份；按新答案未达到及格线、保留原结果 {kept} 份"
    note(session, correction, "regrade-done", None, now, said)
    session.flush()


def _effect(
    session: Session, attempt: Attempt, before: int, after: int, was: bool, becomes: bool
) -> Effect:
    version = session.get(CourseVersion, scopes.version_of(attempt.scope) or 0)
    person = session.get_one(Person, attempt.person_id)
    effect = (attempt, person, version.title if version else "", before, after, was, becomes)
    if version is None or was == becomes or attempt.scope.startswith(scopes.PRACTICE):
        return Effect(*effect)
    for enrolment in _enrolments(session, attempt):
        award = session.get(Award, enrolment.award_id) if enrolment.award_id else None
        if award is not None:  # given already: by a gain in the end, or resting on the pass
            return Effect(*effect, hours=award.hours, award_id=award.id)
        if becomes and enrolment.state == EnrolmentState.ACTIVE:
            done = progress.with_passed(session, enrolment, attempt.paper_version_id)
            rule = policies.rule(session.get_one(Policy, version.policy_id))
            if done.complete:
                return Effect(*effect, hours=evidence.hours_of(version, rule))
    return Effect(*effect)


def _enrolments(session: Session, attempt: Attempt) -> Sequence[Enrolment]:
    if attempt.scope.startswith(scopes.PRACTICE):
        return ()
    return session.scalars(
        sa.select(Enrolment).where(
            Enrolment.person_id == attempt.person_id,
            Enrolment.version_id == scopes.version_of(attempt.scope),
        )
    ).all()
