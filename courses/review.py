"""The reviewer's pages."""

from __future__ import annotations

import sqlalchemy as sa
from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from assessments import drafting
from assessments.models import PaperVersion
from courses import differences, reviewing
from courses.documents import CourseDocument
from courses.models import Field
from media import streaming
from media.models import Asset
from zhixin import access, clock, db
from zhixin.errors import Invalid
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
    return _version_page(version_id)


def _version_page(version_id: int, reason: str = "") -> str:
    """``reason``: typed and refused; it stays on the screen."""
    session, person = db.session(), access.person()
    found = reviewing.get(session, version_id)
    document = CourseDocument.from_text(found.document)
    before = reviewing.published_before(session, found)
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
    return render_template(
        "review/version.html",
        version=found,
        document=document,
        field=session.get(Field, found.field_code),
        arithmetic=reviewing.arithmetic(session, found),
        playlists={
            a.id: streaming.playlist_url(a, viewer=person.id, now=clock.now()) for a in assets_
        },
        papers={paper.id: drafting.load(paper) for paper in papers},
        history=reviewing.history(session, found.course_id),
        before=before,
        changes=differences.between(CourseDocument.from_text(before.document), document)
        if before
        else None,
        own=found.course.owner_id == person.id,
        reason=reason,
    )


@blueprint.post("/<int:version_id>/send-back")
@access.only(Role.REVIEWER)
def send_back(version_id: int) -> ResponseReturnValue:
    """Return it to its author, who reads the reason."""
    session, reason = db.session(), request.form.get("reason", "")
    found = reviewing.get(session, version_id)
    try:
        reviewing.send_back(session, found, access.person().id, reason, clock.now())
    except Invalid as invalid:
        flash(_(invalid.message), "error")
        return _version_page(version_id, reason), invalid.status
    flash(_("已退回作者"), "success")
    return redirect(url_for("review.queue"), 303)


@blueprint.post("/<int:version_id>/approve")
@access.only(Role.REVIEWER)
def approve(version_id: int) -> ResponseReturnValue:
    """Publish it."""
    session = db.session()
    reviewing.approve(session, reviewing.get(session, version_id), access.person().id, clock.now())
    flash(_("已通过并发布"), "success")
    return redirect(url_for("review.queue"), 303)
