"""A learner's year, and the administrator's policies."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from wtforms import BooleanField, DateField, DecimalField, IntegerField, StringField, TextAreaField
from wtforms.validators import DataRequired, InputRequired, NumberRange, Optional

from zhixin import access, acts, clock, db
from zhixin.errors import NotAllowed
from zhixin.hours import matters, policies, years
from zhixin.hours.rules import CreditRule, InvalidRule, Presence, SubjectKind, Verification
from zhixin.people import accounts
from zhixin.people.models import Role

blueprint = Blueprint("hours", __name__)


@blueprint.get("/my/year", defaults={"year": None})
@blueprint.get("/my/year/<int:year>")
@access.only(Role.LEARNER)
def my_year(year: int | None) -> ResponseReturnValue:
    """My hours of a year against what it asks for."""
    session, person = db.session(), access.person()
    today = clock.local(clock.now()).date()
    year = year or today.year
    if not 2000 <= year <= today.year:
        abort(404)
    found = years.of(session, person.id, year, today)
    return render_template(
        "hours/year.html",
        found=found,
        all_years=years.years(session, person.id, today.year),
        chart=_chart(found),
        matters=matters.of_awards(session, found.awards),
    )


def _chart(found: years.Year) -> dict[str, Any]:
    names = {SubjectKind.PROFESSIONAL: _("专业科目"), SubjectKind.GENERAL: _("公需科目")}
    return {
        "type": "stacked",
        "unit": _("学时"),
        "categories": [
            _("%(m)d 月", m=at + 1) if at < 12 else _("次年 %(m)d 月", m=at - 11)
            for at in range(len(found.months[SubjectKind.GENERAL]))
        ],
        "series": [
            {"name": name, "kind": kind.value, "values": [float(h) for h in found.months[kind]]}
            for kind, name in names.items()
        ],
    }


class Number(DecimalField):  # type: ignore[misc]
    """A decimal as people type it: NaN and infinities are not numbers."""

    data: Any  # a Decimal once validated

    def __init__(self, label: Any, validators: Any, **options: Any) -> None:
        super().__init__(label, validators, places=None, **options)

    def process_formdata(self, valuelist: list[str]) -> None:
        super().process_formdata(valuelist)
        if self.data is not None and not self.data.is_finite():
            self.data = None
            raise ValueError(self.gettext("Not a valid decimal value."))


class PolicyForm(FlaskForm):  # type: ignore[misc]
    """Every number of a credit policy."""

    title = StringField(_l("规则名称"), [DataRequired()])
    source = TextAreaField(_l("依据"), [DataRequired()])
    effective_from = DateField(_l("生效日期"), [InputRequired()])
    minutes_per_hour = Number(_l("每学时分钟数"), [InputRequired()])
    step = Number(_l("学时最小单位"), [InputRequired()])
    coverage_needed = Number(_l("视频须观看（%）"), [InputRequired(), NumberRange(1, 100)])
    pass_mark = Number(_l("测验及格线（%）"), [InputRequired(), NumberRange(0, 100)])
    attempts_allowed = IntegerField(_l("测验次数"), [Optional()])
    yearly_total = Number(_l("年度总学时"), [InputRequired()])
    general = Number(_l("其中公需科目不少于"), [InputRequired()])
    professional = Number(_l("其中专业科目不少于"), [InputRequired()])
    auto = BooleanField(_l("证据完整的学时按规则自动核验"))
    sample_percent = Number(
        _l("自动核验中抽取人工复核（%）"), [InputRequired(), NumberRange(0, 100)]
    )
    presence = BooleanField(_l("观看视频时不定时确认在场"))
    every_minutes = Number(_l("平均每隔（分钟视频）"), [Optional()])
    answer_seconds = IntegerField(_l("应答时间（秒）"), [Optional()])

    def rule(self) -> CreditRule:
        """The rule that was typed; out-of-range numbers raise ``InvalidRule``."""
        return CreditRule(
            minutes_per_hour=_plain(self.minutes_per_hour.data),
            step=_plain(self.step.data),
            coverage_needed=_plain(self.coverage_needed.data / 100),
            pass_mark=_plain(self.pass_mark.data / 100),
            attempts_allowed=self.attempts_allowed.data,
            yearly_total=_plain(self.yearly_total.data),
            yearly_minimums={
                SubjectKind.GENERAL: _plain(self.general.data),
                SubjectKind.PROFESSIONAL: _plain(self.professional.data),
            },
            verification=Verification(
                auto=self.auto.data, sample_percent=_plain(self.sample_percent.data)
            ),
            presence=self._presence() if self.presence.data else None,
        )

    def _presence(self) -> Presence:
        for name in ("every_minutes", "answer_seconds"):
            if self[name].data is None:
                raise InvalidRule("请填写在场确认的间隔和应答时间", field=f"presence.{name}")
        return Presence(
            every_minutes=_plain(self.every_minutes.data), answer_seconds=self.answer_seconds.data
        )


#: What the form proposes to whoever begins to ask for presence.
USUAL = Presence(every_minutes=Decimal(15), answer_seconds=60)


def _as_form(rule: CreditRule) -> dict[str, Any]:
    return {
        "minutes_per_hour": rule.minutes_per_hour,
        "step": rule.step,
        "coverage_needed": _plain(rule.coverage_needed * 100),
        "pass_mark": _plain(rule.pass_mark * 100),
        "attempts_allowed": rule.attempts_allowed,
        "yearly_total": rule.yearly_total,
        "general": rule.yearly_minimums[SubjectKind.GENERAL],
        "professional": rule.yearly_minimums[SubjectKind.PROFESSIONAL],
        "auto": rule.verification.auto,
        "sample_percent": rule.verification.sample_percent,
        "presence": rule.presence is not None,
        "every_minutes": rule.presence.every_minutes if rule.presence else USUAL.every_minutes,
        "answer_seconds": rule.presence.answer_seconds if rule.presence else USUAL.answer_seconds,
    }


def _plain(value: Decimal) -> Decimal:
    """Without idle zeros and without an exponent: 45.00 and 4.5E+1 are 45."""
    short = value.normalize()
    huge = short.adjusted() > 9  # refused by the rule; not to be written out
    return value if huge else Decimal(f"{short:f}")


#: Where the form shows what ``InvalidRule`` says of a field of the document.
FORM_FIELDS = {
    "yearly_minimums": "general",
    "yearly_minimums.general": "general",
    "yearly_minimums.professional": "professional",
    "verification.sample_percent": "sample_percent",
    "presence.every_minutes": "every_minutes",
    "presence.answer_seconds": "answer_seconds",
}


@blueprint.route("/admin/policies", methods=["GET", "POST"], endpoint="policies")
@access.only(Role.ADMINISTRATOR)
def policies_page() -> ResponseReturnValue:
    """What is in force, what was, and a form for the next one."""
    session = db.session()
    today = clock.local(clock.now()).date()
    current = policies.find(session, today)
    posted = request.method == "POST"
    form = PolicyForm(data=None if posted or current is None else _as_form(policies.rule(current)))
    if posted and accounts.scope(session, access.person(), Role.ADMINISTRATOR) is not None:
        raise NotAllowed("学时规则适用于全市，请由全市范围的管理员发布", code="city-only")
    if form.validate_on_submit() and (rule := _rule(form)):
        actor, now = access.person(), clock.now()
        published = policies.publish(
            session,
            title=form.title.data,
            source=form.source.data,
            effective_from=form.effective_from.data,
            rule=rule,
            actor_id=actor.id,
            now=now,
        )
        acts.note(
            session, actor_id=actor.id, act="publish", object_kind="policy",
            object_id=published.id, reason=published.title, address=request.remote_addr, now=now,
        )  # fmt: skip
        flash(_("规则已发布。此前已授予的学时不受影响。"), "success")
        return redirect(url_for("hours.policies"), 303)
    page = render_template(
        "hours/policies.html",
        form=form,
        current=current,
        history=policies.history(session),
        rule_of=policies.rule,
    )
    return page, 422 if form.errors else 200


def _rule(form: PolicyForm) -> CreditRule | None:
    """The form's rule; None, and the field says why, when a number is out of range."""
    try:
        return form.rule()
    except InvalidRule as error:
        name = str(error.facts.get("field", "title"))
        form[FORM_FIELDS.get(name, name)].errors = [_(error.message)]
        return None
