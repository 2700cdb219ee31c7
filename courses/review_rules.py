"""The administrator's page: what reviewers go by."""

from __future__ import annotations

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from courses.review import blueprint, office_only
from courses.reviews import rules
from zhixin import access, clock, db
from zhixin.errors import Invalid
from zhixin.people.models import Role


@blueprint.get("/rule")
@access.only(Role.REVIEWER, Role.ADMINISTRATOR)
def rule() -> ResponseReturnValue:
    """The rule in force, as reviewers read it and administrators change it."""
    return _page()


def _page() -> str:
    found = rules.newest(db.session())
    return render_template(
        "review/rule.html",
        row=found,
        rule=rules.document(found) if found else rules.SHIPPED,
        categories=list(rules.Category),
        sent=request.form,
    )


@blueprint.post("/rule")
@access.only(Role.ADMINISTRATOR)
def publish_rule() -> ResponseReturnValue:
    """A new version, for what is handed in from now on."""
    actor, sent = access.person(), request.form
    office_only(actor)
    try:
        made = rules.from_lines(
            {category.value: sent.get(category.value, "") for category in rules.Category},
            approvals=sent.get("approvals", 0, type=int),
            days=sent.get("days", 0, type=int),
            seat_days=sent.get("seat_days", 0, type=int),
            blind=sent.get("blind") == "1",
        )
    except Invalid as invalid:
        flash(_(invalid.message), "error")
        return _page(), invalid.status
    rules.publish(
        db.session(), made, after=sent.get("after", -1, type=int), actor_id=actor.id,
        now=clock.now(),
    )  # fmt: skip
    flash(_("已发布，之后提交的课程按新规则审核"), "success")
    return redirect(url_for("review.rule"), 303)
