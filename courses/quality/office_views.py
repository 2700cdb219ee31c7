"""The office's pages: rounds from call to marks."""

from __future__ import annotations

from collections.abc import Callable

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from courses import moments
from courses.quality import applications, criteria, marks, objections, panel, rounds
from courses.quality.public_views import blueprint
from courses.quality.states import ObjectionStep, RoundState
from courses.reviews import seats
from zhixin import access, clock, db
from zhixin.errors import Invalid, NotAllowed
from zhixin.people.models import Person, Role


def _office() -> Person:
    actor = access.person()
    if not seats.is_office(db.session(), actor):
        raise NotAllowed("仅全市范围的管理员可以组织精品课程评选")
    return actor


@blueprint.get("/office")
@access.only(Role.ADMINISTRATOR)
def office() -> ResponseReturnValue:
    """All rounds and marks, and the form of a new round."""
    return _office_page()


def _office_page() -> str:
    _office()
    session = db.session()
    return render_template(
        "quality/office.html",
        rounds=rounds.listing(session, office=True, number=request.args.get("page", 1, type=int)),
        marks=marks.listing(session),
        example=criteria.EXAMPLE,
        sent=request.form,
    )


@blueprint.post("/office")
@access.only(Role.ADMINISTRATOR)
def new_round() -> ResponseReturnValue:
    """A draft of a round."""
    actor, sent = _office(), request.form
    try:
        made = rounds.create(
            db.session(),
            title=sent.get("title", ""),
            call=sent.get("call", ""),
            lines=sent.get("criteria", ""),
            trimmed=sent.get("trimmed") == "1",
            scores_needed=sent.get("scores_needed", 0, type=int),
            notice_days=sent.get("notice_days", 0, type=int),
            mark_years=sent.get("mark_years", 0, type=int),
            opens=moments.day(sent.get("opens", "")),
            closes=moments.day(sent.get("closes", "")),
            actor_id=actor.id,
            now=clock.now(),
        )
    except Invalid as invalid:
        flash(_(invalid.message), "error")
        return _office_page(), invalid.status
    flash(_("已建立，公布之后不能再改"), "success")
    return _to(made.id)


@blueprint.get("/office/<int:round_id>")
@access.only(Role.ADMINISTRATOR)
def office_round(round_id: int) -> ResponseReturnValue:
    """One round: panel, applications, scores once they are final, notice, objections."""
    return _round_page(round_id)


def _round_page(round_id: int) -> str:
    actor, session = _office(), db.session()
    found = rounds.get(session, round_id, office=True)
    there = rounds.applications(session, round_id)
    own = rounds.written_by(session, there, actor.id)
    given = rounds.totals(session, round_id)
    final = found.state not in (RoundState.DRAFT, RoundState.ANNOUNCED, RoundState.SCORING)
    people = {seat.person_id: seat.person for seat in panel.of_round(session, round_id)}
    return render_template(
        "quality/office_round.html",
        round=found,
        criteria=criteria.load(found.criteria),
        applications=there,
        counts={application_id: len(sheets) for application_id, sheets in given.items()},
        # Who judged or objected to one's own course is for other eyes.
        sheets={id: sheets for id, sheets in given.items() if id not in own} if final else {},
        panel=people,
        reviewers=[p for p in seats.reviewers(session) if p.id not in people],
        objections=[
            each
            for each in objections.of_round(session, round_id)
            if each.application_id not in own
        ],
        open=applications.is_open(found, clock.now()),
        sent=request.form,
    )


def _to(round_id: int) -> ResponseReturnValue:
    return redirect(url_for("quality.office_round", round_id=round_id), 303)


@blueprint.post("/office/<int:round_id>")
@access.only(Role.ADMINISTRATOR)
def step(round_id: int) -> ResponseReturnValue:
    """Announce, begin and close scoring, post the notice, conclude or cancel, by the button."""
    session, who, sent, now = db.session(), _office().id, request.form, clock.now()
    chosen = frozenset(sent.getlist("chosen", type=int))
    reason = sent.get("reason", "")
    acts: dict[str, Callable[[], object]] = {
        "announce": lambda: rounds.announce(session, round_id, who, now),
        "start-scoring": lambda: rounds.start_scoring(session, round_id, who, now),
        "close-scoring": lambda: rounds.close_scoring(session, round_id, who, now),
        "post-notice": lambda: rounds.post_notice(session, round_id, chosen, reason, who, now),
        "conclude": lambda: rounds.conclude(session, round_id, who, now),
        "cancel": lambda: rounds.cancel(session, round_id, reason, who, now),
    }
    return _done(round_id, acts.get(sent.get("act", "")))


def _done(round_id: int, act: Callable[[], object] | None) -> ResponseReturnValue:
    try:
        if act is None:
            raise Invalid("没有这个操作", code="quality-round")
        act()
    except Invalid as invalid:
        flash(_(invalid.message), "error")
        return _round_page(round_id), invalid.status
    flash(_("已完成"), "success")
    return _to(round_id)


@blueprint.post("/office/<int:round_id>/panel")
@access.only(Role.ADMINISTRATOR)
def appoint(round_id: int) -> ResponseReturnValue:
    """Appoint or dismiss a panelist, by the pressed button."""
    session, who, sent, now = db.session(), _office().id, request.form, clock.now()
    person_id = sent.get("person_id", 0, type=int)
    change = panel.dismiss if sent.get("act") == "dismiss" else panel.appoint
    return _done(round_id, lambda: change(session, round_id, person_id, who, now))


@blueprint.post("/office/<int:round_id>/objections/<int:objection_id>")
@access.only(Role.ADMINISTRATOR)
def answer_objection(round_id: int, objection_id: int) -> ResponseReturnValue:
    """Uphold or dismiss an objection, with the answer."""
    session, who, sent, now = db.session(), _office().id, request.form, clock.now()
    act = sent.get("act", "")

    def decide() -> None:
        if act not in set(ObjectionStep):
            raise Invalid("请选择“成立”或“不成立”", code="quality-objection")
        objections.decide(
            session, round_id, objection_id, ObjectionStep(act), sent.get("answer", ""), who, now
        )

    return _done(round_id, decide)


@blueprint.post("/office/marks/<int:mark_id>/withdraw")
@access.only(Role.ADMINISTRATOR)
def withdraw_mark(mark_id: int) -> ResponseReturnValue:
    """Take a mark away, with the reason that the public reads."""
    actor = _office()
    try:
        marks.withdraw(db.session(), mark_id, request.form.get("reason", ""), actor.id, clock.now())
    except Invalid as invalid:
        flash(_(invalid.message), "error")
        return _office_page(), invalid.status
    flash(_("已撤销"), "success")
    return redirect(url_for("quality.office"), 303)
