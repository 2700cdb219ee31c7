"""Kinds and states in the reader's language, for templates."""

from __future__ import annotations

from flask import Flask
from flask_babel import gettext as _

from zhixin.hours.rules import Activity, Cap, CreditRule, Per, Presence, SubjectKind, Window
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


def cap_text(cap: Cap, rule: CreditRule, *, scope_only: bool = False) -> str:
    """A cap as a sentence: what it is for, a day or a year, how much counts."""
    scope = [
        *([kind_text(cap.subject_kind)] if cap.subject_kind else []),
        *([source_text(cap.source_kind)] if cap.source_kind else []),
        *([rule.activities[cap.activity].name] if cap.activity else []),
    ]
    what = "、".join(scope) or str(_("全部学时"))
    if scope_only:
        words = _("上限：%(what)s，一天") if cap.per is Per.DAY else _("上限：%(what)s，一年")
        return str(words % {"what": what})
    hours = format_hours(cap.hours)
    if cap.per is Per.DAY:
        return str(_("%(what)s一天最多计 %(h)s 学时", what=what, h=hours))
    return str(_("%(what)s一年最多计 %(h)s 学时", what=what, h=hours))


def activity_text(activity: Activity) -> str:
    """What an activity is worth, as which subject, and whether it needs proof."""
    if activity.minutes_each is None:
        worth = _(
            "每%(unit)s %(h)s 学时",
            unit=unit_text(activity.unit),
            h=format_hours(activity.hours_each),
        )
    else:
        worth = _(
            "每 %(m)s 分钟 %(h)s 学时",
            m=format_hours(activity.minutes_each),
            h=format_hours(activity.hours_each),
        )
    kinds = "、".join(kind_text(kind) for kind in SubjectKind if kind in activity.subject_kinds)
    proof = _("须附证明") if activity.proof_needed else _("无须证明")
    return "；".join([worth, kinds, proof])


def window_text(window: Window) -> str:
    """Until when learning may count for the year before."""
    return str(_("学到次年 %(m)d 月 %(d)d 日", m=window.month, d=window.day))


def draft_state_text(state: str) -> str:
    """Where a draft of a policy stands."""
    words: dict[str, str] = {
        "writing": _("起草中"),
        "review": _("待审核"),
        "published": _("已发布"),
        "discarded": _("已放弃"),
    }
    return words[state]


def effect_text(effect: str) -> str:
    """What a draft would change for somebody."""
    words: dict[str, str] = {
        "newly-met": _("变为达到"),
        "no-longer-met": _("变为未达到"),
        "less-to-go": _("差得更少"),
        "more-to-go": _("差得更多"),
        "hours-only": _("仅计入学时变化"),
    }
    return words[effect]


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
        activity_text=activity_text,
        window_text=window_text,
        draft_state_text=draft_state_text,
        effect_text=effect_text,
        award_state_text=award_state_text,
        presence_text=presence_text,
    )
