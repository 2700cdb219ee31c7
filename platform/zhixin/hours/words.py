"""Kinds and states in the reader's language, for templates."""

from __future__ import annotations

from flask import Flask
from flask_babel import gettext as _

from zhixin.hours.rules import Presence


def kind_text(kind: str) -> str:
    """公需科目 or 专业科目."""
    return str(_("公需科目") if kind == "general" else _("专业科目"))


def unit_text(unit: str) -> str:
    """What an amount of an activity is given in."""
    words: dict[str, str] = {
        "minutes": _("分钟"),
        "half-day": _("半天"),
        "day": _("天"),
        "item": _("项"),
    }
    return words[unit]


def award_state_text(state: str) -> str:
    """Where an award stands, as its learner reads it."""
    words: dict[str, str] = {
        "earned": _("待核验"),
        "held": _("暂缓认定"),
        "verified": _("已核验"),
        "recorded": _("已入账"),
        "rejected": _("未通过"),
        "reversed": _("已冲销"),
        "corrected": _("已更正"),
    }
    return words[state]


def presence_text(presence: Presence | None) -> str:
    """How often a rule asks whether somebody is there."""
    if presence is None:
        return str(_("不确认在场"))
    return str(
        _(
            "平均每 %(m)s 分钟视频确认在场一次，%(s)d 秒内回答",
            m=format(presence.every_minutes.normalize(), "f"),
            s=presence.answer_seconds,
        )
    )


def init_app(app: Flask) -> None:
    app.jinja_env.globals.update(
        kind_text=kind_text,
        unit_text=unit_text,
        award_state_text=award_state_text,
        presence_text=presence_text,
    )
