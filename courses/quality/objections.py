"""What the public objects to on a notice, and the answers."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa
from limits import RateLimitItemPerDay, RateLimitItemPerHour
from sqlalchemy.orm import Session, joinedload

from courses import authorship
from courses.quality import rounds
from courses.quality.models import QualityApplication, QualityObjection, QualityRound
from courses.quality.states import (
    APPLICATION_STEPS,
    OBJECTION_STEPS,
    ApplicationState,
    ApplicationStep,
    ObjectionState,
    ObjectionStep,
    RoundState,
)
from zhixin import acts
from zhixin.errors import Conflict, Invalid, NotAllowed, NotFound

MOST_CHARACTERS = 2_000
#: Of one application: more wait for nobody's eyes.
MOST_OPEN = 200
#: From one network, and by one signed-in person.
PER_NETWORK = RateLimitItemPerHour(10, namespace="quality-objections")
PER_PERSON = RateLimitItemPerDay(20, namespace="quality-objections-person")
#: Name and contact are kept this long after the answer.
KEEP_CONTACT = timedelta(days=180)


def on_notice(round_: QualityRound, now: datetime) -> bool:
    """Whether the public may object."""
    return (
        round_.state == RoundState.NOTICE
        and round_.notice_from is not None
        and round_.notice_until is not None
        and round_.notice_from <= now < round_.notice_until
    )


def lodge(
    session: Session,
    application_id: int,
    *,
    round_id: int,
    person_id: int | None,
    name: str,
    contact: str,
    text: str,
    now: datetime,
) -> QualityObjection:
    """Write an objection down. The same words by the same hand again are the same objection.

    Raises:
        NotFound: not on a notice. Conflict: the notice is over, or too many wait.
        Invalid: name, contact or text missing or too long.
    """
    application = session.get(QualityApplication, application_id)
    shown = (ApplicationState.SELECTED, ApplicationState.REFUSED, ApplicationState.AWARDED)
    if application is None or application.round_id != round_id or application.state not in shown:
        raise NotFound("没有这项公示")
    round_ = rounds.get(session, round_id, lock=True)
    if not on_notice(round_, now) or application.state != ApplicationState.SELECTED:
        raise Conflict("这项公示已经结束，不再接受异议", code="quality-closed")
    name, contact, text = (each.replace("\0", "").strip() for each in (name, contact, text))
    if not 1 <= len(name) <= 64 or not name.isprintable():
        raise Invalid("请填写姓名，不超过 64 个字", code="quality-objection")
    if not 3 <= len(contact) <= 120 or not contact.isprintable():
        raise Invalid("请填写联系电话或邮箱，以便反馈处理结果", code="quality-objection")
    if not 1 <= len(text) <= MOST_CHARACTERS:
        raise Invalid(f"请填写异议内容，不超过 {MOST_CHARACTERS} 个字", code="quality-objection")
    waiting = session.scalars(
        sa.select(QualityObjection).where(
            QualityObjection.application_id == application_id,
            QualityObjection.state == ObjectionState.OPEN,
        )
    ).all()
    said = (person_id, name, contact, text)
    for there in waiting:
        if (there.person_id, there.name, there.contact, there.text) == said:
            return there
    if len(waiting) >= MOST_OPEN:
        raise Conflict("这项公示收到的异议很多，正在处理，请直接联系主管部门", code="quality-many")
    made = QualityObjection(
        application_id=application_id,
        person_id=person_id,
        name=name,
        contact=contact,
        text=text,
        state=ObjectionState.OPEN,
        received_at=now,
    )
    session.add(made)
    session.flush()
    acts.note(
        session, actor_id=person_id, act="object", object_kind="quality-application",
        object_id=application_id, now=now,
    )  # fmt: skip
    return made


def of_round(session: Session, round_id: int) -> Sequence[QualityObjection]:
    """Objections in a round, those that wait first."""
    return session.scalars(
        sa.select(QualityObjection)
        .join(QualityApplication, QualityApplication.id == QualityObjection.application_id)
        .where(QualityApplication.round_id == round_id)
        .options(joinedload(QualityObjection.application).joinedload(QualityApplication.version))
        .order_by(QualityObjection.state != ObjectionState.OPEN, QualityObjection.id)
    ).all()


def counts(session: Session, round_id: int) -> dict[str, int]:
    """How many objections there are in each state: what the public is told of them."""
    return {
        str(state): count
        for state, count in session.execute(
            sa.select(QualityObjection.state, sa.func.count())
            .join(QualityApplication, QualityApplication.id == QualityObjection.application_id)
            .where(QualityApplication.round_id == round_id)
            .group_by(QualityObjection.state)
        )
    }


def decide(
    session: Session,
    round_id: int,
    objection_id: int,
    step: ObjectionStep,
    answer: str,
    actor_id: int,
    now: datetime,
) -> None:
    """Answer an objection; upheld, the course leaves the notice.

    Raises:
        NotFound: not of this round. Invalid: no answer. NotAllowed: one's own course.
        IllegalQualityStep: answered already.
    """
    rounds.get(session, round_id, office=True, lock=True)
    found = session.get(QualityObjection, objection_id, populate_existing=True)
    application = session.get(QualityApplication, found.application_id) if found else None
    if found is None or application is None or application.round_id != round_id:
        raise NotFound("没有这条异议")
    if (
        actor_id in authorship.writers(session, application.course_id)
        or actor_id == found.person_id
    ):
        raise NotAllowed("这条异议与您有关，请由其他管理员处理")
    answer = answer.replace("\0", "").strip()
    if not answer or len(answer) > MOST_CHARACTERS:
        raise Invalid("请填写处理意见，不超过 2000 个字", code="reason-needed")
    found.state = OBJECTION_STEPS.after(ObjectionState(found.state), step)
    found.decided_at, found.decided_by_id, found.answer = now, actor_id, answer
    if step is ObjectionStep.UPHOLD and application.state == ApplicationState.SELECTED:
        application.reason = "公示期异议成立"
        application.state = APPLICATION_STEPS.after(
            ApplicationState(application.state), ApplicationStep.REFUSE
        )
    session.flush()
    acts.note(
        session, actor_id=actor_id, act=step, object_kind="quality-objection",
        object_id=found.id, reason=answer, now=now,
    )  # fmt: skip


def erase_contacts(session: Session, now: datetime, limit: int = 500) -> int:
    """Forget who objected, long after the answer; what was objected to and answered stays."""
    old = (
        sa.select(QualityObjection.id)
        .where(
            QualityObjection.decided_at < now - KEEP_CONTACT, QualityObjection.erased_at.is_(None)
        )
        .limit(limit)
    )
    done = session.execute(
        sa.update(QualityObjection)
        .where(QualityObjection.id.in_(old))
        .values(name="—", contact="—", person_id=None, erased_at=now)
        .execution_options(synchronize_session=False)
    )
    return int(done.rowcount)  # type: ignore[attr-defined]
