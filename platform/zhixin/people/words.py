"""Roles, kinds and levels in the reader's language, for pages and forms."""

from __future__ import annotations

from collections.abc import Iterable

from flask import Flask
from flask_babel import gettext as _

from zhixin.people.devices import describe
from zhixin.people.models import Role


def role_text(role: str) -> str:
    words: dict[str, str] = {
        "learner": _("学员"),
        "author": _("课程作者"),
        "reviewer": _("课程审核人"),
        "employer": _("单位经办人"),
        "bureau": _("主管部门审核人"),
        "auditor": _("学时审核员"),
        "administrator": _("管理员"),
    }
    return words[role]


def roles_text(roles: Iterable[str]) -> str:
    """Several roles, the usual ones first."""
    return str(_("、")).join(role_text(role) for role in Role if role in set(roles))


def organisation_kind_text(kind: str) -> str:
    words: dict[str, str] = {
        "city": _("市"),
        "bureau": _("主管部门"),
        "district": _("区县"),
        "employer": _("用人单位"),
    }
    return words[kind]


def title_level_text(level: str) -> str:
    words: dict[str, str] = {
        "none": _("无职称"),
        "junior": _("初级"),
        "intermediate": _("中级"),
        "senior": _("高级"),
    }
    return words[level]


def device_text(user_agent: str) -> str:
    return describe(user_agent) or str(_("未识别的设备"))


def init_app(app: Flask) -> None:
    app.jinja_env.globals.update(
        role_text=role_text,
        roles_text=roles_text,
        organisation_kind_text=organisation_kind_text,
        title_level_text=title_level_text,
        device_text=device_text,
    )
