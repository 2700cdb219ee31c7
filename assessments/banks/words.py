"""Words of banks on pages."""

from __future__ import annotations

from flask import Flask
from flask_babel import gettext as _

from assessments.banks.models import BankKind
from assessments.banks.states import QuestionState, QuestionStep


def state_text(state: str) -> str:
    words: dict[str, str] = {
        QuestionState.DRAFT: _("草稿"),
        QuestionState.PROPOSED: _("待审核"),
        QuestionState.ACCEPTED: _("已通过"),
        QuestionState.RETURNED: _("已退回"),
        QuestionState.RETIRED: _("已停用"),
    }
    return words[QuestionState(state)]


def step_text(step: str) -> str:
    words: dict[str, str] = {
        QuestionStep.EDIT: _("编辑"),
        QuestionStep.PROPOSE: _("提交审核"),
        QuestionStep.ACCEPT: _("通过"),
        QuestionStep.RETURN: _("退回"),
        QuestionStep.RETIRE: _("停用"),
        QuestionStep.RESTORE: _("恢复为草稿"),
    }
    return words[QuestionStep(step)]


def kind_text(kind: str) -> str:
    words: dict[str, str] = {BankKind.OWN: _("自有"), BankKind.SHARED: _("领域共享")}
    return words[BankKind(kind)]


def difficulty_text(level: int) -> str:
    words: list[str] = [_("易"), _("较易"), _("中"), _("较难"), _("难")]
    return words[level - 1]


def init_app(app: Flask) -> None:
    app.jinja_env.globals.update(
        bank_state_text=state_text,
        bank_step_text=step_text,
        bank_kind_text=kind_text,
        difficulty_text=difficulty_text,
    )
