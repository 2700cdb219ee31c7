"""In two places at once: a class attended and a video watched at the same time.

A signal for a person's eyes, looked for from both sides: when a class closes and when a course
is completed, whichever comes last. Only sittings attended from beginning to end are held
against anybody.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from courses.classes.models import Attendance, ClassSession
from media.models import Beat, Playback

IN_CLASS = "in-class"
#: What was played before the class may be reported this much later (see media.booking).
SETTLED = timedelta(minutes=15)
Period = tuple[datetime, datetime]


def watched(session: Session, person_id: int, sittings: Sequence[Period]) -> bool:
    """Whether an open playback of the person was credited during one of these periods."""
    if not sittings:
        return False
    during = [
        sa.and_(Beat.received_at > begins_at + SETTLED, Beat.received_at < ends_at)
        for begins_at, ends_at in sittings
    ]
    found = (
        sa.select(Beat.seq)
        .join(Playback, Playback.id == Beat.playback_id)
        .where(
            Playback.person_id == person_id,
            sa.or_(Playback.ended_at.is_(None), Beat.received_at <= Playback.ended_at),
            Beat.credited != "",
            sa.or_(*during),
        )
        .limit(1)
    )
    return session.scalar(found) is not None


def attended(session: Session, document: Mapping[str, Any]) -> bool:
    """Whether the person of a course's evidence sat in a class while a beat was credited."""
    moments = [
        at
        for playback in document["watching"]["playbacks"]
        for beat in playback["beats"]
        if beat["credited"]
        and ((at := _instant(beat["at"])) <= _instant(playback["ended_at"] or beat["at"]))
    ]
    if not moments:
        return False
    sittings = _attended_whole(session, document["person_id"], min(moments), max(moments))
    return any(
        begins_at + SETTLED < at < ends_at for begins_at, ends_at in sittings for at in moments
    )


def _attended_whole(
    session: Session, person_id: int, since: datetime, until: datetime
) -> list[Period]:
    last = (
        sa.select(sa.func.max(Attendance.id))
        .where(Attendance.person_id == person_id)
        .group_by(Attendance.session_id)
    )
    rows = session.execute(
        sa.select(ClassSession, Attendance.minutes)
        .join(Attendance, Attendance.session_id == ClassSession.id)
        .where(
            Attendance.id.in_(last), ClassSession.ends_at > since, ClassSession.begins_at < until
        )
    )
    return [
        (sitting.begins_at, sitting.ends_at)
        for sitting, minutes in rows
        if minutes == sitting.minutes
    ]


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text)
