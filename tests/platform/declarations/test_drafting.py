"""What may be declared, what it is worth, and that it is declared once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from tests.platform.declarations.declared import LIMITS, RULE, facts, publish
from zhixin.declarations import chain, drafting, proofs
from zhixin.declarations.drafting import WrongFacts
from zhixin.declarations.errors import AlreadyDeclared, ProofRefused
from zhixin.declarations.models import Declaration, Proof
from zhixin.declarations.states import IllegalStep, State
from zhixin.errors import Conflict
from zhixin.hours import policies
from zhixin.people.models import Person


def test_hours_follow_the_amount_by_rule(draft: Callable[..., Declaration]) -> None:
    """Three half days at four hours; nobody types hours."""
    assert draft().hours == Decimal(12)
    assert draft(activity="lecture", title="讲座", amount=Decimal(100)).hours == Decimal(2)


@pytest.mark.parametrize(
    ("field", "changes"),
    [
        ("activity", {"activity": "hiking"}),
        ("subject_kind", {"activity": "paper", "subject_kind": "general", "amount": Decimal(1)}),
        ("amount", {"amount": Decimal(5)}),  # two days have four half days
        ("amount", {"amount": Decimal("0.5")}),
        ("amount", {"amount": Decimal("0.001")}),
        ("amount", {"amount": Decimal(0)}),
        ("amount", {"amount": Decimal("NaN")}),
        ("amount", {"amount": Decimal("1e30")}),
        ("amount", {"amount": Decimal("1e9999999")}),
        ("amount", {"activity": "paper", "amount": Decimal(51)}),  # beyond any year's hours
        ("amount", {"activity": "lecture", "amount": Decimal(5)}),  # less than a step
        ("ends_on", {"ends_on": date(2026, 10, 11)}),
        ("ends_on", {"ends_on": date(2026, 11, 24)}),
        ("ends_on", {"starts_on": date(2025, 11, 1), "ends_on": date(2025, 11, 2)}),
        ("title", {"title": "（——）"}),
        ("title", {"title": "长" * 201}),
        ("organiser", {"organiser": " "}),
        ("note", {"note": "长" * 1001}),
    ],
)
def test_what_cannot_be_is_told_at_its_field(
    draft: Callable[..., Declaration], field: str, changes: dict[str, Any]
) -> None:
    """And nothing is written."""
    with pytest.raises(WrongFacts) as refusal:
        draft(**changes)
    assert refusal.value.facts["field"] == field


def test_the_rule_is_that_of_the_activitys_last_day(
    session: Session, city: Any, now: Any, draft: Callable[..., Declaration]
) -> None:
    """A rule from before it or after it says nothing."""
    later = policies.publish(
        session, title="新规则", source="示例", effective_from=date(2026, 10, 14),
        rule=replace(RULE, activities={}), actor_id=None, now=now,
    )  # fmt: skip
    assert draft().policy_id != later.id
    with pytest.raises(WrongFacts):
        draft(starts_on=date(2026, 10, 14), ends_on=date(2026, 10, 14), amount=Decimal(1))


def test_the_rule_is_that_of_the_persons_area(
    session: Session, city: Any, now: Any, draft: Callable[..., Declaration], create_person: Any
) -> None:
    """A bureau with rules of its own has its own activities; elsewhere the city's hold."""
    from zhixin.hours import areas

    own = policies.publish(
        session, title="本部门规则", source="示例", effective_from=date(2016, 1, 1),
        rule=replace(RULE, step=Decimal(8)), actor_id=None, now=now,
        area=areas.of(city.bureau.id),
    )  # fmt: skip
    mine, elsewhere = draft(), draft(by=create_person("carol"), proof="red")
    assert (mine.policy_id, mine.hours) == (own.id, Decimal(8))
    assert elsewhere.hours == Decimal(12)


@pytest.mark.parametrize("title", ["智能制造高级研修班(第二期)", " 智能制造 高级研修班 第二期"])
def test_the_same_activity_is_not_declared_twice(
    draft: Callable[..., Declaration], title: str
) -> None:
    """However it is written; the refusal names the first."""
    first = draft()
    with pytest.raises(AlreadyDeclared) as refusal:
        draft(title=title)
    assert refusal.value.facts["declaration"] == first.id


def test_another_may_have_been_there_too(draft: Callable[..., Declaration], city: Any) -> None:
    """Two people of one course declare it each for themselves."""
    draft()
    assert draft(by=city.bob, proof="red").person_id == city.bob.id


def test_a_draft_does_not_become_another_ones_twin(
    session: Session, draft: Callable[..., Declaration], now: Any
) -> None:
    """Editing is no way round."""
    draft()
    other = draft(title="另一个班", proof="red")
    with pytest.raises(AlreadyDeclared):
        drafting.edit(session, other, facts(), LIMITS, now)


