"""What an author brings a second time is kept once: pictures, files, courseware."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from zhixin import db

Row = TypeVar("Row")


def keep(
    session: Session,
    brought: Row,
    *,
    same: Callable[[Session, Row], Row | None],
    remove: Callable[[], None],
) -> Row:
    """``brought``, or the row that its owner has of the same already.

    Args:
        same: finds that row, and holds it so that the night does not remove it meanwhile (see
            ``media.collecting``).
        remove: takes the bytes of ``brought`` away again, once the other row is sure to stay.
    """
    found = same(session, brought)
    if found is None:
        try:
            with session.begin_nested():
                session.add(brought)
            return brought
        except IntegrityError:  # it came twice at once
            found = same(session, brought)
            if found is None:
                raise
    db.after_commit(session, remove)
    return found
