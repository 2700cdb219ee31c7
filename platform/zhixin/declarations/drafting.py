"""What a learner writes: an activity, its days, its amount, its proofs. Hours follow by rule."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from zhixin import clock
from zhixin.declarations import fingerprints
from zhixin.declarations.errors import AlreadyDeclared, ProofRefused
from zhixin.declarations.limits import Limits
from zhixin.declarations.models import Declaration, DeclarationStep, Proof
from zhixin.declarations.proofs import Checked
from zhixin.declarations.states import EDITABLE, IllegalStep, State
from zhixin.declarations.storage import ProofStore
from zhixin.errors import Conflict, Invalid, NotFound
from zhixin.hours import awards, policies
from zhixin.hours.models import Policy
from zhixin.hours.rules import Activity, ActivityUnit, SubjectKind
from zhixin.people.models import Person

MAX_TITLE, MAX_NOTE = 200, 1000
MOST_AMOUNT = 1_000_000
#: Unfinished ones that a person may have at once.
MAX_DRAFTS = 20
#: How much of a unit fits into one day.
_IN_A_DAY = {
    ActivityUnit.MINUTES: Decimal(24 * 60),
    ActivityUnit.HALF_DAY: Decimal(2),
    ActivityUnit.DAY: Decimal(1),
}


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What is declared."""

    activity: str
    subject_kind: SubjectKind
    title: str
    organiser: str
    starts_on: date
    ends_on: date
    amount: Decimal
    note: str


@dataclass(frozen=True)
class Worth:
    """What the rule of an activity's last day says of it."""

    policy: Policy
    activity: Activity
    hours: Decimal


class WrongFacts(Invalid):
    """A field that cannot be as it is; ``facts['field']`` names it."""

    code = "declaration-facts"
    title = "申报内容有误"


def activities(session: Session, person_id: int, on: date) -> Sequence[Activity]:
    """What a person may declare by the rule of a day."""
    policy = policies.find_of_person(session, person_id, on)
    return list(policies.rule(policy).activities.values()) if policy else []


def worth(
    session: Session,
    person_id: int,
    facts: Facts,
    limits: Limits,
    now: datetime,
    asked_at: datetime | None = None,
) -> Worth:
    """What the activity gives, by the rule in force for the person on its last day.

    Args:
        asked_at: when it was first submitted, if it was: a desk's time is not the learner's.

    Raises:
        WrongFacts: what was written cannot be.
    """
    _check_days(facts, limits, clock.local(now).date(), clock.local(asked_at or now).date())
    policy = policies.find_of_person(session, person_id, facts.ends_on)
    if policy is None:
        raise WrongFacts("那一天没有适用的学时规则，不能申报", field="ends_on")
    rule = policies.rule(policy)
    activity = rule.activities.get(facts.activity)
    if activity is None:
        raise WrongFacts("活动当日的学时规则没有这类活动，请重新选择", field="activity")
    if facts.subject_kind not in activity.subject_kinds:
        raise WrongFacts("这类活动不能计入所选科目", field="subject_kind")
    days = (facts.ends_on - facts.starts_on).days + 1
    in_a_day = _IN_A_DAY.get(activity.unit)
    if in_a_day is not None and facts.amount > in_a_day * days:
        raise WrongFacts("数量超过了这些日期能容纳的", field="amount")
    try:
        hours = rule.activity_hours(facts.activity, facts.amount)
    except Invalid as error:
        raise WrongFacts(error.message, field="amount") from error
    if hours > awards.MOST_HOURS:
        raise WrongFacts(f"一项活动不能超过 {awards.MOST_HOURS} 学时，请核对数量", field="amount")
    if hours <= 0:
        raise WrongFacts("按规则折算不足一个学时单位，不能申报", field="amount")
    return Worth(policy, activity, hours)


def _check_days(facts: Facts, limits: Limits, today: date, asked_on: date) -> None:
    if facts.ends_on < facts.starts_on:
        raise WrongFacts("结束日期不能早于开始日期", field="ends_on")
    if facts.ends_on > today:
        raise WrongFacts("活动结束以后才能申报", field="ends_on")
    if facts.ends_on < asked_on - timedelta(days=limits.declaration_days):
        raise WrongFacts(f"活动结束超过 {limits.declaration_days} 天，不能再申报", field="ends_on")


def _checked(facts: Facts) -> dict[str, Any]:
    """The facts as columns."""
    title, organiser = " ".join(facts.title.split()), " ".join(facts.organiser.split())
    for field, text in (("title", title), ("organiser", organiser)):
        if not fingerprints.plain(text) or len(text) > MAX_TITLE or not text.isprintable():
            raise WrongFacts(f"请填写名称，不超过 {MAX_TITLE} 个字符", field=field)
    note = facts.note.strip()
    if len(note) > MAX_NOTE:
        raise WrongFacts(f"说明不超过 {MAX_NOTE} 个字符", field="note")
    amount = facts.amount
    if not amount.is_finite() or not 0 < amount <= MOST_AMOUNT or amount * 100 % 1:
        raise WrongFacts("数量应为正数，最多两位小数", field="amount")
    return asdict(facts) | {"title": title, "organiser": organiser, "note": note}


def first_asked(session: Session, declaration: Declaration) -> datetime | None:
    """When it was first submitted; None: never."""
    return session.scalar(
        sa.select(DeclarationStep.at).where(
            DeclarationStep.declaration_id == declaration.id, DeclarationStep.number == 1
        )
    )


