"""The panel's pages."""

from __future__ import annotations

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from courses.documents import CourseDocument
from courses.quality import criteria, panel, rounds
from courses.quality.public_views import blueprint
from zhixin import access, clock, db
from zhixin.errors import Invalid
from zhixin.people.models import Role


@blueprint.get("/<int:round_id>/panel")
@access.only(Role.REVIEWER)
def panel_desk(round_id: int) -> ResponseReturnValue:
    """My applications to score."""
    session = db.session()
    rows = panel.desk(session, round_id, access.person())
    return render_template("quality/panel.html", round=rounds.get(session, round_id), rows=rows)


@blueprint.get("/applications/<int:application_id>")
@access.only(Role.REVIEWER)
def sheet(application_id: int) -> ResponseReturnValue:
    """One application with my sheet."""
    return _page(application_id)


def _page(application_id: int) -> str:
    session, person = db.session(), access.person()
    found, application = panel.judged(session, application_id, person)
    return render_template(
        "quality/sheet.html",
        round=found,
        application=application,
        document=CourseDocument.from_text(application.version.document),
        criteria=criteria.load(found.criteria),
        sheet=panel.sheet_of(session, application_id, person.id),
        sent=request.form,
    )


@blueprint.post("/applications/<int:application_id>")
@access.only(Role.REVIEWER)
def score(application_id: int) -> ResponseReturnValue:
    """Save my scores, or abstain, by the pressed button."""
    session, person, sent, now = db.session(), access.person(), request.form, clock.now()
    _found, application = panel.judged(session, application_id, person)
    try:
        if sent.get("act") == "abstain":
            panel.abstain(session, application_id, person, sent.get("reason", ""), now)
            flash(_("已登记回避"), "success")
        else:
            panel.save(session, application_id, person, sent, now)
            flash(_("评分已保存"), "success")
    except Invalid as invalid:
        flash(_(invalid.message), "error")
        return _page(application_id), invalid.status
    return redirect(url_for("quality.panel_desk", round_id=application.round_id), 303)
