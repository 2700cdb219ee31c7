"""What a learner types."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from wtforms import DateField, RadioField, SelectField, StringField, TextAreaField
from wtforms.validators import InputRequired, Length

from zhixin.declarations.drafting import MAX_NOTE, MAX_TITLE, Facts
from zhixin.declarations.models import Declaration
from zhixin.hours.rules import Activity, SubjectKind
from zhixin.hours.words import kind_text, unit_text
from zhixin.numbers import Number
from zhixin.pages import format_hours


def worth_text(activity: Activity) -> str:
    """What one unit gives: 每半天 4 学时."""
    hours = format_hours(activity.hours_each)
    if activity.minutes_each is not None:
        minutes = format_hours(activity.minutes_each)
        return str(_("每 %(m)s 分钟 %(h)s 学时", m=minutes, h=hours))
    return str(_("每%(u)s %(h)s 学时", u=unit_text(activity.unit), h=hours))


class DeclarationForm(FlaskForm):  # type: ignore[misc]
    """An outside activity."""

    activity = SelectField(_l("活动类别"), [InputRequired(_l("请选择活动类别"))])
    subject_kind = RadioField(_l("计入科目"), [InputRequired(_l("请选择科目"))])
    title = StringField(_l("活动名称"), [InputRequired(), Length(max=MAX_TITLE)])
    organiser = StringField(_l("主办单位"), [InputRequired(), Length(max=MAX_TITLE)])
    starts_on = DateField(_l("开始日期"), [InputRequired(_l("请填写日期"))])
    ends_on = DateField(_l("结束日期"), [InputRequired(_l("请填写日期"))])
    amount = Number(_l("数量"), [InputRequired(_l("请填写数量"))])
    note = TextAreaField(_l("说明"), [Length(max=MAX_NOTE)])

    def __init__(self, *, activities: Sequence[Activity], **options: Any) -> None:
        super().__init__(**options)
        self.activity.choices = [("", _("请选择"))] + [
            (each.code, f"{each.name}（{worth_text(each)}）") for each in activities
        ]
        self.activity.validate_choice = False  # the rule of the activity's day decides
        self.subject_kind.choices = [(kind.value, kind_text(kind)) for kind in SubjectKind]

    def facts(self) -> Facts:
        """What was typed, as the operations take it."""
        return Facts(
            activity=self.activity.data,
            subject_kind=SubjectKind(self.subject_kind.data),
            title=self.title.data,
            organiser=self.organiser.data,
            starts_on=self.starts_on.data,
            ends_on=self.ends_on.data,
            amount=self.amount.data,
            note=self.note.data or "",
        )


def shown(declaration: Declaration) -> dict[str, Any]:
    """A declaration as the form shows it."""
    names = ("activity", "subject_kind", "title", "organiser", "starts_on", "ends_on", "note")
    amount = Decimal(f"{declaration.amount.normalize():f}")
    return {name: getattr(declaration, name) for name in names} | {"amount": amount}
