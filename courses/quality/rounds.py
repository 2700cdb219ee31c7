"""A round from its call to its end, arranged by the office."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from courses import authorship, moments
from courses.quality import criteria, marks, ranking
from courses.quality.models import (
    QualityAbstention,
    QualityApplication,
    QualityObjection,
    QualityPanelist,
    QualityRound,
    QualityScore,
)
from courses.quality.states import (
    APPLICATION_STEPS,
    ROUND_STEPS,
    ApplicationState,
    ApplicationStep,
    ObjectionState,
    RoundState,
    RoundStep,
)
from zhixin import acts, clock, paging
from zhixin.errors import Conflict, Invalid, NotAllowed, NotFound
from zhixin.paging import Page

MOST_CHARACTERS = 4_000
#: States in which a round is nobody's but the office's.
HIDDEN = (RoundState.DRAFT,)


def create(
    session: Session,
    *,
    title: str,
    call: str,
    lines: str,
    trimmed: bool,
    scores_needed: int,
    notice_days: int,
    mark_years: int,
    opens: date,
    closes: date,
    actor_id: int,
    now: datetime,
) -> QualityRound:
    """A draft. ``opens`` and ``closes`` are days of the city, both inclusive.

    Raises:
        Invalid: something is missing, out of range, or in the past.
    """
    title, call = title.replace("\0", "").strip(), call.replace("\0", "").strip()
    if not title or len(title) > 120 or not title.isprintable():
        raise Invalid("请填写批次名称，不超过 120 个字", code="quality-round")
    if len(call) > MOST_CHARACTERS:
        raise Invalid(f"说明最多 {MOST_CHARACTERS} 个字", code="quality-round")
    for what, value, least, most in (
        ("每门课程所需评分数", scores_needed, 1, 15),
        ("公示天数", notice_days, 5, 60),
        ("有效年数", mark_years, 1, 10),
    ):
        if not least <= value <= most:
            raise Invalid(f"{what}应在 {least} 到 {most} 之间", code="quality-round")
    if moments.begin(opens) <= now or closes < opens or closes > opens + timedelta(days=366):
        raise Invalid(
            "申报应在今天之后开始，结束不早于开始，最长一年（先公布标准，后接受申报）",
            code="quality-round",
        )
    made = QualityRound(
        title=title,
        call=call,
        criteria=[each.model_dump() for each in criteria.from_text(lines)],
        trimmed=trimmed,
        scores_needed=scores_needed,
        notice_days=notice_days,
        mark_years=mark_years,
        opens_at=moments.begin(opens),
        closes_at=moments.end(closes),
        state=RoundState.DRAFT,
        created_by_id=actor_id,
        created_at=now,
    )
    session.add(made)
    session.flush()
    note(session, made, "create", actor_id, now)
    return made


def note(
    session: Session,
    round_: QualityRound,
    act: str,
    actor_id: int | None,
    now: datetime,
    reason: str | None = None,
) -> None:
    acts.note(
        session, actor_id=actor_id, act=act, object_kind="quality-round", object_id=round_.id,
        reason=reason, now=now,
    )  # fmt: skip


def listing(session: Session, *, office: bool, number: int = 1) -> Page[QualityRound]:
    """A page of the rounds, the newest first; drafts are the office's."""
    query = sa.select(QualityRound).order_by(QualityRound.id.desc())
    if not office:
        query = query.where(QualityRound.published_at.is_not(None))
    return paging.of(session, query, number)


def get(
    session: Session, round_id: int, *, office: bool = False, lock: bool = False
) -> QualityRound:
    """A round; ``lock``: whoever else changes it waits.

    Raises:
        NotFound: there is none, or it was not announced and the asker is not the office.
    """
    query = sa.select(QualityRound).where(QualityRound.id == round_id)
    if lock:
        query = query.with_for_update().execution_options(populate_existing=True)
    found = session.scalar(query)
    if found is None or (not office and found.published_at is None):
        raise NotFound("没有这个评选批次")
    return found


