"""The studio's pages: an author brings what they have, and it becomes a course."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from wtforms import DecimalField, HiddenField, RadioField, SelectField, StringField, TextAreaField
from wtforms.validators import InputRequired, Length, NumberRange

from courses import editing, fields, reviewing, submission
from courses.models import Course, CourseVersion, UnitKind
from courses.views import today
from courses.words import level_text
from media import assets, streaming
from media.models import Asset
from zhixin import access, clock, db
from zhixin.people.models import Role, TitleLevel

blueprint = Blueprint("studio", __name__, url_prefix="/studio")


class CourseForm(FlaskForm):  # type: ignore[misc]
    """A course's facts."""

    title = StringField(_l("课程名称"), [InputRequired(), Length(max=120)])
    summary = TextAreaField(_l("课程简介"), [Length(max=4000)])
    teacher = StringField(_l("授课专家"), [Length(max=64)])
    teacher_title = StringField(_l("专家单位与职称"), [Length(max=120)])
    field_code = SelectField(_l("领域"), [InputRequired()])
    subject_kind = RadioField(
        _l("科目"),
        [InputRequired()],
        choices=[("professional", _l("专业科目")), ("general", _l("公需科目"))],
        default="professional",
    )
    level = SelectField(_l("适合"), [InputRequired()])
    declared_hours = DecimalField(_l("申报学时"), [NumberRange(0, 200)], default=Decimal(0))
    revision = HiddenField(default="0")

    def facts(self) -> dict[str, Any]:
        return {name: self[name].data for name in editing.FACTS}


def _form(course: Course | None = None) -> CourseForm:
    form = CourseForm(obj=course)
    form.field_code.choices = [(f.code, f.zh) for f in fields.valid(db.session(), today())]
    form.level.choices = [(level.value, level_text(level)) for level in TitleLevel]
    return form


@blueprint.get("")
@access.only(Role.AUTHOR)
def index() -> ResponseReturnValue:
    """My courses and how far each is."""
    session = db.session()
    courses = session.scalars(
        sa.select(Course)
        .where(Course.owner_id == access.person().id)
        .order_by(Course.updated_at.desc())
    ).all()
    newest: dict[int, CourseVersion] = {}
    for version in session.scalars(
        sa.select(CourseVersion)
        .where(CourseVersion.course_id.in_([c.id for c in courses]))
        .order_by(CourseVersion.number)
    ):
        newest[version.course_id] = version
    return render_template("studio/index.html", courses=courses, newest=newest)


@blueprint.route("/new", methods=["GET", "POST"])
@access.only(Role.AUTHOR)
def new() -> ResponseReturnValue:
    """Begin a course."""
    form = _form()
    if form.validate_on_submit():
        created = editing.create(
            db.session(), owner_id=access.person().id, facts=form.facts(), now=clock.now()
        )
        flash(_("课程已创建，现在可以添加章节和内容"), "success")
        return redirect(url_for("studio.course", course_id=created.id), 303)
    return render_template("studio/new.html", form=form), 422 if form.errors else 200


@blueprint.get("/courses/<int:course_id>")
@access.only(Role.AUTHOR)
def course(course_id: int) -> ResponseReturnValue:
    """The course's desk: facts, outline, what is missing, versions."""
    found = editing.get(db.session(), course_id, access.person().id)
    return _desk(found, _form(found))


def _desk(found: Course, form: CourseForm, status: int = 200) -> ResponseReturnValue:
    session = db.session()
    page = render_template(
        "studio/course.html",
        course=found,
        form=form,
        videos=editing.videos(session, found),
        standing=submission.standing(session, found, clock.now()),
        locked=editing.under_review(session, found.id),
        history=reviewing.history(session, found.id),
    )
    return page, status


@blueprint.post("/courses/<int:course_id>")
@access.only(Role.AUTHOR)
def update(course_id: int) -> ResponseReturnValue:
    """Save the facts. A conflict keeps what was typed on the screen."""
    session = db.session()
    form = _form()
    if not form.validate_on_submit():
        return _desk(editing.get(session, course_id, access.person().id), form, 422)
    found = editing.open_for_edit(session, course_id, access.person().id, clock.now())
    try:
        editing.update(session, found, form.facts(), int(form.revision.data or 0))
    except editing.ChangedElsewhere as conflict:
        flash(_(conflict.title), "error")
        return _desk(found, form, 409)
    flash(_("已保存"), "success")
    return _to_course(course_id)


