"""One beat: what is read for it, what is decided, what is written.

The same statements and the same decision serve the ordinary route (``media.watching``, in the
request's transaction, under locks) and the express lane (``courses.express``, two statements
on a raw connection, on the coverage's revision).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from media import booking, delivery, intervals
from media.api_models import BeatIn
from media.booking import Booking
from media.intervals import Spans
from media.models import Asset, Beat, Coverage, Delivery, Playback
from zhixin.clock import epoch_ms
from zhixin.db import Base

BEAT, COVERAGE, DELIVERY, PLAYBACK = (
    Base.metadata.tables[model.__tablename__] for model in (Beat, Coverage, Delivery, Playback)
)

#: A playback with all that its next beat needs, but its video, which never changes.
STATE = (
    sa.select(
        PLAYBACK.c.id,
        PLAYBACK.c.person_id,
        PLAYBACK.c.asset_id,
        PLAYBACK.c.scope,
        PLAYBACK.c.opened_at,
        PLAYBACK.c.ended_at,
        PLAYBACK.c.end_reason,
        PLAYBACK.c.booked_ms,
        PLAYBACK.c.lapsed_ms,
        PLAYBACK.c.rate_percent,
        COVERAGE.c.spans,
        COVERAGE.c.covered_ms,
        COVERAGE.c.revision,
        COVERAGE.c.updated_at,
        COVERAGE.c.prompt_at_ms,
        COVERAGE.c.prompt_id,
        DELIVERY.c.segments,
    )
    .select_from(
        PLAYBACK.join(
            COVERAGE,
            sa.and_(
                COVERAGE.c.person_id == PLAYBACK.c.person_id,
                COVERAGE.c.scope == PLAYBACK.c.scope,
                COVERAGE.c.asset_id == PLAYBACK.c.asset_id,
            ),
        ).outerjoin(DELIVERY, DELIVERY.c.playback_id == PLAYBACK.c.id)
    )
    .where(PLAYBACK.c.id == sa.bindparam("playback_id"))
)

#: A beat's row: its columns and the parameters that fill them.
BEAT_VALUES = {
    column: sa.bindparam(parameter, type_=BEAT.c[column].type)
    for column, parameter in (
        ("playback_id", "playback_id"),
        ("seq", "seq"),
        ("received_at", "now"),
        ("claimed", "claimed"),
        ("credited", "credited"),
        ("refused_ms", "refused_ms"),
        ("refusal", "refusal"),
    )
}
ADD_BEAT = sa.insert(BEAT).values(BEAT_VALUES)
ADD_LATE_BEAT = sa.insert(BEAT).values(
    BEAT_VALUES | {"bank_ms": sa.bindparam("bank_ms", type_=BEAT.c.bank_ms.type)}
)
NOTE_PLAYBACK = (
    sa.update(PLAYBACK)
    .where(PLAYBACK.c.id == sa.bindparam("playback_id"))
    .values(
        heard_at=sa.bindparam("now"),
        booked_ms=sa.bindparam("booked_after"),
        lapsed_ms=sa.bindparam("lapsed_after"),
    )
)
#: Changes nothing when the coverage is no longer what the beat was decided on.
NOTE_COVERAGE = (
    sa.update(COVERAGE)
    .where(
        COVERAGE.c.person_id == sa.bindparam("for_person", type_=sa.Integer),
        COVERAGE.c.scope == sa.bindparam("for_scope"),
        COVERAGE.c.asset_id == sa.bindparam("for_asset"),
        COVERAGE.c.revision == sa.bindparam("decided_on"),
    )
    .values(
        spans=sa.bindparam("spans_after"),
        covered_ms=sa.bindparam("covered_after"),
        position_ms=sa.func.coalesce(
            sa.bindparam("new_position", type_=sa.Integer), COVERAGE.c.position_ms
        ),
        updated_at=sa.bindparam("now"),
        revision=COVERAGE.c.revision + 1,
    )
)


#: The least by which two instants differ in storage.
MOMENT = timedelta(microseconds=1)
#: No presence prompt comes up while only the last of a video is played (ms).
LAST_MS = 30_000


@dataclass(frozen=True, slots=True)
class Video:
    """What a beat needs of a video: its length and where its segments begin, in ms."""

    duration_ms: int
    bounds: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Decided:
    """A beat's outcome and the values that write it down."""

    booking: Booking
    covered_ms: int
    prompt_is_due: bool
    values: dict[str, Any]


