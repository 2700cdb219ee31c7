"""Planning and running a class, within the organiser's own area."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session, joinedload, selectinload

from courses.classes.models import Attendance, ClassMember, ClassSession, ClassState, TrainingClass
from courses.models import Field
from zhixin.errors import Conflict, Invalid, NotFound
from zhixin.hours.rules import SubjectKind
from zhixin.people import accounts
from zhixin.people.models import Organisation, Person, Role

#: Who may run classes, each within the area of the grant.
ROLES = (Role.BUREAU, Role.ADMINISTRATOR)
MOST_MEMBERS = 500
MOST_SESSIONS = 60
LONGEST = timedelta(hours=12)
PAGE = 30

Reach = frozenset[int] | None


class ClassOver(Conflict):
    code = "class-over"
    title = "班次已结束或已取消，不能再修改"


def reach(session: Session, person: Person) -> Reach:
    """Organisations for which a person runs classes; None: all."""
    return accounts.scope_of_any(session, person, ROLES)


def organisers(session: Session, within: Reach) -> Sequence[Organisation]:
    """For whom classes may be opened."""
    query = sa.select(Organisation).order_by(Organisation.name)
    return session.scalars(
        query if within is None else query.where(Organisation.id.in_(within))
    ).all()


@dataclass(frozen=True)
class Listed:
    """A class in a list."""

    training: TrainingClass
    sessions: int
    members: int
    begins_at: datetime | None


def listing(session: Session, within: Reach, page: int) -> tuple[list[Listed], bool]:
    """Classes of an area, the newest first; whether there are more."""
    of_sessions = (
        sa.select(
            ClassSession.class_id,
            sa.func.count().label("sessions"),
            sa.func.min(ClassSession.begins_at).label("begins_at"),
        )
        .group_by(ClassSession.class_id)
        .subquery()
    )
    members = (
        sa.select(sa.func.count()).where(ClassMember.class_id == TrainingClass.id).scalar_subquery()
    )
    query = (
        sa.select(TrainingClass, of_sessions.c.sessions, members, of_sessions.c.begins_at)
        .outerjoin(of_sessions, of_sessions.c.class_id == TrainingClass.id)
        .options(joinedload(TrainingClass.organiser))
        .order_by(TrainingClass.id.desc())
        .offset((page - 1) * PAGE)
        .limit(PAGE + 1)
    )
    if within is not None:
        query = query.where(TrainingClass.organiser_id.in_(within))
    rows = session.execute(query).all()
    return [Listed(row[0], row[1] or 0, row[2], row[3]) for row in rows[:PAGE]], len(rows) > PAGE


def get(session: Session, within: Reach, class_id: int) -> TrainingClass:
    """A class of an area with its sessions and roster.

    Raises:
        NotFound: there is none, or it is another's.
    """
    found = session.scalar(
        sa.select(TrainingClass)
        .where(TrainingClass.id == class_id)
        .options(
            joinedload(TrainingClass.organiser),
            selectinload(TrainingClass.sessions),
            selectinload(TrainingClass.members).joinedload(ClassMember.person),
        )
        .execution_options(populate_existing=True)
    )
    if found is None or (within is not None and found.organiser_id not in within):
        raise NotFound
    return found


def create(
    session: Session,
    *,
    organiser_id: int,
    within: Reach,
    title: str,
    field_code: str | None,
    subject_kind: str,
    place: str,
    attendance_percent: int,
    seminar: bool = False,
    actor_id: int,
    now: datetime,
) -> TrainingClass:
    """A new class without sessions.

    Raises:
        Invalid: something is missing or out of range.
        NotFound: the organiser is outside the area.
    """
    if session.get(Organisation, organiser_id) is None or (
        within is not None and organiser_id not in within
    ):
        raise NotFound("没有这个单位，或不在您负责的范围内")
    if field_code and session.get(Field, field_code) is None:
        raise Invalid("没有这个领域", code="class-facts")
    if subject_kind not in set(SubjectKind):
        raise Invalid("请选择科目", code="class-facts")
    if not 1 <= attendance_percent <= 100:
        raise Invalid("出勤要求应在 1% 到 100% 之间", code="class-facts")
    training = TrainingClass(
        organiser_id=organiser_id, title=_line(title, "班次名称", 120), field_code=field_code or None,
        subject_kind=SubjectKind(subject_kind), place=_line(place, "地点", 120),
        seminar=seminar, attendance_percent=attendance_percent, state=ClassState.OPEN, created_by_id=actor_id,
        created_at=now,
    )  # fmt: skip
    session.add(training)
    session.flush()
    return training


def _line(text: str, what: str, most: int) -> str:
    text = text.strip()
    if not text or len(text) > most or not text.isprintable():
        raise Invalid(f"请填写{what}，不超过 {most} 个字", code="class-facts")
    return text


def _open(session: Session, training: TrainingClass) -> None:
    """Hold the class: whoever closes it meanwhile waits, or was first and nothing changes."""
    session.refresh(training, ["state"], with_for_update=True)
    if training.state != ClassState.OPEN:
        raise ClassOver


def add_session(
    session: Session,
    training: TrainingClass,
    *,
    begins_at: datetime,
    ends_at: datetime,
    topic: str,
    teacher: str,
) -> ClassSession:
    """One more sitting; two of a class are never at the same time.

    Raises:
        Invalid: the period is no period, too long, or overlaps another.
    """
    _open(session, training)
    if not timedelta(0) < ends_at - begins_at <= LONGEST:
        raise Invalid("结束时间应在开始之后，一次课不超过 12 小时", code="class-session")
    if len(training.sessions) >= MOST_SESSIONS:
        raise Invalid(f"一个班次最多 {MOST_SESSIONS} 次课", code="class-session")
    if any(s.begins_at < ends_at and begins_at < s.ends_at for s in training.sessions):
        raise Invalid("与这个班次的另一次课时间重叠", code="class-session")
    sitting = ClassSession(
        class_id=training.id, begins_at=begins_at, ends_at=ends_at,
        topic=_line(topic, "内容", 120), teacher=_line(teacher, "授课人", 64),
    )  # fmt: skip
    session.add(sitting)
    session.flush()
    return sitting


def drop_session(session: Session, training: TrainingClass, session_id: int) -> None:
    """Take a sitting off the plan, while nobody's attendance was written down.

    Raises:
        NotFound: this class has no such sitting.
        Conflict: there is attendance; it is not thrown away.
    """
    _open(session, training)
    sitting = sitting_of(training, session_id)
    if session.scalar(sa.select(Attendance.id).where(Attendance.session_id == session_id).limit(1)):
        raise Conflict("这次课已有考勤记录，不能删除", code="has-attendance")
    session.delete(sitting)
    session.flush()


def sitting_of(training: TrainingClass, session_id: int) -> ClassSession:
    """A sitting of this class.

    Raises:
        NotFound: it is of another class, or of none.
    """
    for sitting in training.sessions:
        if sitting.id == session_id:
            return sitting
    raise NotFound


@dataclass(frozen=True)
class Added:
    """What came of a list of sign-in names."""

    added: list[str]
    already: list[str]
    unknown: list[str]


def add_members(
    session: Session, training: TrainingClass, names: Iterable[str], within: Reach, now: datetime
) -> Added:
    """Put people on the roster by sign-in name; those outside the area are as unknown as others.

    Raises:
        Invalid: the class would become too large.
    """
    _open(session, training)
    wanted = list(dict.fromkeys(name.strip().lower() for name in names if name.strip()))[:2000]
    query = sa.select(Person).where(Person.sign_in_name.in_(wanted), Person.active.is_(True))
    if within is not None:
        query = query.where(Person.employer_id.in_(within))
    found = {p.sign_in_name: p for p in session.scalars(query) if Role.LEARNER in p.roles}
    on_roster = {member.person_id for member in training.members}
    new = [name for name in wanted if name in found and found[name].id not in on_roster]
    if len(on_roster) + len(new) > MOST_MEMBERS:
        raise Invalid(f"一个班次最多 {MOST_MEMBERS} 人", code="class-too-large")
    session.add_all(
        ClassMember(class_id=training.id, person_id=found[name].id, added_at=now) for name in new
    )
    session.flush()
    return Added(
        new,
        [name for name in wanted if name in found and name not in new],
        [name for name in wanted if name not in found],
    )


def attendance(session: Session, class_id: int) -> dict[tuple[int, int], int]:
    """Minutes by (session, person): the last that was written down."""
    last = (
        sa.select(sa.func.max(Attendance.id))
        .join(ClassSession, ClassSession.id == Attendance.session_id)
        .where(ClassSession.class_id == class_id)
        .group_by(Attendance.session_id, Attendance.person_id)
    )
    rows = session.execute(
        sa.select(Attendance.session_id, Attendance.person_id, Attendance.minutes).where(
            Attendance.id.in_(last)
        )
    )
    return {(session_id, person_id): minutes for session_id, person_id, minutes in rows}


def attended(session: Session, person_id: int, class_ids: Iterable[int]) -> dict[int, int]:
    """What was last written down of one person, in minutes by session, in these classes."""
    last = (
        sa.select(sa.func.max(Attendance.id))
        .join(ClassSession, ClassSession.id == Attendance.session_id)
        .where(ClassSession.class_id.in_(list(class_ids)), Attendance.person_id == person_id)
        .group_by(Attendance.session_id)
    )
    rows = session.execute(
        sa.select(Attendance.session_id, Attendance.minutes).where(Attendance.id.in_(last))
    )
    return dict(rows.all())


def record(
    session: Session,
    training: TrainingClass,
    session_id: int,
    minutes: Mapping[int, int],
    *,
    actor_id: int,
    now: datetime,
) -> int:
    """Write down who was there for how long; what did not change is not written again.

    Args:
        minutes: by person; 0: absent.

    Raises:
        Invalid: the sitting has not begun, somebody is not on the roster or was there for
            longer than it took, or it is the writer's own attendance.
    """
    _open(session, training)
    sitting = sitting_of(training, session_id)
    if now < sitting.begins_at:
        raise Invalid("这次课还没有开始，不能登记考勤", code="attendance")
    roster = {member.person_id for member in training.members}
    if not minutes.keys() <= roster:
        raise Invalid("考勤中有不在名单上的人", code="attendance")
    if any(not 0 <= each <= sitting.minutes for each in minutes.values()):
        raise Invalid(f"出勤时间应在 0 到 {sitting.minutes} 分钟之间", code="attendance")
    known = attendance(session, training.id)
    changed = {
        person_id: each
        for person_id, each in minutes.items()
        if known.get((session_id, person_id)) != each
    }
    if actor_id in changed:
        raise Invalid("不能登记自己的考勤，请由其他经办人登记", code="attendance")
    session.add_all(
        Attendance(
            session_id=session_id, person_id=person_id, minutes=each, recorded_by_id=actor_id,
            recorded_at=now,
        )
        for person_id, each in changed.items()
    )  # fmt: skip
    session.flush()
    return len(changed)


def cancel(session: Session, training: TrainingClass) -> None:
    """Call a class off; nothing is awarded."""
    _open(session, training)
    training.state = ClassState.CANCELLED
    session.flush()
