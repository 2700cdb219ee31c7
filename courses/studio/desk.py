"""A course's desk: its facts, its outline, what is missing, its versions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from flask import flash, render_template
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from wtforms import DecimalField, IntegerField, RadioField, SelectField, StringField, TextAreaField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import InputRequired, Length, NumberRange
from wtforms.widgets import HiddenInput

from courses import authors, editing, fields, history, regrades, reviewing, submission
from courses.history import Act
from courses.models import Course
from courses.reviews import comments
from courses.studio import blueprint, to_course
from courses.views import today
from courses.words import level_text, speed_text
from zhixin import access, clock, db
from zhixin.errors import Conflict, Invalid
from zhixin.hours.words import kind_text
from zhixin.pages import is_english
from zhixin.people.models import Role, TitleLevel


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
    regraded = regrades.untold(db.session(), access.person())
    return render_template("studio/index.html", courses=courses, newest=newest, regraded=regraded)


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
        return to_course(created.id)
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
    may_edit = authors.may_edit(session, found, access.person().id)
    page = render_template(
        "studio/course.html",
        course=found,
        form=form,
        saved=saved or {},
        videos=editing.videos(session, found),
        standing=submission.standing(session, found, clock.now()),
        locked=editing.under_review(session, found.id) or not may_edit,
        may_edit=may_edit,
        steps=history.can(session, found.id, access.person().id),
        history=reviewing.history(session, found.id),
        remarks_open=comments.open_counts(session, [found.id]).get(found.id, 0),
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
        with history.changing(session, course_id, person.id, Act.FACTS, clock.now()) as found:
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
    return to_course(course_id)


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


@blueprint.post("/courses/<int:course_id>/submit")
@access.only(Role.AUTHOR)
def submit(course_id: int) -> ResponseReturnValue:
    """Freeze and hand in for review; the page lists all problems at once."""
    session, person = db.session(), access.person()
    try:
        found = editing.open_for_edit(session, course_id, person.id, clock.now())
        submission.submit(session, found, clock.now())
    except editing.UnderReview:  # sent twice: what was asked for is done
        return to_course(course_id)
    except submission.Incomplete as incomplete:
        flash(_("课程还不能提交审核，请先完成“还差这些”中列出的内容"), "error")
        return _desk(found, _form(found), incomplete.status)
    flash(_("已提交审核。审核期间课程不能修改，结果会显示在这里。"), "success")
    return to_course(course_id)
