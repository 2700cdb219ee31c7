"""The form in which a policy's draft is written: every number, and clauses in rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any, TypeVar

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from wtforms import (
    BooleanField,
    DateField,
    FieldList,
    Form,
    FormField,
    HiddenField,
    IntegerField,
    SelectField,
    StringField,
    TextAreaField,
)
from wtforms.fields.choices import SelectChoice
from wtforms.validators import DataRequired, InputRequired, Length, NumberRange, Optional

from zhixin.hours.models import PolicyDraft
from zhixin.hours.policies import MOST_SOURCE, MOST_TITLE, Content, rule_of
from zhixin.hours.rules import (
    Activity,
    ActivityUnit,
    Cap,
    CreditRule,
    InvalidRule,
    Per,
    Presence,
    SourceKind,
    SubjectKind,
    Verification,
    Window,
)
from zhixin.numbers import Number

T = TypeVar("T")
MOST_ROWS = 100
#: Empty rows that the form offers; rows left empty are nothing.
SPARE = 2
#: What the form proposes to whoever begins to ask for presence.
USUAL = Presence(every_minutes=Decimal(15), answer_seconds=60)


class ActivityForm(Form):  # type: ignore[misc]
    """One kind of outside activity; nothing where it has neither code nor name."""

    name = StringField(_l("活动"), [Length(max=64)])
    code = StringField(_l("代码"), [Length(max=32)])
    unit = SelectField(
        _l("计量"),
        choices=[
            SelectChoice(ActivityUnit.HALF_DAY.value, _l("半天")),
            SelectChoice(ActivityUnit.DAY.value, _l("天")),
            SelectChoice(ActivityUnit.ITEM.value, _l("项")),
            SelectChoice(ActivityUnit.MINUTES.value, _l("分钟")),
        ],
    )
    hours_each = Number(_l("每单位学时"), [Optional()])
    minutes_each = Number(_l("多少分钟折算一次"), [Optional()])
    general = BooleanField(_l("公需"))
    professional = BooleanField(_l("专业"))
    proof_needed = BooleanField(_l("须附证明"))

    def clause(self) -> Activity | None:
        name, code = (self.name.data or "").strip(), (self.code.data or "").strip()
        if not name and not code:
            return None
        if self.hours_each.data is None:
            raise InvalidRule("请填写每单位学时", field="activities.hours_each")
        kinds = {
            SubjectKind.GENERAL: self.general.data,
            SubjectKind.PROFESSIONAL: self.professional.data,
        }
        return Activity(
            code=code,
            name=name,
            unit=ActivityUnit(self.unit.data),
            hours_each=plain(self.hours_each.data),
            minutes_each=None if self.minutes_each.data is None else plain(self.minutes_each.data),
            subject_kinds=frozenset(kind for kind, chosen in kinds.items() if chosen),
            proof_needed=self.proof_needed.data,
        )

    @staticmethod
    def row(activity: Activity) -> dict[str, Any]:
        return {
            "name": activity.name,
            "code": activity.code,
            "unit": activity.unit.value,
            "hours_each": activity.hours_each,
            "minutes_each": activity.minutes_each,
            "general": SubjectKind.GENERAL in activity.subject_kinds,
            "professional": SubjectKind.PROFESSIONAL in activity.subject_kinds,
            "proof_needed": activity.proof_needed,
        }


class CapForm(Form):  # type: ignore[misc]
    """One cap; nothing where it has no hours."""

    hours = Number(_l("最多计（学时）"), [Optional()])
    per = SelectField(
        _l("每"),
        choices=[SelectChoice(Per.YEAR.value, _l("一年")), SelectChoice(Per.DAY.value, _l("一天"))],
    )
    subject_kind = SelectField(
        _l("科目"),
        choices=[
            SelectChoice("", _l("不限")),
            SelectChoice(SubjectKind.GENERAL.value, _l("公需科目")),
            SelectChoice(SubjectKind.PROFESSIONAL.value, _l("专业科目")),
        ],
    )
    source_kind = SelectField(
        _l("来源"),
        choices=[
            SelectChoice("", _l("不限")),
            SelectChoice(SourceKind.COURSE.value, _l("网络课程")),
            SelectChoice(SourceKind.CLASS.value, _l("培训班次")),
            SelectChoice(SourceKind.DECLARATION.value, _l("申报的活动")),
        ],
    )
    activity = StringField(_l("活动代码"), [Length(max=32)])

    def clause(self) -> Cap | None:
        if self.hours.data is None:
            return None
        source = self.source_kind.data
        return Cap(
            hours=plain(self.hours.data),
            per=Per(self.per.data),
            subject_kind=SubjectKind(self.subject_kind.data) if self.subject_kind.data else None,
            activity=(self.activity.data or "").strip() or None,
            source_kind=SourceKind(source) if source else None,
        )

    @staticmethod
    def row(cap: Cap) -> dict[str, Any]:
        return {
            "hours": cap.hours,
            "per": cap.per.value,
            "subject_kind": cap.subject_kind.value if cap.subject_kind else "",
            "source_kind": cap.source_kind.value if cap.source_kind else "",
            "activity": cap.activity or "",
        }


#: An empty row of each list, as the form offers it.
_EMPTY = {"activities": {"professional": True, "proof_needed": True}, "caps": {}}


class PolicyForm(FlaskForm):  # type: ignore[misc]
    """Everything that a policy says."""

    revision = HiddenField()
    title = StringField(_l("规则名称"), [DataRequired(), Length(max=MOST_TITLE)])
    source = TextAreaField(_l("依据"), [DataRequired(), Length(max=MOST_SOURCE)])
    effective_from = DateField(_l("生效日期"), [InputRequired()])
    minutes_per_hour = Number(_l("每学时分钟数"), [InputRequired()])
    step = Number(_l("学时最小单位"), [InputRequired()])
    coverage_needed = Number(_l("视频须观看（%）"), [InputRequired(), NumberRange(1, 100)])
    pass_mark = Number(_l("测验及格线（%）"), [InputRequired(), NumberRange(0, 100)])
    attempts_allowed = IntegerField(_l("测验次数"), [Optional()])
    yearly_total = Number(_l("年度总学时"), [InputRequired()])
    general = Number(_l("其中公需科目不少于"), [InputRequired()])
    professional = Number(_l("其中专业科目不少于"), [InputRequired()])
    window_general = StringField(_l("公需科目可学到次年"), [Length(max=5)])
    window_professional = StringField(_l("专业科目可学到次年"), [Length(max=5)])
    auto = BooleanField(_l("证据完整的学时按规则自动核验"))
    sample_percent = Number(
        _l("自动核验中抽取人工复核（%）"), [InputRequired(), NumberRange(0, 100)]
    )
    presence = BooleanField(_l("观看视频时不定时确认在场"))
    every_minutes = Number(_l("平均每隔（分钟视频）"), [Optional()])
    answer_seconds = IntegerField(_l("应答时间（秒）"), [Optional()])
    activities = FieldList(FormField(ActivityForm), max_entries=MOST_ROWS)
    caps = FieldList(FormField(CapForm), max_entries=MOST_ROWS)

    #: What fits no field.
    general_errors: tuple[str, ...] = ()

    def offer_rows(self, name: str) -> None:
        """Some more empty rows of a list."""
        rows = self[name]
        for _spare in range(min(SPARE, MOST_ROWS - len(rows))):
            rows.append_entry(_EMPTY[name])

    def content(self) -> Content | None:
        """What was written; None, and the fields say why, when it cannot be a rule."""
        clauses = {name: self._clauses(name) for name in _EMPTY}
        windows = self._windows()
        if None in clauses.values() or windows is None or self.general_errors:
            return None
        activities: list[Activity] = clauses["activities"] or []
        if len(by_code := {each.code: each for each in activities}) < len(activities):
            self.general_errors = (_("活动代码不能重复"),)
            return None
        try:
            rule = self._rule(by_code, tuple(clauses["caps"] or ()), windows)
        except InvalidRule as error:
            self._put(self, FIELDS, error)
            return None
        return Content(self.title.data, self.source.data, self.effective_from.data, rule)

    def _rule(
        self,
        activities: dict[str, Activity],
        caps: tuple[Cap, ...],
        windows: dict[SubjectKind, Window],
    ) -> CreditRule:
        return CreditRule(
            minutes_per_hour=plain(self.minutes_per_hour.data),
            step=plain(self.step.data),
            coverage_needed=plain(self.coverage_needed.data / 100),
            pass_mark=plain(self.pass_mark.data / 100),
            attempts_allowed=self.attempts_allowed.data,
            yearly_total=plain(self.yearly_total.data),
            yearly_minimums={
                SubjectKind.GENERAL: plain(self.general.data),
                SubjectKind.PROFESSIONAL: plain(self.professional.data),
            },
            verification=Verification(
                auto=self.auto.data, sample_percent=plain(self.sample_percent.data)
            ),
            presence=self._presence() if self.presence.data else None,
            activities=activities,
            caps=caps,
            windows=windows,
        )

    def _presence(self) -> Presence:
        for name in ("every_minutes", "answer_seconds"):
            if self[name].data is None:
                raise InvalidRule("请填写在场确认的间隔和应答时间", field=f"presence.{name}")
        return Presence(
            every_minutes=plain(self.every_minutes.data), answer_seconds=self.answer_seconds.data
        )

    def _clauses(self, name: str) -> list[Any] | None:
        found = [self._try(row.form, row.form.clause, FIELDS) for row in self[name]]
        return None if any(row.errors for row in self[name]) else [each for each in found if each]

    def _windows(self) -> dict[SubjectKind, Window] | None:
        windows = {}
        for kind in SubjectKind:
            field = self[f"window_{kind.value}"]
            if text := (field.data or "").strip():
                try:
                    windows[kind] = Window.from_document(text)
                except InvalidRule as error:
                    field.errors = [_(error.message)]
                    return None
        return windows

    def _try(self, form: Any, build: Callable[[], T], fields: dict[str, str]) -> T | None:
        try:
            return build()
        except InvalidRule as error:
            self._put(form, fields, error)
            return None

    def _put(self, form: Any, fields: dict[str, str], error: InvalidRule) -> None:
        """Say what is wrong where it is wrong."""
        name = str(error.facts.get("field", ""))
        name = fields.get(name, name.rpartition(".")[2])
        if name in form and not isinstance(form[name], FieldList):
            form[name].errors = [_(error.message)]
        else:
            self.general_errors = (*self.general_errors, _(error.message))

    def faults(self) -> Iterator[tuple[str, str, str]]:
        """All that is wrong: the field's id ("" for none), its label, and why."""
        for message in self.general_errors:
            yield "", "", message
        for field in self:
            if isinstance(field, FieldList):
                for number, row in enumerate(field, 1):
                    for each in row.form:
                        for message in each.errors:
                            yield each.id, f"{each.label.text}（{number}）", message
            else:
                for message in field.errors:
                    yield field.id, str(field.label.text), str(message)


