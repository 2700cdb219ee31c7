"""What every response and every refusal keep to, whatever the route."""

from __future__ import annotations

import errno
import re

import pytest
from flask import Flask
from openapi_spec_validator import validate

from zhixin import access, db
from zhixin.app import create_app
from zhixin.pages import resource_dir
from zhixin.people.models import Person, Role

PAGES = ("/", "/courses", "/fields/energy", "/sign-in", "/verify", "/ledger", "/nowhere")


@pytest.mark.parametrize("page", PAGES)
def test_pages_allow_nothing_inline_and_nothing_from_elsewhere(app: Flask, page: str) -> None:
    """A strict policy on every page, errors included, with a nonce that is never used twice."""
    client = app.test_client()
    policies = [client.get(page).headers["Content-Security-Policy"] for _ in range(2)]
    assert "unsafe" not in policies[0]
    assert "http" not in policies[0]
    nonces = [re.search(r"'nonce-([^']+)'", policy) for policy in policies]
    assert nonces[0]
    assert nonces[1]
    assert nonces[0][1] != nonces[1][1]


def test_cookies_are_out_of_scripts_reach(app: Flask) -> None:
    """HttpOnly and SameSite, so that neither a script nor another site uses them."""
    cookie = app.test_client().get("/sign-in").headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie


def test_nothing_is_changed_without_a_token(app: Flask, create_person, sign_in) -> None:
    """Every route that changes something refuses a browser's request without the CSRF token,
    but for cosignatures: who signed them is in them, no cookie speaks for them."""
    client = sign_in(create_person("all", *Role))
    client.environ_base.pop("HTTP_X_CSRFTOKEN")
    wrong = []
    for rule in app.url_map.iter_rules():
        if rule.endpoint == "ledger_api.cosign":
            continue
        values = dict.fromkeys(rule.arguments, 1)
        for method in (rule.methods or set()) & {"POST", "PUT", "PATCH", "DELETE"}:
            answer = client.open(rule.build(values, append_unknown=False)[1], method=method)
            if answer.status_code != 400:
                wrong.append(f"{method} {rule.rule}: {answer.status}")
    assert wrong == []


def test_pages_ask_only_for_parts_that_exist(app: Flask) -> None:
    """A part that is not plugged in is left out of a page; a name written wrongly never would be."""
    folder = resource_dir("templates")
    asked = {
        name
        for path in folder.rglob("*.html")
        for name in re.findall(r"has_endpoint\('([^']+)'\)", path.read_text())
    }
    assert asked
    assert asked - app.view_functions.keys() == set()


def test_the_api_describes_itself(app: Flask) -> None:
    """The document is sound OpenAPI 3.1."""
    validate(app.test_client().get("/api/v1/openapi.json").json)


def test_refusals_of_the_api_are_problem_documents(app: Flask) -> None:
    """RFC 9457: type, title, status and detail, as application/problem+json."""
    answer = app.test_client().get("/api/v1/certificates/nonsense")
    assert answer.status_code == 404
    assert answer.mimetype == "application/problem+json"
    assert {"type", "title", "status", "detail"} <= answer.json.keys()


@pytest.mark.parametrize("address", ["/courses?q=a%00b", "/fields/a%00b", "/v/a%00b"])
def test_a_nul_character_is_refused_at_the_door(app: Flask, address: str) -> None:
    """No person types it and PostgreSQL cannot keep it: refused with words, not an error."""
    assert app.test_client().get(address).status_code in (404, 422)


def test_a_nul_character_in_a_form_is_refused(create_person, sign_in) -> None:
    """The same in what is sent."""
    client = sign_in(create_person("author", Role.AUTHOR))
    assert client.post("/studio/new", data={"title": "a\0b"}).status_code == 422


@pytest.fixture
def failing(connection, settings):
    """A platform in earnest (errors are answered, not raised) with a view that fails as told."""
    app = create_app(settings, bind=connection)

    @access.public
    def fail(kind: str) -> str:
        if kind == "database":
            assert access.person()
            db.session().add(Person(sign_in_name="nobody"))
            db.session().flush()
        raise (
            OSError(errno.ENOSPC, "No space left on device") if kind == "disk" else KeyError("秘密")
        )

    app.add_url_rule("/fail/<kind>", view_func=fail)
    return app.test_client()


def test_a_full_disk_is_told_as_such(failing) -> None:
    """507 with words; nothing was kept."""
    answer = failing.get("/fail/disk")
    assert answer.status_code == 507
    assert "存储空间不足" in answer.text


def test_the_unforeseen_shows_nothing_of_the_inside(failing) -> None:
    """500 with words, and no trace of the code or the data."""
    answer = failing.get("/fail/other")
    assert answer.status_code == 500
    assert "Traceback" not in answer.text
    assert "秘密" not in answer.text


def test_a_refusal_of_the_database_is_told_to_who_is_signed_in(
    failing, create_person, sign_in
) -> None:
    """409 with words: what failed also emptied the person whose page this is."""
    cookie = sign_in(create_person("alice", Role.LEARNER)).get_cookie("zhixin")
    failing.set_cookie("zhixin", cookie.value)
    answer = failing.get("/fail/database")
    assert answer.status_code == 409
    assert "退出登录" in answer.text
