"""Many at once, on real databases: numbers without gaps, and nobody is turned away."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
import sqlalchemy as sa
from flask import Flask

from tests import scenes
from zhixin import clock, db
from zhixin.app import create_app
from zhixin.certificates import issuing, withdrawal
from zhixin.certificates.models import Certificate
from zhixin.hours import awards
from zhixin.hours.models import Award
from zhixin.hours.states import Transition
from zhixin.ledger import log
from zhixin.ledger.keys import Signer
from zhixin.ledger.models import EntryKind, Submission
from zhixin.people.models import Person

AT_ONCE = 8


@pytest.fixture
def own_app(own_engine, settings) -> Flask:
    """The application on a database of this test's own; work in it is really committed."""
    return create_app(settings, bind=own_engine, testing=True)


def _person(session, name: str) -> Person:
    person = Person(sign_in_name=name, password_hash="", name=name, created_at=clock.now())
    session.add(person)
    session.flush()
    return person


@pytest.fixture
def recorded(own_app) -> list[tuple[int, int]]:
    """One recorded award for each of many learners: (award, person)."""
    with own_app.app_context(), db.database().transaction() as session:
        given = [scenes._award(session, _person(session, f"学员{n}")) for n in range(AT_ONCE)]
        for each in given:
            awards.decide(
                session, each, Transition.VERIFY, actor_id=None, reason=None, now=clock.now()
            )
        signer = Signer.of(own_app.extensions["settings"])
        log.append_waiting(session, signer, clock.now())
        awards.mark_recorded(session)
        return [(each.id, each.person_id) for each in given]


def _at_once(app: Flask, action, arguments) -> list:
    barrier = Barrier(len(arguments))

    def run(argument):
        with app.app_context():
            barrier.wait(10)
            with db.database().transaction() as session:
                return action(session, argument)

    with ThreadPoolExecutor(len(arguments)) as pool:
        return list(pool.map(run, arguments))


def _issue(session, award):
    found = issuing.issue_course(session, *award, issuer=scenes.issuer(), now=clock.now())
    return found.number, found.id


def test_the_first_numbers_of_a_year_have_no_gaps(own_app, recorded) -> None:
    """All get one, although none was ever given: 1 to 8, each once, each in a place of its own."""
    got = _at_once(own_app, _issue, recorded)
    assert sorted(number[-6:] for number, _ in got) == [f"{n:06d}" for n in range(1, AT_ONCE + 1)]
    with own_app.app_context():
        places = db.session().scalars(sa.select(Certificate.status_index)).all()
    assert len(set(places)) == AT_ONCE


def test_asking_many_times_at_once_gives_one_paper(own_app, recorded) -> None:
    """A double click issues once; everybody is told the same number, and none is lost."""
    got = _at_once(own_app, _issue, [recorded[0]] * AT_ONCE)
    assert len(set(got)) == 1
    number, _ = _at_once(own_app, _issue, [recorded[1]])[0]
    assert number.endswith("000002")


def test_two_sweepers_revoke_once(own_app, recorded) -> None:
    """One entry for each certificate, whoever sweeps."""
    _at_once(own_app, _issue, recorded)
    with own_app.app_context(), db.database().transaction() as session:
        auditors = [_person(session, name) for name in ("甲", "乙")]
        for given in session.scalars(sa.select(Award)):
            scenes.reverse(session, given, *auditors)
    later = clock.now() + timedelta(seconds=1)
    swept = _at_once(own_app, lambda s, _: withdrawal.sweep(s, later), [None, None])
    assert sum(swept) == AT_ONCE
    with own_app.app_context():
        count = db.session().scalar(
            sa.select(sa.func.count()).where(Submission.kind == EntryKind.CERTIFICATE_REVOKED)
        )
    assert count == AT_ONCE
