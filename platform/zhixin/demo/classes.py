"""Two classes: one that is over and gave hours, one that is about to begin.

Sittings are minutes long, as the demonstration's policy makes an hour of each.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from courses.classes import closing, running
from courses.classes.models import TrainingClass
from zhixin import clock
from zhixin.demo.people import Cast
from zhixin.hours.rules import SubjectKind
from zhixin.people.models import Organisation, Person

TOPICS = (("智能制造前沿与产业政策", "周启明"), ("现场观摩：数字化车间", "唐云舟"))
SEED = "demo"


def simulate(session: Session, cast: Cast, clerk: Person, now: datetime) -> None:
    """Open, attend and close."""
    morning = clock.local(now).replace(hour=9, minute=0, second=0, microsecond=0)
    past = _open(
        session,
        cast.learners[:9],
        clerk,
        "智能制造高级研修班（第一期）",
        morning - timedelta(days=20),
    )
    for place, sitting in enumerate(past.sessions):
        minutes = {
            member.person_id: 0
            if number == 7
            else sitting.minutes - (2 if number == 4 + place else 0)
            for number, member in enumerate(past.members)
        }
        running.record(
            session, past, sitting.id, minutes, actor_id=clerk.id,
            now=sitting.ends_at + timedelta(minutes=5),
        )  # fmt: skip
    closing.close(
        session, past, actor_id=clerk.id, now=past.sessions[-1].ends_at + timedelta(hours=1)
    )
    closing.award_all(session, past.id, SEED)
    _open(
        session,
        cast.learners[:6],
        clerk,
        "智能制造高级研修班（第二期）",
        morning + timedelta(days=6),
    )


def _open(
    session: Session, learners: list[Person], clerk: Person, title: str, morning: datetime
) -> TrainingClass:
    organiser = _top(session, learners[0])
    training = running.create(
        session, organiser_id=organiser.id, within=None, title=title, field_code="equipment",
        subject_kind=SubjectKind.PROFESSIONAL, place="市委党校第二报告厅", attendance_percent=80,
        seminar=True, actor_id=clerk.id, now=morning - timedelta(days=10),
    )  # fmt: skip
    training = running.get(session, None, training.id)
    for day, (topic, teacher) in enumerate(TOPICS):
        begins_at = morning + timedelta(days=day)
        running.add_session(
            session, training, begins_at=begins_at, ends_at=begins_at + timedelta(minutes=4 - day),
            topic=topic, teacher=teacher,
        )  # fmt: skip
    names = [learner.sign_in_name for learner in learners]
    running.add_members(session, training, names, None, morning - timedelta(days=9))
    return running.get(session, None, training.id)


def _top(session: Session, person: Person) -> Organisation:
    """The bureau or district of somebody's employer."""
    employer = session.get_one(Organisation, person.employer_id)
    return session.get_one(Organisation, employer.parent_id)
