"""Ratings under a course: read by anybody, written by its learners, answered by its authors."""

from __future__ import annotations

from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_login import current_user

from courses import authors, catalogue, enrolments
from courses.models import Course
from courses.ratings import rating
from courses.ratings.states import RatingStep
from courses.views import blueprint
from zhixin import access, clock, db
from zhixin.errors import Invalid, NotFound
from zhixin.people.models import Role


@blueprint.get("/courses/<int:course_id>/ratings", endpoint="ratings")
@access.public
def show(course_id: int) -> ResponseReturnValue:
    """All that learners wrote, and one's own rating."""
    return _page(course_id)


def _page(course_id: int, **sent: Any) -> str:
    session = db.session()
    version, _document, _until = catalogue.published(session, course_id)
    page = min(max(1, request.args.get("page", 1, type=int)), 1000)
    person = access.person() if current_user.is_authenticated else None
    enrolment = enrolments.find(session, person.id, course_id) if person else None
    moderates = person is not None and rating.moderates(session, course_id, person)
    course = session.get_one(Course, course_id)
    written = rating.written(session, course_id, hidden=moderates, page=page)
    return render_template(
        "ratings/ratings.html",
        version=version,
        summary=rating.summary(session, course_id),
        stars=rating.STARS,
        fewest=rating.FEWEST,
        enough=rating.ENOUGH,
        written=written[: rating.PAGE],
        page=page,
        more=len(written) > rating.PAGE,
        mine=rating.of(session, course_id, person.id) if person else None,
        may_rate=rating.may_rate(session, enrolment),
        answers=person is not None and authors.may_edit(session, course, person.id),
        moderates=moderates,
        most=rating.MOST_WORDS,
        sent=sent,
    )


@blueprint.post("/courses/<int:course_id>/ratings", endpoint="rate")
@access.only(Role.LEARNER)
def rate(course_id: int) -> ResponseReturnValue:
    """Rate, or change what was said."""
    session, form = db.session(), request.form
    enrolment = enrolments.find(session, access.person().id, course_id)
    stars, words = form.get("stars", 0, type=int), form.get("words", "")
    try:
        rating.rate(session, enrolment, stars, words, clock.now())
    except Invalid as invalid:
        flash(_(invalid.message), "error")
        return _page(course_id, stars=stars, words=words), invalid.status
    flash(_("谢谢您的评价"), "success")
    return redirect(url_for("courses.ratings", course_id=course_id), 303)


@blueprint.post("/ratings/<int:rating_id>/answer", endpoint="answer_rating")
@access.only(Role.AUTHOR)
def answer(rating_id: int) -> ResponseReturnValue:
    """An author's answer stands under the words."""
    found = rating.answer(
        db.session(), rating_id, access.person().id, request.form.get("text", ""), clock.now()
    )
    flash(_("已保存"), "success")
    return _to(found.course_id, rating_id)


@blueprint.post("/ratings/<int:rating_id>/moderation", endpoint="moderate_rating")
@access.only(Role.REVIEWER, Role.ADMINISTRATOR)
def moderate(rating_id: int) -> ResponseReturnValue:
    """Hide words with a reason, or show them again."""
    act = request.form.get("act", "")
    if act not in (RatingStep.HIDE, RatingStep.SHOW):
        raise NotFound("没有这个操作")
    found = rating.moderate(
        db.session(), rating_id, access.person(), RatingStep(act), request.form.get("reason", ""),
        address=request.remote_addr, now=clock.now(),
    )  # fmt: skip
    flash(_("已隐藏") if act == RatingStep.HIDE else _("已恢复显示"), "success")
    return _to(found.course_id, rating_id)


def _to(course_id: int, rating_id: int) -> ResponseReturnValue:
    return redirect(
        url_for("courses.ratings", course_id=course_id, _anchor=f"rating-{rating_id}"), 303
    )
