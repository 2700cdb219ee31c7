"""Stops of a video: shown when they are reached, judged on the server, asked again until right.

A stop is reached when the part of the video just before it is confirmed. What was confirmed
stays, whatever is answered or not; but a video is not done before all of its stops are answered.
"""

from __future__ import annotations

import hmac
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from courses import scopes
from courses.documents import Unit, VideoCheck
from courses.stops.models import StopAnswer
from media import intervals, presence
from media.models import Coverage
from zhixin.errors import Conflict, Invalid, NotFound

#: At the very beginning nothing can be confirmed before.
BEGINNING_MS = 1000


class NotReached(Conflict):
    code = "stop-not-reached"
    title = "视频还没有播放到这个提问"


class AskedAnew(Conflict):
    code = "stop-changed"
    title = "这个提问已在别处回答过，选项的次序变了"


@dataclass(frozen=True, slots=True)
class Stop:
    """A stop as its learner may see it: without words before it is reached, and what is right
    and why only after the right answer."""

    place: int
    at_ms: int
    reached: bool
    answered: bool
    tries: int
    wait_s: float
    text: str = ""
    options: tuple[str, ...] = ()
    right: str | None = None
    explanation: str | None = None


def of_unit(
    session: Session, person_id: int, version_id: int, unit: Unit, secret: str, now: datetime
) -> list[Stop]:
    """The stops of a unit, in the order of their moments.

    Args:
        secret: from which the options' orders follow.
    """
    rows = {
        row.place: row
        for row in session.scalars(
            sa.select(StopAnswer).where(
                StopAnswer.person_id == person_id,
                StopAnswer.version_id == version_id,
                StopAnswer.unit_key == unit.key,
            )
        )
    }
    spans = _covered(session, person_id, version_id, unit) if unit.stops else ()
    return [
        _seen(
            check, place, rows.get(place), _reached(spans, check),
            _order(secret, person_id, version_id, unit.key, place, check, rows.get(place)), now,
        )
        for place, check in unit.stops
    ]  # fmt: skip


def _covered(session: Session, person_id: int, version_id: int, unit: Unit) -> intervals.Spans:
    text = session.scalar(
        sa.select(Coverage.spans).where(
            Coverage.person_id == person_id,
            Coverage.scope == scopes.of_version(version_id),
            Coverage.asset_id == unit.asset_id,
        )
    )
    return intervals.decode(text or "")


def _reached(spans: intervals.Spans, check: VideoCheck) -> bool:
    just_before = check.at_ms - 1
    return check.at_ms < BEGINNING_MS or any(start <= just_before < end for start, end in spans)


def _order(
    secret: str, person_id: int, version_id: int, key: str, place: int, check: VideoCheck,
    row: StopAnswer | None,
) -> list[int]:  # fmt: skip
    """In which order the options are shown: another after each wrong choice, and for each person."""
    tries = len(row.tries) if row else 0
    said = f"{person_id}:{version_id}:{key}:{place}:{tries}".encode()

    def drawn(index: int) -> bytes:
        return hmac.digest(secret.encode(), b"stop %d:%b" % (index, said), "sha256")

    return sorted(range(len(check.options)), key=drawn)


def _seen(
    check: VideoCheck, place: int, row: StopAnswer | None, reached: bool, order: Sequence[int],
    now: datetime,
) -> Stop:  # fmt: skip
    tries = row.tries if row else []
    answered = row is not None and row.answered_at is not None
    if not reached and not answered:
        return Stop(place, check.at_ms, False, False, len(tries), 0)
    return Stop(
        place,
        check.at_ms,
        True,
        answered,
        len(tries),
        0 if answered else presence.wait_s(tries, now),
        check.text,
        tuple(check.options[index] for index in order),
        check.options[check.right] if answered else None,
        check.explanation if answered else None,
    )


def answer(
    session: Session, person_id: int, version_id: int, unit: Unit, place: int, *,
    choice: int, tries: int, secret: str, now: datetime,
) -> bool:  # fmt: skip
    """Take a person's choice; says whether it is right. What was answered stays answered.

    Args:
        choice: the place among the options as they were shown after ``tries`` choices.

    Raises:
        NotFound: no such stop. NotReached: it was not shown yet. AskedAnew: the options are in
        another order by now. TooSoon: a wrong choice was just made. Invalid: no such option.
    """
    check = dict(unit.stops).get(place)
    if check is None:
        raise NotFound("没有这个提问")
    if not _reached(_covered(session, person_id, version_id, unit), check):
        raise NotReached
    row = _held(session, person_id, version_id, unit.key, place)
    if row.answered_at is not None:
        return True
    if tries != len(row.tries):
        raise AskedAnew
    if (early := presence.wait_s(row.tries, now)) > 0:
        raise presence.TooSoon(retry_after_s=max(1, round(early)))
    if not 0 <= choice < len(check.options):
        raise Invalid("没有这个选项", code="no-such-option")
    order = _order(secret, person_id, version_id, unit.key, place, check, row)
    right = order[choice] == check.right
    row.tries = [*row.tries, {"at": now.isoformat(), "right": right}]
    row.answered_at = now if right else None
    session.flush()
    return right


def _held(
    session: Session, person_id: int, version_id: int, unit_key: str, place: int
) -> StopAnswer:
    key = (person_id, version_id, unit_key, place)
    found = session.get(StopAnswer, key, with_for_update=True, populate_existing=True)
    if found is not None:
        return found
    made = StopAnswer(
        person_id=person_id, version_id=version_id, unit_key=unit_key, place=place, tries=[]
    )
    try:
        with session.begin_nested():
            session.add(made)
    except IntegrityError:  # two answers at the same moment: one after the other
        return session.get_one(StopAnswer, key, with_for_update=True, populate_existing=True)
    return made


Answered = Collection[tuple[str, int]]


def answered(
    session: Session, person_id: int, version_ids: Collection[int]
) -> dict[int, set[tuple[str, int]]]:
    """The stops that a person has answered, as (unit, place), by course version."""
    found: dict[int, set[tuple[str, int]]] = {}
    if not version_ids:
        return found
    rows = session.execute(
        sa.select(StopAnswer.version_id, StopAnswer.unit_key, StopAnswer.place).where(
            StopAnswer.person_id == person_id,
            StopAnswer.version_id.in_(version_ids),
            StopAnswer.answered_at.is_not(None),
        )
    )
    for version_id, key, place in rows:
        found.setdefault(version_id, set()).add((key, place))
    return found


def latest(session: Session, person_id: int, version_id: int) -> datetime | None:
    """When this person answered a stop of a version last."""
    return session.scalar(
        sa.select(sa.func.max(StopAnswer.answered_at)).where(
            StopAnswer.person_id == person_id, StopAnswer.version_id == version_id
        )
    )


def missing(unit: Unit, answered: Answered) -> int:
    """How many of a unit's stops are not among these."""
    return sum((unit.key, place) not in answered for place, _check in unit.stops)


def evidence(
    session: Session, person_id: int, version_id: int, *, until: datetime
) -> list[dict[str, Any]]:
    """What was answered by ``until``, as an award's evidence: JSON without floats."""
    rows = session.scalars(
        sa.select(StopAnswer)
        .where(
            StopAnswer.person_id == person_id,
            StopAnswer.version_id == version_id,
            StopAnswer.answered_at <= until,
        )
        .order_by(StopAnswer.unit_key, StopAnswer.place)
    )
    return [
        {
            "unit": row.unit_key,
            "place": row.place,
            "tries": row.tries,
            "answered_at": row.answered_at.isoformat() if row.answered_at else None,
        }
        for row in rows
    ]
