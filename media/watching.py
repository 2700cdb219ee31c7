"""Watch evidence: playbacks as leases on the server's clock, beats booked under them.

A person has one open playback; opening another ends it. So leases never overlap, and what
is booked within each, at most the lease's own length, is booked once. Late, doubled and
reordered beats come to the same coverage (see ``booking``).

Whoever changes several takes a playback first, then the late bank (``leases``), then a coverage.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert as postgres_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from media import beats, booking, delivery, intervals, leases, presence
from media.api_models import BeatIn
from media.beats import BEAT, COVERAGE, PLAYBACK, Decided
from media.intervals import Spans
from media.models import Asset, AssetState, Coverage, Playback
from media.presence import Cadence, Question
from zhixin.errors import Conflict, DomainError, NotFound
from zhixin.observe import BEATS

_HOLD_PLAYBACK = (
    sa.select(PLAYBACK.c.ended_at)
    .where(
        PLAYBACK.c.id == sa.bindparam("playback_id"),
        PLAYBACK.c.person_id == sa.bindparam("person_id"),
    )
    .with_for_update()
)
_HOLD_STATE = beats.STATE.with_for_update(of=COVERAGE)
_FIND_BEAT = sa.select(BEAT.c.claimed, BEAT.c.refused_ms, BEAT.c.refusal).where(
    BEAT.c.playback_id == sa.bindparam("playback_id"), BEAT.c.seq == sa.bindparam("seq")
)

TAKEN_OVER = "taken-over"
CLOSED = "closed"
LEFT = "left"

#: A player that was heard from this recently is taken to be playing: nobody takes over from it
#: without saying so.
ALIVE = timedelta(seconds=60)


class PlaybackClosed(DomainError):
    """Too late: the playback ended longer ago than late beats are taken."""

    status = 410
    code = "playback-closed"
    title = "这次播放早已结束，不再接收它的学习记录"


class SequenceReused(Conflict):
    code = "seq-reused"
    title = "同一序号的学习记录内容不一致"


@dataclass(frozen=True, slots=True)
class Covered:
    """What is confirmed of one video."""

    spans: Spans
    covered_ms: int
    position_ms: int


@dataclass(frozen=True, slots=True)
class BeatReply:
    """What became of a beat. ``covered`` is in seconds, for the player."""

    credited_ms: int
    refused_ms: int
    reason: str | None
    covered: list[tuple[float, float]]
    covered_ms: int
    ended: str | None
    prompt: presence.Shown | None


class PlayingElsewhere(Conflict):
    code = "playing-elsewhere"
    title = "您正在另一处学习，同一时间只能在一处计时"


def open(
    session: Session,
    *,
    person_id: int,
    asset: Asset,
    scope: str,
    rate_percent: int = 100,
    cadence: Cadence | None = None,
    needed_ms: int | None = None,
    address: str,
    user_agent: str,
    after: str | None = None,
    take_over: bool = True,
    now: datetime,
) -> Playback:
    """Open ``asset`` for watching; any other playback of the person ends here.

    Args:
        cadence: how often presence is asked for; None: never.
        needed_ms: what must be covered; the whole video when not given.
        after: the playback that this page had before, which it may always end.
        take_over: end also one that is playing elsewhere.

    Raises:
        NotFound: the video is not ready.
        PlayingElsewhere: another player was heard from just now, and ``take_over`` is false.
        Conflict: another device is taking over at this very moment.
    """
    if asset.state != AssetState.READY:
        raise NotFound("视频尚未准备好")
    if not take_over:
        _refuse_if_playing(session, person_id, after, now)
    needed = asset.duration_ms or 0 if needed_ms is None else needed_ms
    for _try in range(3):
        leases.end(session, Playback.person_id == person_id, TAKEN_OVER, now)
        # Requests wait for their turn: one that asked earlier may come later. Its lease begins
        # where the last one ended all the same, so that no moment is in two.
        ended = session.scalar(
            sa.select(sa.func.max(Playback.ended_at)).where(Playback.person_id == person_id)
        )
        playback = Playback(
            id=secrets.token_urlsafe(24)[:32],
            person_id=person_id,
            asset_id=asset.id,
            scope=scope,
            opened_at=max(now, ended or now),
            heard_at=now,
            booked_ms=0,
            lapsed_ms=0,
            rate_percent=rate_percent,
            address=address[:45],
            user_agent=user_agent[:300],
        )
        try:
            with session.begin_nested():
                session.add(playback)
        except IntegrityError:
            continue  # a race with the person's other device: the later one wins
        _begin_coverage(session, person_id, scope, asset.id, cadence, needed, now)
        return playback
    raise Conflict("另一台设备正在打开播放，请稍后再试")


def _refuse_if_playing(session: Session, person_id: int, after: str | None, now: datetime) -> None:
    playing = session.scalar(
        sa.select(Playback).where(
            Playback.person_id == person_id,
            Playback.ended_at.is_(None),
            Playback.heard_at > now - ALIVE,
            Playback.id != (after or ""),
        )
    )
    if playing is not None:
        heard_s = max(0, round((now - playing.heard_at).total_seconds()))
        raise PlayingElsewhere(
            "您正在另一处播放视频。在此继续，另一处会停止计时，已确认的时间不受影响",
            user_agent=playing.user_agent,
            heard_s=heard_s,
        )


def _begin_coverage(
    session: Session,
    person_id: int,
    scope: str,
    asset_id: int,
    cadence: Cadence | None,
    needed_ms: int,
    now: datetime,
) -> None:
    """The row that beats are booked on; it stays when there is one, its next prompt as well."""
    postgres = session.get_bind().dialect.name == "postgresql"
    first = (postgres_insert if postgres else sqlite_insert)(Coverage).values(
        person_id=person_id,
        scope=scope,
        asset_id=asset_id,
        spans="",
        covered_ms=0,
        position_ms=0,
        updated_at=now,
        revision=0,
        prompt_at_ms=presence.first_moment(cadence, needed_ms),
    )
    session.execute(first.on_conflict_do_nothing(index_elements=["person_id", "scope", "asset_id"]))


def record(
    session: Session,
    *,
    playback_id: str,
    person_id: int,
    beat: BeatIn,
    sent: int = 0,
    cadence: Cadence | None = None,
    questions: Callable[[], Sequence[Question]] = tuple,
    late: timedelta = timedelta(hours=24),
    now: datetime,
) -> BeatReply:
    """Book one beat, in one short transaction.

    Args:
        sent: segments that this process sent and the database may not know yet.
        cadence: the person's time to answer, should a presence prompt come up.
        questions: gives the author's, one of which may be asked then.

    Raises:
        NotFound: not this person's playback. ClaimRefused: impossible intervals.
        PlaybackClosed: later than ``late`` after the playback's end.
        SequenceReused: the sequence number was used for something else.
    """
    own = {"playback_id": playback_id, "person_id": person_id}
    held = session.execute(_HOLD_PLAYBACK, own).one_or_none()
    if held is None:
        raise NotFound("没有这次播放")
    bank = None
    if held.ended_at is not None:
        if now - held.ended_at > late:
            raise PlaybackClosed
        bank = leases.hold_bank(session, person_id, now)
        now = max(now, bank.updated_at + beats.MOMENT)
    state = session.execute(_HOLD_STATE, own).one()
    video = beats.video_of(session.get_one(Asset, state.asset_id))
    known = int(state.segments or "0", 16)
    decided = beats.decide(
        state,
        beat,
        covered=intervals.decode(state.spans),
        video=video,
        sent=sent | known,
        now=now,
        late_bank_ms=bank.left_ms if bank else None,
    )
    if (earlier := _earlier(session, decided)) is not None:
        BEATS.labels("doubled").inc()
        spans = intervals.decode(state.spans)
        return _reply(session, state, 0, earlier.refused_ms, earlier.refusal, spans, now)
    credited = decided.booking.credited
    if intervals.subtract(credited, delivery.media_time(known, video.bounds, credited)):
        # What a credit stands on is in the database with it, whatever becomes of this process.
        delivery.merge(session, {playback_id: sent})
    if bank is None:
        session.execute(beats.ADD_BEAT, decided.values)
    else:
        session.execute(beats.ADD_LATE_BEAT, decided.values)
        taken_ms = booking.time_ms(intervals.total(credited), state.rate_percent)
        leases.note_bank(session, person_id, bank.left_ms - taken_ms, decided.values["now"])
    session.execute(beats.NOTE_PLAYBACK, decided.values)
    session.execute(beats.NOTE_COVERAGE, decided.values)
    if decided.prompt_is_due:
        prompt = presence.issue(
            session,
            state=state,
            covered=decided.booking.covered_after,
            covered_ms=decided.covered_ms,
            position_ms=round(beat.position * 1000),
            answer_within_ms=cadence.answer_within_ms if cadence else presence.ANSWER_WITHIN_MS,
            questions=questions(),
            now=decided.values["now"],
        )
        this = [
            COVERAGE.c[name] == getattr(state, name) for name in ("person_id", "scope", "asset_id")
        ]
        session.execute(sa.update(COVERAGE).where(*this).values(prompt_id=prompt.id))
    booked = decided.booking
    BEATS.labels("refused" if booked.refused else "credited").inc()
    return _reply(
        session,
        state,
        intervals.total(booked.credited),
        intervals.total(booked.refused),
        booked.reason,
        booked.covered_after,
        now,
    )


def _earlier(session: Session, decided: Decided) -> Any:
    """The same beat when it came before: its double changes nothing."""
    row = session.execute(_FIND_BEAT, decided.values).one_or_none()
    if row is not None and row.claimed != decided.values["claimed"]:
        raise SequenceReused
    return row


def _reply(
    session: Session,
    state: Any,
    credited_ms: int,
    refused_ms: int,
    reason: str | None,
    covered: Spans,
    now: datetime,
) -> BeatReply:
    prompt = None
    if state.prompt_at_ms is not None:
        found = presence.waiting(session, state.person_id, state.scope, state.asset_id)
        prompt = presence.shown(found, state.opened_at, now) if found else None
    return BeatReply(
        credited_ms,
        refused_ms,
        reason,
        [(start / 1000, end / 1000) for start, end in covered],
        intervals.total(covered),
        state.end_reason,
        prompt,
    )


def close(session: Session, *, playback_id: str, person_id: int, now: datetime) -> None:
    """End a playback: its lease takes no time after this, late beats of before still count.

    Raises:
        NotFound: not this person's playback.
    """
    own = sa.and_(Playback.id == playback_id, Playback.person_id == person_id)
    if session.scalar(sa.select(Playback.id).where(own)) is None:
        raise NotFound("没有这次播放")
    leases.end(session, own, CLOSED, now)


def leave(session: Session, person_id: int, scope: str, now: datetime) -> None:
    """End the person's playback within a scope: from now on nothing counts for it."""
    own = sa.and_(Playback.person_id == person_id, Playback.scope == scope)
    leases.end(session, own, LEFT, now)


