"""Names for figures, in the reader's language."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from flask import Flask, current_app
from flask_babel import gettext as _
from sqlalchemy.orm import Session

FieldNames = Callable[[Session], Mapping[str, str]]


def field_names_from(app: Flask, provider: FieldNames) -> None:
    """Ask ``provider`` what the fields are called; it stands on a floor above."""
    app.extensions["field_names"] = provider


def field_names(session: Session) -> Mapping[str, str]:
    """The fields' names by code, in the plan's order."""
    provider: FieldNames = current_app.extensions["field_names"]
    return provider(session)


def target_text(code: str) -> str:
    """What a target counts."""
    words: dict[str, str] = {
        "people": _("全年学习并获得学时的人数"),
        "field-people": _("其中在重点领域、现代服务业领域获得学时的人数"),
    }
    return words[code]


def init_app(app: Flask) -> None:
    app.jinja_env.globals.update(target_text=target_text)
