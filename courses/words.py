"""Levels, kinds and states in the reader's language, for templates."""

from __future__ import annotations

from flask import Flask
from flask_babel import gettext as _
from markupsafe import Markup

from courses import kinds
from courses.documents import Unit
from courses.submission import Arithmetic
from zhixin import richtext
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
        "approved": _("待发布"),
        "withdrawn": _("已撤回"),
        "published": _("已发布"),
        "superseded": _("已被新版替代"),
    }
    return words[state]


def seat_state_text(state: str) -> str:
    """Where a reviewer's place stands."""
    words: dict[str, str] = {
        "open": _("审核中"),
        "approved": _("通过"),
        "returned": _("退回"),
        "released": _("已放回"),
        "lapsed": _("超过期限"),
        "closed": _("未参加决定"),
    }
    return words[state]


def comment_state_text(state: str) -> str:
    """Where a reviewer's remark stands."""
    words: dict[str, str] = {
        "open": _("待处理"),
        "resolved": _("作者已处理"),
        "closed": _("已确认"),
    }
    return words[state]


def package_state_text(state: str, way: str) -> str:
    """Where a course's archive stands."""
    words: dict[str, str] = {
        "waiting": _("等待处理"),
        "working": _("正在生成") if way == "export" else _("正在读取和核对"),
        "ready": _("可以下载") if way == "export" else _("等待您确认"),
        "accepted": _("等待导入"),
        "making": _("正在导入"),
        "made": _("已导入"),
        "failed": _("没有完成"),
    }
    return words[state]


def category_text(category: str) -> str:
    """A part of the reviewer's checklist."""
    words: dict[str, str] = {
        "content": _("内容"),
        "teaching": _("教学"),
        "hours": _("学时"),
        "copyright": _("版权"),
        "accessibility": _("无障碍"),
    }
    return words[category]


def asset_state_text(state: str) -> str:
    words: dict[str, str] = {
        "uploaded": _("等待转码"),
        "transcoding": _("转码中"),
        "ready": _("可播放"),
        "failed": _("处理失败"),
        "cancelled": _("已取消转码"),
    }
    return words[state]


def body_html(unit: Unit) -> Markup:
    """A unit's text as it is shown: older versions hold plain paragraphs."""
    if unit.rich:
        return richtext.render(unit.body or "")
    paragraphs = [each.strip() for each in (unit.body or "").split("\n\n")]
    return Markup().join(Markup("<p>{}</p>").format(each) for each in paragraphs if each)


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
        body_html=body_html,
        rich=richtext.render,
        unit_icon=kinds.icon,
        unit_kind_text=kinds.word,
        unit_kinds=kinds.KINDS,
        level_text=level_text,
        speed_text=speed_text,
        category_text=category_text,
        package_state_text=package_state_text,
        class_state_text=class_state_text,
        comment_state_text=comment_state_text,
        seat_state_text=seat_state_text,
        version_state_text=version_state_text,
        asset_state_text=asset_state_text,
    )
    app.jinja_env.filters["zip_"] = zip
