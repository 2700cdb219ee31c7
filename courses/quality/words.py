"""States of the quality mark's matters in the reader's language, for templates."""

from __future__ import annotations

from flask import Flask
from flask_babel import gettext as _


def round_state_text(state: str) -> str:
    words: dict[str, str] = {
        "draft": _("未公布"),
        "announced": _("已公布"),
        "scoring": _("评审中"),
        "ranked": _("评分结束"),
        "notice": _("公示"),
        "concluded": _("已结束"),
        "cancelled": _("已取消"),
    }
    return words[state]


def application_state_text(state: str) -> str:
    words: dict[str, str] = {
        "submitted": _("已申报"),
        "withdrawn": _("已撤回"),
        "selected": _("拟入选"),
        "declined": _("未入选"),
        "refused": _("异议成立，取消"),
        "awarded": _("已授予"),
    }
    return words[state]


def objection_state_text(state: str) -> str:
    words: dict[str, str] = {
        "open": _("待处理"),
        "upheld": _("异议成立"),
        "dismissed": _("异议不成立"),
    }
    return words[state]


def mark_state_text(state: str) -> str:
    words: dict[str, str] = {
        "active": _("有效"),
        "expired": _("已到期"),
        "withdrawn": _("已撤销"),
    }
    return words[state]


def conflict_text(conflict: str) -> str:
    """Why a panelist keeps away."""
    words: dict[str, str] = {
        "own": _("自己的课程"),
        "colleague": _("与作者同单位"),
        "says-so": _("本人申请回避"),
    }
    return words[conflict]


def init_app(app: Flask) -> None:
    app.jinja_env.globals.update(
        application_state_text=application_state_text,
        conflict_text=conflict_text,
        mark_state_text=mark_state_text,
        objection_state_text=objection_state_text,
        round_state_text=round_state_text,
    )
