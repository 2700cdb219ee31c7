"""Forms of accounts and their administration."""

from __future__ import annotations

from typing import Any

from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from wtforms import (
    HiddenField,
    IntegerField,
    PasswordField,
    SelectField,
    SelectMultipleField,
    StringField,
)
from wtforms.fields.choices import SelectChoice
from wtforms.validators import EqualTo, InputRequired, Length, NumberRange
from wtforms.widgets import CheckboxInput, ListWidget, PasswordInput

from zhixin.people import tokens
from zhixin.people.accounts import MAX_NAME, MAX_PASSWORD, MIN_PASSWORD
from zhixin.people.models import OrganisationKind, Role, TitleLevel
from zhixin.people.words import organisation_kind_text, role_text, title_level_text


def _chosen_id(value: str | None) -> int | None:
    return int(value) if value and value != "None" else None


class SignInForm(FlaskForm):  # type: ignore[misc]
    sign_in_name = StringField(
        _l("登录名"),
        [InputRequired(_l("请输入登录名")), Length(max=200)],
        render_kw={"autocomplete": "username", "autocapitalize": "none", "spellcheck": "false"},
    )
    password = PasswordField(
        _l("密码"),
        [InputRequired(_l("请输入密码"))],
        render_kw={"autocomplete": "current-password"},
    )
    next = HiddenField()


class PasswordForm(FlaskForm):  # type: ignore[misc]
    current = PasswordField(
        _l("当前密码"), [InputRequired()], render_kw={"autocomplete": "current-password"}
    )
    new = PasswordField(
        _l("新密码"),
        [InputRequired(), Length(MIN_PASSWORD, MAX_PASSWORD, _l("密码至少需要 10 个字符"))],
        render_kw={"autocomplete": "new-password"},
    )
    again = PasswordField(
        _l("再输一次新密码"),
        [InputRequired(), EqualTo("new", _l("两次输入的新密码不一致"))],
        render_kw={"autocomplete": "new-password"},
    )


class TokenForm(FlaskForm):  # type: ignore[misc]
    name = StringField(
        _l("用途"), [InputRequired(), Length(max=MAX_NAME)], render_kw={"autocomplete": "off"}
    )
    days = IntegerField(
        _l("有效天数"), [InputRequired(), NumberRange(1, tokens.MAX_DAYS)], default=90
    )


class _OrganisationField(SelectField):  # type: ignore[misc]
    """An organisation, or nothing."""

    def __init__(self, label: Any, **options: Any) -> None:
        super().__init__(label, coerce=_chosen_id, **options)


class _NeverEchoed(PasswordInput):  # type: ignore[misc]
    """Typed in the clear, to be checked while typing, but never sent back to a screen."""

    input_type = "text"


class FactsForm(FlaskForm):  # type: ignore[misc]
    """What is known of a person."""

    name = StringField(_l("姓名"), [InputRequired(), Length(max=MAX_NAME)])
    id_number = StringField(
        _l("身份证号"),
        [Length(max=30)],
        widget=_NeverEchoed(),
        render_kw={"autocomplete": "off", "spellcheck": "false"},
    )
    employer_id = _OrganisationField(_l("用人单位"))
    title_level = SelectField(_l("职称级别"))
    title_name = StringField(_l("职称名称"), [Length(max=64)])
    extended_time_percent = SelectField(
        _l("在场确认的应答时间"),
        coerce=int,
        choices=[
            SelectChoice(percent, f"{percent / 100:g}×") for percent in (100, 150, 200, 300, 400)
        ],
        default=100,
    )

    def __init__(self, *, employers: list[tuple[str, str]], **options: Any) -> None:
        super().__init__(**options)
        self.employer_id.choices = employers
        self.title_level.choices = [(level.value, title_level_text(level)) for level in TitleLevel]

    def facts(self) -> dict[str, Any]:
        """What was typed, as the operations take it."""
        return {
            "name": self.name.data,
            "id_number": (self.id_number.data or "").strip() or None,
            "employer_id": self.employer_id.data,
            "title_level": TitleLevel(self.title_level.data),
            "title_name": self.title_name.data or "",
            "extended_time_percent": self.extended_time_percent.data,
        }


class NewPersonForm(FactsForm):
    sign_in_name = StringField(
        _l("登录名"),
        [InputRequired(), Length(max=64)],
        render_kw={"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"},
    )
    roles = SelectMultipleField(
        _l("角色"),
        default=[Role.LEARNER.value],
        option_widget=CheckboxInput(),
        widget=ListWidget(prefix_label=False),
    )

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.roles.choices = [(role.value, role_text(role)) for role in Role]


class GrantForm(FlaskForm):  # type: ignore[misc]
    role = SelectField(_l("角色"))
    organisation_id = _OrganisationField(_l("范围"))

    def __init__(self, *, organisations: list[tuple[str, str]], **options: Any) -> None:
        super().__init__(**options)
        self.role.choices = [(role.value, role_text(role)) for role in Role]
        self.organisation_id.choices = organisations


class OrganisationForm(FlaskForm):  # type: ignore[misc]
    kind = SelectField(_l("类别"))
    name = StringField(_l("名称"), [InputRequired(), Length(max=MAX_NAME)])
    parent_id = _OrganisationField(_l("上级"))

    def __init__(self, *, parents: list[tuple[str, str]], **options: Any) -> None:
        super().__init__(**options)
        self.kind.choices = [
            (kind.value, organisation_kind_text(kind)) for kind in OrganisationKind
        ]
        self.parent_id.choices = parents
