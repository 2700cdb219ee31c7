"""A small city: an employer with its handler, a bureau, a policy with activities."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy.orm import Session

from tests.platform.declarations.declared import LIMITS, facts, picture, publish
from zhixin.declarations import chain, drafting, proofs
from zhixin.declarations.models import Declaration, Proof
from zhixin.declarations.states import Transition
from zhixin.declarations.storage import ProofStore, store
from zhixin.people import accounts
from zhixin.people.models import Organisation, OrganisationKind, Person, Role


@dataclass
class City:
    """Who plays: Alice works where Handler handles; Reviewer sits at the bureau above."""

    employer: Organisation
    bureau: Organisation
    alice: Person
    bob: Person
    handler: Person
    reviewer: Person


@pytest.fixture
def city(session: Session, create_person: Callable[..., Person], now: datetime) -> City:
    publish(session, now)
    whole = accounts.organisation(session, OrganisationKind.CITY, "市")
    bureau = accounts.organisation(session, OrganisationKind.BUREAU, "市经信委", whole)
    employer = accounts.organisation(session, OrganisationKind.EMPLOYER, "研究院", bureau)
    return City(
        employer,
        bureau,
        create_person("alice", name="王小明", employer=employer),
        create_person("bob", name="李雷", employer=employer),
        create_person("handler", Role.EMPLOYER, name="经办人", within=employer),
        create_person("reviewer", Role.BUREAU, name="审核人", within=bureau),
    )


@pytest.fixture
def files(app: Flask) -> ProofStore:
    with app.app_context():
        return store()


@pytest.fixture
def attach(session: Session, files: ProofStore, now: datetime) -> Callable[..., Proof]:
    """Add a picture as proof: ``attach(declaration, "red")``."""

    def add(declaration: Declaration, colour: str = "white") -> Proof:
        checked = proofs.check(picture(colour), LIMITS.proof_bytes)
        return drafting.attach(
            session, declaration, files, checked, "证明.png", limits=LIMITS, now=now
        )

    return add


@pytest.fixture
def draft(
    session: Session, city: City, now: datetime, attach: Callable[..., Proof]
) -> Callable[..., Declaration]:
    """A draft with a proof: ``draft(by=city.bob, title="…")``."""

    def make(
        *, by: Person | None = None, proof: str | None = "white", **changes: Any
    ) -> Declaration:
        made = drafting.create(session, by or city.alice, facts(**changes), LIMITS, now)
        if proof:
            attach(made, proof)
        session.commit()
        return made

    return make


@pytest.fixture
def submit(
    session: Session, draft: Callable[..., Declaration], city: City, now: datetime
) -> Callable[..., Declaration]:
    """A draft that was handed in."""

    def make(*, by: Person | None = None, at: datetime = now, **changes: Any) -> Declaration:
        made = draft(by=by, **changes)
        chain.submit(session, made, by or city.alice, LIMITS, now=at)
        session.commit()
        return made

    return make


@pytest.fixture
def decide(session: Session, now: datetime) -> Callable[..., None]:
    """Take a decision: ``decide(declaration, city.handler, "endorse")``."""

    def act(
        declaration: Declaration, actor: Person, step: str, reason: str = "", words: str = "",
        *, seen: int | None = None, after: timedelta = timedelta(0),
    ) -> None:  # fmt: skip
        chain.decide(
            session, declaration, Transition(step), actor, reason=reason, words=words,
            seen=declaration.last_step if seen is None else seen, sampling_seed="seed",
            limits=LIMITS, now=now + after,
        )  # fmt: skip
        session.commit()

    return act
