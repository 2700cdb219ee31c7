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
        "publish": _("发布"),
        "send-back": _("退回"),
        "create": _("新建"),
        "edit": _("修改资料"),
        "rename": _("改名"),
        "grant-role": _("授予角色"),
        "revoke-role": _("撤销角色"),
        "deactivate": _("停用账号"),
        "activate": _("启用账号"),
        "reset-password": _("重置密码"),
        "end-sign-ins": _("结束登录"),
    }
    return words.get(act, act)


def object_text(kind: str) -> str:
    """What an act was about."""
    words: dict[str, str] = {
        "award": _("学时"),
        "course-version": _("课程版本"),
        "person": _("人员"),
        "organisation": _("单位"),
        "policy": _("学时规则"),
    }
    return words.get(kind, kind)


def attempt_score(attempt: dict[str, Any]) -> str:
    """An attempt's score in percent, from its evidence."""
    millionths = attempt.get("fraction_millionths")
    return "—" if millionths is None else f"{millionths / 10000:.0f}%"


def init_app(app: Flask) -> None:
    app.jinja_env.globals.update(
        flag_text=flag_text,
        act_text=act_text,
        object_text=object_text,
        attempt_score=attempt_score,
    )
