"""Drafts of policies: written by one administrator, reviewed and published by another."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session, joinedload

from zhixin import acts
from zhixin.errors import Conflict, Invalid, NotAllowed, NotFound
from zhixin.hours import areas, dry_runs, policies
from zhixin.hours.draft_states import (
    DRAFT_STEPS,
    OPEN_DRAFTS,
    DraftMoved,
    DraftState,
    DraftStep,
)
from zhixin.hours.models import Policy, PolicyDraft
from zhixin.hours.policies import Content
from zhixin.people import administration
from zhixin.people.models import Person, Role, RoleGrant

MOST_REASON = 500
_COLUMNS = [column.key for column in PolicyDraft.__table__.columns]


class OwnDraft(NotAllowed):
    code = "own-draft"
    title = "自己起草的规则须由另一名管理员审核发布"


class DryRunNeeded(Conflict):
    code = "dry-run-needed"
    title = "试算完成后才能发布"


def create(
    session: Session, actor: Person, area: str, content: Content, now: datetime
) -> PolicyDraft:
    """A new draft of ``actor``'s.

    Raises:
        NotAllowed: the area is beyond their reach.
    """
    areas.require(session, area, administration.reach(session, actor))
    draft = PolicyDraft(
        area=area,
        revision=1,
        state=DraftState.WRITING,
        written_by_id=actor.id,
        written_at=now,
        **_facts(content),
    )
    session.add(draft)
    session.flush()
    return draft


def _facts(content: Content) -> dict[str, Any]:
    title, source = policies.named(content.title, content.source)
    return {
        "title": title,
        "source": source,
        "effective_from": content.effective_from,
        "document": content.rule.to_document(),
    }


def find(session: Session, actor: Person, draft_id: int) -> PolicyDraft:
    """A draft for an area within ``actor``'s reach.

    Raises:
        NotFound: there is none, or not for them.
    """
    draft = session.scalar(
        sa.select(PolicyDraft)
        .where(PolicyDraft.id == draft_id)
        .options(joinedload(PolicyDraft.written_by), joinedload(PolicyDraft.decided_by))
    )
    if draft is None or not areas.within(draft.area, administration.reach(session, actor)):
        raise NotFound
    return draft


def waiting(session: Session, actor: Person) -> Sequence[PolicyDraft]:
    """Drafts within ``actor``'s reach that are being written or reviewed, the latest first."""
    reach = administration.reach(session, actor)
    found = session.scalars(
        sa.select(PolicyDraft)
        .where(PolicyDraft.state.in_(OPEN_DRAFTS))
        .order_by(PolicyDraft.written_at.desc(), PolicyDraft.id.desc())
        .options(joinedload(PolicyDraft.written_by))
    )
    return [draft for draft in found if areas.within(draft.area, reach)]


def save(
    session: Session,
    draft: PolicyDraft,
    actor: Person,
    content: Content,
    *,
    revision: int,
    now: datetime,
) -> None:
    """Put ``content`` in the place of what the writer wrote before; a dry run of that is void.

    Raises:
        NotFound: it is another's draft.
        DraftMoved: it is under review, or was saved in another window.
    """
    require_writer(draft, actor)
    changed = session.execute(
        sa.update(PolicyDraft)
        .where(
            PolicyDraft.id == draft.id,
            PolicyDraft.state == DraftState.WRITING,
            PolicyDraft.revision == revision,
        )
        .values(revision=revision + 1, written_at=now, **_facts(content))
    )
    if changed.rowcount != 1:  # type: ignore[attr-defined]
        raise DraftMoved("草案已在别处修改或送审，请刷新后再改")
    dry_runs.forget(session, draft.id)
    session.refresh(draft, _COLUMNS)


def require_writer(draft: PolicyDraft, actor: Person) -> None:
    """Others read a draft, its writer alone changes it."""
    if draft.written_by_id != actor.id:
        raise NotFound


