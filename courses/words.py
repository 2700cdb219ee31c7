"""Levels in the reader's language, for templates."""

from __future__ import annotations

from flask import Flask
from flask_babel import gettext as _


def level_text(level: str) -> str:
    """Whom a course is for, or what title a person holds."""
    words: dict[str, str] = {
        "none": _("不限职称"),
        "junior": _("初级"),
        "intermediate": _("中级"),
        "senior": _("高级"),
    }
    return words[level]


def init_app(app: Flask) -> None:
    app.jinja_env.globals.update(level_text=level_text)
    app.jinja_env.filters["zip_"] = zip
