"""Organisations and visitors for tests of people."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from zhixin.people import accounts
from zhixin.people.models import Organisation, OrganisationKind, Person, Role

PASSWORD = "correct horse 马"


@pytest.fixture
def visitor(app: Flask, sign_in: Callable[[Person], FlaskClient], create_person) -> FlaskClient:
    """A client that nobody has signed in with, whose forms carry a valid CSRF token."""
    known = sign_in(create_person("somebody-else"))
    client = app.test_client()
    with client.session_transaction() as cookie:
        cookie["csrf_token"] = "t"
    client.environ_base["HTTP_X_CSRFTOKEN"] = known.environ_base["HTTP_X_CSRFTOKEN"]
    return client


@pytest.fixture
def districts(session: Session) -> tuple[Organisation, Organisation, Organisation]:
    """Two districts of a city, and an employer in the first."""
    city = accounts.organisation(session, OrganisationKind.CITY, "示例市")
    first = accounts.organisation(session, OrganisationKind.DISTRICT, "东区", city)
    second = accounts.organisation(session, OrganisationKind.DISTRICT, "西区", city)
    employer = accounts.organisation(session, OrganisationKind.EMPLOYER, "东区设计院", first)
    session.commit()
    return first, second, employer


@pytest.fixture
def administrator(create_person: Callable[..., Person]) -> Person:
    return create_person("admin", Role.ADMINISTRATOR)
