"""Accounts: names, passwords, identity numbers, scope of roles."""

from __future__ import annotations

from datetime import date

import pytest

from zhixin.errors import Invalid
from zhixin.people import accounts, identity_number
from zhixin.people.models import Role
from zhixin.people.secrets import FieldCipher

CIPHER = FieldCipher(bytes(32))
NUMBER = identity_number.make("500103", date(1990, 1, 2), 7)


def _create(session, now, **changes):
    facts = {"sign_in_name": "li.na", "password": "a good passphrase", "name": "李娜"} | changes
    return accounts.create(session, now=now, cipher=CIPHER, **facts)


def test_an_identity_number_is_kept_encrypted_and_masked(session, now) -> None:
    """At rest there is a cipher, a keyed digest and what screens may show."""
    person = _create(session, now, id_number=NUMBER)
    assert person.id_number_masked == identity_number.mask(NUMBER)
    assert NUMBER.encode() not in person.id_number_cipher
    assert CIPHER.decrypt(person.id_number_cipher) == NUMBER


def test_one_person_has_one_account(session, now) -> None:
    """The same identity number under another sign-in name is refused."""
    _create(session, now, id_number=NUMBER)
    with pytest.raises(accounts.PersonKnown):
        _create(session, now, sign_in_name="li.na2", id_number=NUMBER)


def test_typing_the_own_number_again_changes_nothing(session, now) -> None:
    """An identity number conflicts with other people's only."""
    person = _create(session, now, id_number=NUMBER)
    accounts.set_id_number(session, person, NUMBER, CIPHER, now)
    assert CIPHER.decrypt(person.id_number_cipher) == NUMBER


def test_sign_in_names_are_unique_whatever_their_case(session, now) -> None:
    """Li.Na and li.na are one name."""
    _create(session, now)
    with pytest.raises(accounts.NameTaken):
        _create(session, now, sign_in_name=" Li.Na ")


@pytest.mark.parametrize("name", ["", " ", "a b", "x" * 65, "a\0b", NUMBER, NUMBER.lower()])
def test_unusable_sign_in_names_are_refused(session, now, name) -> None:
    """No spaces or control characters; an identity number never becomes a sign-in name."""
    with pytest.raises(Invalid):
        _create(session, now, sign_in_name=name)


@pytest.mark.parametrize(
    "password", ["short", "x" * 257, "aaaaaaaaaaaa", "1234567890", "li.na.longer"]
)
def test_easy_passwords_are_refused(session, now, password) -> None:
    """Too short, too long, one letter repeated, the first guess, or the sign-in name."""
    with pytest.raises(Invalid):
        _create(session, now, sign_in_name="li.na.longer", password=password)


def test_generated_passwords_are_acceptable_and_differ() -> None:
    """What the system hands out passes its own rule."""
    made = {accounts.new_password() for _ in range(50)}
    assert len(made) == 50
    accounts.hash_password(made.pop())


def test_an_unknown_name_costs_a_whole_check(monkeypatch) -> None:
    """The decoy has today's parameters, so a clock does not tell whether a name exists."""
    assert not accounts.hasher.check_needs_rehash(accounts._DECOY)
    assert not accounts.password_matches(None, "whatever")


def test_a_scoped_role_reaches_all_below(session, create_person, districts) -> None:
    """A role in a district covers its employers, and no other district."""
    first, second, employer = districts
    person = create_person("alice", Role.AUDITOR, within=first)
    reach = accounts.scope(session, person, Role.AUDITOR)
    assert reach == {first.id, employer.id}
    assert second.id not in reach
    assert accounts.scope(session, person, Role.REVIEWER) == frozenset()


def test_an_unscoped_role_reaches_everywhere(session, create_person) -> None:
    """No organisation means all of them."""
    person = create_person("alice", Role.AUDITOR)
    assert accounts.scope(session, person, Role.AUDITOR) is None
