"""Two years of study, replayed through the platform's own operations with past instants.

So the demonstration's evidence, awards and ledger entries are what real study leaves.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa
from flask import current_app
from sqlalchemy.orm import Session, joinedload

from courses import completion, enrolments, quizzes
from courses.documents import CourseDocument, Unit
from courses.models import CourseVersion, Enrolment, UnitKind, VersionState
from media.models import Asset
from zhixin.certificates import issuing
from zhixin.certificates.issuer import Issuer
from zhixin.demo import content, contested
from zhixin.demo.people import Cast
from zhixin.demo.viewing import HONEST, ONE_DEVICE, SUSPECT, Manner, Sitting
from zhixin.hours import awards
from zhixin.hours.models import Award
from zhixin.hours.states import State, Transition
from zhixin.people.models import Person

COURSES_EACH = 6
#: The learners whom a visitor may play have studied more.
COURSES_OF_SHOWN = 22
SHOWN = 2
#: So many accounts are studied on one device in the last days.
FARMED = 6
Report = Callable[[str, int, int], None]


def simulate(session: Session, cast: Cast, start: datetime, now: datetime, report: Report) -> None:
    """Every learner studies some courses; the first ones are left half way in one."""
    chance = random.Random(7)  # noqa: S311
    versions = session.scalars(
        sa.select(CourseVersion)
        .where(CourseVersion.state == VersionState.PUBLISHED)
        .options(joinedload(CourseVersion.course))
        .order_by(CourseVersion.id)
    ).all()
    for place, learner in enumerate(cast.learners):
        chosen = chance.sample(list(versions), COURSES_OF_SHOWN if place < SHOWN else COURSES_EACH)
        moments = sorted(chance.uniform(0.05, 0.99) for _ in chosen)
        for version, moment in zip(chosen, moments, strict=True):
            begin = start + (now - start) * moment
            _study(session, learner, version, begin, chance)
        if place < 12:
            rest = [version for version in versions if version not in chosen]
            _study(
                session,
                learner,
                chance.choice(rest),
                now - timedelta(hours=3 + place),
                chance,
                share=0.45,
            )
        report("学习经历", place + 1, len(cast.learners))
    _decide_some(session, cast, now)
    _cheat_some(session, cast, versions, now, chance)


def _cheat_some(
    session: Session,
    cast: Cast,
    versions: Sequence[CourseVersion],
    now: datetime,
    chance: random.Random,
) -> None:
    """What waits for the auditor: the last learners tried this and that in the last days."""
    longest = max(version.duration_ms for version in versions)
    long = [version for version in versions if version.duration_ms == longest]
    short = [version for version in versions if version.duration_ms < longest]
    suspects = cast.learners[-len(SUSPECT) :]
    for place, (learner, manner) in enumerate(zip(suspects, SUSPECT, strict=True)):
        begin = now - timedelta(days=1, hours=place)
        _study(session, learner, _new(session, learner, long), begin, chance, manner=manner)
    for place, learner in enumerate(cast.learners[-len(SUSPECT) - FARMED : -len(SUSPECT)]):
        begin = now - timedelta(days=2, minutes=-5 * place)
        _study(session, learner, _new(session, learner, short), begin, chance, manner=ONE_DEVICE)


def _new(session: Session, learner: Person, versions: Sequence[CourseVersion]) -> CourseVersion:
    """The first that they have not studied."""
    studied = set(
        session.scalars(sa.select(Enrolment.version_id).where(Enrolment.person_id == learner.id))
    )
    return next(version for version in versions if version.id not in studied)


def _study(
    session: Session,
    learner: Person,
    version: CourseVersion,
    begin: datetime,
    chance: random.Random,
    *,
    share: float = 1.0,
    manner: Manner = HONEST,
) -> None:
    enrolment = enrolments.enrol(session, learner.id, version.course_id, begin)
    document = CourseDocument.from_text(version.document)
    at = begin + timedelta(minutes=1)
    for unit in document.units():
        if unit.kind is UnitKind.PAGE:
            enrolments.note_read(session, enrolment, unit.key)
        elif unit.kind is UnitKind.VIDEO:
            asset = session.get_one(Asset, unit.asset_id)
            at = Sitting(session, learner, version, asset, at, chance, manner).watch(share)
            if share < 1:
                return
        else:
            at = _answer(session, enrolment, unit, at, chance)
    seed = current_app.extensions["settings"].key("secret_key").hex()
    completion.check(session, enrolment.id, sampling_seed=seed, now=at)


def _answer(
    session: Session, enrolment: Enrolment, unit: Unit, at: datetime, chance: random.Random
) -> datetime:
    if chance.random() < 0.25:
        attempt = quizzes.open(session, enrolment, unit, at)
        at += timedelta(minutes=2)
        quizzes.submit(session, enrolment, unit, attempt.id, content.WRONG_ANSWERS, at)
    attempt = quizzes.open(session, enrolment, unit, at + timedelta(seconds=30))
    at += timedelta(minutes=3)
    quizzes.submit(session, enrolment, unit, attempt.id, content.RIGHT_ANSWERS, at)
    return at


def _decide_some(session: Session, cast: Cast, now: datetime) -> None:
    """An auditor has been at work: most sampled awards are verified, one or two rejected."""
    waiting = session.scalars(
        sa.select(Award).where(Award.state == State.EARNED).order_by(Award.earned_at)
    ).all()
    for place, award in enumerate(waiting):
        at = min(now, award.earned_at + timedelta(days=2))
        if place % 7 == 3:
            contested.decide(
                session,
                award,
                Transition.REJECT,
                cast.auditors[0],
                at,
                "非本人学习：登录地址与单位不符",
            )
        elif place % 3 != 2:
            contested.decide(session, award, Transition.VERIFY, cast.auditors[0], at)


def after_recording(session: Session, cast: Cast, now: datetime) -> None:
    """Once the ledger has them: recorded awards, what is contested, certificates, one just verified."""
    awards.mark_recorded(session)
    recorded = session.scalars(
        sa.select(Award).where(Award.state == State.RECORDED).order_by(Award.earned_at)
    ).all()
    contested.contest(session, cast, recorded, now)
    waiting = session.scalar(
        sa.select(Award).where(Award.state == State.EARNED).order_by(Award.id.desc())
    )
    if waiting is not None:  # verified just now: the ledger takes it in once the platform runs
        contested.decide(session, waiting, Transition.VERIFY, cast.auditors[0], now)
    issuer = Issuer.of(current_app.extensions["settings"])
    for learner in cast.learners[:8]:
        own = [a for a in recorded if a.person_id == learner.id and a.state == State.RECORDED]
        for award in own[:2]:
            issuing.issue_course(session, award.id, learner.id, issuer=issuer, now=now)
        if own:
            issuing.issue_annual(session, learner.id, own[-1].year, issuer=issuer, now=now)
