"""Samples for review: announced, drawn by the ledger's next checkpoint, reviewed one by one."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session, joinedload, undefer

from zhixin.audit import queue, sampling, trail
from zhixin.audit.desk import Act
from zhixin.audit.models import Draw, DrawnAward
from zhixin.errors import Conflict, Invalid, NotAllowed, NotFound
from zhixin.hours import awards
from zhixin.hours.models import Award
from zhixin.hours.states import State
from zhixin.ledger import log
from zhixin.ledger.models import TreeHead
from zhixin.people import accounts
from zhixin.people.models import Organisation, Person, Role

MOST_DRAWN = 500
#: Draws shown; older ones are on the trail.
SHOWN = 100


def announce(
    session: Session, act: Act, *, year: int, organisation_id: int | None, wanted: int
) -> Draw:
    """Freeze the population of a draw: recorded awards of a year, of an organisation's people.

    Raises:
        NotFound: an organisation outside the auditor's area.
        Invalid: nothing to draw from, or too many wanted.
    """
    if not 0 < wanted <= MOST_DRAWN:
        raise Invalid(f"抽取数量应在 1 到 {MOST_DRAWN} 之间", code="draw-size")
    _check_reach(session, act.auditor, organisation_id)
    query = sa.select(Award.id).where(Award.year == year, Award.state == State.RECORDED)
    if organisation_id is not None:
        within = session.scalars(accounts.below([organisation_id])).all()
        query = query.join(Person, Person.id == Award.person_id)
        query = query.where(Person.employer_id.in_(within))
    text = sampling.listed(ids := session.scalars(query).all())
    if not ids:
        raise Invalid("该年度、该范围内没有已入账的学时", code="nothing-to-draw")
    head = log.head(session)
    made = Draw(
        year=year,
        organisation_id=organisation_id,
        wanted=min(wanted, len(ids)),
        announced_by_id=act.auditor.id,
        announced_at=act.now,
        announced_size=head.size if head else 0,
        population=text,
        population_count=len(ids),
        population_sha256=sampling.population_hash(text),
    )
    session.add(made)
    session.flush()
    trail.note(
        session, actor_id=act.auditor.id, act="announce-draw", object_kind="audit-draw",
        object_id=made.id, reason=f"{made.label} {made.wanted}/{made.population_count} {made.population_sha256}",
        address=act.address, now=act.now,
    )  # fmt: skip
    return made


def complete(session: Session, origin: str, now: datetime) -> int:
    """Draw what waits, each by the first tree head signed after it was announced."""
    waiting = session.scalars(
        sa.select(Draw).where(Draw.tree_size.is_(None)).options(undefer(Draw.population))
    ).all()
    drawn = 0
    for draw in waiting:
        head = session.scalar(
            sa.select(TreeHead)
            .where(TreeHead.size > draw.announced_size)
            .order_by(TreeHead.size)
            .limit(1)
        )
        drawn += head is not None and _complete(session, draw, head, origin, now)
    return drawn


def _complete(session: Session, draw: Draw, head: TreeHead, origin: str, now: datetime) -> bool:
    # The claim: of two sweepers one draws.
    claimed = session.execute(
        sa.update(Draw)
        .where(Draw.id == draw.id, Draw.tree_size.is_(None))
        .values(tree_size=head.size, root=head.root.hex(), drawn_at=now)
        .execution_options(synchronize_session=False)
    )
    if claimed.rowcount != 1:  # type: ignore[attr-defined]
        return False
    session.refresh(draw, ["tree_size", "root", "drawn_at"])
    picked = again(draw, origin)
    session.add_all(
        DrawnAward(draw_id=draw.id, place=place, award_id=award_id)
        for place, award_id in enumerate(picked, 1)
    )
    session.flush()
    trail.note(
        session, actor_id=None, act="draw", object_kind="audit-draw", object_id=draw.id,
        reason=f"{draw.label} {draw.tree_size} {draw.root}", now=now,
    )  # fmt: skip
    return True


def seed(draw: Draw, origin: str) -> str:
    """The published seed of a draw that was drawn."""
    assert draw.tree_size is not None
    assert draw.root is not None
    return sampling.seed(
        origin=origin,
        tree_size=draw.tree_size,
        root=draw.root,
        population_sha256=draw.population_sha256,
        label=draw.label,
    )


def again(draw: Draw, origin: str) -> list[int]:
    """The sample, drawn again from the population kept."""
    numbers = [int(line) for line in draw.population.split()]
    return sampling.draw(numbers, seed(draw, origin), draw.wanted)


def check(session: Session, draw_id: int, origin: str) -> list[str]:
    """What of a draw is not as it must be, in words; nothing: all is.

    Raises:
        NotFound: no such draw.
        Conflict: it was not drawn yet.
    """
    draw = session.get(Draw, draw_id, options=[undefer(Draw.population)])
    if draw is None:
        raise NotFound("没有这次抽样")
    if draw.tree_size is None:
        raise Conflict("还没有抽取，等待账本的下一个检查点", code="not-drawn")
    wrong = []
    if sampling.population_hash(draw.population) != draw.population_sha256:
        wrong.append("抽样范围的清单与公布的摘要不符")
    first = session.scalar(
        sa.select(sa.func.min(TreeHead.size)).where(TreeHead.size > draw.announced_size)
    )
    head = session.get(TreeHead, draw.tree_size)
    if head is None or first != draw.tree_size or head.root.hex() != draw.root:
        wrong.append("所用的检查点不是公布之后账本的第一个检查点，或根不符")
    kept = session.scalars(
        sa.select(DrawnAward.award_id)
        .where(DrawnAward.draw_id == draw_id)
        .order_by(DrawnAward.place)
    ).all()
    if list(kept) != again(draw, origin):
        wrong.append("重新抽取的结果与记录不符")
    return wrong


def of(session: Session, auditor: Person) -> Sequence[Draw]:
    """The draws within the auditor's area, the newest first."""
    scope = accounts.scope(session, auditor, Role.AUDITOR)
    query = sa.select(Draw).options(joinedload(Draw.organisation)).order_by(Draw.id.desc())
    if scope is not None:
        query = query.where(Draw.organisation_id.in_(scope))
    return session.scalars(query.limit(SHOWN)).all()


