"""The passes that regrades gave to a learner, told where their courses are listed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from assessments import regrade_notices
from courses import scopes
from courses.documents import CourseDocument
from courses.models import Enrolment


@dataclass(frozen=True, slots=True)
class Gain:
    """A test that is passed by the corrected key, and where its result is.

    Attributes:
        regrades: of the attempts at it that pass now.
    """

    regrades: list[int]
    enrolment: Enrolment
    unit_key: str
    title: str
    at: datetime


def untold(session: Session, person_id: int, enrolments: Sequence[Enrolment]) -> list[Gain]:
    """What the learner has not read yet of these enrolments (with their versions loaded), each
    test once, the newest first. Practice counts for nothing and is not told."""
    of = {scopes.of_version(each.version_id): each for each in enrolments}
    found: dict[tuple[int, str], Gain] = {}
    for regrade, attempt in regrade_notices.untold(session, person_id, list(of)):
        enrolment = of[attempt.scope]
        document = CourseDocument.from_text(enrolment.version.document)
        for unit in document.units():
            if unit.paper_version_id == attempt.paper_version_id:
                gain = Gain([], enrolment, unit.key, unit.title, regrade.at)
                found.setdefault((enrolment.id, unit.key), gain).regrades.append(regrade.id)
    return list(found.values())
