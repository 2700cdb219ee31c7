"""Learner → employer → bureau → hours, with deadlines, reasons and second persons."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa
from flask import current_app
from sqlalchemy.orm import Session

from tests.platform.declarations.declared import LIMITS, facts
from zhixin import clock, db
from zhixin.audit.models import Trace
from zhixin.declarations import chain, drafting, likeness, tasks
from zhixin.declarations.errors import OwnDeclaration, SecondPerson
from zhixin.declarations.models import Declaration, DeclarationStep
from zhixin.declarations.states import IllegalStep, State
from zhixin.errors import Invalid, NotFound
from zhixin.hours import awards, evidence, years
from zhixin.hours.models import Award
from zhixin.hours.states import State as AwardState
from zhixin.ledger import log
from zhixin.ledger.keys import Signer
from zhixin.ledger.models import Entry, EntryKind
from zhixin.people import accounts
from zhixin.people.models import Role

Submit = Callable[..., Declaration]


def test_the_whole_way_ends_in_the_ledger(
    session: Session, submit: Submit, decide: Any, city: Any, now: Any
) -> None:
    """Submitted, endorsed, verified: one award, in the log, in the year of the activity."""
    declaration = submit()
    assert declaration.state == State.SUBMITTED
    assert declaration.due_on == date(2026, 11, 30)
    decide(declaration, city.handler, "endorse", words="属实")
    assert declaration.state == State.ENDORSED
    assert declaration.due_on == date(2026, 12, 8)
    decide(declaration, city.reviewer, "verify")
    assert declaration.state == State.VERIFIED
    given = session.get_one(Award, declaration.award_id)
    assert (given.source_kind, given.source_id, given.activity) == (
        "declaration", declaration.id, "training",
    )  # fmt: skip
    assert (given.hours, given.day, given.year) == (Decimal(12), date(2026, 10, 13), 2026)
    assert given.state == AwardState.VERIFIED
    log.append_waiting(session, Signer.of(current_app.extensions["settings"]), now)
    awards.mark_recorded(session)
    entry = session.scalars(sa.select(Entry).where(Entry.kind == EntryKind.AWARD)).one()
    assert declaration.title not in entry.body, "a learner's own words may name somebody"
    year = years.of(session, city.alice.id, 2026, clock.local(now).date())
    assert year.standing.total.counted == Decimal(12)


def test_the_evidence_names_files_and_decisions_and_nobody(
    session: Session, submit: Submit, decide: Any, city: Any
) -> None:
    """People by their ids; files by their SHA-256; every step with its words."""
    declaration = submit()
    decide(declaration, city.handler, "endorse", words="属实")
    decide(declaration, city.reviewer, "verify")
    award = session.get_one(Award, declaration.award_id)
    document = evidence.load(session, award.evidence_sha256)
    assert document["source"] == "declaration"
    steps = [(step["transition"], step["actor_id"]) for step in document["steps"]]
    assert steps == [
        ("submit", city.alice.id), ("endorse", city.handler.id), ("verify", city.reviewer.id),
    ]  # fmt: skip
    file = drafting.proofs_of(session, declaration.id)[0]
    assert document["proofs"][0]["sha256"] == file.sha256
    assert "王小明" not in str(document)
    assert "经办人" not in str(document)


def test_without_an_employer_it_goes_to_the_bureau(
    submit: Submit, create_person: Any, city: Any
) -> None:
    """Nobody could look at it before."""
    carol = create_person("carol")
    assert submit(by=carol).state == State.ENDORSED


def test_an_employer_without_a_handler_is_passed_over(
    session: Session, submit: Submit, city: Any
) -> None:
    """A handler whose account is closed is none, and nobody is their own."""
    assert submit().state == State.SUBMITTED
    city.handler.active = False
    assert submit(title="另一个", proof="red").state == State.ENDORSED
    city.handler.active = True
    accounts.grant(session, city.handler, Role.LEARNER)
    city.handler.employer = city.employer
    assert submit(by=city.handler, proof="blue").state == State.ENDORSED


def test_a_handler_of_a_whole_bureau_looks_for_its_employers(
    session: Session, submit: Submit, city: Any, create_person: Any
) -> None:
    """A role holds for all that is below its organisation."""
    city.handler.active = False
    create_person("above", Role.EMPLOYER, within=city.bureau)
    assert submit().state == State.SUBMITTED


def test_proof_is_needed_where_the_rule_says_so(
    session: Session, draft: Any, city: Any, now: Any
) -> None:
    """Without a file nothing is handed in; a lecture needs none."""
    with pytest.raises(Invalid) as refusal:
        chain.submit(session, draft(proof=None), city.alice, LIMITS, now=now)
    assert refusal.value.code == "proof-needed"
    lecture = draft(activity="lecture", amount=Decimal(90), title="讲座", proof=None)
    chain.submit(session, lecture, city.alice, LIMITS, now=now)
    assert lecture.state == State.SUBMITTED


@pytest.mark.parametrize("step", ["return", "decline"])
@pytest.mark.parametrize(("reason", "words"), [("", ""), ("nonsense", "话"), ("other", " ")])
def test_a_no_needs_its_reason(
    submit: Submit, decide: Any, city: Any, step: str, reason: str, words: str
) -> None:
    """From the list; "other" in words."""
    with pytest.raises(Invalid):
        decide(submit(), city.handler, step, reason, words)


def test_the_database_refuses_a_no_without_reason(
    session: Session, submit: Submit, city: Any, now: Any
) -> None:
    """Whoever writes it."""
    step = {
        "declaration_id": submit().id, "number": 9, "at": now, "desk": "employer",
        "actor_id": city.handler.id, "transition": "refuse", "reason": "", "words": "",
    }  # fmt: skip
    with pytest.raises(sa.exc.IntegrityError), session.begin_nested():
        session.execute(sa.insert(DeclarationStep).values(step))


def test_steps_are_not_rewritten(session: Session, submit: Submit) -> None:
    """What was decided stays decided."""
    submit()
    for change in (sa.update(DeclarationStep).values(words="改"), sa.delete(DeclarationStep)):
        with pytest.raises(sa.exc.IntegrityError), session.begin_nested():
            session.execute(change)


def test_what_was_returned_is_mended_and_goes_the_way_again(
    session: Session, submit: Submit, decide: Any, city: Any, now: Any
) -> None:
    """The history keeps what was submitted first."""
    declaration = submit()
    decide(declaration, city.handler, "return", "wrong-amount", "应为两个半天")
    assert declaration.due_on is None
    drafting.edit(session, declaration, facts(amount=Decimal(2)), LIMITS, now)
    chain.submit(session, declaration, city.alice, LIMITS, now=now)
    steps = chain.steps_of(session, declaration.id)
    assert [step.transition for step in steps] == ["submit", "return", "submit"]
    assert [step.facts["amount"] for step in steps if step.facts] == ["3", "2"]
    assert declaration.hours == Decimal(8)


def test_a_desks_delay_is_not_the_learners(
    session: Session, submit: Submit, decide: Any, city: Any, now: Any
) -> None:
    """Whoever asked in time may mend it when the time to ask is over."""
    declaration = submit()
    decide(declaration, city.handler, "return", "wrong-amount")
    much_later = now + timedelta(days=400)
    drafting.edit(session, declaration, facts(amount=Decimal(2)), LIMITS, much_later)
    chain.submit(session, declaration, city.alice, LIMITS, now=much_later)
    assert declaration.state == State.SUBMITTED


def test_an_employers_no_may_be_taken_to_the_bureau(
    session: Session, submit: Submit, decide: Any, city: Any, now: Any
) -> None:
    """With a reason; the bureau's word is the last."""
    declaration = submit()
    decide(declaration, city.handler, "decline", "not-learning")
    with pytest.raises(Invalid):
        chain.appeal(session, declaration, " ", LIMITS, now=now)
    chain.appeal(session, declaration, "主办单位是学会", LIMITS, now=now)
    assert declaration.state == State.ENDORSED
    decide(declaration, city.reviewer, "refuse", "not-learning")
    with pytest.raises(IllegalStep):
        chain.appeal(session, declaration, "再看看", LIMITS, now=now)


