"""The studio's pages: an author brings what they have, and it becomes a course."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from wtforms import DecimalField, IntegerField, RadioField, SelectField, StringField, TextAreaField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import InputRequired, Length, NumberRange
from wtforms.widgets import HiddenInput

from assessments import drafting
from courses import editing, fields, reviewing, submission
from courses.models import Course, Unit, UnitKind
from courses.views import today
from courses.words import level_text, speed_text
from media import assets, streaming
from media.models import Asset, AssetState
from zhixin import access, clock, db
from zhixin.errors import Conflict, DomainError, Invalid, NotFound
from zhixin.hours.words import kind_text
from zhixin.pages import is_english
from zhixin.people.models import Role, TitleLevel

blueprint = Blueprint("studio", __name__, url_prefix="/studio")


class CourseForm(FlaskForm):  # type: ignore[misc]
    """A course's facts, with the revision that they were read at."""

    title = StringField(_l("课程名称"), [InputRequired(_l("请填写课程名称")), Length(max=120)])
    summary = TextAreaField(_l("课程简介"), [Length(max=4000)])
    teacher = StringField(_l("授课专家"), [Length(max=64)])
    teacher_title = StringField(_l("专家单位与职称"), [Length(max=120)])
    field_code = SelectField(_l("领域"), [InputRequired()])
    subject_kind = RadioField(
        _l("科目"),
        [InputRequired()],
        choices=[
            SelectChoice("professional", _l("专业科目")),
            SelectChoice("general", _l("公需科目")),
        ],
        default="professional",
    )
    level = SelectField(_l("适合"), [InputRequired()])
    declared_hours = DecimalField(
        _l("申报学时"), [NumberRange(0, editing.MOST_HOURS)], default=Decimal(0)
    )
    rate_percent = SelectField(
        _l("计时速度"),
        coerce=int,
        choices=[SelectChoice(rate, speed_text(rate)) for rate in editing.RATES],
        default=100,
    )
    revision = IntegerField(widget=HiddenInput(), default=0)

    def facts(self) -> dict[str, Any]:
        return {name: self[name].data for name in editing.FACTS}


def _form(course: Course | None = None) -> CourseForm:
    form = CourseForm(obj=course)
    form.field_code.choices = [
        SelectChoice(field.code, field.en if is_english() else field.zh)
        for field in fields.valid(db.session(), today())
    ]
    form.level.choices = [SelectChoice(level.value, level_text(level)) for level in TitleLevel]
    return form


@blueprint.get("")
@access.only(Role.AUTHOR)
def index() -> ResponseReturnValue:
    """My courses and how far each is."""
    courses = editing.of_owner(db.session(), access.person().id)
    newest = reviewing.newest(db.session(), [course.id for course in courses])
    return render_template("studio/index.html", courses=courses, newest=newest)


@blueprint.route("/new", methods=["GET", "POST"])
@access.only(Role.AUTHOR)
def new() -> ResponseReturnValue:
    """Begin a course."""
    form = _form()
    if form.validate_on_submit():
        try:
            created = editing.create(
                db.session(), owner_id=access.person().id, facts=form.facts(), now=clock.now()
            )
        except Invalid as invalid:
            flash(_(invalid.message), "error")
            return render_template("studio/new.html", form=form), invalid.status
        flash(_("课程已创建，现在可以添加章节和内容"), "success")
        return _to_course(created.id)
    return render_template("studio/new.html", form=form), 422 if form.errors else 200


@blueprint.get("/courses/<int:course_id>")
@access.only(Role.AUTHOR)
def course(course_id: int) -> ResponseReturnValue:
    """The course's desk: facts, outline, what is missing, versions."""
    found = editing.get(db.session(), course_id, access.person().id)
    return _desk(found, _form(found))


def _desk(
    found: Course, form: CourseForm, status: int = 200, *, saved: Mapping[str, str] | None = None
) -> ResponseReturnValue:
    session = db.session()
    page = render_template(
        "studio/course.html",
        course=found,
        form=form,
        saved=saved or {},
        videos=editing.videos(session, found),
        standing=submission.standing(session, found, clock.now()),
        locked=editing.under_review(session, found.id),
        history=reviewing.history(session, found.id),
    )
    return page, status


