"""Accounts, roles, organisations, sign-in."""

from __future__ import annotations

from flask import Flask, Request, current_app, request
from flask_login import LoginManager

from zhixin import clock, config, db
from zhixin.people import models, sign_ins, tokens
from zhixin.people.secrets import FieldCipher


def _bearer(request: Request) -> str:
    """The bearer token of a request, or nothing."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def _load(token: str) -> models.Person | None:
    """The person of this cookie."""
    if _bearer(request):
        return None  # CSRF was not checked: such a request must not lean on the cookie
    settings: config.Settings = current_app.extensions["settings"]
    session, now = db.session(), clock.now()
    person = sign_ins.find(session, token, settings, now)
    if person is not None and person.sign_in_stale:
        if db.only_reads():
            with db.database().transaction() as brief:
                sign_ins.note_visit(brief, person.sign_in_id, now)
        else:
            sign_ins.note_visit(session, person.sign_in_id, now)
    return person


def _load_bearer(request: Request) -> models.Person | None:
    """The person of this token. Tokens are for machines: they open no pages, so a leaked
    one cannot make further ones or change the password."""
    token = _bearer(request)
    if not token or not (request.path.startswith("/api/") or request.path == "/metrics"):
        return None
    return tokens.find(db.session(), token, clock.now())


def cipher() -> FieldCipher:
    """The cipher of identity numbers of the current application."""
    made: FieldCipher = current_app.extensions["cipher"]
    return made


def init_app(app: Flask) -> None:
    """Plug this domain into the application."""
    from zhixin.people import admin, api, tasks, views, words  # noqa: F401 - tasks register themselves

    settings: config.Settings = app.extensions["settings"]
    app.extensions["cipher"] = FieldCipher(settings.key("field_key"))
    manager = LoginManager(app)
    manager.session_protection = None  # sign-ins are bound to a server-side row instead
    manager.user_loader(_load)
    manager.request_loader(_load_bearer)
    app.register_blueprint(views.blueprint)
    app.register_blueprint(admin.blueprint)
    app.register_api(api.blueprint)  # type: ignore[attr-defined]
    words.init_app(app)
