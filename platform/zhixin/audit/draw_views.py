"""Samples for review, on the auditor's desk."""

from __future__ import annotations

from flask import Response, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from zhixin import access, clock, db
from zhixin.audit import draws, trail
from zhixin.audit.views import act, blueprint, everywhere, settings
from zhixin.errors import Invalid
from zhixin.people.models import Role


@blueprint.route("/draws", methods=["GET", "POST"], endpoint="draws")
@access.only(Role.AUDITOR)
def show_draws() -> ResponseReturnValue:
    """What was drawn, and a form for the next one."""
    session, auditor = db.session(), access.person()
    this_year = clock.local(clock.now()).year
    if request.method == "POST":
        year, wanted = (request.form.get(name, type=int) for name in ("year", "wanted"))
        if year is None or wanted is None or not 2000 <= year <= this_year:
            raise Invalid("请填写年度和数量", code="draw-size")
        organisation_id = request.form.get("organisation", type=int)
        made = draws.announce(
            session, act(), year=year, organisation_id=organisation_id, wanted=wanted
        )
        flash(_("已公布抽样范围，等待账本的下一个检查点决定结果"), "success")
        return redirect(url_for("audit.draw", draw_id=made.id), 303)
    return render_template(
        "audit/draws.html",
        draws=draws.of(session, auditor),
        organisations=draws.reachable(session, auditor),
        everywhere=everywhere(),
        this_year=this_year,
        most=draws.MOST_DRAWN,
    )


@blueprint.get("/draws/published", endpoint="published_draws")
@access.public
def show_published() -> ResponseReturnValue:
    """What was announced and drawn, before and after, for everybody: the seeds, and no person."""
    origin = settings().origin
    found = draws.published(db.session())
    seeds = {draw.id: draws.seed(draw, origin) for draw in found if draw.tree_size}
    return render_template("audit/published.html", draws=found, seeds=seeds)


@blueprint.get("/draws/<int:draw_id>")
@access.only(Role.AUDITOR)
def draw(draw_id: int) -> ResponseReturnValue:
    """One sample with its seed. It names people: who looked is noted."""
    session, auditor = db.session(), access.person()
    found = draws.get(session, auditor, draw_id)
    page = render_template(
        "audit/draw.html",
        draw=found,
        origin=settings().origin,
        seed=draws.seed(found, settings().origin) if found.tree_size else None,
        drawn=draws.drawn(session, found),
        own=auditor.id,
    )
    with db.database().transaction() as brief:
        trail.note(
            brief, actor_id=auditor.id, act="view", object_kind="audit-draw", object_id=draw_id,
            address=request.remote_addr, now=clock.now(),
        )  # fmt: skip
    return page


@blueprint.get("/draws/<int:draw_id>/population.txt")
@access.only(Role.AUDITOR)
def draw_population(draw_id: int) -> ResponseReturnValue:
    """The award numbers that were drawn from, one a line."""
    session = db.session()
    found = draws.get(session, access.person(), draw_id)
    return Response(
        draws.population(session, found),
        mimetype="text/plain",
        headers={"Content-Disposition": f"attachment; filename=draw-{draw_id}.txt"},
    )


@blueprint.post("/draws/<int:draw_id>/reviews")
@access.only(Role.AUDITOR)
def review_drawn(draw_id: int) -> ResponseReturnValue:
    """An award of the sample was looked at."""
    session = db.session()
    found = draws.get(session, access.person(), draw_id)
    place = request.form.get("place", type=int)
    if place is None or not 0 < place <= draws.MOST_DRAWN:
        abort(404)
    draws.review(session, found, place, act(), request.form.get("finding"))
    flash(_("已处理"), "success")
    return redirect(url_for("audit.draw", draw_id=draw_id, _anchor=f"place-{place}"), 303)
