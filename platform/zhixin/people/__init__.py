"""Accounts, roles, organisations, sign-in."""

from __future__ import annotations

from flask import Flask, Request, current_app
from flask_login import LoginManager

from zhixin import clock, config, db
from zhixin.people import models, sign_ins, tokens
from zhixin.people.secrets import FieldCipher


def _load(token: str) -> models.Person | None:
    """The person of this cookie."""
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
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        return None
    return tokens.find(db.session(), token.strip(), clock.now())


def cipher() -> FieldCipher:
    """The cipher of identity numbers of the current application."""
    made: FieldCipher = current_app.extensions["cipher"]
    return made


def init_app(app: Flask) -> None:
    """Plug this domain into the application."""
    settings: config.Settings = app.extensions["settings"]
    app.extensions["cipher"] = FieldCipher(settings.key("field_key"))
    manager = LoginManager(app)
    manager.session_protection = None  # sign-ins are bound to a server-side row instead
    manager.user_loader(_load)
    manager.request_loader(_load_bearer)
