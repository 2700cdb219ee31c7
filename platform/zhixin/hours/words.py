"""Kinds and states in the reader's language, for templates."""

from __future__ import annotations

from flask import Flask
from flask_babel import gettext as _

from zhixin.hours.rules import Cap, CreditRule, Per, Presence
from zhixin.pages import format_hours


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


def source_text(kind: str) -> str:
    """What hours are given for."""
    words: dict[str, str] = {
        "course": _("网络课程"),
        "class": _("培训班次"),
        "declaration": _("申报的活动"),
    }
    return words[kind]


def cap_text(cap: Cap, rule: CreditRule) -> str:
    """A cap as a sentence: what it is for, a day or a year, how much counts."""
    scope = [
        *([kind_text(cap.subject_kind)] if cap.subject_kind else []),
        *([source_text(cap.source_kind)] if cap.source_kind else []),
        *([rule.activities[cap.activity].name] if cap.activity else []),
    ]
    words = {"what": "、".join(scope) or _("全部学时"), "h": format_hours(cap.hours)}
    if cap.per is Per.DAY:
        return str(_("%(what)s一天最多计 %(h)s 学时", **words))
    return str(_("%(what)s一年最多计 %(h)s 学时", **words))


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
        source_text=source_text,
        cap_text=cap_text,
        award_state_text=award_state_text,
        presence_text=presence_text,
    )
