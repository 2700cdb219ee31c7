"""Regrades after a wrong key: put forward by an author, decided by another person, on the trail."""

from __future__ import annotations

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from assessments import drafting, regrading, rekeyed
from assessments.models import Paper
from assessments.questions import Question
from assessments.regrade_models import IN_FORCE, KeyCorrection, RegradeState, RegradeStep
from courses import forecasts, regrade_effects, regrades
from courses.tasks import foresee, regrade
from zhixin import access, clock, db
from zhixin.errors import DomainError, Invalid, NotFound
from zhixin.jobs import enqueue
from zhixin.people.models import Role

blueprint = Blueprint("regrades", __name__, url_prefix="/regrades")

#: What the pressed button takes, and what the trail calls it.
ACTS = {
    RegradeStep.CONFIRM: "regrade-confirm",
    RegradeStep.DECLINE: "regrade-decline",
    RegradeStep.WITHDRAW: "regrade-withdraw",
}


def state_text(state: str) -> str:
    words: dict[str, str] = {
        RegradeState.PROPOSED: _("待决定"),
        RegradeState.RUNNING: _("正在重新评分"),
        RegradeState.DONE: _("已重新评分"),
        RegradeState.DECLINED: _("不改判"),
        RegradeState.WITHDRAWN: _("已撤回"),
    }
    return words[RegradeState(state)]


@blueprint.get("")
@access.only(Role.AUTHOR, Role.REVIEWER, Role.AUDITOR)
def index() -> ResponseReturnValue:
    """What was put forward, the newest first."""
    session = db.session()
    found = regrades.of_person(session, access.person())
    titles = {each.id: session.get_one(Paper, each.paper_id).document["title"] for each in found}
    return render_template("regrades/index.html", found=found, titles=titles, state_text=state_text)


@blueprint.get("/papers/<int:paper_id>")
@access.only(Role.AUTHOR)
def candidates(paper_id: int) -> ResponseReturnValue:
    """The published questions of one's paper whose key was mended since."""
    return _candidates(_own(paper_id))


@blueprint.post("/papers/<int:paper_id>")
@access.only(Role.AUTHOR)
def propose(paper_id: int) -> ResponseReturnValue:
    """Put one forward, with a reason."""
    session, person, now = db.session(), access.person(), clock.now()
    paper, form = _own(paper_id), request.form
    reason = form.get("reason", "")
    try:
        made = regrading.propose(session, paper, person.id, form.get("name", ""), reason, now)
    except NotFound:
        raise
    except DomainError as error:
        return _candidates(paper, [_(error.message)]), error.status
    regrades.note(session, made, "regrade-propose", person.id, now, made.reason)
    enqueue(session, foresee, forecasts.start(session, made, now).id)
    flash(_("已提出改判，由课程审核人决定"), "success")
    return redirect(url_for("regrades.show", regrade_id=made.id), 303)


@blueprint.get("/<int:regrade_id>")
@access.only(Role.AUTHOR, Role.REVIEWER, Role.AUDITOR)
def show(regrade_id: int) -> ResponseReturnValue:
    """Whom it changes: foreseen, or as it was done."""
    return _page(regrades.get(db.session(), regrade_id, access.person()))


@blueprint.post("/<int:regrade_id>/forecast")
@access.only(Role.AUTHOR, Role.REVIEWER)
def forecast(regrade_id: int) -> ResponseReturnValue:
    """Work out anew whom it would change."""
    session = db.session()
    found = regrades.get(session, regrade_id, access.person())
    enqueue(session, foresee, forecasts.start(session, found, clock.now()).id)
    return redirect(url_for("regrades.show", regrade_id=found.id, _anchor="effects"), 303)


@blueprint.get("/<int:regrade_id>/forecast")
@access.only(Role.AUTHOR, Role.REVIEWER, Role.AUDITOR)
def progress(regrade_id: int) -> ResponseReturnValue:
    """How far the forecast is; once it is over, what it found is fetched in its place."""
    session = db.session()
    found = regrades.get(session, regrade_id, access.person())
    made = forecasts.of(session, found)
    return render_template("regrades/_progress.html", found=found, forecast=made)


@blueprint.post("/<int:regrade_id>")
@access.only(Role.AUTHOR, Role.REVIEWER)
def decide(regrade_id: int) -> ResponseReturnValue:
    """Confirm, decline or withdraw, by the pressed button."""
    session, person, now = db.session(), access.person(), clock.now()
    found = regrades.get(session, regrade_id, person)
    act = request.form.get("act", "")
    step = next((each for each in ACTS if each == act), None)
    if step is None or (step is not RegradeStep.WITHDRAW and Role.REVIEWER not in person.roles):
        raise NotFound
    reason = request.form.get("reason", "")
    try:
        if step is RegradeStep.CONFIRM:
            forecasts.demand_fresh(session, found, now)
        regrading.decide(session, found, step, person_id=person.id, reason=reason, now=now)
    except (Invalid, forecasts.StaleForecast) as error:
        return _page(found, [_(error.message)]), error.status
    regrades.note(session, found, ACTS[step], person.id, now, found.decision or found.reason)
    if step is RegradeStep.CONFIRM:
        enqueue(session, regrade, found.id)
        flash(_("已确认，正在重新评分"), "success")
    return redirect(url_for("regrades.show", regrade_id=found.id), 303)


@blueprint.post("/<int:regrade_id>/read")
@access.only(Role.AUTHOR)
def read(regrade_id: int) -> ResponseReturnValue:
    """The decision is known to who put it forward."""
    session, person = db.session(), access.person()
    regrades.tell(session, regrades.get(session, regrade_id, person), person, clock.now())
    return redirect(url_for("studio.index"), 303)


def _own(paper_id: int) -> Paper:
    return drafting.get(db.session(), paper_id, access.person().id)


def _candidates(paper: Paper, problems: list[str] | None = None) -> str:
    return render_template(
        "regrades/candidates.html",
        paper=paper,
        found=[
            (each.name, _shown(each.before), _shown(each.after))
            for each in rekeyed.candidates(db.session(), paper)
        ],
        problems=problems or [],
        sent=request.form,
    )


def _page(found: KeyCorrection, problems: list[str] | None = None) -> str:
    session, person = db.session(), access.person()
    reviews = Role.REVIEWER in person.roles
    standing = forecasts.standing(session, found, clock.now())
    effects = None
    if found.state in IN_FORCE or (
        found.state == RegradeState.PROPOSED and standing and standing.done
    ):
        effects = regrade_effects.of(session, found, request.args.get("page", 1, type=int))
    return render_template(
        "regrades/regrade.html",
        found=found,
        title=session.get_one(Paper, found.paper_id).document["title"],
        before=_shown(Question.model_validate(found.before)),
        after=_shown(Question.model_validate(found.document)),
        standing=standing,
        effects=effects,
        named=regrades.known_to(session, effects, person) if effects else set(),
        may_decide=reviews and regrading.may_decide(session, found, person.id),
        may_withdraw=found.proposed_by_id == person.id,
        state_text=state_text,
        problems=problems or [],
    )


def _shown(question: Question) -> dict[str, object]:
    return question.public() | question.key()
