"""The desk of who grades written answers: a queue without names, one answer sheet at a time."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from decimal import Decimal, InvalidOperation

import sqlalchemy as sa
from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from assessments import marking
from assessments.models import Attempt, Grading
from courses import authors, completion, regrades, scopes
from courses.learning import sampling_seed
from courses.models import Course, CourseVersion, Enrolment
from zhixin import access, clock, db
from zhixin.errors import Invalid
from zhixin.people.models import Role

blueprint = Blueprint("grading", __name__, url_prefix="/grading")


def may_grade(person_id: int, roles: Collection[Role]) -> sa.Select[str]:
    """The scopes in which somebody may grade: the courses that they may edit, and for a reviewer
    all."""
    query = sa.select(scopes.column_of(CourseVersion.id)).join(
        Course, Course.id == CourseVersion.course_id
    )
    if Role.REVIEWER not in roles:
        query = query.where(authors.mine(person_id, edit=True))
    return query


def titles(session: Session, waiting: Iterable[Grading]) -> dict[str, str]:
    """The courses' titles, by scope."""
    versions = {scopes.version_of(each.scope) for each in waiting}
    query = sa.select(CourseVersion.id, CourseVersion.title).where(CourseVersion.id.in_(versions))
    return {scopes.of_version(id): title for id, title in session.execute(query)}


@blueprint.get("")
@access.only(Role.AUTHOR, Role.REVIEWER)
def queue() -> ResponseReturnValue:
    """What waits for this person."""
    session = db.session()
    waiting = marking.queue(session, _mine(), access.person().id)
    return render_template(
        "grading/queue.html", waiting=waiting, titles=titles(session, waiting),
        regrades=regrades.waiting(session, access.person()),
    )  # fmt: skip


@blueprint.get("/<int:attempt_id>")
@access.only(Role.AUTHOR, Role.REVIEWER)
def sheet(attempt_id: int) -> ResponseReturnValue:
    """One answer sheet beside its rubric."""
    return _page(attempt_id)


@blueprint.post("/<int:attempt_id>")
@access.only(Role.AUTHOR, Role.REVIEWER)
def mark(attempt_id: int) -> ResponseReturnValue:
    """Give points; the last word that is needed makes the result final and may end the course."""
    session, now, form = db.session(), clock.now(), request.form
    try:
        given = {
            each.id: {
                name: _points(form.get(f"p-{each.id}-{name}", ""))
                for name in ([c.id for c in each.rubric] or [""])
            }
            for each in marking.case(session, attempt_id, _mine(), access.person().id).questions
        }
        final = marking.mark(
            session,
            attempt_id,
            _mine(),
            access.person().id,
            given,
            form.get("comment", ""),
            now,
        )
    except Invalid as invalid:
        return _page(attempt_id, problem=_(invalid.message)), invalid.status
    if final is not None:
        _see_completion(session, final)
    flash(_("评分已提交"), "success")
    return redirect(url_for("grading.queue"), 303)


def _see_completion(session: Session, final: Attempt) -> None:
    """The result may have been the last thing that a course waited for."""
    version_id = scopes.version_of(final.scope)
    query = sa.select(Enrolment.id).where(
        Enrolment.person_id == final.person_id, Enrolment.version_id == version_id
    )
    for enrolment_id in session.scalars(query).all():
        completion.check(session, enrolment_id, sampling_seed=sampling_seed(), now=clock.now())


def _page(attempt_id: int, problem: str = "") -> str:
    session = db.session()
    case = marking.case(session, attempt_id, _mine(), access.person().id)
    return render_template(
        "grading/sheet.html",
        case=case,
        title=titles(session, [case.grading])[case.grading.scope],
        sent=request.form,
        problem=problem,
    )


def _points(text: str) -> Decimal:
    try:
        return Decimal(text.strip())
    except InvalidOperation:
        raise Invalid("每个评分点都要填写分数") from None


def _mine() -> sa.Select[str]:
    person = access.person()
    return may_grade(person.id, person.roles)
