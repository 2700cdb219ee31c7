"""Declarations that belong to somebody, for the table of ``test_access``."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

from flask import current_app

from tests.platform.declarations import declared
from zhixin import clock, db
from zhixin.declarations import chain, drafting, proofs
from zhixin.declarations.models import Declaration, Proof
from zhixin.declarations.states import Transition
from zhixin.hours import policies
from zhixin.people import accounts
from zhixin.people.models import OrganisationKind, Person, Role


def _declaration(session: Any, person: Person) -> tuple[Declaration, Proof]:
    """A draft with a picture, of yesterday."""
    now = clock.now()
    policies.publish(
        session, title="规则", source="示例", effective_from=date(2016, 1, 1), rule=declared.RULE,
        actor_id=None, now=now,
    )  # fmt: skip
    day = clock.local(now).date() - timedelta(days=1)
    made = drafting.create(
        session, person, declared.facts(starts_on=day, ends_on=day, amount=Decimal(1)),
        declared.LIMITS, now,
    )  # fmt: skip
    checked = proofs.check(declared.picture(), declared.LIMITS.proof_bytes)
    file = drafting.attach(
        session, made, current_app.extensions["proof_store"], checked, "证明.png",
        limits=declared.LIMITS, now=now,
    )  # fmt: skip
    return made, file


def draft(world: Any) -> SimpleNamespace:
    """A learner's draft with a proof."""
    owner, member = world.two(Role.LEARNER)
    session = db.session()
    made, file = _declaration(session, owner)
    session.commit()
    address = {"declaration_id": made.id, "proof_id": file.id}
    return SimpleNamespace(owner=owner, member=member, address=address)


def at_desk(world: Any) -> SimpleNamespace:
    """The same, handed to the owner's desk; the member sits at another employer's."""
    session = db.session()
    east = accounts.organisation(session, OrganisationKind.EMPLOYER, "东厂")
    west = accounts.organisation(session, OrganisationKind.EMPLOYER, "西厂")
    owner = world.create_person("owner", Role.EMPLOYER, within=east)
    member = world.create_person("member", Role.EMPLOYER, within=west)
    learner = world.create_person("learner", employer=east)
    made, file = _declaration(session, learner)
    chain.submit(session, made, learner, declared.LIMITS, now=clock.now())
    session.commit()
    address = {"declaration_id": made.id, "proof_id": file.id}
    return SimpleNamespace(owner=owner, member=member, address=address)


def declined(world: Any) -> SimpleNamespace:
    """A learner's, which the employer declined."""
    given = at_desk(world)
    session = db.session()
    made = session.get_one(Declaration, given.address["declaration_id"])
    chain.decide(
        session, made, Transition.DECLINE, given.owner, reason="not-proven", seen=made.last_step,
        sampling_seed="", limits=declared.LIMITS, now=clock.now(),
    )  # fmt: skip
    session.commit()
    owner = session.get_one(Person, made.person_id)
    return SimpleNamespace(owner=owner, member=world.create_person("other"), address=given.address)
