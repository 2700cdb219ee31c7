"""Flags and acts in the reader's language, for templates."""

from __future__ import annotations

from typing import Any

from flask import Flask
from flask_babel import gettext as _


def flag_text(flag: str) -> str:
    """Why evidence is not clean."""
    words: dict[str, str] = {"refused-time": _("上报快于真实时间，部分未予确认")}
    return words.get(flag, flag)


def act_text(act: str) -> str:
    words: dict[str, str] = {
        "view": _("查看"),
        "verify": _("核验通过"),
        "reject": _("驳回"),
        "reverse": _("冲销"),
    }
    return words.get(act, act)


def attempt_score(attempt: dict[str, Any]) -> str:
    """An attempt's score in percent, from its evidence."""
    millionths = attempt.get("fraction_millionths")
    return "—" if millionths is None else f"{millionths / 10000:.0f}%"


def init_app(app: Flask) -> None:
    app.jinja_env.globals.update(
        flag_text=flag_text, act_text=act_text, attempt_score=attempt_score
    )