def coverage(session: Session, person_id: int, scope: str) -> dict[int, Covered]:
    """What is confirmed for a person within a scope, by video."""
    rows = session.execute(
        sa.select(
            Coverage.asset_id, Coverage.spans, Coverage.covered_ms, Coverage.position_ms
        ).where(Coverage.person_id == person_id, Coverage.scope == scope)
    )
    return {
        row.asset_id: Covered(intervals.decode(row.spans), row.covered_ms, row.position_ms)
        for row in rows
    }


def devices(session: Session, playback_ids: Sequence[str]) -> dict[str, tuple[str, str]]:
    """Addresses and devices by playback, as long as they are kept."""
    rows = session.execute(
        sa.select(Playback.id, Playback.address, Playback.user_agent).where(
            Playback.id.in_(list(playback_ids))
        )
    )
    return {id: (address, user_agent) for id, address, user_agent in rows}


def forget_devices(session: Session, before: datetime) -> int:
    """Blank the addresses and devices of playbacks last heard before an instant; how many."""
    forgotten = session.execute(
        sa.update(Playback)
        .where(
            Playback.heard_at < before,
            sa.or_(Playback.address != "", Playback.user_agent != ""),
        )
        .values(address="", user_agent="")
    )
    count: int = forgotten.rowcount  # type: ignore[attr-defined]
    return count
