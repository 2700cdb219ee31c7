"""The auditor's desk."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, TypeVar

from flask import Blueprint, current_app, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from zhixin import access, clock, db, numbers
from zhixin.audit import desk, evidence_view, queue, trail
from zhixin.audit.queue import Filters, Tab
from zhixin.config import Settings
from zhixin.errors import Invalid, NotAllowed
from zhixin.hours import appeals, matters, reversals
from zhixin.hours.models import Award
from zhixin.hours.rules import SubjectKind
from zhixin.hours.states import (
    TRANSITIONS,
    AppealStep,
    ProposalKind,
    ProposalStep,
    State,
    Transition,
)
from zhixin.people import accounts
from zhixin.people.models import Role

blueprint = Blueprint("audit", __name__, url_prefix="/audit")
T = TypeVar("T", Transition, ProposalStep, AppealStep)
#: Steps that one auditor takes alone.
ALONE = (Transition.VERIFY, Transition.HOLD, Transition.REJECT)


def settings() -> Settings:
    found: Settings = current_app.extensions["settings"]
    return found


def act() -> desk.Act:
    """Who is asking, from where, now."""
    return desk.Act(auditor=access.person(), address=request.remote_addr, now=clock.now())


def everywhere() -> bool:
    """Is the auditor one of the whole city?"""
    return accounts.scope(db.session(), access.person(), Role.AUDITOR) is None


@blueprint.get("", endpoint="desk")
@access.only(Role.AUDITOR)
def show_desk() -> ResponseReturnValue:
    """What waits, what was decided."""
    session, auditor, now = db.session(), access.person(), clock.now()
    wanted = request.args.get("tab")
    tab = Tab(wanted) if wanted in set(Tab) else Tab.WAITING
    filters = Filters.of(request.args)
    page: dict[str, Any] = {}
    if tab is Tab.APPEALS:
        page["appeals"] = queue.appeals(session, auditor)
    elif tab is Tab.PROPOSALS:
        page["proposals"] = queue.proposals(session, auditor)
    else:
        page["listing"] = queue.page(session, auditor, tab, filters, request.args.get("after"))
    return render_template(
        "audit/desk.html",
        **page,
        tab=tab,
        tabs=Tab,
        filters=filters,
        counts=queue.counts(session, auditor, now),
        differing=queue.differing(session, auditor),
        fields=current_app.extensions["field_names"](session),
        everywhere=everywhere(),
        reasons=desk.REASONS,
        own=auditor.id,
        now=now,
    )


@blueprint.get("/trail", endpoint="trail")
@access.only(Role.AUDITOR)
def show_trail() -> ResponseReturnValue:
    """What people with a role did everywhere: for auditors of the whole city."""
    session = db.session()
    if not everywhere():
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
    session, auditor, now = db.session(), access.person(), clock.now()
    found = desk.get(session, auditor, award_id)
    matter = matters.of_awards(session, [found])[award_id]
    page = render_template(
        "audit/award.html",
        award=found,
        **evidence_view.of(session, found),
        checks=desk.checks(session, award_id),
        trail=trail.of(session, "award", award_id),
        matter=matter,
        possible=_possible(found, matter, auditor.id),
        may_answer=matter.appeal and appeals.may_decide(matter.appeal, auditor.id),
        may_confirm=matter.proposal and reversals.may_confirm(session, matter.proposal, now),
        reasons=desk.REASONS,
        hold_reasons=desk.HOLD_REASONS,
        hold_days=settings().hold_days,
        objection_days=settings().objection_days,
        own=found.person_id == auditor.id,
        reader=auditor.id,
        now=now,
    )
    with db.database().transaction() as brief:  # a page's own session promises not to write
        trail.note(
            brief, actor_id=auditor.id, act="view", object_kind="award", object_id=award_id,
            address=request.remote_addr, now=now,
        )  # fmt: skip
    return page


def _possible(award: Award, matter: matters.Matter, auditor_id: int) -> set[Transition]:
    """What this auditor may do with the award now; a proposal counts as its step."""
    steps = {step for (state, step) in TRANSITIONS if state == award.state}
    if award.state == State.HELD and matter.appeal:
        return set()
    if award.state == State.HELD and award.decided_by_id == auditor_id:
        steps.discard(Transition.REJECT)
    if matter.proposal:
        return set()
    return steps & {*ALONE, Transition.REVERSE, Transition.CORRECT}


def _step(steps: type[T]) -> T:
    wanted = request.form.get("decision", "")
    if wanted not in set(steps):
        raise Invalid("请选择处理方式", code="decision-needed")
    return steps(wanted)


def _alone() -> Transition:
    step = _step(Transition)
    if step not in ALONE:
        raise Invalid("请选择处理方式", code="decision-needed")
    return step


def _reason() -> str | None:
    """From the list and in one's own words."""
    chosen, written = (request.form.get(name, "").strip() for name in ("preset", "reason"))
    return "：".join(part for part in (chosen, written) if part)[:1000] or None