def test_what_was_withdrawn_may_be_declared_anew(
    session: Session, draft: Callable[..., Declaration], now: Any
) -> None:
    """Nobody decided on it."""
    chain.withdraw(session, draft(), LIMITS, now=now)
    assert draft().state == State.DRAFT


def test_a_refused_activity_stays_taken(
    submit: Callable[..., Declaration], draft: Callable[..., Declaration], decide: Any, city: Any
) -> None:
    """Declaring it anew would go round the decision."""
    declined = submit()
    decide(declined, city.handler, "decline", "not-proven")
    with pytest.raises(AlreadyDeclared):
        draft()


def test_the_database_itself_refuses_the_second(
    session: Session, draft: Callable[..., Declaration]
) -> None:
    """Not only Python."""
    first = draft()
    columns = {
        c.key: getattr(first, c.key) for c in sa.inspect(Declaration).columns if c.key != "id"
    }
    with pytest.raises(sa.exc.IntegrityError), session.begin_nested():
        session.execute(sa.insert(Declaration).values(columns))


def test_of_many_at_once_one_is_declared(
    own_engine: sa.Engine, at_once: Callable[[Callable[[int], Any]], list[Any]], now: Any
) -> None:
    """Twenty threads with the same activity: one row, nineteen refusals that name it."""
    with Session(own_engine, expire_on_commit=False) as session:
        person = Person(sign_in_name="alice", password_hash="", name="王", created_at=now)
        session.add(person)
        from zhixin.app import create_app  # the ledger's outbox asks for nothing of it

        assert create_app
        publish(session, now)
        session.commit()

    def declare(_number: int) -> int:
        with Session(own_engine) as session:
            found = session.get_one(Person, person.id)
            made = drafting.create(session, found, facts(), LIMITS, now)
            session.commit()
            return made.id

    outcomes = at_once(declare)
    ids = [each for each in outcomes if isinstance(each, int)]
    assert len(ids) == 1
    refused = [each for each in outcomes if isinstance(each, AlreadyDeclared)]
    assert len(refused) == 19
    assert {each.facts["declaration"] for each in refused} == set(ids)


def test_files_are_few_and_different(draft: Callable[..., Declaration], attach: Any) -> None:
    """At most so many; the same one is no second proof."""
    made = draft()
    with pytest.raises(ProofRefused):
        attach(made, "white")
    attach(made, "red")
    attach(made, "blue")
    with pytest.raises(ProofRefused) as refusal:
        attach(made, "green")
    assert refusal.value.code == "too-many-proofs"


def test_what_is_looked_at_is_not_changed(
    session: Session, submit: Callable[..., Declaration], attach: Any, now: Any
) -> None:
    """Neither its facts nor its files."""
    submitted = submit()
    file = drafting.proofs_of(session, submitted.id)[0]
    for act in (
        lambda: drafting.edit(session, submitted, facts(title="别的"), LIMITS, now),
        lambda: attach(submitted, "red"),
        lambda: drafting.detach(session, submitted, file.id, now),
        lambda: chain.submit(session, submitted, submitted.person, LIMITS, now=now),
    ):
        with pytest.raises(IllegalStep):
            act()


def test_a_file_that_was_submitted_stays_on_record(
    session: Session, submit: Callable[..., Declaration], decide: Any, city: Any, now: Any
) -> None:
    """The learner may replace it; what was decided on is still known. The database keeps it."""
    returned = submit()
    decide(returned, city.handler, "return", "proof-unclear")
    file = drafting.proofs_of(session, returned.id)[0]
    drafting.detach(session, returned, file.id, now)
    assert not drafting.proofs_of(session, returned.id)
    assert session.get_one(Proof, file.id).removed_at == now
    with pytest.raises(sa.exc.IntegrityError), session.begin_nested():
        session.execute(sa.delete(Proof).where(Proof.id == file.id))


def test_a_drafts_files_are_forgotten(
    session: Session, draft: Callable[..., Declaration], now: Any
) -> None:
    """Nobody has looked at them."""
    made = draft()
    chain.withdraw(session, made, LIMITS, now=now)
    assert session.scalar(sa.select(sa.func.count()).select_from(Proof)) == 0


def test_drafts_are_not_hoarded(
    draft: Callable[..., Declaration], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody with too many is told to finish some."""
    monkeypatch.setattr(drafting, "MAX_DRAFTS", 1)
    draft()
    with pytest.raises(Conflict):
        draft(title="另一个", ends_on=date(2026, 10, 13) + timedelta(days=1))


def test_the_proofs_module_bounds_what_is_sent() -> None:
    """The limit is the setting's, in the words of a person."""
    with pytest.raises(ProofRefused, match="1 MB"):
        proofs.check(b"x" * (LIMITS.proof_bytes + 1), LIMITS.proof_bytes)
