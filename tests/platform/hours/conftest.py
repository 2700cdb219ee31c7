"""A policy, and awards under it."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy.orm import Session

from zhixin import db
from zhixin.hours import awards, policies
from zhixin.hours.models import Award, Policy
from zhixin.hours.rules import CreditRule, SubjectKind, Verification
from zhixin.people.models import Person, Role


def rule(**changes: Any) -> CreditRule:
    """A credit rule: clean evidence is verified by rule, nothing is sampled."""
    facts: dict[str, Any] = {
        "minutes_per_hour": Decimal(45),
        "step": Decimal("0.5"),
        "coverage_needed": Decimal("0.95"),
        "pass_mark": Decimal("0.6"),
        "attempts_allowed": None,
        "yearly_total": Decimal(90),
        "yearly_minimums": {
            SubjectKind.GENERAL: Decimal(30),
            SubjectKind.PROFESSIONAL: Decimal(60),
        },
        "verification": Verification(auto=True, sample_percent=Decimal(0)),
    }
    return CreditRule(**(facts | changes))


def by_hand(sample_percent: int = 0) -> Verification:
    return Verification(auto=False, sample_percent=Decimal(sample_percent))


def make_policy(session: Session, now: datetime, **changes: Any) -> Policy:
    """Publish a policy that has been in force since 2016."""
    return policies.publish(
        session,
        title="示例规则",
        source="示例",
        effective_from=date(2016, 1, 1),
        rule=rule(**changes),
        actor_id=None,
        now=now,
    )


def make_source(policy: Policy, **changes: Any) -> awards.Source:
    facts: dict[str, Any] = {
        "kind": "course",
        "id": 7,
        "version": 1,
        "title": "数字化转型",
        "field_code": "digital",
        "subject_kind": SubjectKind.PROFESSIONAL,
        "hours": Decimal("4.5"),
        "policy_id": policy.id,
    }
    return awards.Source(**(facts | changes))


@pytest.fixture
def shipped() -> Callable[[str], CreditRule]:
    """The rule of a policy file that comes with the program."""
    return lambda name: CreditRule.from_document(json.loads(policies.shipped(name))["rule"])


@pytest.fixture
def policy(session: Session, now: datetime) -> Policy:
    return make_policy(session, now)


@pytest.fixture
def alice(create_person: Callable[..., Person]) -> Person:
    return create_person("alice", name="王小明")


@pytest.fixture
def give(session: Session, policy: Policy, alice: Person, now: datetime) -> Callable[..., Award]:
    """Give hours: ``give(id=3, hours=Decimal(2))``; to Alice, now, for clean evidence."""

    def award(
        *,
        to: Person = alice,
        under: Policy = policy,
        flags: tuple[str, ...] = (),
        at: datetime = now,
        **source: Any,
    ) -> Award:
        given = awards.award(
            session,
            person_id=to.id,
            source=make_source(under, **source),
            evidence={"person": to.id, "seen": [[0, 60_000]]},
            flags=flags,
            sampling_seed="seed",
            now=at,
        )
        session.commit()
        return given

    return award


@pytest.fixture
def auditors(create_person: Callable[..., Person]) -> list[Person]:
    """Three people who may decide."""
    return [create_person(f"auditor-{n}", Role.AUDITOR) for n in range(3)]


@pytest.fixture
def recorded(give: Callable[..., Award], session: Session) -> Callable[..., Award]:
    """Give clean hours that reach the ledger: ``recorded(id=3)``."""

    def award(**facts: Any) -> Award:
        given = give(**facts)
        sequence(session)
        return given

    return award


def sequence(session: Session) -> None:
    """Let the ledger take in what waits, and awards become recorded."""
    db.commit(session)
    session.expire_all()
