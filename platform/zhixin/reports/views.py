"""A year in figures, for whoever answers for people: auditors, bureaus, employers, administrators."""

from __future__ import annotations

from datetime import datetime
from itertools import accumulate
from typing import Any

from flask import Blueprint, Response, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from zhixin import access, acts, clock, db, spreadsheets
from zhixin.audit.words import act_text
from zhixin.errors import Invalid, NotAllowed
from zhixin.hours.models import Award
from zhixin.hours.words import kind_text, source_text
from zhixin.people import accounts
from zhixin.people.models import Person, Role
from zhixin.reports import figures, targets
from zhixin.reports.figures import Reach
from zhixin.reports.models import TargetCode
from zhixin.reports.words import field_names, seminars, target_text

blueprint = Blueprint("reports", __name__, url_prefix="/reports")
ROLES = (Role.AUDITOR, Role.BUREAU, Role.EMPLOYER, Role.ADMINISTRATOR)
#: So many organisations are drawn; all of them are in the table.
DRAWN = 15


def reach(person: Person) -> Reach:
    """Within which organisations a person may see figures, by any of their roles."""
    return accounts.scope_of_any(db.session(), person, ROLES)


@blueprint.get("", defaults={"year": None}, endpoint="year")
@blueprint.get("/<int:year>", endpoint="year")
@access.only(*ROLES)
def show_year(year: int | None) -> ResponseReturnValue:
    """One year, drawn and in tables."""
    found = _figures(_year(year))
    return render_template(
        "reports/year.html",
        **found,
        years=range(clock.local(clock.now()).year, clock.local(clock.now()).year - 6, -1),
        charts=_charts(found),
        may_set=found["reach"] is None and access.has_role(Role.ADMINISTRATOR),
    )


def _year(year: int | None) -> int:
    this_year = clock.local(clock.now()).year
    year = year or this_year
    if not 2000 <= year <= this_year:
        abort(404)
    return year


def _figures(year: int) -> dict[str, Any]:
    session, person = db.session(), access.person()
    within = reach(person)
    begin, end = (datetime(each, 1, 1, tzinfo=clock.LOCAL) for each in (year, year + 1))
    total = figures.total(session, year, within)
    return {
        "year": year,
        "reach": within,
        "total": total,
        # A part of the city is not held against its targets.
        "targets": targets.of_year(session, year) if within is None else {},
        "achieved": _achieved(session, year, total) if within is None else {},
        "fields": figures.by(session, year, within, Award.field_code.expression),
        "kinds": figures.by(session, year, within, Award.subject_kind.expression),
        "sources": figures.by(session, year, within, Award.source_kind.expression),
        "units": figures.by_organisation(session, year, within),
        "newcomers": figures.newcomers(session, year, within),
        "names": field_names(session),
        "auditors": figures.by_auditor(session, begin, end) if _sees_auditors(within) else [],
        "decisions": figures.DECISIONS,
    }


def _achieved(session: Session, year: int, total: figures.Total) -> dict[TargetCode, int]:
    """What there is of all that has a target."""
    classes, people = seminars(session, year)
    return {
        TargetCode.PEOPLE: total.people,
        TargetCode.FIELD_PEOPLE: total.field_people,
        TargetCode.SEMINARS: classes,
        TargetCode.SEMINAR_PEOPLE: people,
    }


def _sees_auditors(within: Reach) -> bool:
    return within is None and access.has_role(Role.AUDITOR, Role.ADMINISTRATOR)


def _charts(found: dict[str, Any]) -> dict[str, dict[str, Any]]:
    now = clock.local(clock.now())
    lived = now.month if found["year"] == now.year else 12
    people = [*accumulate(found["newcomers"][:lived]), *[None] * (12 - lived)]
    target = found["targets"].get(TargetCode.PEOPLE)
    fields = [line for line in found["fields"] if line.key in found["names"]]
    units = [unit for unit in found["units"] if unit.organisation][:DRAWN]
    return {
        "people": {
            "type": "line",
            "unit": _("人"),
            "categories": [_("%(m)d 月", m=month) for month in range(1, 13)],
            "series": [{"name": _("累计学习人数"), "values": people}],
            **({"mark": {"name": _("目标"), "value": target.amount}} if target else {}),
        },
        "fields": _bars([found["names"][line.key] for line in fields], fields),
        "units": _bars([unit.organisation.name for unit in units], units),
    }