def submit(session: Session, draft: PolicyDraft, actor: Person, now: datetime) -> None:
    """Give the draft to another's eyes, and work out what it would change."""
    require_writer(draft, actor)
    _move(session, draft, DraftStep.SUBMIT, reason=None)
    dry_runs.start(session, draft, now)


def withdraw(session: Session, draft: PolicyDraft, actor: Person) -> None:
    """Its writer takes it back from review."""
    require_writer(draft, actor)
    _move(session, draft, DraftStep.WITHDRAW)


def discard(session: Session, draft: PolicyDraft, actor: Person, now: datetime) -> None:
    """Its writer gives it up."""
    require_writer(draft, actor)
    _move(session, draft, DraftStep.DISCARD, decided_by_id=actor.id, decided_at=now)


def send_back(
    session: Session, draft: PolicyDraft, actor: Person, reason: str, now: datetime
) -> None:
    """Another administrator wants it changed, for a reason that its writer reads."""
    if draft.written_by_id == actor.id:
        raise OwnDraft("自己起草的规则请用“撤回”")
    if not (reason := reason.strip()):
        raise Invalid("请填写退回的原因", code="reason-needed")
    if len(reason) > MOST_REASON:
        raise Invalid(f"原因不超过 {MOST_REASON} 字", code="reason-too-long")
    _move(
        session,
        draft,
        DraftStep.SEND_BACK,
        decided_by_id=actor.id,
        decided_at=now,
        reason=reason,
    )


def publish(
    session: Session, draft: PolicyDraft, actor: Person, *, address: str | None, now: datetime
) -> Policy:
    """Publish a reviewed draft: by another than its writer, with its effects worked out.

    Where the city has one administrator only, that one may publish their own; the draft and
    the trail say so.

    Raises:
        OwnDraft: its writer, while there is somebody else.
        DryRunNeeded: the dry run is not done.
        DraftMoved: it is not, or no longer, under review.
    """
    own = draft.written_by_id == actor.id
    if own and not alone(session, actor):
        raise OwnDraft
    if not dry_runs.done(session, draft):
        raise DryRunNeeded("还没有算完会影响哪些人，请等试算完成后再发布")
    policy = policies.publish(
        session,
        area=draft.area,
        title=draft.title,
        source=draft.source,
        effective_from=draft.effective_from,
        rule=policies.rule_of(draft),
        actor_id=actor.id,
        now=now,
    )
    _move(
        session,
        draft,
        DraftStep.PUBLISH,
        decided_by_id=actor.id,
        decided_at=now,
        policy_id=policy.id,
        alone=own,
    )
    note = "（全市只有一名管理员，自拟自发）" if own else ""
    acts.note(
        session,
        actor_id=actor.id,
        act="publish",
        object_kind="policy",
        object_id=policy.id,
        reason=policy.title + note,
        address=address,
        now=now,
    )
    return policy


def alone(session: Session, actor: Person) -> bool:
    """Is ``actor`` the only administrator of the whole city?"""
    everywhere = session.scalars(
        sa.select(Person.id)
        .join(RoleGrant, RoleGrant.person_id == Person.id)
        .where(
            RoleGrant.role == Role.ADMINISTRATOR,
            RoleGrant.organisation_id.is_(None),
            Person.active,
        )
        .limit(2)
    ).all()
    return everywhere == [actor.id]


def _move(session: Session, draft: PolicyDraft, step: DraftStep, **facts: Any) -> None:
    before = DraftState(draft.state)
    moved = session.execute(
        sa.update(PolicyDraft)
        .where(
            PolicyDraft.id == draft.id,
            PolicyDraft.state == before,
            PolicyDraft.revision == draft.revision,
        )
        .values(state=DRAFT_STEPS.after(before, step), **facts)
    )
    if moved.rowcount != 1:  # type: ignore[attr-defined]
        raise DraftMoved
    session.refresh(draft, _COLUMNS)
