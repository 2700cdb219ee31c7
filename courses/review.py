"""The reviewer's pages."""

from __future__ import annotations

import sqlalchemy as sa
from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from assessments import drafting
from assessments.models import PaperVersion
from courses import reviewing
from courses.documents import CourseDocument
from courses.models import Field, VersionState
from media import streaming
from media.models import Asset
from zhixin import access, clock, db
from zhixin.hours import policies
from zhixin.hours.models import Policy
from zhixin.hours.rules import justified_hours
from zhixin.people.models import Role

blueprint = Blueprint("review", __name__, url_prefix="/review")


@blueprint.get("")
@access.only(Role.REVIEWER)
def queue() -> ResponseReturnValue:
    """What waits for review."""
    return render_template("review/queue.html", versions=reviewing.queue(db.session()))


@blueprint.get("/<int:version_id>")
@access.only(Role.REVIEWER)
def version(version_id: int) -> ResponseReturnValue:
    """A version with the facts beside it: declared hours, what the length justifies, contents, keys."""
    session, person = db.session(), access.person()
    found = reviewing.get(session, version_id)
    document = CourseDocument.from_text(found.document)
    policy = session.get_one(Policy, found.policy_id)
    rule = policies.rule(policy)
    assets_ = session.scalars(
        sa.select(Asset).where(Asset.id.in_([u.asset_id for u in document.units() if u.asset_id]))
    )
    papers = session.scalars(
        sa.select(PaperVersion).where(
            PaperVersion.id.in_(
                [u.paper_version_id for u in document.units() if u.paper_version_id]
            )
        )
    )
    history = reviewing.history(session, found.course_id)
    before = next(
        (v for v in history if v.number < found.number and v.state != VersionState.RETURNED), None
    )
    return render_template(
        "review/version.html",
        version=found,
        document=document,
        field=session.get(Field, found.field_code),
        policy=policy,
        rule=rule,
        justified=justified_hours(found.duration_ms, rule),
        playlists={
            a.id: streaming.playlist_url(a, viewer=f"p{person.id}", now=clock.now())
            for a in assets_
        },
        papers={paper.id: drafting.load(paper) for paper in papers},
        history=history,
        changes=_changes(CourseDocument.from_text(before.document), document) if before else None,
        own=found.course.owner_id == person.id,
    )


def _changes(before: CourseDocument, after: CourseDocument) -> list[str]:
    """What is different from the version published before, in words."""
    found = []
    for name, text in (
        ("title", _("课程名称")), ("summary", _("课程简介")), ("teacher", _("授课专家")),
        ("field_code", _("领域")), ("subject_kind", _("科目")), ("declared_hours", _("申报学时")),
    ):  # fmt: skip
        if getattr(before, name) != getattr(after, name):
            found.append(_("%(name)s有修改", name=text))
    old, new = {u.key: u for u in before.units()}, {u.key: u for u in after.units()}
    found += [_("新增：%(t)s", t=new[key].title) for key in new.keys() - old.keys()]
    found += [_("删去：%(t)s", t=old[key].title) for key in old.keys() - new.keys()]
    found += [
        _("改动：%(t)s", t=new[key].title)
        for key in new.keys() & old.keys()
        if new[key] != old[key]
    ]
    return found


@blueprint.post("/<int:version_id>/send-back")
@access.only(Role.REVIEWER)
def send_back(version_id: int) -> ResponseReturnValue:
    session = db.session()
    reviewing.send_back(
        session,
        reviewing.get(session, version_id),
        access.person().id,
        request.form.get("reason", ""),
        clock.now(),
    )
    flash(_("已退回作者"), "success")
    return redirect(url_for("review.queue"), 303)


@blueprint.post("/<int:version_id>/approve")
@access.only(Role.REVIEWER)
def approve(version_id: int) -> ResponseReturnValue:
    session = db.session()
    reviewing.approve(session, reviewing.get(session, version_id), access.person().id, clock.now())
    flash(_("已通过并发布"), "success")
    return redirect(url_for("review.queue"), 303)
