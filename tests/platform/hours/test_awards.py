"""Hours are given once, decided once, and entered in the ledger with the decision."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from zhixin import db
from zhixin.errors import Invalid, NotAllowed
from zhixin.hours import awards, evidence
from zhixin.hours.models import Award, Evidence
from zhixin.hours.rules import Verification
from zhixin.hours.states import IllegalTransition, State, Transition
from zhixin.ledger import log
from zhixin.ledger.models import Submission
from zhixin.people.models import Person, Role

from .conftest import by_hand, make_policy, make_source


@pytest.fixture
def auditor(create_person):
    return create_person("auditor", Role.AUDITOR)


@pytest.fixture
def earned(give, session, now):
    """An award that waits for a person."""
    return give(under=make_policy(session, now, verification=by_hand()))


def decide(session, award, transition, actor, now, reason=None):
    actor_id = actor.id if actor else None
    awards.decide(session, award, transition, actor_id=actor_id, reason=reason, now=now)


def facts(session, key):
    body = session.scalars(sa.select(Submission.body).where(Submission.key == key)).one()
    return json.loads(body)


def test_clean_evidence_is_verified_by_rule(give):
    """Where the policy says so, nobody needs to look; the reason names the rule."""
    award = give()
    assert award.state == State.VERIFIED
    assert award.decided_by_id is None
    assert award.reason == "证据完整，按规则核验（示例规则，第 1 版）"


def test_flagged_evidence_waits_for_a_person(give):
    """What is not clean is never verified, and never rejected, by a rule alone."""
    award = give(flags=("overlap",))
    assert (award.state, award.flags, award.submission_id) == (State.EARNED, ["overlap"], None)


def test_a_sampled_award_waits_for_a_person(give, session, now):
    """The draw picks clean awards, too."""
    everyone = Verification(auto=True, sample_percent=Decimal(100))
    award = give(under=make_policy(session, now, verification=everyone))
    assert (award.state, award.sampled) == (State.EARNED, True)


def test_without_automatic_verification_everything_waits(earned):
    """A policy may want a person for every award."""
    assert (earned.state, earned.sampled) == (State.EARNED, False)


def test_a_second_award_is_the_first(give, session):
    """The same course in the same year gives nothing more."""
    first = give()
    second = give(version=2, hours=Decimal(9))
    assert (second.id, second.hours) == (first.id, Decimal("4.5"))
    assert session.scalar(sa.select(sa.func.count()).select_from(Award)) == 1


def test_the_database_refuses_a_second_award(give, session):
    """Not only Python: the partial unique index is the law."""
    first = give()
    columns = [c.name for c in Award.__table__.columns if c.name not in ("id", "submission_id")]
    names = ", ".join(columns)
    with pytest.raises(IntegrityError, match=r"uq_award_in_force|award\.person_id"):
        session.execute(
            sa.text(f"INSERT INTO award ({names}) SELECT {names} FROM award WHERE id = {first.id}")
        )


@pytest.mark.parametrize(
    ("at", "year"),
    [
        (datetime(2026, 12, 31, 15, 59, 59, tzinfo=UTC), 2026),  # 23:59:59 in Shanghai
        (datetime(2026, 12, 31, 16, 0, 0, tzinfo=UTC), 2027),  # 00:00:00 in Shanghai
    ],
)
def test_the_year_turns_in_shanghai(give, at, year):
    """31 December 23:59 and 1 January 00:00 on the city's clock are two years."""
    assert give(at=at).year == year


def test_twenty_at_once_are_awarded_once(own_engine, at_once, now):
    """Whatever races: one award, one evidence, one submission; all twenty hear of it."""
    with Session(own_engine, expire_on_commit=False) as session:
        policy = make_policy(session, now)
        person = Person(sign_in_name="x", password_hash="x", name="x", created_at=now)
        session.add(person)
        session.commit()

    def give(_number: int) -> int:
        with Session(own_engine) as session:
            given = awards.award(
                session,
                person_id=person.id,
                source=make_source(policy),
                evidence={"seen": [[0, 60_000]]},
                flags=(),
                sampling_seed="s",
                now=now,
            )
            id = given.id
            session.commit()
        return id

    assert len(set(at_once(give))) == 1
    with Session(own_engine) as session:
        assert session.scalars(sa.select(Award.state)).all() == [State.VERIFIED]
        assert session.scalar(sa.select(sa.func.count()).select_from(Evidence)) == 1
        keys = session.scalars(sa.select(Submission.key).where(Submission.kind == "award")).all()
        assert len(keys) == 1


def test_twenty_deciders_decide_once(own_engine, at_once, now):
    """Of auditors who decide at the same moment one succeeds, the others are told."""
    with Session(own_engine, expire_on_commit=False) as session:
        policy = make_policy(session, now, verification=by_hand())
        people = [
            Person(sign_in_name=name, password_hash="x", name=name, created_at=now)
            for name in ("learner", "auditor")
        ]
        session.add_all(people)
        session.flush()
        learner, auditor = people
        award = awards.award(
            session, person_id=learner.id, source=make_source(policy), evidence={},
            flags=(), sampling_seed="s", now=now,
        )  # fmt: skip
        session.commit()

    def act(number: int) -> str:
        with Session(own_engine) as session:
            seen = session.get_one(Award, award.id)
            transition = Transition.VERIFY if number % 2 else Transition.REJECT
            decide(session, seen, transition, auditor, now, reason="看过")
            session.commit()
        return transition.value

    answers = at_once(act)
    decided = [answer for answer in answers if isinstance(answer, str)]
    assert len(decided) == 1
    assert all(isinstance(a, str | IllegalTransition) for a in answers), answers


