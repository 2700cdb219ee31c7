"""Public pages: home, catalogue, fields, one course."""

from __future__ import annotations

from datetime import date
from typing import Any

from flask import Blueprint, current_app, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user

from courses import catalogue, enrolments, fields
from courses.models import Field
from courses.quality import marks
from courses.ratings import rating
from courses.registers import attaching
from courses.search import CourseIndex
from media import streaming
from media.models import Asset
from zhixin import access, clock, db
from zhixin.errors import NotFound
from zhixin.hours import policies

blueprint = Blueprint("courses", __name__)
#: Ratings with words on a course's page.
SAID = 3


def today() -> date:
    return clock.local(clock.now()).date()


@blueprint.get("/")
@access.public
def home() -> ResponseReturnValue:
    """What is offered, how study becomes hours, the newest and the best courses."""
    session, on = db.session(), today()
    best = catalogue.Filters(quality=True)
    counts = catalogue.counts_by_field(session)
    return render_template(
        "courses/home.html",
        fields=fields.valid(session, on),
        counts=counts,
        newest=catalogue.newest(session, catalogue.Filters(), most=8, today=on),
        best=catalogue.newest(session, best, most=4, today=on),
        total=sum(counts.values()),
    )


@blueprint.get("/courses")
@access.public
def search() -> ResponseReturnValue:
    """The catalogue: words and facets."""
    return _listing(None)


@blueprint.get("/fields/<code>")
@access.public
def field(code: str) -> ResponseReturnValue:
    """The catalogue of one field."""
    found = db.session().get(Field, code)
    if found is None:
        raise NotFound("没有这个领域")
    return _listing(found)


def _listing(within: Field | None) -> ResponseReturnValue:
    session, on = db.session(), today()
    text = request.args.get("q", "").strip()[:200]
    words = request.args.to_dict()
    if within:
        words["field"] = within.code
    filters = catalogue.Filters.of(words)
    page = max(1, request.args.get("page", 1, type=int))
    index: CourseIndex = current_app.extensions["course_index"]
    ids = index.find(text) if text else None
    listing = catalogue.browse(session, filters, page=min(page, 10_000), today=on, ids=ids)
    hits = index.mark(text, [card.course_id for card in listing.cards]) if text else {}

    def address(**changes: str | int | None) -> str:
        """This page with some of its choices changed; None takes one away."""
        wanted = {"q": text or None, **filters.words(), **changes}
        code = wanted.pop("field", None)
        chosen: dict[str, Any] = {name: value for name, value in wanted.items() if value}
        return (
            url_for("courses.field", code=code, **chosen)
            if code
            else url_for("courses.search", **chosen)
        )

    return render_template(
        "courses/search.html",
        field=within,
        fields=fields.valid(session, on),
        text=text,
        filters=filters,
        listing=listing,
        hits=hits,
        address=address,
        sizes=catalogue.HOUR_RANGES,
    )


@blueprint.get("/courses/<int:course_id>")
@access.public
def course(course_id: int) -> ResponseReturnValue:
    """One course: who teaches, what is in it, how many hours, a preview."""
    session, on = db.session(), today()
    version, document, quality_until = catalogue.published(session, course_id)
    first = next((u.asset_id for u in document.units() if u.asset_id), None)
    asset = session.get(Asset, first) if first else None
    enrolment = (
        enrolments.find(session, current_user.id, course_id)
        if current_user.is_authenticated
        else None
    )
    return render_template(
        "courses/course.html",
        card=catalogue.card(version, quality_until, on),
        version=version,
        document=document,
        quality_until=quality_until,
        mark=marks.active(session, [course_id]).get(course_id),
        field=session.get(Field, version.field_code),
        policy=policies.rule(policies.in_force(session, on)),
        enrolment=enrolment,
        poster=streaming.poster_url(asset) if asset else None,
        teachers_there=attaching.in_force(
            session, [each.expert_id for each in document.teachers or ()]
        ),
        ratings=rating.summary(session, course_id),
        said=rating.written(session, course_id, size=SAID)[:SAID],
        fewest_ratings=rating.FEWEST,
    )