@blueprint.post("/courses/<int:course_id>")
@access.only(Role.AUTHOR)
def update(course_id: int) -> ResponseReturnValue:
    """Save the facts. Whatever is refused, what was typed stays on the screen."""
    session, person, form = db.session(), access.person(), _form()
    if not form.validate_on_submit():
        return _desk(editing.get(session, course_id, person.id), form, 422)
    try:
        found = editing.open_for_edit(session, course_id, person.id, clock.now())
        editing.update(session, found, form.facts(), form.revision.data)
    except (Conflict, Invalid) as refusal:
        found = editing.get(session, course_id, person.id)
        flash(_(refusal.message), "error")
        saved = _saved(found, form) if isinstance(refusal, editing.ChangedElsewhere) else None
        # Sent again after reading what was saved meanwhile, it is meant.
        form.revision.process_data(found.revision)
        form.revision.raw_data = None
        return _desk(found, form, refusal.status, saved=saved)
    flash(_("已保存"), "success")
    return _to_course(course_id)


def _saved(course: Course, form: CourseForm) -> dict[str, str]:
    """What is saved where the form says something else, by the fields' labels."""
    shown: dict[str, Callable[[Any], str]] = {
        "subject_kind": kind_text, "level": level_text, "rate_percent": speed_text,
    }  # fmt: skip
    names = {choice.value: choice.label for choice in form.field_code.choices}
    shown["field_code"] = lambda code: names.get(code, code)
    return {
        form[name].label.text: shown.get(name, str)(value)
        for name in editing.FACTS
        if (value := getattr(course, name)) != form[name].data
    }


@blueprint.post("/courses/<int:course_id>/chapters")
@access.only(Role.AUTHOR)
def add_chapter(course_id: int) -> ResponseReturnValue:
    """A new chapter at the end."""
    found = editing.open_for_edit(db.session(), course_id, access.person().id, clock.now())
    chapter = editing.add_chapter(db.session(), found, request.form.get("title", ""))
    return _to_course(course_id, f"chapter-{chapter.id}")


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
            return _to_course(course_id, "outline")
        case _:
            editing.rename_chapter(session, found, chapter_id, request.form.get("title", ""))
    return _to_course(course_id, f"chapter-{chapter_id}")


@blueprint.post("/courses/<int:course_id>/chapters/<int:chapter_id>/units")
@access.only(Role.AUTHOR)
def add_unit(course_id: int, chapter_id: int) -> ResponseReturnValue:
    """A new unit at a chapter's end; its own page comes next."""
    session, kind = db.session(), request.form.get("kind", "")
    if kind not in set(UnitKind):
        raise Invalid("请选择内容的类型：视频、测验或图文", code="unit-kind")
    found = editing.open_for_edit(session, course_id, access.person().id, clock.now())
    unit_ = editing.add_unit(
        session, found, chapter_id, UnitKind(kind), request.form.get("title", ""), clock.now()
    )
    return redirect(url_for("studio.unit", unit_id=unit_.id), 303)


@blueprint.get("/units/<int:unit_id>")
@access.only(Role.AUTHOR)
def unit(unit_id: int) -> ResponseReturnValue:
    """One unit: its video with progress and preview, its text, or the way to its questions."""
    session = db.session()
    course_id = editing.course_of_unit(session, unit_id)
    found = editing.get(session, course_id, access.person().id)
    return unit_page(found, editing.unit_of(found, unit_id)[1])


