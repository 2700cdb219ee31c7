"""Running classes, for bureaus and administrators; a learner's own classes."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

import sqlalchemy as sa
from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from sqlalchemy.orm import joinedload, selectinload

from courses import fields
from courses.classes import closing, running
from courses.classes.models import ClassMember, TrainingClass
from zhixin import access, acts, clock, db
from zhixin.errors import Invalid
from zhixin.hours.models import Award
from zhixin.people.models import Role

blueprint = Blueprint("classes", __name__)


def _reach() -> running.Reach:
    return running.reach(db.session(), access.person())


def _training(class_id: int) -> TrainingClass:
    return running.get(db.session(), _reach(), class_id)


def _note(act: str, class_id: int, reason: str | None = None) -> None:
    acts.note(
        db.session(), actor_id=access.person().id, act=act, object_kind="class",
        object_id=class_id, reason=reason, address=request.remote_addr, now=clock.now(),
    )  # fmt: skip


def _back(class_id: int) -> ResponseReturnValue:
    return redirect(url_for("classes.show", class_id=class_id), 303)


@blueprint.get("/classes")
@access.only(*running.ROLES)
def index() -> ResponseReturnValue:
    """The classes of my area."""
    page = min(max(1, request.args.get("page", 1, type=int)), 10_000)
    found, more = running.listing(db.session(), _reach(), page)
    return render_template("classes/index.html", classes=found, page=page, more=more)


@blueprint.route("/classes/new", methods=["GET", "POST"])
@access.only(*running.ROLES)
def new() -> ResponseReturnValue:
    """Open a class."""
    session, person = db.session(), access.person()
    if request.method == "POST":
        form = request.form
        training = running.create(
            session,
            organiser_id=_whole(form.get("organiser", ""), "主办单位"),
            within=_reach(),
            title=form.get("title", ""),
            field_code=form.get("field") or None,
            subject_kind=form.get("subject_kind", ""),
            place=form.get("place", ""),
            attendance_percent=_whole(form.get("attendance_percent", ""), "出勤要求"),
            seminar="seminar" in form,
            actor_id=person.id,
            now=clock.now(),
        )
        _note("create", training.id, training.title)
        return _back(training.id)
    today = clock.local(clock.now()).date()
    return render_template(
        "classes/new.html",
        organisers=running.organisers(session, _reach()),
        fields=fields.valid(session, today),
    )


def _whole(text: str, what: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise Invalid(f"{what}应为整数", code="class-facts")
    return int(text)


@blueprint.get("/classes/<int:class_id>")
@access.only(*running.ROLES)
def show(class_id: int) -> ResponseReturnValue:
    """One class: sittings, roster, attendance."""
    training = _training(class_id)
    return render_template(
        "classes/class.html",
        training=training,
        attendance=running.attendance(db.session(), class_id),
        awards=_awards(training.members),
        now=clock.now(),
        most=running.MOST_MEMBERS,
    )


def _awards(members: Iterable[ClassMember]) -> dict[int, Award]:
    ids = [member.award_id for member in members if member.award_id]
    found = db.session().scalars(sa.select(Award).where(Award.id.in_(ids)))
    return {award.id: award for award in found}


@blueprint.post("/classes/<int:class_id>/sessions")
@access.only(*running.ROLES)
def add_session(class_id: int) -> ResponseReturnValue:
    """One more sitting."""
    form = request.form
    running.add_session(
        db.session(),
        _training(class_id),
        begins_at=_moment(form.get("begins_at", "")),
        ends_at=_moment(form.get("ends_at", "")),
        topic=form.get("topic", ""),
        teacher=form.get("teacher", ""),
    )
    return _back(class_id)


def _moment(text: str) -> datetime:
    """What ``<input type=datetime-local>`` sends, on the city's clock."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise Invalid("请填写开始和结束时间", code="class-session") from None
    if moment.tzinfo is not None or not 2000 <= moment.year <= 2100:
        raise Invalid("请填写开始和结束时间", code="class-session")
    return moment.replace(tzinfo=clock.LOCAL)


