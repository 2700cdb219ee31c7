"""Levels, kinds and states in the reader's language, for templates."""

from __future__ import annotations

from flask import Flask
from flask_babel import gettext as _

from courses.submission import Arithmetic
from zhixin.pages import format_duration, format_hours


def level_text(level: str) -> str:
    """Whom a course is for, or what title a person holds."""
    words: dict[str, str] = {
        "none": _("不限职称"),
        "junior": _("初级"),
        "intermediate": _("中级"),
        "senior": _("高级"),
    }
    return words[level]


def speed_text(rate_percent: int | None) -> str:
    """How fast a first watching counts; None: normal speed."""
    return f"{(rate_percent or 100) / 100:g}×"


def version_state_text(state: str) -> str:
    words: dict[str, str] = {
        "submitted": _("审核中"),
        "returned": _("已退回"),
        "published": _("已发布"),
        "superseded": _("已被新版替代"),
    }
    return words[state]


def asset_state_text(state: str) -> str:
    words: dict[str, str] = {
        "uploaded": _("等待转码"),
        "transcoding": _("转码中"),
        "ready": _("可播放"),
        "failed": _("处理失败"),
    }
    return words[state]


def question_kind_text(kind: str) -> str:
    words: dict[str, str] = {
        "single": _("单选题"),
        "multiple": _("多选题"),
        "true_false": _("判断题"),
    }
    return words[kind]


def arithmetic_text(arithmetic: Arithmetic) -> str:
    """How a length becomes hours, so that author and reviewer can check it."""
    text: str = _(
        "%(length)s ÷ 每学时 %(minutes)s 分钟 = %(quotient)s，按 %(step)s 学时向下取整 = %(hours)s 学时",
        length=format_duration(arithmetic.video_ms),
        minutes=format_hours(arithmetic.rule.minutes_per_hour),
        quotient=arithmetic.quotient,
        step=format_hours(arithmetic.rule.step),
        hours=format_hours(arithmetic.justified),
    )
    return text


def class_state_text(state: str) -> str:
    """Where a class stands."""
    words: dict[str, str] = {
        "open": _("进行中"),
        "closing": _("正在核算学时"),
        "closed": _("已结班"),
        "cancelled": _("已取消"),
    }
    return words[state]


def init_app(app: Flask) -> None:
    app.jinja_env.globals.update(
        arithmetic_text=arithmetic_text,
        level_text=level_text,
        speed_text=speed_text,
        class_state_text=class_state_text,
        version_state_text=version_state_text,
        asset_state_text=asset_state_text,
        question_kind_text=question_kind_text,
    )
    app.jinja_env.filters["zip_"] = zip
