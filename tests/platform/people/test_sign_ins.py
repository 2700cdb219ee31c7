"""Sign-ins: patience with failures, expiry by a passed-in clock, ending, forgetting."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
import sqlalchemy as sa

from zhixin.errors import NotFound, TooManyRequests
from zhixin.people import accounts, sign_ins
from zhixin.people.models import SignIn, SignInFailure

PASSWORD = "correct horse 马"
MINUTE = timedelta(minutes=1)


def _check(session, settings, now, name="alice", password=PASSWORD, address="192.0.2.1"):
    return sign_ins.check(
        session, sign_in_name=name, password=password, address=address, settings=settings, now=now
    )


def _open(session, person, now):
    token = sign_ins.open(session, person, address="192.0.2.1", user_agent="tests", now=now)
    session.flush()
    return token


def test_the_right_password_opens_a_sign_in(session, create_person, settings, now) -> None:
    """The token finds its person; the database holds only its digest."""
    alice = create_person("alice")
    assert _check(session, settings, now, name=" Alice ") == alice
    token = _open(session, alice, now)
    assert sign_ins.find(session, token, settings, now) == alice
    assert token.encode() not in session.scalars(sa.select(SignIn.token_digest)).all()


@pytest.mark.parametrize("name", ["alice", "nobody", "closed", "nobo\0dy"])
def test_every_failure_reads_the_same(session, create_person, settings, now, name) -> None:
    """A wrong password, an unknown name, a closed account and rubbish: one message."""
    create_person("alice")
    create_person("closed", active=False)
    with pytest.raises(sign_ins.WrongPassword) as refusal:
        _check(session, settings, now, name=name, password="wrong" if name == "alice" else PASSWORD)
    assert refusal.value.message == "登录名或密码不正确"


@pytest.mark.parametrize("name", ["alice", "nobody"])
def test_a_name_that_failed_often_must_pause(session, create_person, settings, now, name) -> None:
    """After five failures even the right password waits, for known and unknown names alike."""
    create_person("alice")
    for minute in range(settings.sign_in_attempts):
        sign_ins.record_failure(session, name, "198.51.100.7", now + minute * MINUTE)
    session.flush()
    with pytest.raises(TooManyRequests) as refusal:
        _check(session, settings, now + 5 * MINUTE, name=name)
    assert refusal.value.facts["retry_after_s"] == 10 * 60  # the first failure leaves then


def test_the_pause_ends_when_it_said(session, create_person, settings, now) -> None:
    """Retry-After is kept: at that moment the right password is taken."""
    alice = create_person("alice")
    for minute in range(settings.sign_in_attempts):
        sign_ins.record_failure(session, "alice", "198.51.100.7", now + minute * MINUTE)
    session.flush()
    assert _check(session, settings, now + 15 * MINUTE) == alice


def test_an_office_behind_one_address_gets_more_patience(
    session, create_person, settings, now
) -> None:
    """Five failures of five colleagues do not lock the office out; fifty do."""
    alice = create_person("alice")
    for attempt in range(49):
        sign_ins.record_failure(session, f"colleague-{attempt}", "192.0.2.1", now)
    session.flush()
    assert _check(session, settings, now + MINUTE) == alice
    sign_ins.record_failure(session, "colleague-50", "192.0.2.1", now)
    session.flush()
    with pytest.raises(TooManyRequests):
        _check(session, settings, now + MINUTE)
    assert _check(session, settings, now + MINUTE, address="192.0.2.2") == alice


def test_an_ipv6_house_counts_as_one_address(session, settings, now) -> None:
    """Hopping through one's own /64 wins no further guesses; IPv4 in IPv6 clothes is IPv4."""
    assert sign_ins.network("2001:db8::1") == sign_ins.network("2001:db8::ffff:2")
    assert sign_ins.network("::ffff:192.0.2.1") == "192.0.2.1"
    assert sign_ins.network("not an address") == "not an address"


def test_an_idle_sign_in_runs_out(session, create_person, settings, now) -> None:
    """No request for the idle time ends it; a noted visit prolongs it."""
    settings = replace(settings, session_idle_minutes=30)
    token = _open(session, create_person("alice"), now)
    person = sign_ins.find(session, token, settings, now + 30 * MINUTE)
    assert person is not None
    assert person.sign_in_stale
    assert sign_ins.find(session, token, settings, now + 31 * MINUTE) is None
    sign_ins.note_visit(session, person.sign_in_id, now + 30 * MINUTE)
    assert sign_ins.find(session, token, settings, now + 60 * MINUTE) is not None


def test_a_sign_in_ends_in_any_case(session, create_person, settings, now) -> None:
    """However busy, it is over after the whole time."""
    token = _open(session, create_person("alice"), now)
    entry = session.scalars(sa.select(SignIn)).one()
    entry.seen_at = now + timedelta(days=14)
    session.flush()
    assert sign_ins.find(session, token, settings, now + timedelta(days=14)) is not None
    assert sign_ins.find(session, token, settings, now + timedelta(days=14, seconds=1)) is None


def test_a_closed_account_ends_its_sign_ins(session, create_person, settings, now) -> None:
    """An inactive person's token opens nothing."""
    alice = create_person("alice")
    token = _open(session, alice, now)
    alice.active = False
    session.flush()
    assert sign_ins.find(session, token, settings, now) is None


def test_ending_all_others_keeps_this_one(session, create_person, settings, now) -> None:
    """Only the named sign-in survives, and nobody else's is touched."""
    alice, bob = create_person("alice"), create_person("bob")
    here, there, bobs = (_open(session, p, now) for p in (alice, alice, bob))
    this = sign_ins.find(session, here, settings, now).sign_in_id
    assert sign_ins.end_all(session, alice.id, now, except_id=this) == 1
    assert sign_ins.find(session, here, settings, now) == alice
    assert sign_ins.find(session, there, settings, now) is None
    assert sign_ins.find(session, bobs, settings, now) == bob


def test_another_persons_sign_in_is_not_found(session, create_person, settings, now) -> None:
    """Ids of others' sign-ins answer like ids of none."""
    alice, bob = create_person("alice"), create_person("bob")
    token = _open(session, bob, now)
    bobs = sign_ins.find(session, token, settings, now).sign_in_id
    with pytest.raises(NotFound):
        sign_ins.end(session, alice.id, bobs, now)
    assert sign_ins.find(session, token, settings, now) == bob


def test_an_old_hash_is_renewed(session, create_person, now) -> None:
    """A right password hashed with weaker parameters is hashed anew."""
    alice = create_person("alice")  # the tests' cheap hash
    accounts.renew_hash(session, alice, PASSWORD)
    session.refresh(alice)
    assert not accounts.hasher.check_needs_rehash(alice.password_hash)
    assert accounts.password_matches(alice, PASSWORD)


def test_the_sweep_forgets_after_half_a_year(session, create_person, now) -> None:
    """Kept for 180 days (网络安全法: at least six months), then deleted."""
    alice = create_person("alice")
    for days in (179, 181):
        moment = now - timedelta(days=days)
        sign_ins.record_failure(session, f"{days}", "192.0.2.1", moment)
        _open(session, alice, moment)
    session.flush()
    _open(session, alice, now)
    assert sign_ins.sweep(session, now) == 2
    assert session.scalars(sa.select(SignInFailure.sign_in_name)).all() == ["179"]
    assert session.scalar(sa.select(sa.func.count()).select_from(SignIn)) == 2
