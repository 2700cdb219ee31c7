"""A learner's year."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, abort, render_template
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from zhixin import access, clock, db
from zhixin.hours import matters, years
from zhixin.hours.rules import SubjectKind
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
