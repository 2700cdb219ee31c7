"""The edge: transactions, access, errors."""

from __future__ import annotations

import platform

from flask import Flask

from zhixin.people.models import Role


def test_the_standard_library_keeps_its_platform() -> None:
    """The folder ``platform/`` must not shadow the module of the same name."""
    assert platform.system()


def test_health_and_openapi_answer(app: Flask) -> None:
    """An operator's probe and the integrators' document need no account."""
    client = app.test_client()
    assert client.get("/healthz").json == {"status": "ok"}
    assert client.get("/api/v1/openapi.json").json["openapi"].startswith("3.1")


def test_every_route_declares_who_may_open_it(app: Flask) -> None:
    """A route without a declared access is refused, so none may exist."""
    undeclared = [
        rule.endpoint
        for rule in app.url_map.iter_rules()
        if rule.endpoint != "static" and not hasattr(app.view_functions[rule.endpoint], "access")
    ]
    assert undeclared == []


def test_a_person_can_be_made_and_signs_in(create_person, sign_in) -> None:
    """The fixtures' own check: a signed-in client is known to the application."""
    assert sign_in(create_person("alice", Role.AUTHOR)).get("/healthz").status_code == 200
