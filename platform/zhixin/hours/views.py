"""A learner's year, and the administrator's policies."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, abort, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from wtforms import BooleanField, DateField, DecimalField, IntegerField, StringField, TextAreaField
from wtforms.validators import InputRequired, NumberRange, Optional

from zhixin import access, clock, db
from zhixin.hours import policies, years
from zhixin.hours.rules import CreditRule, SubjectKind, Verification
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
    )


def _chart(found: years.Year) -> dict[str, Any]:
    names = {SubjectKind.PROFESSIONAL: _("专业科目"), SubjectKind.GENERAL: _("公需科目")}
    return {
        "type": "stacked",
        "unit": _("学时"),
        "categories": [_("%(m)d 月", m=month) for month in range(1, 13)],
        "series": [
            {"name": name, "kind": kind.value, "values": [float(h) for h in found.months[kind]]}
            for kind, name in names.items()
        ],
    }


class PolicyForm(FlaskForm):  # type: ignore[misc]
    """Every number of a credit policy."""

    title = StringField(_l("规则名称"), [InputRequired()])
    source = TextAreaField(_l("依据"), [InputRequired()])
    effective_from = DateField(_l("生效日期"), [InputRequired()])
    minutes_per_hour = DecimalField(_l("每学时分钟数"), [InputRequired()])
    step = DecimalField(_l("学时最小单位"), [InputRequired()])
    coverage_needed = DecimalField(_l("视频须观看（%）"), [InputRequired(), NumberRange(1, 100)])
    pass_mark = DecimalField(_l("测验及格线（%）"), [InputRequired(), NumberRange(0, 100)])
    attempts_allowed = IntegerField(_l("测验次数"), [Optional()])
    yearly_total = DecimalField(_l("年度总学时"), [InputRequired()])
    general = DecimalField(_l("其中公需科目不少于"), [InputRequired()])
    professional = DecimalField(_l("其中专业科目不少于"), [InputRequired()])
    auto = BooleanField(_l("证据完整的学时按规则自动核验"))
    sample_percent = DecimalField(
        _l("自动核验中抽取人工复核（%）"), [InputRequired(), NumberRange(0, 100)]
    )

    def rule(self) -> CreditRule:
        """The rule that was typed; out-of-range numbers raise ``InvalidRule``."""
        return CreditRule(
            minutes_per_hour=self.minutes_per_hour.data,
            step=self.step.data,
            coverage_needed=self.coverage_needed.data / 100,
            pass_mark=self.pass_mark.data / 100,
            attempts_allowed=self.attempts_allowed.data,
            yearly_total=self.yearly_total.data,
            yearly_minimums={
                SubjectKind.GENERAL: self.general.data,
                SubjectKind.PROFESSIONAL: self.professional.data,
            },
            verification=Verification(auto=self.auto.data, sample_percent=self.sample_percent.data),
        )


def _as_form(rule: CreditRule) -> dict[str, Any]:
    return {
        "minutes_per_hour": rule.minutes_per_hour,
        "step": rule.step,
        "coverage_needed": rule.coverage_needed * 100,
        "pass_mark": rule.pass_mark * 100,
        "attempts_allowed": rule.attempts_allowed,
        "yearly_total": rule.yearly_total,
        "general": rule.yearly_minimums[SubjectKind.GENERAL],
        "professional": rule.yearly_minimums[SubjectKind.PROFESSIONAL],
        "auto": rule.verification.auto,
        "sample_percent": rule.verification.sample_percent,
    }


@blueprint.route("/admin/policies", methods=["GET", "POST"], endpoint="policies")
@access.only(Role.ADMINISTRATOR)
def policies_page() -> ResponseReturnValue:
    """What is in force, what was, and a form for the next one."""
    session = db.session()
    today = clock.local(clock.now()).date()
    current = policies.in_force(session, today)
    form = PolicyForm(data=None if _posted() else _as_form(policies.rule(current)))
    if form.validate_on_submit():
        policies.publish(
            session,
            title=form.title.data,
            source=form.source.data,
            effective_from=form.effective_from.data,
            rule=form.rule(),
            actor_id=access.person().id,
            now=clock.now(),
        )
        flash(_("规则已发布。此前已授予的学时不受影响。"), "success")
        return redirect(url_for("hours.policies"), 303)
    page = render_template(
        "hours/policies.html", form=form, current=current, history=policies.history(session), today=today,
        rule_of=policies.rule,
    )  # fmt: skip
    return page, 422 if form.errors else 200


def _posted() -> bool:
    from flask import request

    return request.method == "POST"
