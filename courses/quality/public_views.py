"""What everybody sees: rounds with their criteria, notices with a form to object, the marks."""

from __future__ import annotations

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_login import current_user

from courses.quality import applications, criteria, marks, objections, panel, rounds
from courses.quality.states import ApplicationState, RoundState
from zhixin import access, clock, db, rates
from zhixin.errors import Invalid
from zhixin.people.models import Role
from zhixin.people.sign_ins import network

blueprint = Blueprint("quality", __name__, url_prefix="/quality")

#: Applications whose names the public sees.
SHOWN = (ApplicationState.SELECTED, ApplicationState.REFUSED, ApplicationState.AWARDED)


@blueprint.get("")
@access.public
def index() -> ResponseReturnValue:
    """Rounds and marked courses."""
    session = db.session()
    on_panel = panel.rounds_of(session, current_user.id) if access.has_role(Role.REVIEWER) else []
    return render_template(
        "quality/index.html",
        rounds=rounds.listing(session, office=False, number=request.args.get("page", 1, type=int)),
        marks=marks.listing(session),
        on_panel=on_panel,
        now=clock.now(),
        is_open=applications.is_open,
    )


@blueprint.get("/<int:round_id>")
@access.public
def show(round_id: int) -> ResponseReturnValue:
    """One round: what is called for, by which criteria; its notice and what came of it."""
    return _page(round_id)


def _page(round_id: int, refused: int | None = None) -> str:
    session, now = db.session(), clock.now()
    found = rounds.get(session, round_id)
    told = found.state in (RoundState.NOTICE, RoundState.CONCLUDED)
    there = rounds.applications(session, round_id) if told else []
    return render_template(
        "quality/round.html",
        round=found,
        criteria=criteria.load(found.criteria),
        noticed=[a for a in there if a.state in SHOWN],
        on_notice=objections.on_notice(found, now),
        open=applications.is_open(found, now),
        counts=objections.counts(session, round_id) if told else {},
        refused=refused,
        sent=request.form,
    )


@blueprint.post("/<int:round_id>/objections")
@access.public
def object_to(round_id: int) -> ResponseReturnValue:
    """Object to a course on the notice, signed in or with name and contact."""
    session, sent, now = db.session(), request.form, clock.now()
    person_id = current_user.id if current_user.is_authenticated else None
    rates.spend(objections.PER_NETWORK, network(request.remote_addr or ""))
    if person_id is not None:
        rates.spend(objections.PER_PERSON, person_id)
    application_id = sent.get("application_id", 0, type=int)
    try:
        objections.lodge(
            session,
            application_id,
            round_id=round_id,
            person_id=person_id,
            name=sent.get("name", ""),
            contact=sent.get("contact", ""),
            text=sent.get("text", ""),
            now=now,
        )
    except Invalid as invalid:
        flash(_(invalid.message), "error")
        return _page(round_id, application_id), invalid.status
    flash(_("已收到您的异议，处理结果会按您留下的方式反馈"), "success")
    return redirect(url_for("quality.show", round_id=round_id), 303)
