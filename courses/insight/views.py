"""The author's figures: a page of the studio, open to reviewers and administrators too."""

from __future__ import annotations

from typing import Any

from flask import flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from assessments import analysing
from assessments.tasks import analyse_paper
from courses import authors
from courses.insight import curves, figures, gathering
from courses.insight.figures import Month, Viewing
from courses.insight.tasks import gather_figures
from courses.ratings import rating
from courses.studio import blueprint
from zhixin import access, clock, db
from zhixin.jobs import enqueue
from zhixin.pages import format_duration
from zhixin.people.models import Role

READERS = (Role.AUTHOR, Role.REVIEWER, Role.ADMINISTRATOR)


@blueprint.get("/courses/<int:course_id>/figures", endpoint="figures")
@access.only(*READERS)
def show(course_id: int) -> ResponseReturnValue:
    """Enrolments, completions, hours, and for each video where its viewers stop."""
    session, person = db.session(), access.person()
    course = figures.readable(session, course_id, person)
    figure = figures.of_course(session, course_id)
    viewings = figures.viewings(session, course_id) if figure else []
    now = clock.local(clock.now())
    months = figures.months(figure, figures.this_month(now)) if figure else []
    return render_template(
        "insight/figures.html",
        course=course,
        figure=figure,
        months=months,
        viewings=viewings,
        charts={
            "months": _months(months),
            **{f"video-{each.curve.asset_id}": _curve(each) for each in viewings if each.enough},
        },
        hard=analysing.hardest(session, figures.papers(session, course_id)) if figure else [],
        ratings=rating.summary(session, course_id),
        fewest_ratings=rating.FEWEST,
        may_edit=authors.may_edit(session, course, person.id),
        fewest=curves.FEWEST,
        writes_here=access.has_role(Role.AUTHOR),
    )


@blueprint.post("/courses/<int:course_id>/figures", endpoint="gather_figures")
@access.only(*READERS)
def gather(course_id: int) -> ResponseReturnValue:
    """Count again now instead of at night."""
    session = db.session()
    figures.readable(session, course_id, access.person())
    if gathering.ask(session, course_id, clock.now()):
        enqueue(session, gather_figures, course_id)
        for paper_version_id in figures.papers(session, course_id):
            if analysing.ask(session, paper_version_id, clock.now()):
                enqueue(session, analyse_paper, paper_version_id)
        flash(_("正在重新统计，请稍后刷新页面"), "success")
    else:
        flash(_("刚刚统计过，请过几分钟再试"), "info")
    return redirect(url_for("studio.figures", course_id=course_id), 303)


def _months(months: list[Month]) -> dict[str, Any]:
    return {
        "type": "bar",
        "unit": _("人"),
        "categories": [each.month for each in months],
        "series": [
            {"name": _("报名"), "values": [each.enrolled for each in months]},
            {"name": _("完成"), "values": [each.completed for each in months]},
        ],
    }


def _curve(viewing: Viewing) -> dict[str, Any]:
    return {
        "type": "line",
        "unit": _("人"),
        "categories": [format_duration(viewing.moment_ms(at)) for at in range(curves.BINS)],
        "series": [
            {"name": _("看过这一处"), "values": viewing.curve.covered, "area": True},
            {"name": _("看到这里或更远"), "values": list(viewing.staying)},
        ],
    }