@blueprint.post("/classes/<int:class_id>/sessions/<int:session_id>/removal")
@access.only(*running.ROLES)
def drop_session(class_id: int, session_id: int) -> ResponseReturnValue:
    """Take a sitting off the plan."""
    running.drop_session(db.session(), _training(class_id), session_id)
    return _back(class_id)


@blueprint.post("/classes/<int:class_id>/members")
@access.only(*running.ROLES)
def add_members(class_id: int) -> ResponseReturnValue:
    """People by their sign-in names, one a line."""
    names = request.form.get("names", "").replace(",", "\n").replace("，", "\n").split()
    added = running.add_members(db.session(), _training(class_id), names, _reach(), clock.now())
    _note("enrol", class_id, str(len(added.added)))
    flash(
        _("已加入 %(n)d 人，%(m)d 人本来就在名单上", n=len(added.added), m=len(added.already)),
        "success",
    )
    if added.unknown:
        flash(
            _("没有找到，或不在您负责的范围内：%(names)s", names="、".join(added.unknown[:20])),
            "warning",
        )
    return _back(class_id)


@blueprint.route(
    "/classes/<int:class_id>/sessions/<int:session_id>/attendance", methods=["GET", "POST"]
)
@access.only(*running.ROLES)
def record(class_id: int, session_id: int) -> ResponseReturnValue:
    """Who was there at one sitting."""
    session, training = db.session(), _training(class_id)
    sitting = running.sitting_of(training, session_id)
    if request.method == "GET":
        return render_template(
            "classes/attendance.html",
            training=training,
            sitting=sitting,
            attendance=running.attendance(session, class_id),
        )
    present = set(request.form.getlist("present", type=int))
    minutes = {}
    for member in training.members:
        typed = request.form.get(f"minutes-{member.person_id}", "").strip()
        there = member.person_id in present
        whole = _whole(typed, "出勤分钟") if there and typed else sitting.minutes
        minutes[member.person_id] = whole if there else 0
    minutes.pop(access.person().id, None)  # one's own is written down by somebody else
    changed = running.record(
        session, training, session_id, minutes, actor_id=access.person().id, now=clock.now()
    )
    _note("attendance", class_id, str(changed))
    flash(_("考勤已登记，%(n)d 人有变化", n=changed), "success")
    return _back(class_id)


@blueprint.post("/classes/<int:class_id>/closing")
@access.only(*running.ROLES)
def close(class_id: int) -> ResponseReturnValue:
    """Attendance is final; hours follow."""
    closing.close(db.session(), _training(class_id), actor_id=access.person().id, now=clock.now())
    _note("close", class_id)
    flash(_("已结班，学时正在核算，稍后刷新即可看到"), "success")
    return _back(class_id)


@blueprint.post("/classes/<int:class_id>/cancellation")
@access.only(*running.ROLES)
def cancel(class_id: int) -> ResponseReturnValue:
    """Call the class off."""
    running.cancel(db.session(), _training(class_id))
    _note("cancel", class_id)
    flash(_("班次已取消"), "success")
    return _back(class_id)


@blueprint.get("/my/classes")
@access.only(Role.LEARNER)
def mine() -> ResponseReturnValue:
    """Classes that I am on the roster of, the newest first."""
    session, person = db.session(), access.person()
    classes = session.scalars(
        sa.select(TrainingClass)
        .join(ClassMember, ClassMember.class_id == TrainingClass.id)
        .where(ClassMember.person_id == person.id)
        .options(
            joinedload(TrainingClass.organiser),
            selectinload(TrainingClass.sessions),
            selectinload(TrainingClass.members.and_(ClassMember.person_id == person.id)),
        )
        .order_by(TrainingClass.id.desc())
        .limit(100)
    ).all()
    return render_template(
        "classes/mine.html",
        classes=classes,
        attended=running.attended(session, person.id, [each.id for each in classes]),
        awards=_awards(member for each in classes for member in each.members),
    )