@blueprint.post("/courses/<int:course_id>/chapters")
@access.only(Role.AUTHOR)
def add_chapter(course_id: int) -> ResponseReturnValue:
    found = editing.open_for_edit(db.session(), course_id, access.person().id, clock.now())
    editing.add_chapter(db.session(), found, request.form.get("title", ""))
    return _to_course(course_id)


@blueprint.post("/courses/<int:course_id>/chapters/<int:chapter_id>")
@access.only(Role.AUTHOR)
def change_chapter(course_id: int, chapter_id: int) -> ResponseReturnValue:
    """Rename, move or remove a chapter, by the pressed button."""
    session = db.session()
    found = editing.open_for_edit(session, course_id, access.person().id, clock.now())
    chapter = editing.chapter_of(found, chapter_id)
    match request.form.get("act"):
        case "up" | "down" as way:
            editing.move(session, found.chapters, chapter, -1 if way == "up" else 1)
        case "remove":
            editing.remove(session, found.chapters, chapter)
        case _:
            editing.rename_chapter(session, found, chapter_id, request.form.get("title", ""))
    return _to_course(course_id)


@blueprint.post("/courses/<int:course_id>/chapters/<int:chapter_id>/units")
@access.only(Role.AUTHOR)
def add_unit(course_id: int, chapter_id: int) -> ResponseReturnValue:
    session = db.session()
    found = editing.open_for_edit(session, course_id, access.person().id, clock.now())
    kind = (
        UnitKind(request.form["kind"])
        if request.form.get("kind") in set(UnitKind)
        else UnitKind.VIDEO
    )
    unit_ = editing.add_unit(
        session, found, chapter_id, kind, request.form.get("title", ""), clock.now()
    )
    return redirect(url_for("studio.unit", unit_id=unit_.id), 303)


@blueprint.get("/units/<int:unit_id>")
@access.only(Role.AUTHOR)
def unit(unit_id: int) -> ResponseReturnValue:
    """One unit: its video with progress and preview, its text, or the way to its questions."""
    session, person = db.session(), access.person()
    found, _chapter, unit_ = editing.unit_of(session, unit_id, person.id)
    video = session.get(Asset, unit_.asset_id) if unit_.asset_id else None
    preview = (
        streaming.playlist_url(video, viewer=f"p{person.id}", now=clock.now())
        if video is not None and video.folder
        else None
    )
    return render_template(
        "studio/unit.html",
        course=found,
        unit=unit_,
        video=video,
        preview=preview,
        library=assets.of_owner(session, person.id) if unit_.kind == UnitKind.VIDEO else [],
        locked=editing.under_review(session, found.id),
    )


@blueprint.post("/units/<int:unit_id>")
@access.only(Role.AUTHOR)
def change_unit(unit_id: int) -> ResponseReturnValue:
    """Save, move or remove a unit, by the pressed button."""
    session, person = db.session(), access.person()
    course_id = editing.unit_of(session, unit_id, person.id)[0].id
    editing.open_for_edit(session, course_id, person.id, clock.now())
    found, chapter, unit_ = editing.unit_of(session, unit_id, person.id)
    match request.form.get("act"):
        case "up" | "down" as way:
            editing.move(session, chapter.units, unit_, -1 if way == "up" else 1)
        case "remove":
            editing.remove(session, chapter.units, unit_)
        case _:
            editing.update_unit(
                session,
                found,
                unit_,
                title=request.form.get("title", ""),
                body=request.form.get("body"),
                asset_id=request.form.get("asset_id", type=int),
            )
            flash(_("已保存"), "success")
            return redirect(url_for("studio.unit", unit_id=unit_id), 303)
    return _to_course(found.id)


@blueprint.post("/courses/<int:course_id>/submit")
@access.only(Role.AUTHOR)
def submit(course_id: int) -> ResponseReturnValue:
    """Freeze and hand in for review; problems are listed all at once."""
    session = db.session()
    found = editing.open_for_edit(session, course_id, access.person().id, clock.now())
    try:
        submission.submit(session, found, clock.now())
    except submission.Incomplete as incomplete:
        flash(_("课程还不能提交审核：%(problems)s", problems=incomplete.message), "error")
        return _desk(found, _form(found), 422)
    flash(_("已提交审核。审核期间课程不能修改，结果会显示在这里。"), "success")
    return _to_course(course_id)


def _to_course(course_id: int) -> ResponseReturnValue:
    return redirect(url_for("studio.course", course_id=course_id), 303)
