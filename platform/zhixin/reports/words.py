"""Names for figures, in the reader's language."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from flask import Flask, current_app
from flask_babel import gettext as _
from sqlalchemy.orm import Session

FieldNames = Callable[[Session], Mapping[str, str]]
#: Of a year: how many advanced seminars, and how many people with hours of them.
Seminars = Callable[[Session, int], tuple[int, int]]


def field_names_from(app: Flask, provider: FieldNames) -> None:
    """Ask ``provider`` what the fields are called; it stands on a floor above."""
    app.extensions["field_names"] = provider


def field_names(session: Session) -> Mapping[str, str]:
    """The fields' names by code, in the plan's order."""
    provider: FieldNames = current_app.extensions["field_names"]
    return provider(session)


def seminars_from(app: Flask, provider: Seminars) -> None:
    """Ask ``provider`` what became of advanced seminars; it stands on a floor above."""
    app.extensions["seminars"] = provider


def seminars(session: Session, year: int) -> tuple[int, int]:
    """A year's advanced seminars and the people with hours of them."""
    provider: Seminars = current_app.extensions["seminars"]
    return provider(session, year)


def target_text(code: str) -> str:
    """What a target counts."""
    words: dict[str, str] = {
        "people": _("全年学习并获得学时的人数"),
        "field-people": _("其中在重点领域、现代服务业领域获得学时的人数"),
        "seminars": _("高级研修班的期数"),
        "seminar-people": _("在高级研修班获得学时的人数"),
    }
    return words[code]


def target_amount(code: str, amount: int) -> str:
    """So many of what a target counts."""
    text: str = _("%(n)d 期", n=amount) if code == "seminars" else _("%(n)d 人", n=amount)
    return text


def init_app(app: Flask) -> None:
    app.jinja_env.globals.update(target_text=target_text, target_amount=target_amount)