def test_a_verified_award_is_recorded_after_the_commit(give, session, app):
    """Decision, ledger entry, recorded: jobs rung by the commit do the rest."""
    award = give()
    db.commit(session)
    session.expire_all()
    assert award.state == State.RECORDED
    assert log.head(session).size == 2  # the policy and the award


def test_an_unappended_award_is_not_recorded(give, session):
    """Recorded means in the log: never before."""
    award = give()
    assert awards.mark_recorded(session) == 0
    assert award.state == State.VERIFIED


def test_the_entry_says_what_was_awarded_and_not_to_whom(give, session):
    """Facts to verify a certificate against; the person is a commitment."""
    award = give()
    body = facts(session, f"award:{award.id}")
    assert body["facts"]["hours"] == "4.5"
    assert body["facts"]["year"] == 2026
    assert body["facts"]["source"] == {"kind": "course", "id": 7, "version": 1}
    assert body["facts"]["evidence"] == award.evidence_sha256
    assert len(body["person"]) == 64
    assert "王小明" not in json.dumps(body, ensure_ascii=False)


def test_an_auditor_verifies(earned, auditor, session, now):
    """Who decided, when and why stays with the award."""
    decide(session, earned, Transition.VERIFY, auditor, now, reason="  证据清楚 ")
    assert (earned.state, earned.decided_by_id, earned.reason) == (
        State.VERIFIED,
        auditor.id,
        "证据清楚",
    )
    assert facts(session, f"award:{earned.id}")["facts"]["verified_by"] == "person"


@pytest.mark.parametrize("reason", [None, "", "  \n"])
def test_a_rejection_needs_a_reason(earned, auditor, session, now, reason):
    """The learner is owed one."""
    with pytest.raises(Invalid, match="请填写原因"):
        decide(session, earned, Transition.REJECT, auditor, now, reason=reason)
    assert earned.state == State.EARNED


def test_a_rejected_award_stays_out_of_the_ledger(earned, auditor, session, now):
    """Only what is verified is entered."""
    decide(session, earned, Transition.REJECT, auditor, now, reason="时间不符")
    assert (earned.state, earned.submission_id) == (State.REJECTED, None)


def test_after_a_rejection_the_hours_can_be_earned_again(earned, auditor, give, session, now):
    """Only an award in force stands in the way of another."""
    decide(session, earned, Transition.REJECT, auditor, now, reason="时间不符")
    assert give().id != earned.id


def test_nobody_decides_on_their_own_hours(earned, alice, session, now):
    """Two pairs of eyes, whatever roles one person holds."""
    with pytest.raises(NotAllowed):
        decide(session, earned, Transition.VERIFY, alice, now)


def test_a_decision_is_made_once(earned, auditor, session, now):
    """A stale page cannot decide again."""
    decide(session, earned, Transition.VERIFY, auditor, now)
    with pytest.raises(IllegalTransition):
        decide(session, earned, Transition.REJECT, auditor, now, reason="改主意")


def test_a_rule_rejects_nothing(earned, session, now):
    """Suspicion never takes hours by itself: who does not name a person cannot reject."""
    with pytest.raises(NotAllowed):
        decide(session, earned, Transition.REJECT, None, now, reason="可疑")


@pytest.mark.parametrize(
    "step", [Transition.REVERSE, Transition.CORRECT, Transition.HOLD, Transition.REINSTATE]
)
def test_one_person_takes_nothing_back(give, auditor, session, now, step):
    """``decide`` verifies and rejects what waits; the rest has its own ways."""
    with pytest.raises(NotAllowed):
        decide(session, give(), step, auditor, now, reason="误判")


def test_what_an_award_stands_on_cannot_be_changed(give, session):
    """Hours, year and evidence are frozen by the database; only the state moves."""
    give()
    with pytest.raises(IntegrityError, match="award is append-only"):
        session.execute(sa.update(Award).values(hours=Decimal(90)))


def test_evidence_is_kept_once_and_reads_back(session, now):
    """The same document has the same name."""
    document = {"b": 1, "a": ["课", 0.5]}
    name = evidence.keep(session, document, now)
    assert evidence.keep(session, dict(reversed(document.items())), now) == name
    assert evidence.load(session, name) == document


def test_evidence_cannot_be_edited(session, now):
    """By the database's own refusal."""
    evidence.keep(session, {"a": 1}, now)
    with pytest.raises(IntegrityError, match="evidence is append-only"):
        session.execute(sa.update(Evidence).values(document="{}"))


def test_awards_of_a_year_stay_with_their_policy(give, session, now, policy):
    """A later policy does not touch what was awarded under the earlier one."""
    award = give()
    make_policy(session, now + timedelta(days=1))
    assert award.policy_id == policy.id
    assert policy.effective_from == date(2016, 1, 1)