def unit_page(
    found: Course,
    unit_: Unit,
    *,
    sent: Mapping[str, str] | None = None,
    saved_body: str = "",
    asked: Mapping[str, Any] | None = None,
) -> str:
    """A unit's page.

    Args:
        sent: what was typed and refused; it is shown in place of what is saved.
        asked: the same of a question asked while watching, see ``courses.studio_checks``.
    """
    session, person = db.session(), access.person()
    video = session.get(Asset, unit_.asset_id) if unit_.asset_id else None
    preview = None
    if video is not None and video.state == AssetState.READY:
        preview = streaming.playlist_url(video, viewer=person.id, now=clock.now())
    is_video = unit_.kind == UnitKind.VIDEO
    paper = drafting.get(session, unit_.paper_id, person.id) if unit_.paper_id else None
    return render_template(
        "studio/unit.html",
        course=found,
        unit=unit_,
        title=sent.get("title", "") if sent else unit_.title,
        body=sent.get("body", "") if sent else unit_.body,
        saved_body=saved_body,
        asked=asked,
        video=video,
        preview=preview,
        library=assets.of_owner(session, person.id) if is_video else [],
        paper=paper,
        locked=editing.under_review(session, found.id),
    )


@blueprint.post("/units/<int:unit_id>")
@access.only(Role.AUTHOR)
def change_unit(unit_id: int) -> ResponseReturnValue:
    """Save, attach a video, move or remove a unit, by the pressed button."""
    session, person = db.session(), access.person()
    course_id = editing.course_of_unit(session, unit_id)
    act = request.form.get("act")
    if act not in ("up", "down", "remove", "attach"):
        return _save_unit(course_id, unit_id)
    found = editing.open_for_edit(session, course_id, person.id, clock.now())
    chapter, unit_ = editing.unit_of(found, unit_id)
    if act == "attach":
        asset_id = request.form.get("asset_id", type=int)
        if asset_id is None:
            raise NotFound("没有这个视频")
        editing.attach(session, found, unit_, asset_id)
        return redirect(url_for("studio.unit", unit_id=unit_id), 303)
    if act == "remove":
        editing.remove(session, chapter.units, unit_)
    else:
        editing.move(session, chapter.units, unit_, -1 if act == "up" else 1)
    return _to_course(course_id, f"chapter-{chapter.id}")


def _save_unit(course_id: int, unit_id: int) -> ResponseReturnValue:
    """Save title and text. Whatever is refused, what was typed stays on the screen."""
    session, person, sent = db.session(), access.person(), request.form
    try:
        found = editing.open_for_edit(session, course_id, person.id, clock.now())
        editing.update_unit(
            session,
            found,
            editing.unit_of(found, unit_id)[1],
            title=sent.get("title", ""),
            body=sent.get("body"),
            revision=sent.get("revision", -1, type=int),
        )
    except NotFound:
        raise
    except DomainError as refusal:
        found = editing.get(session, course_id, person.id)
        unit_ = editing.unit_of(found, unit_id)[1]
        flash(_(refusal.message), "error")
        changed = isinstance(refusal, editing.ChangedElsewhere) and unit_.body != sent.get("body")
        page = unit_page(found, unit_, sent=sent, saved_body=unit_.body if changed else "")
        return page, refusal.status
    flash(_("已保存"), "success")
    return redirect(url_for("studio.unit", unit_id=unit_id), 303)


@blueprint.post("/courses/<int:course_id>/submit")
@access.only(Role.AUTHOR)
def submit(course_id: int) -> ResponseReturnValue:
    """Freeze and hand in for review; the page lists all problems at once."""
    session, person = db.session(), access.person()
    try:
        found = editing.open_for_edit(session, course_id, person.id, clock.now())
        submission.submit(session, found, clock.now())
    except editing.UnderReview:  # sent twice: what was asked for is done
        return _to_course(course_id)
    except submission.Incomplete as incomplete:
        flash(_("课程还不能提交审核，请先完成“还差这些”中列出的内容"), "error")
        return _desk(found, _form(found), incomplete.status)
    flash(_("已提交审核。审核期间课程不能修改，结果会显示在这里。"), "success")
    return _to_course(course_id)


def _to_course(course_id: int, anchor: str | None = None) -> ResponseReturnValue:
    return redirect(url_for("studio.course", course_id=course_id, _anchor=anchor), 303)