def video_of(asset: Asset) -> Video:
    return Video(asset.duration_ms or 0, delivery.starts(delivery.segments_of(asset)))


def decide(
    state: Any,
    beat: BeatIn,
    *,
    covered: Spans,
    video: Video,
    sent: int,
    now: datetime,
    late_bank_ms: int | None = None,
) -> Decided:
    """What becomes of ``beat``. Pure.

    Beats of one coverage are booked one after the other, and each carries a later instant than
    the one before, whichever process's clock it came by: so their order can be read again.

    Args:
        state: a row of ``STATE``.
        covered: what its spans say.
        sent: the segments sent to this playback.
        late_bank_ms: what the person's ended leases may together still be credited, if this
            is one of them.

    Raises:
        ClaimRefused: impossible intervals.
    """
    now = max(now, state.updated_at + MOMENT)
    claimed = booking.parse_claims(beat.played, video.duration_ms)
    prompt_left_ms = _prompt_left_ms(state, claimed, covered, video.duration_ms)
    booked = booking.book(
        claimed,
        duration_ms=video.duration_ms,
        covered=covered,
        opened_at_ms=epoch_ms(state.opened_at),
        until_ms=epoch_ms(min(now, state.ended_at) if state.ended_at else now),
        booked_ms=state.booked_ms,
        lapsed_ms=state.lapsed_ms,
        rate_percent=state.rate_percent,
        delivered=delivery.media_time(sent, video.bounds, claimed),
        prompt_left_ms=prompt_left_ms,
        late_bank_ms=late_bank_ms,
    )
    covered_ms = state.covered_ms + intervals.total(booked.credited)
    return Decided(
        booked,
        covered_ms,
        bool(prompt_left_ms) and booked.credited != () and covered_ms >= state.prompt_at_ms,
        {
            "playback_id": state.id,
            "seq": beat.seq,
            "now": now,
            "claimed": intervals.encode(claimed),
            "credited": intervals.encode(booked.credited),
            "refused_ms": intervals.total(booked.refused),
            "refusal": booked.reason,
            "bank_ms": late_bank_ms,
            "booked_after": booked.booked_after_ms,
            "lapsed_after": booked.lapsed_after_ms,
            "for_person": state.person_id,
            "for_scope": state.scope,
            "for_asset": state.asset_id,
            "decided_on": state.revision,
            "spans_after": intervals.encode(booked.covered_after),
            "covered_after": covered_ms,
            # A late beat must not move where the learner is now.
            "new_position": None if state.ended_at else round(beat.position * 1000),
        },
    )


def _prompt_left_ms(state: Any, claimed: Spans, covered: Spans, duration_ms: int) -> int | None:
    """What may be credited until a presence prompt comes up; 0 while one waits.

    One that falls due in the last seconds of a video waits until something else is played: then
    a moment is credited and it comes up. So what it came up at (``Prompt.at_ms``) is more than
    was covered before, and evidence finds the same decision again knowing no more than that.
    """
    if state.prompt_id is not None:
        return 0
    if state.prompt_at_ms is None:
        return None
    last_ms = duration_ms - LAST_MS
    if claimed and claimed[-1][1] > last_ms:
        new = intervals.subtract(claimed, covered)
        if new and new[0][0] >= last_ms:
            return None
    left_ms: int = state.prompt_at_ms - state.covered_ms
    return max(1, left_ms)
