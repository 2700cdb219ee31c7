"""The learner's pages: enrolling, what I study, one course's units, its end."""

from __future__ import annotations

import hmac
from typing import Any

from flask import Blueprint, current_app, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from werkzeug import Response

from assessments import regrade_notices
from assessments.forms import answers_from_form
from courses import (
    completion,
    enrolments,
    kinds,
    meetings,
    opening,
    progress,
    quizzes,
    regrade_gains,
    scopes,
)
from courses.courseware import claims
from courses.documents import CourseDocument
from courses.kinds import Completion
from courses.models import Enrolment, EnrolmentState, UnitKind
from courses.progress import Progress, UnitProgress
from courses.views import blueprint as courses_blueprint
from media import files, sending, watching
from zhixin import access, clock, db
from zhixin.config import Settings
from zhixin.errors import NotFound
from zhixin.hours.models import Award
from zhixin.people.models import Role
from zhixin.people.names import mask_name

blueprint = Blueprint("learning", __name__)


def sampling_seed() -> str:
    """Secret of the draw that decides which clean awards a person looks at."""
    settings: Settings = current_app.extensions["settings"]
    return hmac.digest(settings.key("secret_key"), b"award sampling", "sha256").hex()


@courses_blueprint.get("/my/learning")
@access.only(Role.LEARNER)
def my_learning() -> ResponseReturnValue:
    """All courses of the signed-in person with how far each is."""
    session = db.session()
    mine = enrolments.of_person(session, access.person().id)
    under_way = [each for each in mine if each.state == EnrolmentState.ACTIVE]
    completed = [each for each in mine if each.state == EnrolmentState.COMPLETED]
    return render_template(
        "learning/mine.html",
        under_way=under_way,
        completed=completed,
        progress=progress.of_all(session, under_way),
        awards=enrolments.awards_of(session, completed),
        gains=regrade_gains.untold(session, access.person().id, mine),
    )


@courses_blueprint.post("/my/learning/regrades-read")
@access.only(Role.LEARNER)
def read_gains() -> ResponseReturnValue:
    """The learner has read which tests they pass by corrected keys."""
    ids = request.form.getlist("regrade", type=int)
    regrade_notices.tell(db.session(), access.person().id, ids, clock.now())
    return redirect(url_for("courses.my_learning"), 303)


@blueprint.post("/courses/<int:course_id>/enrol")
@access.only(Role.LEARNER)
def enrol(course_id: int) -> ResponseReturnValue:
    session, now = db.session(), clock.now()
    enrolment = enrolments.enrol(session, access.person().id, course_id, now)
    if enrolment.enrolled_at == now:
        # Taken up again after a withdrawal, everything may be there already.
        completion.check(session, enrolment.id, sampling_seed=sampling_seed(), now=now)
        flash(_("报名成功，现在就可以开始学习"), "success")
    elif enrolment.state == EnrolmentState.COMPLETED:
        flash(_("您已完成这门课程，同一课程不重复计算学时"), "info")
    else:
        flash(_("您已报名这门课程，可以继续学习"), "info")
    return redirect(url_for("learning.resume", enrolment_id=enrolment.id), 303)


@blueprint.post("/learn/<int:enrolment_id>/withdraw")
@access.only(Role.LEARNER)
def withdraw(enrolment_id: int) -> ResponseReturnValue:
    session = db.session()
    enrolment = enrolments.get(session, enrolment_id, access.person().id)
    enrolments.withdraw(session, enrolment, clock.now())
    flash(_("已退出课程。已确认的学习时间会保留，重新报名同一版本后继续有效"), "info")
    return redirect(url_for("courses.my_learning"), 303)


@blueprint.get("/learn/<int:enrolment_id>")
@access.only(Role.LEARNER)
def resume(enrolment_id: int) -> ResponseReturnValue:
    """Go on where the learner stopped; a completed course shows what it brought."""
    session = db.session()
    enrolment = enrolments.get(session, enrolment_id, access.person().id)
    if enrolment.state == EnrolmentState.COMPLETED:
        return _page("learning/completed.html", enrolment, progress.of(session, enrolment), None)
    done = progress.of(session, enrolment)
    key = done.next.unit.key
    return redirect(url_for("learning.unit", enrolment_id=enrolment_id, unit_key=key))


