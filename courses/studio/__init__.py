"""The studio's pages: an author brings what they have, and it becomes a course."""

from __future__ import annotations

from flask import Blueprint, redirect, url_for
from flask.typing import ResponseReturnValue

blueprint = Blueprint("studio", __name__, url_prefix="/studio")


def to_course(course_id: int, anchor: str | None = None) -> ResponseReturnValue:
    """Back to the course's desk."""
    return redirect(url_for("studio.course", course_id=course_id, _anchor=anchor), 303)


# Each adds its routes.
from courses.studio import (  # noqa: E402
    captioning,  # noqa: F401
    chaptering,  # noqa: F401
    checks,  # noqa: F401
    desk,  # noqa: F401
    making,  # noqa: F401
    outline,  # noqa: F401
    preview,  # noqa: F401
    speaking,  # noqa: F401
    units,  # noqa: F401
)