def _hold_for() -> timedelta:
    return timedelta(days=settings().hold_days)


def _back(award_id: int) -> ResponseReturnValue:
    flash(_("已处理"), "success")
    return redirect(url_for("audit.award", award_id=award_id), 303)


@blueprint.post("/awards/<int:award_id>/decision")
@access.only(Role.AUDITOR)
def decide(award_id: int) -> ResponseReturnValue:
    """Verify, reject or hold."""
    session = db.session()
    found = desk.get(session, access.person(), award_id)
    desk.decide(session, found, _alone(), act(), reason=_reason(), hold_for=_hold_for())
    return _back(award_id)


@blueprint.post("/decisions")
@access.only(Role.AUDITOR)
def decide_all() -> ResponseReturnValue:
    """One decision for several awards, and what became of each."""
    ids = [int(id) for id in request.form.getlist("award") if id.isdecimal() and len(id) < 10]
    results = desk.decide_all(
        db.session(), ids, step := _alone(), act(), reason=_reason(), hold_for=_hold_for()
    )
    return render_template("audit/results.html", results=results, step=step)


@blueprint.post("/awards/<int:award_id>/proposal")
@access.only(Role.AUDITOR)
def propose(award_id: int) -> ResponseReturnValue:
    """Propose a reversal or a correction, for another auditor to confirm."""
    session = db.session()
    found = desk.get(session, access.person(), award_id)
    correction = None
    if request.form.get("kind") == ProposalKind.CORRECT:
        correction = _correction()
    elif request.form.get("kind") != ProposalKind.REVERSE:
        raise Invalid("请选择处理方式", code="decision-needed")
    desk.propose(
        session, found, act(), correction=correction, reason=_reason(),
        hearing=timedelta(days=settings().objection_days), term=_hold_for(),
    )  # fmt: skip
    return _back(award_id)


def _correction() -> reversals.Correction:
    try:
        hours = numbers.typed(request.form.get("hours", ""))
        kind = SubjectKind(request.form.get("subject_kind", ""))
    except ValueError:
        raise Invalid("请填写更正后的学时和科目", code="hours-invalid") from None
    return reversals.Correction(hours, kind)


@blueprint.post("/proposals/<int:proposal_id>/decision")
@access.only(Role.AUDITOR)
def decide_proposal(proposal_id: int) -> ResponseReturnValue:
    """Confirm, decline or withdraw."""
    session = db.session()
    found = desk.get_proposal(session, access.person(), proposal_id)
    desk.decide_proposal(session, found, _step(ProposalStep), act(), _reason())
    return _back(found.award_id)


@blueprint.post("/appeals/<int:appeal_id>/decision")
@access.only(Role.AUDITOR)
def decide_appeal(appeal_id: int) -> ResponseReturnValue:
    """Grant an appeal, or uphold the decision."""
    session = db.session()
    found = desk.get_appeal(session, access.person(), appeal_id)
    desk.decide_appeal(session, found, _step(AppealStep), act(), _reason())
    return _back(found.award_id)
