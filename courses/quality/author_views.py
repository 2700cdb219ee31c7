"""Authors: put a course forward, take it back."""

from __future__ import annotations

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from courses.quality import applications, criteria, rounds
from courses.quality.public_views import blueprint
from zhixin import access, clock, db
from zhixin.errors import Invalid
from zhixin.people.models import Role


@blueprint.get("/<int:round_id>/apply")
@access.only(Role.AUTHOR)
def application(round_id: int) -> ResponseReturnValue:
    """My courses in a round, and the form."""
    return _page(round_id)


def _page(round_id: int) -> str:
    session, person, now = db.session(), access.person(), clock.now()
    found = rounds.get(session, round_id)
    return render_template(
        "quality/apply.html",
        round=found,
        criteria=criteria.load(found.criteria),
        open=applications.is_open(found, now),
        mine=applications.of_person(session, person.id, round_id),
        eligible=applications.eligible(session, person.id, found, now),
        sent=request.form,
    )


@blueprint.post("/<int:round_id>/apply")
@access.only(Role.AUTHOR)
def apply(round_id: int) -> ResponseReturnValue:
    """Put a course forward."""
    session, sent = db.session(), request.form
    try:
        applications.apply(
            session,
            round_id,
            access.person().id,
            course_id=sent.get("course_id", 0, type=int),
            statement=sent.get("statement", ""),
            now=clock.now(),
        )
    except Invalid as invalid:
        flash(_(invalid.message), "error")
        return _page(round_id), invalid.status
    flash(_("已申报"), "success")
    return redirect(url_for("quality.application", round_id=round_id), 303)


@blueprint.post("/applications/<int:application_id>/withdraw")
@access.only(Role.AUTHOR)
def withdraw_application(application_id: int) -> ResponseReturnValue:
    """Take an application back."""
    session = db.session()
    round_id = applications.withdraw(session, application_id, access.person().id, clock.now())
    flash(_("已撤回申报"), "success")
    return redirect(url_for("quality.application", round_id=round_id), 303)