def test_nobody_decides_on_their_own(
    session: Session, submit: Submit, decide: Any, city: Any, create_person: Any
) -> None:
    """Although they may see it at their desk."""
    create_person("second", Role.EMPLOYER, within=city.employer)
    city.handler.employer = city.employer
    declaration = submit(by=city.handler)
    assert declaration.state == State.SUBMITTED
    with pytest.raises(OwnDeclaration):
        decide(declaration, city.handler, "endorse")


def test_two_people_decide(session: Session, submit: Submit, decide: Any, city: Any) -> None:
    """Who spoke for the employer does not speak for the bureau."""
    accounts.grant(session, city.handler, Role.BUREAU, city.bureau)
    declaration = submit()
    decide(declaration, city.handler, "endorse")
    with pytest.raises(SecondPerson):
        decide(declaration, city.handler, "verify")


@pytest.mark.parametrize(("who", "step"), [("handler", "verify"), ("reviewer", "endorse")])
def test_a_desk_does_its_own_steps_alone(
    submit: Submit, decide: Any, city: Any, who: str, step: str
) -> None:
    """An employer verifies nothing, a bureau does not endorse for it."""
    with pytest.raises(IllegalStep):
        decide(submit(), getattr(city, who), step)


def test_what_changed_meanwhile_is_not_decided(
    session: Session, submit: Submit, decide: Any, city: Any, now: Any
) -> None:
    """A page that was opened before it was mended shows what is no longer declared."""
    declaration = submit()
    seen = declaration.last_step
    decide(declaration, city.handler, "return", "wrong-amount")
    drafting.edit(session, declaration, facts(amount=Decimal(4)), LIMITS, now)
    chain.submit(session, declaration, city.alice, LIMITS, now=now)
    with pytest.raises(IllegalStep):
        decide(declaration, city.handler, "endorse", seen=seen)


