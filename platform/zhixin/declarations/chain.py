"""The way of a declaration: learner → employer → bureau → hours. Every step is a row that stays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from zhixin import acts, clock
from zhixin.declarations import desks, drafting, evidence, likeness, reasons
from zhixin.declarations.errors import OwnDeclaration, SecondPerson
from zhixin.declarations.limits import Limits
from zhixin.declarations.models import Declaration, DeclarationStep, Proof
from zhixin.declarations.states import Desk, IllegalStep, State, Transition, advance
from zhixin.errors import Invalid
from zhixin.hours import awards
from zhixin.hours.rules import SubjectKind
from zhixin.people.models import Person


@dataclass(frozen=True)
class Actor:
    """Who takes a step, for which desk, and from where. No id: the rule."""

    id: int | None
    desk: Desk
    address: str | None = None


def submit(
    session: Session, declaration: Declaration, person: Person, limits: Limits, *,
    address: str | None = None, now: datetime,
) -> None:  # fmt: skip
    """Hand a draft, or what was returned, to the employer; to the bureau if no employer looks.

    Raises:
        Invalid: the activity asks for proof, or its facts no longer hold.
        IllegalStep: it was submitted already.
    """
    drafting.open_for_change(session, declaration, now)
    asked_at = drafting.first_asked(session, declaration)
    stated = drafting.facts_of(declaration)
    found = drafting.worth(session, person.id, stated, limits, now, asked_at)
    files = drafting.proofs_of(session, declaration.id)
    if found.activity.proof_needed and not files:
        raise Invalid("请先上传证明材料", code="proof-needed")
    looks = desks.employer_looks(session, person)
    changes: dict[str, Any] = {
        "hours": found.hours,
        "policy_id": found.policy.id,
        "organisation_id": person.employer_id,
        "employer_id": person.employer_id if looks else None,
    }
    transition = Transition.SUBMIT if looks else Transition.SUBMIT_DIRECTLY
    _take(
        session, declaration, transition, Actor(person.id, Desk.LEARNER, address), limits, now,
        facts=evidence.facts(declaration, files, found), changes=changes,
    )  # fmt: skip


def withdraw(
    session: Session, declaration: Declaration, limits: Limits, *,
    address: str | None = None, now: datetime,
) -> None:  # fmt: skip
    """Take a declaration back before it is decided; a draft's files are forgotten."""
    if declaration.state == State.DRAFT:
        session.execute(sa.delete(Proof).where(Proof.declaration_id == declaration.id))
    actor = Actor(declaration.person_id, Desk.LEARNER, address)
    _take(session, declaration, Transition.WITHDRAW, actor, limits, now)


def appeal(
    session: Session, declaration: Declaration, words: str, limits: Limits, *,
    address: str | None = None, now: datetime,
) -> None:  # fmt: skip
    """Ask the bureau about what the employer declined.

    Raises:
        Invalid: without a word why.
    """
    if not words.strip():
        raise Invalid("请写明申诉理由，主管部门会看到", code="words-needed")
    actor = Actor(declaration.person_id, Desk.LEARNER, address)
    _take(session, declaration, Transition.APPEAL, actor, limits, now, words=words)


def decide(
    session: Session,
    declaration: Declaration,
    transition: Transition,
    actor: Person,
    *,
    reason: str = "",
    words: str = "",
    seen: int,
    sampling_seed: str,
    limits: Limits,
    address: str | None = None,
    now: datetime,
) -> None:
    """A desk endorses, verifies, returns, declines or refuses.

    Args:
        reason: a code of ``reasons.REASONS``; needed for a no.
        seen: number of the last step that the actor saw; it must still be the last.

    Raises:
        OwnDeclaration, SecondPerson: not by this person.
        Invalid: a no without its reason.
        IllegalStep: it was changed or decided meanwhile.
    """
    if actor.id == declaration.person_id:
        raise OwnDeclaration
    if seen != declaration.last_step:
        raise IllegalStep
    desk = desks.desk_for(session, actor, declaration, transition)
    if desk is Desk.BUREAU and _spoke_for_employer(session, declaration.id, actor.id):
        raise SecondPerson
    reason, words = reasons.checked(transition, reason, words)
    _take(
        session, declaration, transition, Actor(actor.id, desk, address), limits, now,
        reason=reason, words=words, sampling_seed=sampling_seed,
    )  # fmt: skip