@blueprint.get("/learn/<int:enrolment_id>/<unit_key>")
@access.only(Role.LEARNER)
def unit(enrolment_id: int, unit_key: str) -> ResponseReturnValue:
    """One unit: the video, the text or the quiz, with the course's outline beside it."""
    session = db.session()
    enrolment = enrolments.get(session, enrolment_id, access.person().id)
    done = progress.of(session, enrolment)
    found = opening.find(done, unit_key)
    facts: dict[str, Any] = {}
    if found.locked:
        return _page("learning/locked.html", enrolment, done, found), opening.Locked.status
    if found.unit.kind == UnitKind.VIDEO:
        scope = scopes.of_version(enrolment.version_id)
        covered = watching.coverage(session, enrolment.person_id, scope)
        facts["covered"] = covered.get(found.unit.asset_id or 0)
        if current_app.extensions["settings"].watermark:
            facts["watermark"] = mask_name(access.person().name)
    elif kinds.of(found.unit.kind).paper:
        facts = quizzes.facts(session, enrolment, found.unit, clock.now())
    elif found.unit.kind == UnitKind.SCORM:
        facts["claim"] = claims.of(session, enrolment, unit_key)
    elif found.unit.kind == UnitKind.LIVE:
        facts["standing"] = meetings.of(found.unit, clock.now())
    return _page(f"learning/{found.unit.kind}.html", enrolment, done, found, **facts)


@blueprint.post("/learn/<int:enrolment_id>/<unit_key>/read")
@access.only(Role.LEARNER)
def read(enrolment_id: int, unit_key: str) -> ResponseReturnValue:
    """The learner has read a page unit; on to what comes next."""
    session, now = db.session(), clock.now()
    enrolment = enrolments.get(session, enrolment_id, access.person().id)
    found = opening.unit(progress.of(session, enrolment), unit_key)
    if kinds.of(found.unit.kind).completion is not Completion.READ:
        raise NotFound
    onwards = _next(enrolment, unit_key)
    enrolments.note_read(session, enrolment, unit_key)
    completion.check(session, enrolment.id, sampling_seed=sampling_seed(), now=now)
    return redirect(onwards, 303)


@blueprint.get("/learn/<int:enrolment_id>/<unit_key>/file")
@access.only(Role.LEARNER)
def file(enrolment_id: int, unit_key: str) -> Response:
    """A file unit's file; having it is not having read it."""
    session = db.session()
    enrolment = enrolments.get(session, enrolment_id, access.person().id)
    found = opening.unit(progress.of(session, enrolment), unit_key).unit
    if found.file_id is None:
        raise NotFound
    return sending.attachment(
        current_app.extensions["media_store"], files.find(session, found.file_id)
    )


@blueprint.post("/learn/<int:enrolment_id>/<unit_key>/attempt")
@access.only(Role.LEARNER)
def open_attempt(enrolment_id: int, unit_key: str) -> ResponseReturnValue:
    """Begin an attempt at a quiz, or go on with the one that is open."""
    session, now = db.session(), clock.now()
    enrolment = enrolments.get(session, enrolment_id, access.person().id)
    found = opening.unit(progress.of(session, enrolment), unit_key)
    quizzes.open(session, enrolment, found.unit, now)
    return _to_unit(enrolment, unit_key)


@blueprint.post("/learn/<int:enrolment_id>/<unit_key>/attempts/<int:attempt_id>")
@access.only(Role.LEARNER)
def submit(enrolment_id: int, unit_key: str, attempt_id: int) -> ResponseReturnValue:
    """Close an attempt with the answers of this form, then see whether the course is complete."""
    session, now = db.session(), clock.now()
    enrolment = enrolments.get(session, enrolment_id, access.person().id)
    found = opening.unit(progress.of(session, enrolment), unit_key)
    answers = answers_from_form(request.form)
    quizzes.submit(session, enrolment, found.unit, attempt_id, answers, now)
    completion.check(session, enrolment.id, sampling_seed=sampling_seed(), now=now)
    return _to_unit(enrolment, unit_key)


def _to_unit(enrolment: Enrolment, unit_key: str) -> ResponseReturnValue:
    return redirect(url_for("learning.unit", enrolment_id=enrolment.id, unit_key=unit_key), 303)


def _page(
    template: str, enrolment: Enrolment, done: Progress, found: UnitProgress | None, **facts: Any
) -> str:
    session = db.session()
    document: CourseDocument = progress.document(enrolment.version.document)
    award = session.get(Award, enrolment.award_id) if enrolment.award_id else None
    return render_template(
        template,
        enrolment=enrolment,
        document=document,
        progress=done,
        current=found,
        next_url=_next(enrolment, found.unit.key) if found else None,
        award=award,
        **facts,
    )


def _next(enrolment: Enrolment, key: str) -> str:
    """The unit after ``key``; after the last one whatever the course still misses, or its end."""
    keys = [unit.key for unit in progress.document(enrolment.version.document).units()]
    after = keys[keys.index(key) + 1 :]
    if after:
        return url_for("learning.unit", enrolment_id=enrolment.id, unit_key=after[0])
    return url_for("learning.resume", enrolment_id=enrolment.id)
