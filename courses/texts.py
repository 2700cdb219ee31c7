"""A unit's title and text, saved while somebody types; two people at once lose nothing.

Who writes sends of each field what it replaces, as a mark of the text that was read. A field
that nobody else changed is saved whatever became of the others; sent twice, it is saved once.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy.orm import Session

from courses import editing, kinds
from courses.models import Course, Unit
from zhixin.errors import Conflict


class Differs(Conflict):
    """``facts['saved']`` holds the texts that are there instead, by field."""

    code = "text-changed-elsewhere"
    title = "这段文字已被别人修改，您的文字尚未保存"


@dataclass(frozen=True)
class Change:
    """What a field is to hold, and the mark of what it is thought to hold now."""

    base: str
    text: str


def mark(text: str) -> str:
    """Names a text, so that it need not be sent along to be compared."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def marks(unit: Unit) -> dict[str, str]:
    return {"title": mark(unit.title), "body": mark(unit.body)}


def write(session: Session, course: Course, unit: Unit, sent: Mapping[str, Change]) -> None:
    """Save ``title``, ``body`` or both.

    Raises:
        Differs: somebody changed one of them since; nothing is saved.
        Invalid: a text can't be used.
    """
    made = {name: editing.cleaned(name, change.text) for name, change in sent.items()}
    if not kinds.of(unit.kind).written:
        made.pop("body", None)
    saved = {
        name: getattr(unit, name)
        for name, text in made.items()
        if getattr(unit, name) != text and mark(getattr(unit, name)) != sent[name].base
    }
    if saved:
        raise Differs(saved=saved)
    for name, text in made.items():
        if getattr(unit, name) != text:
            setattr(unit, name, text)
    session.flush()
