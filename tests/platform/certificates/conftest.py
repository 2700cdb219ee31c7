"""A learner with a recorded award, and certificates on it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests import scenes
from zhixin.certificates import issuing
from zhixin.certificates.models import Certificate
from zhixin.hours import awards
from zhixin.hours.states import Transition
from zhixin.ledger import log
from zhixin.ledger.keys import Signer
from zhixin.people.models import Role


@pytest.fixture
def learner(create_person, session):
    return create_person("learner", name="欧阳明远")


@pytest.fixture
def in_log(session, app, now) -> Callable[[], None]:
    """Let the sequencer append what waits."""

    def append() -> None:
        log.append_waiting(session, Signer.of(app.extensions["settings"]), now)
        session.expire_all()

    return append


@pytest.fixture
def award(session, learner, now, in_log):
    """A recorded award of one hour, through the decision and the sequencer."""
    given = scenes._award(session, learner)
    awards.decide(session, given, Transition.VERIFY, actor_id=None, reason=None, now=now)
    in_log()
    awards.mark_recorded(session)
    session.expire_all()
    return given


@pytest.fixture
def course(session, award, now) -> Certificate:
    return issuing.issue_course(session, award.id, award.person_id, issuer=scenes.issuer(), now=now)


@pytest.fixture
def annual(session, award, now) -> Certificate:
    return issuing.issue_annual(
        session, award.person_id, award.year, issuer=scenes.issuer(), now=now
    )


@pytest.fixture
def client(app):
    return app.test_client()


@pytest.fixture
def auditors(create_person):
    """Two, since nobody takes hours alone."""
    return [create_person(f"auditor-{n}", Role.AUDITOR) for n in range(2)]