def escalate(session: Session, limits: Limits, now: datetime) -> int:
    """What employers left beyond their day may be decided by the bureau as well; how many."""
    overdue = session.scalars(
        sa.select(Declaration)
        .where(Declaration.state == State.SUBMITTED, Declaration.due_on < clock.local(now).date())
        .order_by(Declaration.due_on, Declaration.id)
        .limit(500)
    ).all()
    done = 0
    for declaration in overdue:
        try:
            _take(session, declaration, Transition.ESCALATE, Actor(None, Desk.RULE), limits, now)
            done += 1
        except IllegalStep:
            continue  # decided, or escalated by another sweeper, just now
    return done


def steps_of(session: Session, declaration_id: int) -> Sequence[DeclarationStep]:
    """The way so far, in its order."""
    return session.scalars(
        sa.select(DeclarationStep)
        .where(DeclarationStep.declaration_id == declaration_id)
        .order_by(DeclarationStep.number)
    ).all()


def _spoke_for_employer(session: Session, declaration_id: int, person_id: int) -> bool:
    said = sa.select(DeclarationStep.id).where(
        DeclarationStep.declaration_id == declaration_id,
        DeclarationStep.actor_id == person_id,
        DeclarationStep.transition.in_((Transition.ENDORSE, Transition.DECLINE)),
    )
    return bool(session.scalar(sa.select(said.exists())))


def _due(transition: Transition, limits: Limits, today: date) -> date | None:
    """Until when whoever has it next is in time."""
    if transition is Transition.SUBMIT:
        return today + timedelta(days=limits.employer_days)
    to_bureau = (
        Transition.ENDORSE, Transition.SUBMIT_DIRECTLY, Transition.ESCALATE, Transition.APPEAL,
    )  # fmt: skip
    return today + timedelta(days=limits.bureau_days) if transition in to_bureau else None


def _take(
    session: Session,
    declaration: Declaration,
    transition: Transition,
    actor: Actor,
    limits: Limits,
    now: datetime,
    *,
    reason: str = "",
    words: str = "",
    facts: dict[str, Any] | None = None,
    changes: dict[str, Any] | None = None,
    sampling_seed: str = "",
) -> None:
    """Take one step: its row, the state that comes of it, the hours if it is the last."""
    after = advance(State(declaration.state), transition, actor.desk)
    number = _claim(session, declaration)
    due_on = _due(transition, limits, clock.local(now).date())
    step = DeclarationStep(
        declaration_id=declaration.id, number=number, at=now, desk=actor.desk, actor_id=actor.id,
        transition=transition, reason=reason, words=words.strip()[: reasons.MAX_WORDS],
        due_on=due_on, facts=facts,
    )  # fmt: skip
    session.add(step)
    session.flush()
    values = {"state": after, "due_on": due_on, "changed_at": now} | (changes or {})
    if after in (State.ENDORSED, State.ESCALATED) and declaration.bureau_at is None:
        values["bureau_at"] = now
    if after is State.VERIFIED:
        values["award_id"] = _award(session, declaration, sampling_seed, now)
    session.execute(sa.update(Declaration).where(Declaration.id == declaration.id).values(values))
    session.refresh(declaration)
    acts.note(
        session, actor_id=actor.id, act=transition.value, object_kind="declaration",
        object_id=declaration.id, reason=reason or None, address=actor.address, now=now,
    )  # fmt: skip


def _claim(session: Session, declaration: Declaration) -> int:
    """Number of the next step; of two who want to take it, one gets it."""
    number = declaration.last_step + 1
    claimed = session.execute(
        sa.update(Declaration)
        .where(
            Declaration.id == declaration.id,
            Declaration.state == declaration.state,
            Declaration.last_step == declaration.last_step,
        )
        .values(last_step=number)
        .execution_options(synchronize_session=False)
    )
    if claimed.rowcount != 1:  # type: ignore[attr-defined]
        raise IllegalStep
    return number


def _award(session: Session, declaration: Declaration, sampling_seed: str, now: datetime) -> int:
    """The hours, through the one door."""
    steps = steps_of(session, declaration.id)
    files = drafting.proofs_of(session, declaration.id)
    alike = likeness.of(session, declaration)
    given = awards.award(
        session,
        person_id=declaration.person_id,
        source=awards.Source(
            kind="declaration",
            id=declaration.id,
            version=1,
            title=declaration.title,
            field_code=None,
            subject_kind=SubjectKind(declaration.subject_kind),
            hours=declaration.hours,
            policy_id=declaration.policy_id,
            activity=declaration.activity,
            day=declaration.ends_on,
        ),
        evidence=evidence.document(session, declaration, files, steps, alike),
        flags=alike.flags,
        sampling_seed=sampling_seed,
        now=now,
    )
    return given.id
