"""The auditor's desk."""

from __future__ import annotations

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from zhixin import access, clock, db
from zhixin.audit import desk, timeline, trail
from zhixin.errors import Invalid, NotAllowed
from zhixin.hours import evidence
from zhixin.hours.states import TRANSITIONS, State, Transition
from zhixin.people import accounts
from zhixin.people.models import Role

blueprint = Blueprint("audit", __name__, url_prefix="/audit")


@blueprint.get("", endpoint="desk")
@access.only(Role.AUDITOR)
def show_desk() -> ResponseReturnValue:
    """What waits, what was decided."""
    session, auditor = db.session(), access.person()
    wanted = request.args.get("state")
    state = State(wanted) if wanted in set(State) else State.EARNED
    page = max(1, request.args.get("page", 1, type=int))

    def address(number: int) -> str:
        return url_for("audit.desk", state=state, page=number)

    return render_template(
        "audit/desk.html",
        listing=desk.queue(session, auditor, state, min(page, 100_000)),
        counts=desk.counts(session, auditor),
        differing=desk.differing(session, auditor),
        everywhere=accounts.scope(session, auditor, Role.AUDITOR) is None,
        state=state,
        states=State,
        address=address,
    )


@blueprint.get("/trail", endpoint="trail")
@access.only(Role.AUDITOR)
def show_trail() -> ResponseReturnValue:
    """What people with a role did everywhere: for auditors of the whole city."""
    session = db.session()
    if accounts.scope(session, access.person(), Role.AUDITOR) is not None:
        raise NotAllowed("操作记录涉及全市，请由全市范围的审核员查看")
    number = min(max(1, request.args.get("page", 1, type=int)), 100_000)
    page = trail.page(session, number)
    return render_template(
        "audit/trail.html",
        page=page,
        number=number,
        names=trail.object_names(session, page.acts),
    )


@blueprint.get("/awards/<int:award_id>")
@access.only(Role.AUDITOR)
def award(award_id: int) -> ResponseReturnValue:
    """One award with its evidence; looking is an act too."""
    session, auditor = db.session(), access.person()
    found = desk.get(session, auditor, award_id)
    document = evidence.load(session, found.evidence_sha256)
    page = render_template(
        "audit/award.html",
        award=found,
        evidence=document,
        lanes=timeline.lanes(document, timeline.devices(session, document)),
        checks=desk.checks(session, award_id),
        picture=timeline.picture,
        spans=timeline.spans,
        trail=trail.of(session, "award", award_id),
        possible={step for (state, step) in TRANSITIONS if state == found.state}
        & {Transition.VERIFY, Transition.REJECT},
        reasons=desk.REASONS,
        own=found.person_id == auditor.id,
    )
    with db.database().transaction() as brief:  # a page's own session promises not to write
        trail.note(
            brief, actor_id=auditor.id, act="view", object_kind="award", object_id=award_id,
            address=request.remote_addr, now=clock.now(),
        )  # fmt: skip
    return page


@blueprint.post("/awards/<int:award_id>/decision")
@access.only(Role.AUDITOR)
def decide(award_id: int) -> ResponseReturnValue:
    """Verify, reject or reverse."""
    session, auditor = db.session(), access.person()
    step = request.form.get("decision")
    if step not in {Transition.VERIFY, Transition.REJECT}:
        raise Invalid("请选择处理方式", code="decision-needed")
    chosen, written = request.form.get("preset", "").strip(), request.form.get("reason", "").strip()
    reason = "：".join(part for part in (chosen, written) if part)[:1000] or None
    desk.decide(
        session, desk.get(session, auditor, award_id), Transition(step), auditor, reason,
        request.remote_addr, clock.now(),
    )  # fmt: skip
    flash(_("已处理"), "success")
    return redirect(url_for("audit.award", award_id=award_id), 303)
