"""The reviewer's pages."""

from __future__ import annotations

from collections.abc import Callable

import sqlalchemy as sa
from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from assessments import drafting
from assessments.models import PaperVersion
from courses import differences, moments, regrades, reviewing
from courses.documents import CourseDocument
from courses.models import CourseVersion, Field, VersionState
from courses.reviews import comments, desk, publication, seats, verdicts
from media import streaming
from media.models import Asset
from zhixin import access, clock, db
from zhixin.errors import Invalid, NotAllowed
from zhixin.people.models import Person, Role

blueprint = Blueprint("review", __name__, url_prefix="/review")


@blueprint.get("")
@access.only(Role.REVIEWER, Role.ADMINISTRATOR)
def queue() -> ResponseReturnValue:
    """What waits for review, and what waits for its day."""
    session = db.session()
    return render_template(
        "review/queue.html",
        waiting=desk.queue(session, access.person()),
        scheduled=desk.scheduled(session),
        regrades=regrades.waiting(session, access.person()),
        now=clock.now(),
    )


@blueprint.get("/<int:version_id>")
@access.only(Role.REVIEWER, Role.ADMINISTRATOR)
def version(version_id: int) -> ResponseReturnValue:
    """A version with the facts beside it: declared hours, what the length justifies, contents,
    keys, remarks, and the reviewer's own checklist."""
    return version_page(reviewing.get(db.session(), version_id))


def version_page(found: CourseVersion) -> str:
    """Whatever was typed and refused stays on the screen."""
    session, person = db.session(), access.person()
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
    sheet = desk.sheet(session, found, person)
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
        sheet=sheet,
        pinned=comments.by_unit(sheet.comments, document),
        reviewers=seats.reviewers(session) if sheet.office else [],
        sent=request.form,
        now=clock.now(),
    )


def _refused(found: CourseVersion, act: Callable[[], object]) -> ResponseReturnValue | None:
    """Do it; what is refused as invalid comes back with the page."""
    try:
        act()
    except Invalid as invalid:
        flash(_(invalid.message), "error")
        return version_page(found), invalid.status
    return None


def to_version(version_id: int, anchor: str | None = None) -> ResponseReturnValue:
    return redirect(url_for("review.version", version_id=version_id, _anchor=anchor), 303)


@blueprint.post("/<int:version_id>/take")
@access.only(Role.REVIEWER)
def take(version_id: int) -> ResponseReturnValue:
    """Take this review from the queue."""
    session = db.session()
    seats.take(session, reviewing.get(session, version_id), access.person().id, clock.now())
    flash(_("已领取，请在期限内作出决定"), "success")
    return to_version(version_id)


@blueprint.post("/<int:version_id>/assign")
@access.only(Role.ADMINISTRATOR)
def assign(version_id: int) -> ResponseReturnValue:
    """Give this review to somebody."""
    session, actor = db.session(), access.person()
    office_only(actor)
    found = reviewing.get(session, version_id)
    to = request.form.get("person_id", 0, type=int)
    refused = _refused(found, lambda: seats.assign(session, found, to, actor.id, clock.now()))
    return refused or to_version(version_id)


def office_only(actor: Person) -> None:
    """Courses are the whole city's: so are those who arrange their review."""
    if not seats.is_office(db.session(), actor):
        raise NotAllowed("仅全市范围的管理员可以安排课程审核")


@blueprint.post("/<int:version_id>/seats/<int:seat_id>/release")
@access.only(Role.REVIEWER, Role.ADMINISTRATOR)
def release(version_id: int, seat_id: int) -> ResponseReturnValue:
    """Give a review back, or take it away."""
    session = db.session()
    found = reviewing.get(session, version_id)
    seats.release(session, found, seat_id, access.person(), clock.now())
    flash(_("已放回队列"), "success")
    return redirect(url_for("review.queue"), 303)


@blueprint.post("/<int:version_id>/decide")
@access.only(Role.REVIEWER)
def decide(version_id: int) -> ResponseReturnValue:
    """Keep the checklist, approve or send back, by the pressed button."""
    session, sent = db.session(), request.form
    found = reviewing.get(session, version_id)
    who, now = access.person().id, clock.now()
    rule = seats.rule_of(session, seats.find(session, version_id))
    act = sent.get("act")

    def judge() -> None:
        marks = verdicts.marks_of(rule, sent)
        if act == "approve":
            publish_at = moments.moment(sent.get("publish_at", ""))
            verdicts.approve(session, found, who, marks=marks, publish_at=publish_at, now=now)
        elif act == "send-back":
            reason = sent.get("reason", "")
            verdicts.send_back(session, found, who, marks=marks, reason=reason, now=now)
        else:
            verdicts.save(session, found, who, marks, now)

    if (refused := _refused(found, judge)) is not None:
        return refused
    if act not in ("approve", "send-back"):
        flash(_("检查清单已保存"), "success")
        return to_version(version_id, "checklist")
    words = {
        VersionState.RETURNED: _("已退回作者"),
        VersionState.PUBLISHED: _("已通过并发布"),
        VersionState.APPROVED: _("已通过，到时自动发布"),
    }
    flash(words.get(VersionState(found.state), _("已通过，等待其他审核人")), "success")
    return redirect(url_for("review.queue"), 303)


@blueprint.post("/<int:version_id>/schedule")
@access.only(Role.REVIEWER, Role.ADMINISTRATOR)
def schedule(version_id: int) -> ResponseReturnValue:
    """Another moment for an approved version, or taking it back, by the pressed button."""
    session, actor, sent, now = db.session(), access.person(), request.form, clock.now()
    found = reviewing.get(session, version_id)

    def change() -> None:
        if sent.get("act") == "withdraw":
            publication.withdraw(session, found, actor, sent.get("reason", ""), now)
            return
        publish_at = moments.moment(sent.get("publish_at", ""))
        if publish_at is None:
            raise Invalid("请选择日期或时刻", code="moment")
        publication.reschedule(session, found, actor, publish_at, now)

    return _refused(found, change) or to_version(version_id)
