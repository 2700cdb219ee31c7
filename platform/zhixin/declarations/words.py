"""States, steps and reasons in the reader's language, for templates."""

from __future__ import annotations

import sqlalchemy as sa
from flask import Flask
from flask_babel import gettext as _

from zhixin import access, db
from zhixin.declarations.models import Declaration
from zhixin.declarations.states import State
from zhixin.hours.rules import ActivityUnit
from zhixin.hours.words import unit_text


def state_text(state: str) -> str:
    """Where a declaration stands, as its learner reads it."""
    words: dict[str, str] = {
        "draft": _("草稿"),
        "submitted": _("单位审核中"),
        "escalated": _("单位逾期，主管部门可一并处理"),
        "endorsed": _("主管部门核验中"),
        "returned": _("已退回，待修改"),
        "declined": _("单位不同意"),
        "verified": _("主管部门已核验"),
        "refused": _("主管部门不予认定"),
        "withdrawn": _("已撤回"),
    }
    return words[state]


def step_text(transition: str) -> str:
    """What was done."""
    words: dict[str, str] = {
        "submit": _("提交单位审核"),
        "submit-directly": _("直接提交主管部门"),
        "endorse": _("单位同意，转主管部门"),
        "return": _("退回修改"),
        "decline": _("单位不同意"),
        "escalate": _("单位逾期未处理，主管部门可一并处理"),
        "appeal": _("提请主管部门复核"),
        "verify": _("核验通过"),
        "refuse": _("不予认定"),
        "withdraw": _("撤回"),
    }
    return words[transition]


def reason_text(reason: str) -> str:
    """Why a desk said no."""
    words: dict[str, str] = {
        "proof-unclear": _("证明材料看不清"),
        "proof-missing": _("证明材料不齐全"),
        "facts-differ": _("填写内容与证明材料不一致"),
        "wrong-activity": _("活动类别或科目选择有误"),
        "wrong-amount": _("数量或日期有误"),
        "not-proven": _("不能证明参加了这项活动"),
        "not-learning": _("不属于继续教育活动"),
        "counted-already": _("重复申报，已计入学时"),
        "false-proof": _("证明材料不真实"),
        "other": _("其他"),
    }
    return words.get(reason, reason)


def desk_text(desk: str) -> str:
    """Who acted."""
    words: dict[str, str] = {
        "learner": _("本人"),
        "employer": _("单位"),
        "bureau": _("主管部门"),
        "rule": _("规则"),
    }
    return words[desk]


def mark_text(mark: str) -> str:
    """What looks like another declaration."""
    words: dict[str, str] = {
        "same-days": _("日期与其他申报重叠"),
        "same-proof": _("证明材料与其他申报相同"),
    }
    return words.get(mark, mark)


def amount_text(declaration: Declaration) -> str:
    """How much was done: 3 个半天."""
    amount = f"{declaration.amount.normalize():f}"
    if declaration.unit == ActivityUnit.HALF_DAY:
        return str(_("%(n)s 个半天", n=amount))
    return f"{amount} {unit_text(declaration.unit)}"


def days_text(declaration: Declaration) -> str:
    """On which days: one, or from the first to the last."""
    first, last = declaration.starts_on, declaration.ends_on
    return f"{first}" if first == last else str(_("%(a)s 至 %(b)s", a=first, b=last))


def returned_count() -> int:
    """How many of the signed-in person's declarations wait for their mending."""
    query = sa.select(sa.func.count()).where(
        Declaration.person_id == access.person().id, Declaration.state == State.RETURNED
    )
    return db.session().scalar(query) or 0


def init_app(app: Flask) -> None:
    app.jinja_env.globals.update(
        declaration_state_text=state_text,
        declaration_step_text=step_text,
        declaration_reason_text=reason_text,
        desk_text=desk_text,
        mark_text=mark_text,
        amount_text=amount_text,
        days_text=days_text,
        returned_declarations=returned_count,
    )