def _columns(
    session: Session,
    person_id: int,
    facts: Facts,
    limits: Limits,
    now: datetime,
    asked_at: datetime | None = None,
) -> dict[str, Any]:
    checked = _checked(facts)
    found = worth(session, person_id, facts, limits, now, asked_at)
    return checked | {
        "activity_name": found.activity.name,
        "unit": found.activity.unit.value,
        "fingerprint": fingerprints.fingerprint(
            person_id, facts.activity, facts.starts_on, facts.ends_on, facts.title
        ),
        "hours": found.hours,
        "policy_id": found.policy.id,
        "changed_at": now,
    }


def create(
    session: Session, person: Person, facts: Facts, limits: Limits, now: datetime
) -> Declaration:
    """A new draft of ``person``.

    Raises:
        WrongFacts: what was written cannot be.
        AlreadyDeclared: the same activity was, and was not withdrawn.
    """
    drafts = sa.select(sa.func.count()).where(
        Declaration.person_id == person.id, Declaration.state == State.DRAFT
    )
    if (session.scalar(drafts) or 0) >= MAX_DRAFTS:
        raise Conflict("未提交的申报过多，请先提交或删除一些", code="too-many-drafts")
    declaration = Declaration(
        person_id=person.id,
        state=State.DRAFT,
        last_step=0,
        organisation_id=person.employer_id,
        created_at=now,
        **_columns(session, person.id, facts, limits, now),
    )
    try:
        with session.begin_nested():
            session.add(declaration)
    except IntegrityError as error:
        raise _already(session, person.id, declaration.fingerprint) from error
    return declaration


def edit(
    session: Session, declaration: Declaration, facts: Facts, limits: Limits, now: datetime
) -> None:
    """Change a draft, or what was returned.

    Raises:
        IllegalStep: it is being looked at, or decided.
        WrongFacts, AlreadyDeclared: as for a new one.
    """
    asked_at = first_asked(session, declaration)
    columns = _columns(session, declaration.person_id, facts, limits, now, asked_at)
    open_for_change(session, declaration, now)
    try:
        with session.begin_nested():
            for name, value in columns.items():
                setattr(declaration, name, value)
    except IntegrityError as error:
        raise _already(session, declaration.person_id, columns["fingerprint"]) from error


def _already(session: Session, person_id: int, fingerprint: str) -> AlreadyDeclared:
    there = session.scalar(
        sa.select(Declaration.id).where(
            Declaration.person_id == person_id,
            Declaration.fingerprint == fingerprint,
            Declaration.state != State.WITHDRAWN,
        )
    )
    return AlreadyDeclared(declaration=there)


def open_for_change(session: Session, declaration: Declaration, now: datetime) -> None:
    """Hold the row, so that nobody submits what is being changed.

    Raises:
        IllegalStep: it is not the learner's to change.
    """
    held = session.execute(
        sa.update(Declaration)
        .where(Declaration.id == declaration.id, Declaration.state.in_(EDITABLE))
        .values(changed_at=now)
    )
    if held.rowcount != 1:  # type: ignore[attr-defined]
        raise IllegalStep("申报已提交或已办结，不能修改", state=declaration.state)


def facts_of(declaration: Declaration) -> Facts:
    """What is declared, as a value."""
    return Facts(
        activity=declaration.activity,
        subject_kind=SubjectKind(declaration.subject_kind),
        title=declaration.title,
        organiser=declaration.organiser,
        starts_on=declaration.starts_on,
        ends_on=declaration.ends_on,
        amount=declaration.amount,
        note=declaration.note,
    )


def attach(
    session: Session,
    declaration: Declaration,
    store: ProofStore,
    checked: Checked,
    file_name: str,
    *,
    limits: Limits,
    now: datetime,
) -> Proof:
    """Add a file that proves the declaration.

    Raises:
        ProofRefused: there are enough, or it is there already.
        IllegalStep: it is being looked at, or decided.
    """
    open_for_change(session, declaration, now)
    there = proofs_of(session, declaration.id)
    if len(there) >= limits.proof_files:
        raise ProofRefused(f"最多 {limits.proof_files} 个文件", code="too-many-proofs")
    if any(proof.sent_sha256 == checked.sent_sha256 for proof in there):
        raise ProofRefused("这个文件已经上传过了", code="proof-twice")
    proof = Proof(
        declaration_id=declaration.id,
        sha256=store.keep(checked.content),
        sent_sha256=checked.sent_sha256,
        media_type=checked.media_type,
        bytes=len(checked.content),
        file_name=file_name,
        added_at=now,
    )
    session.add(proof)
    session.flush()
    return proof


def detach(session: Session, declaration: Declaration, proof_id: int, now: datetime) -> None:
    """Take a file away. One that was submitted stays on record: somebody decided on it.

    Raises:
        NotFound: this declaration has no such file.
    """
    open_for_change(session, declaration, now)
    proof = next((p for p in proofs_of(session, declaration.id) if p.id == proof_id), None)
    if proof is None:
        raise NotFound
    if declaration.last_step:
        proof.removed_at = now
    else:
        session.delete(proof)
    session.flush()


def proof_needed(declaration: Declaration) -> bool:
    """Does the rule ask for a file? The policy must be loaded with the declaration."""
    activity = policies.rule(declaration.policy).activities.get(declaration.activity)
    return activity is None or activity.proof_needed


def proofs_of(session: Session, declaration_id: int) -> Sequence[Proof]:
    """The files of a declaration, in their order, without those taken away."""
    return session.scalars(
        sa.select(Proof)
        .where(Proof.declaration_id == declaration_id, Proof.removed_at.is_(None))
        .order_by(Proof.id)
    ).all()
