"""The learner's side: the evidence of one's own hours, and appeals.

个人信息保护法 art. 44-50: whoever is judged by records may read them. What would teach to cheat
(signals and their thresholds) is not among them.
"""

from __future__ import annotations

from datetime import timedelta

import sqlalchemy as sa
from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from sqlalchemy.orm import Session, joinedload

from zhixin import access, clock, db
from zhixin.audit import evidence_view, trail
from zhixin.audit.views import settings
from zhixin.errors import NotFound
from zhixin.hours import appeals, matters, reversals
from zhixin.hours.models import Award
from zhixin.people.models import Role

blueprint = Blueprint("own", __name__, url_prefix="/my")


def _mine(session: Session, award_id: int) -> Award:
    found = session.scalar(
        sa.select(Award)
        .where(Award.id == award_id, Award.person_id == access.person().id)
        .options(joinedload(Award.policy))
    )
    if found is None:
        raise NotFound
    return found


@blueprint.get("/awards/<int:award_id>")
@access.only(Role.LEARNER)
def award(award_id: int) -> ResponseReturnValue:
    """My award: where it stands and why, by when somebody decides, and what it stands on."""
    session, now = db.session(), clock.now()
    found = _mine(session, award_id)
    return render_template(
        "audit/own.html",
        award=found,
        **evidence_view.of(session, found),
        matter=matters.of_awards(session, [found])[award_id],
        contestable=appeals.contestable(session, found),
        successor=session.scalar(sa.select(Award).where(Award.corrects_id == award_id)),
        appeal_days=settings().appeal_days,
        for_learner=True,
        now=now,
    )


@blueprint.post("/awards/<int:award_id>/appeal")
@access.only(Role.LEARNER)
def appeal(award_id: int) -> ResponseReturnValue:
    """Appeal; words are welcome and not needed."""
    session, now = db.session(), clock.now()
    person_id, text = access.person().id, request.form.get("text")
    found = _mine(session, award_id)
    term = timedelta(days=settings().appeal_days)
    appeals.lodge(session, found, person_id=person_id, text=text, term=term, now=now)
    _note(session, "appeal", award_id)
    flash(_("申诉已提交，将由没有参与原决定的审核员处理"), "success")
    return redirect(url_for("own.award", award_id=award_id), 303)


@blueprint.post("/proposals/<int:proposal_id>/accept")
@access.only(Role.LEARNER)
def accept(proposal_id: int) -> ResponseReturnValue:
    """I have no objection."""
    session = db.session()
    proposal = reversals.get(session, proposal_id)
    reversals.accept(session, proposal, person_id=access.person().id, now=clock.now())
    _note(session, "accept", proposal.award_id)
    flash(_("已记录您没有异议"), "success")
    return redirect(url_for("own.award", award_id=proposal.award_id), 303)


def _note(session: Session, act: str, award_id: int) -> None:
    trail.note(
        session, actor_id=access.person().id, act=act, object_kind="award", object_id=award_id,
        address=request.remote_addr, now=clock.now(),
    )  # fmt: skip