def _bars(names: list[str], groups: list[Any]) -> dict[str, Any]:
    return {
        "type": "bar",
        "horizontal": True,
        "unit": _("学时"),
        "categories": names,
        "series": [{"name": _("学时"), "values": [float(group.hours) for group in groups]}],
    }


@blueprint.get("/<int:year>.xlsx", endpoint="workbook")
@access.only(*ROLES)
def download(year: int) -> ResponseReturnValue:
    """The same figures as an Excel file."""
    found = _figures(_year(year))
    total, names = found["total"], found["names"]
    columns = (_("人数"), _("学时记录"), _("学时"))

    def lines(title: str, groups: list[Any], name: Any) -> tuple[Any, Any]:
        rows = ((name(group), group.people, group.awards, group.hours) for group in groups)
        return (title, *columns), rows

    sheets: dict[str, Any] = {
        _("概览"): (
            (_("项目"), _("数值"), _("目标")),
            [
                (_("学习人数"), total.people, _amount(found, TargetCode.PEOPLE)),
                (_("其中在各领域"), total.field_people, _amount(found, TargetCode.FIELD_PEOPLE)),
                *(
                    (target_text(code), found["achieved"][code], _amount(found, code))
                    for code in (TargetCode.SEMINARS, TargetCode.SEMINAR_PEOPLE)
                    if found["achieved"]
                ),
                (_("学时"), total.hours, None),
                (_("待决定的学时记录"), total.pending, None),
            ],
        ),
        _("按领域"): lines(
            _("领域"), found["fields"], lambda g: names.get(g.key, _("不属于任何领域"))
        ),
        _("按单位"): lines(
            _("单位"),
            found["units"],
            lambda g: g.organisation.name if g.organisation else _("无单位"),
        ),
        _("按科目"): lines(_("科目"), found["kinds"], lambda g: kind_text(g.key)),
        _("按来源"): lines(_("来源"), found["sources"], lambda g: source_text(g.key)),
    }
    if found["auditors"]:
        sheets[_("审核员的处理")] = _auditors_sheet(found["auditors"])
    made = Response(spreadsheets.workbook(sheets), mimetype=spreadsheets.XLSX)
    made.headers.set("Content-Disposition", "attachment", filename=f"zhixin-{year}.xlsx")
    return made


def _auditors_sheet(auditors: list[figures.Auditor]) -> tuple[Any, Any]:
    headings = (
        _("审核员"), *map(act_text, figures.DECISIONS), _("合计"), _("后来被改变"),
        _("被改变的百分比"),
    )  # fmt: skip
    rows = (
        (
            each.person.name,
            *(each.acts.get(act, 0) for act in figures.DECISIONS),
            each.decided,
            each.overturned,
            each.share,
        )
        for each in auditors
    )
    return headings, rows


def _amount(found: dict[str, Any], code: TargetCode) -> int | None:
    target = found["targets"].get(code)
    return target.amount if target else None


@blueprint.post("/targets", endpoint="set_target")
@access.only(Role.ADMINISTRATOR)
def set_target() -> ResponseReturnValue:
    """A new target from a year on; the old one stays in the history."""
    session, person, now = db.session(), access.person(), clock.now()
    if accounts.scope(session, person, Role.ADMINISTRATOR) is not None:
        raise NotAllowed("年度目标适用于全市，请由全市范围的管理员设定", code="city-only")
    code, from_year, amount = (request.form.get(name, "") for name in ("code", "year", "amount"))
    if code not in set(TargetCode):
        raise Invalid("请选择目标", code="target")
    target = targets.put(
        session, TargetCode(code), _whole(from_year), _whole(amount),
        request.form.get("source", ""), actor_id=person.id, now=now,
    )  # fmt: skip
    acts.note(
        session, actor_id=person.id, act="set", object_kind="target", object_id=target.id,
        reason=f"{target_text(code)}：{from_year} 年起 {amount}",
        address=request.remote_addr, now=now,
    )  # fmt: skip
    flash(_("目标已设定"), "success")
    return redirect(url_for("reports.year", year=min(_whole(from_year), _year(None))), 303)


def _whole(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 9 else -1
