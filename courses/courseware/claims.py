"""What courseware says of a learner: kept within bounds, believed in nothing.

SCORM time is a claim and no evidence: ``claimed_ms`` is shown beside the unit and read by
nothing that counts hours.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from courses import enrolments
from courses.courseware.models import CoursewareClaim, Edition
from courses.documents import Unit
from courses.models import Enrolment, EnrolmentState
from zhixin.errors import Invalid

#: SCORM 2004 asks for 64,000 characters of suspend_data; the rest is bookmarks and answers.
MOST_VALUE = 64_000
MOST_CHARACTERS = 200_000
MOST_VALUES = 1_000
#: The same for the adapter, which refuses what we would.
BOUNDS = {"value": MOST_VALUE, "values": MOST_VALUES, "characters": MOST_CHARACTERS}
#: A day's sitting; more is a joke, and all of it is only shown.
MOST_SITTING_MS = 24 * 3600_000
MOST_CLAIMED_MS = 10_000 * 3600_000
_NAME = re.compile(r"cmi\.[A-Za-z0-9_]+(?:\.[A-Za-z0-9_]+){0,6}")
_TIMES = {"cmi.core.session_time", "cmi.session_time"}
#: Said of one sitting, or by the platform: not kept.
_OF_A_SITTING = _TIMES | {"cmi.core.exit", "cmi.exit"}
_DONE = {
    "cmi.core.lesson_status": {"passed", "completed"},
    "cmi.completion_status": {"completed"},
    "cmi.success_status": {"passed"},
}
_CLOCK = re.compile(r"([0-9]{1,4}):([0-5][0-9]):([0-5][0-9])(?:\.[0-9]{1,2})?")
_PERIOD = re.compile(
    r"P(?:([0-9]{1,4})D)?(?:T(?:([0-9]{1,5})H)?(?:([0-9]{1,6})M)?(?:([0-9]{1,8})(?:\.[0-9]{1,9})?S)?)?"
)


class ClaimRefused(Invalid):
    code = "courseware-claim"
    title = "课件上报的数据无法保存"


def of(session: Session, enrolment: Enrolment, key: str) -> CoursewareClaim | None:
    return session.get(CoursewareClaim, (enrolment.id, key))


def sitting_ms(text: str) -> int:
    """A sitting's length as either edition writes it; 0 if it is none, a day at most."""
    if found := _CLOCK.fullmatch(text):
        hours, minutes, seconds = map(int, found.groups())
        return min(MOST_SITTING_MS, ((hours * 60 + minutes) * 60 + seconds) * 1000)
    if found := _PERIOD.fullmatch(text):
        days, hours, minutes, seconds = (int(each or 0) for each in found.groups())
        whole = ((days * 24 + hours) * 60 + minutes) * 60 + seconds
        return min(MOST_SITTING_MS, whole * 1000)
    return 0


def is_done(values: Mapping[str, object]) -> bool:
    """Does the courseware say that it is done?"""
    return any(values.get(name) in said for name, said in _DONE.items())


def note(
    session: Session, enrolment: Enrolment, unit: Unit, values: Mapping[str, str], now: datetime
) -> bool:
    """Keep what was said; True: it says that the unit is done, which is noted as read.

    The sitting's time is added when the sitting ends, that is when it is said.

    Raises:
        ClaimRefused: a name or a text is none of the data model's, or it is too much.
    """
    if len(values) > MOST_VALUES or any(
        not _NAME.fullmatch(name) or len(text) > MOST_VALUE or "\0" in text
        for name, text in values.items()
    ):
        raise ClaimRefused
    if enrolment.state != EnrolmentState.ACTIVE:
        return False  # a look back: what was completed stays as it was
    # One after the other for one enrolment: two first words at once are both kept.
    session.execute(sa.select(Enrolment.id).where(Enrolment.id == enrolment.id).with_for_update())
    kept = session.get(CoursewareClaim, (enrolment.id, unit.key), populate_existing=True)
    if kept is None:
        kept = CoursewareClaim(
            enrolment_id=enrolment.id, unit_key=unit.key, values={}, claimed_ms=0, updated_at=now
        )
        session.add(kept)
    told = {name: text for name, text in values.items() if name not in _OF_A_SITTING}
    whole = {**kept.values, **told}
    if (
        len(whole) > MOST_VALUES
        or sum(len(n) + len(str(t)) for n, t in whole.items()) > MOST_CHARACTERS
    ):
        raise ClaimRefused("课件上报的数据过多")
    claimed = max((sitting_ms(values[name]) for name in _TIMES & values.keys()), default=0)
    kept.values, kept.updated_at = whole, now
    kept.claimed_ms = min(MOST_CLAIMED_MS, kept.claimed_ms + claimed)
    session.flush()
    done = is_done(whole)
    if done:
        enrolments.note_read(session, enrolment, unit.key)
    return done


def start(values: Mapping[str, object] | None, edition: Edition, claimed_ms: int) -> dict[str, str]:
    """The data model as a new sitting finds it. The stranger learns no name of the learner."""
    kept = {name: str(text) for name, text in (values or {}).items()}
    total = claimed_ms // 1000
    hours, minutes, seconds = total // 3600, total // 60 % 60, total % 60
    if edition == Edition.SCORM_12:
        given = {
            "cmi.core.student_id": "learner",
            "cmi.core.student_name": "学员",
            "cmi.core.credit": "credit",
            "cmi.core.lesson_mode": "normal",
            "cmi.core.entry": "resume" if kept else "ab-initio",
            "cmi.core.total_time": f"{hours:04d}:{minutes:02d}:{seconds:02d}",
        }
        first = {"cmi.core.lesson_status": "not attempted"}
    else:
        given = {
            "cmi.learner_id": "learner",
            "cmi.learner_name": "学员",
            "cmi.credit": "credit",
            "cmi.mode": "normal",
            "cmi.entry": "resume" if kept else "ab-initio",
            "cmi.total_time": f"PT{hours}H{minutes}M{seconds}S",
        }
        first = {"cmi.completion_status": "unknown", "cmi.success_status": "unknown"}
    return {**first, **kept, **given}