#: Where the form shows what ``InvalidRule`` says of a field of the document.
FIELDS = {
    "yearly_minimums": "general",
    "yearly_minimums.general": "general",
    "yearly_minimums.professional": "professional",
    "activities.subject_kinds": "general",
}


def of_draft(draft: PolicyDraft) -> dict[str, Any]:
    """A draft as the form shows it."""
    rule = rule_of(draft)
    presence = rule.presence or USUAL
    return {
        "revision": draft.revision,
        "title": draft.title,
        "source": draft.source,
        "effective_from": draft.effective_from,
        "minutes_per_hour": rule.minutes_per_hour,
        "step": rule.step,
        "coverage_needed": plain(rule.coverage_needed * 100),
        "pass_mark": plain(rule.pass_mark * 100),
        "attempts_allowed": rule.attempts_allowed,
        "yearly_total": rule.yearly_total,
        "general": rule.yearly_minimums[SubjectKind.GENERAL],
        "professional": rule.yearly_minimums[SubjectKind.PROFESSIONAL],
        "auto": rule.verification.auto,
        "sample_percent": rule.verification.sample_percent,
        "presence": rule.presence is not None,
        "every_minutes": presence.every_minutes,
        "answer_seconds": presence.answer_seconds,
        "activities": [ActivityForm.row(each) for each in rule.activities.values()],
        "caps": [CapForm.row(each) for each in rule.caps],
        **{f"window_{kind.value}": each.to_document() for kind, each in rule.windows.items()},
    }


def plain(value: Decimal) -> Decimal:
    """Without idle zeros and without an exponent: 45.00 and 4.5E+1 are 45."""
    return Decimal(f"{value.normalize():f}")