def test_an_employer_that_is_late_no_longer_holds_it_up(
    session: Session, submit: Submit, decide: Any, city: Any, now: Any
) -> None:
    """After its day the bureau may decide as well; marking it twice does nothing."""
    declaration = submit()
    on_the_day, after = now + timedelta(days=7), now + timedelta(days=8)
    assert chain.escalate(session, LIMITS, on_the_day) == 0
    with pytest.raises(IllegalStep):
        decide(declaration, city.reviewer, "verify")
    assert chain.escalate(session, LIMITS, after) == 1
    assert chain.escalate(session, LIMITS, after) == 0
    session.refresh(declaration)
    assert declaration.state == State.ESCALATED
    assert declaration.due_on == date(2026, 12, 16)
    decide(declaration, city.reviewer, "verify")
    assert declaration.state == State.VERIFIED


def test_a_late_employer_may_still_say_yes(
    session: Session, submit: Submit, decide: Any, city: Any, now: Any
) -> None:
    """Late is not never."""
    declaration = submit()
    chain.escalate(session, LIMITS, now + timedelta(days=8))
    session.refresh(declaration)
    decide(declaration, city.handler, "endorse")
    assert declaration.state == State.ENDORSED


def test_the_sweeper_is_a_job(session: Session, submit: Submit) -> None:
    """It finds the row by itself."""
    declaration = submit()
    declaration.due_on = clock.local(clock.now()).date() - timedelta(days=1)
    session.commit()
    tasks.escalate()
    db.session().expire_all()
    assert db.session().get_one(Declaration, declaration.id).state == State.ESCALATED


def test_a_learner_takes_it_back_until_it_is_decided(
    session: Session, submit: Submit, decide: Any, city: Any, now: Any
) -> None:
    """Not afterwards."""
    first, second = submit(), submit(title="另一个", proof="red")
    chain.withdraw(session, first, LIMITS, now=now)
    assert first.state == State.WITHDRAWN
    decide(second, city.handler, "endorse")
    decide(second, city.reviewer, "verify")
    with pytest.raises(IllegalStep):
        chain.withdraw(session, second, LIMITS, now=now)


def test_every_step_is_on_the_trail(
    session: Session, submit: Submit, decide: Any, city: Any
) -> None:
    """Who did what to which declaration."""
    declaration = submit()
    decide(declaration, city.handler, "return", "proof-unclear")
    traces = session.scalars(
        sa.select(Trace).where(Trace.object_kind == "declaration").order_by(Trace.id)
    ).all()
    assert [(each.act, each.actor_id, each.object_id) for each in traces] == [
        ("submit", city.alice.id, str(declaration.id)),
        ("return", city.handler.id, str(declaration.id)),
    ]