def applications(session: Session, round_id: int) -> Sequence[QualityApplication]:
    """What was put forward and not withdrawn, by place once there is one."""
    return session.scalars(
        sa.select(QualityApplication)
        .where(
            QualityApplication.round_id == round_id,
            QualityApplication.state != ApplicationState.WITHDRAWN,
        )
        .options(sa.orm.joinedload(QualityApplication.version))
        .order_by(sa.func.coalesce(QualityApplication.place, 100_000), QualityApplication.id)
        .execution_options(populate_existing=True)
    ).all()


def _move(
    session: Session, round_: QualityRound, step: RoundStep, actor_id: int, now: datetime,
    reason: str | None = None,
) -> None:  # fmt: skip
    round_.state = ROUND_STEPS.after(RoundState(round_.state), step)
    note(session, round_, step, actor_id, now, reason)


def announce(session: Session, round_id: int, actor_id: int, now: datetime) -> QualityRound:
    """Publish criteria and times, before applications open; from now on they don't change.

    Raises:
        Conflict: the time for applications has begun already.
        IllegalQualityStep: announced or cancelled already.
    """
    found = get(session, round_id, office=True, lock=True)
    if now >= found.opens_at and found.state == RoundState.DRAFT:
        raise Conflict("申报开始时间已过，请另建批次：标准须在申报之前公布", code="quality-late")
    found.published_at = now if found.state == RoundState.DRAFT else found.published_at
    _move(session, found, RoundStep.ANNOUNCE, actor_id, now)
    session.flush()
    return found


def start_scoring(session: Session, round_id: int, actor_id: int, now: datetime) -> None:
    """Hand the applications to the panel, once none can come any more.

    Raises:
        Conflict: applications are still open, there are none, or nobody is appointed.
    """
    found = get(session, round_id, office=True, lock=True)
    if now < found.closes_at:
        raise Conflict("申报还没有截止，截止后才能开始评分", code="quality-early")
    if not applications(session, round_id):
        raise Conflict("没有申报的课程，可以取消这个批次", code="quality-empty")
    if session.scalar(
        sa.select(QualityPanelist.id).where(QualityPanelist.round_id == round_id).limit(1)
    ) is None:  # fmt: skip
        raise Conflict("请先聘请评审专家", code="quality-panel")
    _move(session, found, RoundStep.START_SCORING, actor_id, now)
    session.flush()


def totals(session: Session, round_id: int) -> dict[int, list[QualityScore]]:
    """Sheets that count, by application: of those who abstained, none."""
    abstained = (
        sa.select(QualityAbstention.id)
        .where(
            QualityAbstention.application_id == QualityScore.application_id,
            QualityAbstention.person_id == QualityScore.person_id,
        )
        .exists()
    )
    sheets = session.scalars(
        sa.select(QualityScore)
        .join(QualityApplication, QualityApplication.id == QualityScore.application_id)
        .where(
            QualityApplication.round_id == round_id,
            QualityApplication.state != ApplicationState.WITHDRAWN,
            ~abstained,
        )
        .order_by(QualityScore.id)
        .execution_options(populate_existing=True)
    )
    found: dict[int, list[QualityScore]] = {}
    for sheet in sheets:
        found.setdefault(sheet.application_id, []).append(sheet)
    return found


def close_scoring(session: Session, round_id: int, actor_id: int, now: datetime) -> None:
    """Make the scores final and rank, by the announced rule.

    Raises:
        Conflict: an application lacks scores.
    """
    found = get(session, round_id, office=True, lock=True)
    given, there = totals(session, round_id), applications(session, round_id)
    lacking = [a for a in there if len(given.get(a.id, ())) < found.scores_needed]
    if lacking and found.state == RoundState.SCORING:
        raise Conflict(
            f"“{lacking[0].version.title}”等 {len(lacking)} 门课程的评分不足 {found.scores_needed} 份",
            code="quality-scores-missing",
        )
    _move(session, found, RoundStep.CLOSE_SCORING, actor_id, now)
    ranked = ranking.rank(
        {a.id: [sheet.total for sheet in given[a.id]] for a in there}, trimmed=found.trimmed
    )
    for application in there:
        application.score = ranked[application.id].score
        application.place = ranked[application.id].place
    session.flush()