def published(session: Session) -> Sequence[Draw]:
    """All draws, the newest first, for everybody: what each was drawn from is told by its hash."""
    return session.scalars(sa.select(Draw).order_by(Draw.id.desc()).limit(SHOWN)).all()


def get(session: Session, auditor: Person, draw_id: int) -> Draw:
    """Raises: NotFound."""
    found = session.get(Draw, draw_id, options=[joinedload(Draw.organisation)])
    if found is None:
        raise NotFound("没有这次抽样，或不在您的审核范围内")
    _check_reach(session, auditor, found.organisation_id)
    return found


def population(session: Session, draw: Draw) -> str:
    return session.scalars(sa.select(Draw.population).where(Draw.id == draw.id)).one()


def drawn(session: Session, draw: Draw) -> Sequence[tuple[DrawnAward, str | None]]:
    """The sample in its order, with the names of those who reviewed."""
    rows = session.execute(
        sa.select(DrawnAward, Person.name)
        .outerjoin(Person, Person.id == DrawnAward.reviewed_by_id)
        .where(DrawnAward.draw_id == draw.id)
        .options(joinedload(DrawnAward.award).options(queue.learner()))
        .order_by(DrawnAward.place)
    )
    return [(item, name) for item, name in rows]


def review(session: Session, draw: Draw, place: int, act: Act, finding: str | None) -> None:
    """Write down that an award of the sample was looked at and what was found.

    Raises:
        NotFound: no such place.
        NotAllowed: one's own hours.
        Conflict: somebody has reviewed it.
    """
    item = session.get(DrawnAward, (draw.id, place), options=[joinedload(DrawnAward.award)])
    if item is None:
        raise NotFound
    if item.award.person_id == act.auditor.id:
        raise NotAllowed("不能审核自己的学时，请由其他审核员处理", code="own-award")
    finding = awards.written(finding, 500) or "无异议"
    moved = session.execute(
        sa.update(DrawnAward)
        .where(
            DrawnAward.draw_id == draw.id,
            DrawnAward.place == place,
            DrawnAward.reviewed_at.is_(None),
        )
        .values(reviewed_at=act.now, reviewed_by_id=act.auditor.id, finding=finding)
    )
    if moved.rowcount != 1:  # type: ignore[attr-defined]
        raise Conflict("这条学时已经复核")
    trail.note(
        session, actor_id=act.auditor.id, act="reviewed", object_kind="award",
        object_id=item.award_id, reason=finding, address=act.address, now=act.now,
    )  # fmt: skip


def reachable(session: Session, auditor: Person) -> Sequence[Organisation]:
    """Cities, bureaus and districts of whose people an auditor may draw."""
    scope = accounts.scope(session, auditor, Role.AUDITOR)
    query = sa.select(Organisation).where(Organisation.kind != "employer")
    if scope is not None:
        query = sa.select(Organisation).where(Organisation.id.in_(scope))
    return session.scalars(query.order_by(Organisation.id).limit(SHOWN)).all()


def _check_reach(session: Session, auditor: Person, organisation_id: int | None) -> None:
    scope = accounts.scope(session, auditor, Role.AUDITOR)
    if scope is None:
        if organisation_id is None or session.get(Organisation, organisation_id) is not None:
            return
    elif organisation_id in scope:
        return
    raise NotFound("没有这次抽样，或不在您的审核范围内")