def test_of_many_deciders_at_once_one_decides(
    own_engine: sa.Engine, at_once: Callable[[Callable[[int], Any]], list[Any]], app: Any, now: Any
) -> None:
    """Twenty endorse at once: one step, and the state that comes of it."""
    from tests.platform.declarations.declared import publish
    from zhixin.people.models import OrganisationKind, Person

    with app.app_context(), Session(own_engine, expire_on_commit=False) as session:
        publish(session, now)
        employer = accounts.organisation(session, OrganisationKind.EMPLOYER, "单位")
        people = [
            Person(sign_in_name=name, password_hash="", name=name, created_at=now, active=True,
                   employer=employer)
            for name in ("alice", "handler")
        ]  # fmt: skip
        session.add_all(people)
        session.flush()
        accounts.grant(session, people[1], Role.EMPLOYER, employer)
        made = drafting.create(
            session, people[0], facts(activity="lecture", amount=Decimal(90)), LIMITS, now
        )
        chain.submit(session, made, people[0], LIMITS, now=now)
        session.commit()

    def endorse(_number: int) -> str:
        with app.app_context(), Session(own_engine) as session:
            from zhixin.declarations.states import Transition

            chain.decide(
                session, session.get_one(Declaration, made.id), Transition.ENDORSE,
                session.get_one(Person, people[1].id), seen=1, sampling_seed="", limits=LIMITS,
                now=now,
            )  # fmt: skip
            session.commit()
            return "endorsed"

    outcomes = at_once(endorse)
    assert outcomes.count("endorsed") == 1
    assert sum(isinstance(each, IllegalStep) for each in outcomes) == 19
    with Session(own_engine) as session:
        assert session.scalar(sa.select(sa.func.count()).select_from(DeclarationStep)) == 2


def test_what_looks_alike_is_shown_and_refused_by_nobody(
    session: Session, submit: Submit, decide: Any, city: Any, now: Any
) -> None:
    """Same days, or somebody else's file: the deciders see it, and the auditor after them."""
    first = submit()
    same_days = submit(
        title="另一个班", starts_on=date(2026, 10, 13), amount=Decimal(2), proof="red"
    )
    same_file = submit(by=city.bob, proof="white")
    assert likeness.of(session, same_days).overlapping == {first.id}
    assert likeness.of(session, same_file).reusing == {first.id}
    marks = likeness.marks(session, [first, same_days, same_file])
    assert marks[same_days.id] == ["same-days"]
    assert marks[same_file.id] == ["same-proof"]
    assert set(marks[first.id]) == {"same-days", "same-proof"}
    decide(same_file, city.handler, "endorse")
    decide(same_file, city.reviewer, "verify")
    award = session.get_one(Award, same_file.award_id)
    assert (award.flags, award.state) == (["same-proof"], AwardState.EARNED)


def test_drafts_and_what_was_withdrawn_look_like_nothing(
    session: Session, draft: Any, submit: Submit, now: Any
) -> None:
    """Nobody was asked to count them."""
    draft(title="草稿")
    chain.withdraw(session, submit(title="撤回", proof="white"), LIMITS, now=now)
    alike = likeness.of(session, submit())
    assert (alike.overlapping, alike.reusing) == (frozenset(), frozenset())


def test_a_bureau_sees_what_came_to_it(
    session: Session, submit: Submit, decide: Any, city: Any, create_person: Any
) -> None:
    """Of its own employers; people without one are the city's."""
    from zhixin.declarations import desks
    from zhixin.people.models import OrganisationKind

    elsewhere = accounts.organisation(session, OrganisationKind.BUREAU, "别处")
    stranger = create_person("stranger", Role.BUREAU, within=elsewhere)
    everywhere = create_person("everywhere", Role.BUREAU)
    declaration, free = submit(), submit(by=create_person("carol"), proof="red")
    for person in (city.reviewer, everywhere):
        with pytest.raises(NotFound):
            desks.get(session, person, declaration.id)
    decide(declaration, city.handler, "endorse")
    assert desks.get(session, city.reviewer, declaration.id)
    assert desks.get(session, everywhere, free.id)
    for person, number in ((stranger, declaration.id), (city.reviewer, free.id)):
        with pytest.raises(NotFound):
            desks.get(session, person, number)
