"""The learner's practice: runs of questions with their keys right after, and the mistakes book."""

from __future__ import annotations

from flask import Blueprint, current_app, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from assessments import frozen, practice
from assessments.forms import ANSWER
from assessments.mistakes import Mistake
from assessments.models import Practice
from courses import enrolments, opening, practising, progress
from zhixin import access, clock, db
from zhixin.config import Settings
from zhixin.people.models import Role

blueprint = Blueprint("practice", __name__)


@blueprint.post("/learn/<int:enrolment_id>/<unit_key>/practice")
@access.only(Role.LEARNER)
def start(enrolment_id: int, unit_key: str) -> ResponseReturnValue:
    """Begin a run of a practice unit."""
    session, now = db.session(), clock.now()
    enrolment = enrolments.get(session, enrolment_id, access.person().id)
    found = opening.unit(progress.of(session, enrolment), unit_key)
    return _to(practising.start(session, enrolment, found.unit, now))


@blueprint.get("/my/mistakes")
@access.only(Role.LEARNER)
def mistakes() -> ResponseReturnValue:
    """Questions that were answered wrong, by course."""
    session = db.session()
    book = practising.book(session, access.person().id, _needed())
    return render_template(
        "practice/mistakes.html",
        book=book,
        titles=practising.titles(session, book.scopes),
        shown={each: _shown(each, keys=True) for each in book.open}
        | {each: _shown(each, keys=False) for each in book.closed},
        needed=_needed(),
    )


@blueprint.post("/my/mistakes/practice")
@access.only(Role.LEARNER)
def again() -> ResponseReturnValue:
    """Begin a run of mistakes, of the course in ``scope`` if it is given."""
    scope = request.form.get("scope") or None
    return _to(practising.again(db.session(), access.person().id, scope, _needed(), clock.now()))


@blueprint.get("/my/practice/<int:practice_id>")
@access.only(Role.LEARNER)
def show(practice_id: int) -> ResponseReturnValue:
    """A run: what is answered with its key, what is not as a form each."""
    session = db.session()
    run = practice.get(session, practice_id, access.person().id)
    asked = practice.view(session, run)
    return render_template(
        "practice/run.html",
        run=run,
        asked=asked,
        answered=sum(each["answer"] is not None for each in asked),
        right=sum(each["right"] is True for each in asked),
    )


@blueprint.post("/my/practice/<int:practice_id>/<int:place>")
@access.only(Role.LEARNER)
def answer(practice_id: int, place: int) -> ResponseReturnValue:
    """Answer one question of a run; the page then shows its key."""
    session = db.session()
    run = practice.get(session, practice_id, access.person().id)
    given = [text for name in request.form if name.startswith(ANSWER)
             for text in request.form.getlist(name)]  # fmt: skip
    practice.answer(session, run, place, given, clock.now())
    return _to(run, place)


def _to(run: Practice, place: int | None = None) -> ResponseReturnValue:
    anchor = None if place is None else f"place-{place}"
    return redirect(url_for("practice.show", practice_id=run.id, _anchor=anchor), 303)


def _needed() -> int:
    settings: Settings = current_app.extensions["settings"]
    return settings.mistakes_right


def _shown(mistake: Mistake, *, keys: bool) -> dict[str, object]:
    """A question as the book shows it."""
    asked, _passage = frozen.question(db.session(), mistake.paper_version_id, mistake.question_id)
    return asked.public() | (asked.key() if keys else {})
