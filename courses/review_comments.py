"""Remarks: pinned and settled by reviewers, answered and resolved by the course's authors."""

from __future__ import annotations

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from courses import editing, reviewing
from courses import review as pages
from courses.review import blueprint
from courses.reviews import comments, publication
from courses.reviews.models import ReviewComment
from courses.reviews.states import CommentStep
from courses.studio import blueprint as studio
from zhixin import access, clock, db
from zhixin.errors import Invalid, NotFound
from zhixin.people.models import Role


@blueprint.post("/<int:version_id>/comments")
@access.only(Role.REVIEWER)
def comment(version_id: int) -> ResponseReturnValue:
    """Pin a remark to the course, a unit, or a moment."""
    session, sent = db.session(), request.form
    found = reviewing.get(session, version_id)
    unit_key = sent.get("unit_key") or None
    try:
        comments.add(
            session,
            found,
            access.person().id,
            unit_key=unit_key,
            at_ms=comments.moment(sent.get("at", "")),
            text=sent.get("text", ""),
            now=clock.now(),
        )
    except Invalid as invalid:
        flash(_(invalid.message), "error")
        return pages.version_page(found), invalid.status
    return pages.to_version(version_id, f"unit-{unit_key}" if unit_key else "comments")


@blueprint.post("/<int:version_id>/comments/<int:comment_id>")
@access.only(Role.REVIEWER)
def settle(version_id: int, comment_id: int) -> ResponseReturnValue:
    """Answer, close or reopen a remark."""
    session, person = db.session(), access.person()
    found = reviewing.get(session, version_id)
    remark = comments.get(session, comment_id, found.course_id)
    if not comments.may_judge(session, found, remark, person.id):
        raise NotFound("没有这条意见")
    _act(remark, person.id, (CommentStep.CLOSE, CommentStep.REOPEN))
    return pages.to_version(version_id, f"comment-{comment_id}")


def _act(remark: ReviewComment, person_id: int, steps: tuple[CommentStep, ...]) -> None:
    session, sent, now = db.session(), request.form, clock.now()
    act = sent.get("act", "reply")
    if act in steps:
        comments.settle(session, remark, CommentStep(act), person_id, now)
        if not sent.get("text", "").strip():
            return
    comments.reply(session, remark, person_id, sent.get("text", ""), now)


@studio.get("/courses/<int:course_id>/review")
@access.only(Role.AUTHOR)
def remarks(course_id: int) -> ResponseReturnValue:
    """All that reviewers remarked on a course, open ones first by unit, with my answers."""
    session = db.session()
    course = editing.get(session, course_id, access.person().id)
    history = reviewing.history(session, course.id)
    return render_template(
        "studio/remarks.html",
        course=course,
        comments=comments.waiting(session, course.id),
        closed=comments.closed(session, course.id, request.args.get("page", 1, type=int)),
        newest=history[0][0] if history else None,
        units={u.key: u for c in course.chapters for u in c.units},
    )


@studio.post("/courses/<int:course_id>/comments/<int:comment_id>")
@access.only(Role.AUTHOR)
def answer_remark(course_id: int, comment_id: int) -> ResponseReturnValue:
    """Answer a remark, or mark it as resolved."""
    session, person = db.session(), access.person()
    course = editing.get(session, course_id, person.id)
    remark = comments.get(session, comment_id, course.id)
    _act(remark, person.id, (CommentStep.RESOLVE,))
    to = url_for("studio.remarks", course_id=course_id, _anchor=f"comment-{comment_id}")
    return redirect(to, 303)


@studio.post("/courses/<int:course_id>/withdraw")
@access.only(Role.AUTHOR)
def take_back(course_id: int) -> ResponseReturnValue:
    """Take back what waits for review or for its day."""
    session, person = db.session(), access.person()
    course = editing.get(session, course_id, person.id)
    newest = reviewing.newest(session, [course.id]).get(course.id)
    if newest is None:
        raise NotFound("没有提交过审核")
    reason = request.form.get("reason", "").strip() or _("作者撤回")
    publication.withdraw(session, newest, person, reason, clock.now())
    flash(_("已撤回，课程可以继续编辑"), "success")
    return redirect(url_for("studio.course", course_id=course_id), 303)