def post_notice(
    session: Session,
    round_id: int,
    chosen: frozenset[int],
    reason: str,
    actor_id: int,
    now: datetime,
) -> None:
    """Select and put the selection before the public, for the announced number of days.

    Raises:
        Invalid: nothing chosen, or the choice leaves the ranking without a reason.
        NotFound: something chosen is not of this round.
        NotAllowed: the chooser's own course is among the applications.
    """
    found = get(session, round_id, office=True, lock=True)
    there = {a.id: a for a in applications(session, round_id)}
    if not chosen <= there.keys():
        raise NotFound("没有这个申报")
    _disinterested(session, list(there.values()), actor_id)
    if not chosen:
        raise Invalid("请选择拟入选的课程", code="quality-selection")
    reason = reason.replace("\0", "").strip()
    if len(reason) > 2_000:
        raise Invalid("说明最多 2000 个字", code="reason-too-long")
    places = {a.id: a.place or 0 for a in there.values()}
    if not reason and not ranking.follows(places, chosen):
        raise Invalid("入选课程没有按名次从前到后，请说明理由", code="quality-selection")
    if found.state == RoundState.RANKED:
        # Whole days: the one that it appears on is not counted.
        last = clock.local(now).date() + timedelta(days=found.notice_days)
        found.notice_from, found.notice_until = now, moments.end(last)
        found.reason = reason or None
    _move(session, found, RoundStep.POST_NOTICE, actor_id, now, reason or None)
    for application in there.values():
        step = ApplicationStep.SELECT if application.id in chosen else ApplicationStep.DECLINE
        application.state = APPLICATION_STEPS.after(ApplicationState(application.state), step)
    session.flush()


def written_by(
    session: Session, there: Sequence[QualityApplication], person_id: int
) -> frozenset[int]:
    """Ids of those applications whose course this person wrote, or had a part in."""
    wrote = authorship.writers_of(session, [a.course_id for a in there])
    return frozenset(a.id for a in there if person_id in wrote.get(a.course_id, ()))


def _disinterested(session: Session, there: Sequence[QualityApplication], actor_id: int) -> None:
    if written_by(session, there, actor_id):
        raise NotAllowed("您有课程参加这一批评选，请由其他管理员处理")


def conclude(session: Session, round_id: int, actor_id: int, now: datetime) -> int:
    """Give the marks to what stood the notice; returns how many.

    Raises:
        Conflict: the notice still runs, or an objection is not answered.
    """
    found = get(session, round_id, office=True, lock=True)
    there = applications(session, round_id)
    _disinterested(session, there, actor_id)
    if found.state == RoundState.NOTICE:
        if found.notice_until is None or now < found.notice_until:
            raise Conflict("公示还没有结束", code="quality-early")
        waiting = session.scalar(
            sa.select(sa.func.count())
            .select_from(QualityObjection)
            .join(QualityApplication, QualityApplication.id == QualityObjection.application_id)
            .where(
                QualityApplication.round_id == round_id,
                QualityObjection.state == ObjectionState.OPEN,
            )
        )
        if waiting:
            raise Conflict(f"还有 {waiting} 条异议没有处理", code="quality-objections")
    _move(session, found, RoundStep.CONCLUDE, actor_id, now)
    winners = [a for a in there if a.state == ApplicationState.SELECTED]
    for application in winners:
        application.state = APPLICATION_STEPS.after(
            ApplicationState(application.state), ApplicationStep.AWARD
        )
        marks.give(session, application, years=found.mark_years, actor_id=actor_id, now=now)
    session.flush()
    return len(winners)


def cancel(session: Session, round_id: int, reason: str, actor_id: int, now: datetime) -> None:
    """End a round without a result.

    Raises:
        Invalid: no reason. IllegalQualityStep: it has ended.
    """
    reason = reason.replace("\0", "").strip()
    if not reason or len(reason) > 2_000:
        raise Invalid("请填写取消的原因，不超过 2000 个字", code="reason-needed")
    found = get(session, round_id, office=True, lock=True)
    _move(session, found, RoundStep.CANCEL, actor_id, now, reason)
    found.reason = reason
    session.flush()
