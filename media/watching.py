"""Watch evidence: playbacks as leases on the server's clock, beats booked under them.

A person has one open playback; opening another ends it. So leases never overlap, and what
is booked within each, at most the lease's own length, is booked once. Late, doubled and
reordered beats come to the same coverage (see ``booking``).
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert as postgres_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from media import booking, intervals
from media.api_models import BeatIn
from media.intervals import Spans
from media.models import Asset, AssetState, Beat, Coverage, Playback
from zhixin.clock import epoch_ms
from zhixin.db import Base
from zhixin.errors import Conflict, DomainError, NotFound
from zhixin.observe import BEATS

# The statements of a beat are made once: making them anew costs more than running them.
_ASSET, _BEAT, _COVERAGE, _PLAYBACK = (
    Base.metadata.tables[model.__tablename__] for model in (Asset, Beat, Coverage, Playback)
)
_THIS_COVERAGE = ("person_id", "scope", "asset_id")
_HOLD_PLAYBACK = (
    sa.select(
        _PLAYBACK.c.asset_id,
        _PLAYBACK.c.scope,
        _PLAYBACK.c.opened_at,
        _PLAYBACK.c.ended_at,
        _PLAYBACK.c.end_reason,
        _PLAYBACK.c.booked_ms,
        _PLAYBACK.c.rate_percent,
        _ASSET.c.duration_ms,
    )
    .join(_ASSET, _ASSET.c.id == _PLAYBACK.c.asset_id)
    .where(
        _PLAYBACK.c.id == sa.bindparam("playback_id"),
        _PLAYBACK.c.person_id == sa.bindparam("person_id"),
    )
    .with_for_update(of=_PLAYBACK)
)
_HOLD_COVERAGE = (
    sa.select(_COVERAGE.c.spans)
    .where(*(_COVERAGE.c[name] == sa.bindparam(name) for name in _THIS_COVERAGE))
    .with_for_update()
)
_FIND_BEAT = sa.select(_BEAT.c.claimed, _BEAT.c.refused_ms, _BEAT.c.refusal).where(
    _BEAT.c.playback_id == sa.bindparam("playback_id"), _BEAT.c.seq == sa.bindparam("seq")
)
_ADD_BEAT = sa.insert(_BEAT)
_NOTE_BEAT = (
    sa.update(_PLAYBACK)
    .where(_PLAYBACK.c.id == sa.bindparam("playback_id"))
    .values(heard_at=sa.bindparam("now"), booked_ms=sa.bindparam("booked"))
)

TAKEN_OVER = "taken-over"
CLOSED = "closed"


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


def open(
    session: Session,
    *,
    person_id: int,
    asset: Asset,
    scope: str,
    rate_percent: int = 100,
    address: str,
    user_agent: str,
    now: datetime,
) -> Playback:
    """Open ``asset`` for watching; any other playback of the person ends here.

    Raises:
        NotFound: the video is not ready.
        Conflict: another device is taking over at this very moment.
    """
    if asset.state != AssetState.READY:
        raise NotFound("视频尚未准备好")
    for _try in range(3):
        session.execute(
            sa.update(Playback)
            .where(Playback.person_id == person_id, Playback.ended_at.is_(None))
            .values(
                ended_at=sa.case((Playback.opened_at > now, Playback.opened_at), else_=now),
                end_reason=TAKEN_OVER,
            )
        )
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
            rate_percent=rate_percent,
            address=address[:45],
            user_agent=user_agent[:300],
        )
        try:
            with session.begin_nested():
                session.add(playback)
            return playback
        except IntegrityError:
            continue  # a race with the person's other device: the later one wins
    raise Conflict("另一台设备正在打开播放，请稍后再试")


def record(
    session: Session,
    *,
    playback_id: str,
    person_id: int,
    beat: BeatIn,
    late: timedelta = timedelta(hours=24),
    now: datetime,
) -> BeatReply:
    """Book one beat, in one short transaction.

    Raises:
        NotFound: not this person's playback. ClaimRefused: impossible intervals.
        PlaybackClosed: later than ``late`` after the playback's end.
        SequenceReused: the sequence number was used for something else.
    """
    playback = session.execute(
        _HOLD_PLAYBACK, {"playback_id": playback_id, "person_id": person_id}
    ).one_or_none()
    if playback is None:
        raise NotFound("没有这次播放")
    if playback.ended_at is not None and now - playback.ended_at > late:
        raise PlaybackClosed
    claimed = booking.parse_claims(beat.played, playback.duration_ms)
    where = {"person_id": person_id, "scope": playback.scope, "asset_id": playback.asset_id}
    covered = _lock_coverage(session, where, now)
    if (earlier := _earlier(session, playback_id, beat.seq, claimed)) is not None:
        BEATS.labels("doubled").inc()
        return _reply(0, earlier.refused_ms, earlier.refusal, covered, playback.end_reason)
    booked = booking.book(
        claimed,
        duration_ms=playback.duration_ms,
        covered=covered,
        opened_at_ms=epoch_ms(playback.opened_at),
        until_ms=epoch_ms(playback.ended_at or now),
        booked_ms=playback.booked_ms,
        rate_percent=playback.rate_percent,
    )
    refused_ms = intervals.total(booked.refused)
    session.execute(
        _ADD_BEAT,
        {
            "playback_id": playback_id,
            "seq": beat.seq,
            "received_at": now,
            "claimed": intervals.encode(claimed),
            "credited": intervals.encode(booked.credited),
            "refused_ms": refused_ms,
            "refusal": booked.reason,
        },
    )
    session.execute(
        _NOTE_BEAT, {"playback_id": playback_id, "now": now, "booked": booked.booked_after_ms}
    )
    _cover(
        session,
        where,
        booked.covered_after,
        None if playback.ended_at else round(beat.position * 1000),
        now,
    )
    BEATS.labels("refused" if refused_ms else "credited").inc()
    return _reply(
        intervals.total(booked.credited),
        refused_ms,
        booked.reason,
        booked.covered_after,
        playback.end_reason,
    )


def _earlier(session: Session, playback_id: str, seq: int, claimed: Spans) -> Any:
    """The same beat when it came before: its double changes nothing."""
    row = session.execute(_FIND_BEAT, {"playback_id": playback_id, "seq": seq}).one_or_none()
    if row is not None and row.claimed != intervals.encode(claimed):
        raise SequenceReused
    return row


def _lock_coverage(session: Session, where: dict[str, Any], now: datetime) -> Spans:
    """The coverage so far, held until this beat is booked: two devices' beats take turns."""
    spans = session.scalar(_HOLD_COVERAGE, where)
    if spans is None:  # the first beat; a row that is not there yet cannot be held
        postgres = session.get_bind().dialect.name == "postgresql"
        first = (postgres_insert if postgres else sqlite_insert)(Coverage).values(
            **where, spans="", covered_ms=0, position_ms=0, updated_at=now
        )
        session.execute(first.on_conflict_do_nothing(index_elements=list(where)))
        spans = session.scalar(_HOLD_COVERAGE, where)
    return intervals.decode(spans or "")


def _cover(
    session: Session, where: dict[str, Any], spans: Spans, position_ms: int | None, now: datetime
) -> None:
    values: dict[str, Any] = {
        "new_spans": intervals.encode(spans),
        "new_covered_ms": intervals.total(spans),
        "now": now,
    }
    if position_ms is not None:  # a late beat must not move where the learner is now
        values["new_position_ms"] = position_ms
    session.execute(
        _note_coverage(moves=position_ms is not None),
        {f"this_{name}": value for name, value in where.items()} | values,
    )


@cache
def _note_coverage(*, moves: bool) -> sa.Update:
    changes: dict[str, Any] = {
        "spans": sa.bindparam("new_spans"),
        "covered_ms": sa.bindparam("new_covered_ms"),
        "updated_at": sa.bindparam("now"),
        **({"position_ms": sa.bindparam("new_position_ms")} if moves else {}),
    }
    this = (_COVERAGE.c[name] == sa.bindparam(f"this_{name}") for name in _THIS_COVERAGE)
    return sa.update(_COVERAGE).where(*this).values(changes)


def _reply(
    credited_ms: int, refused_ms: int, reason: str | None, covered: Spans, ended: str | None
) -> BeatReply:
    seconds = [(start / 1000, end / 1000) for start, end in covered]
    return BeatReply(credited_ms, refused_ms, reason, seconds, intervals.total(covered), ended)


def close(session: Session, *, playback_id: str, person_id: int, now: datetime) -> None:
    """End a playback: its lease takes no time after this, late beats of before still count.

    Raises:
        NotFound: not this person's playback.
    """
    own = sa.and_(Playback.id == playback_id, Playback.person_id == person_id)
    if session.scalar(sa.select(Playback.id).where(own)) is None:
        raise NotFound("没有这次播放")
    session.execute(
        sa.update(Playback)
        .where(own, Playback.ended_at.is_(None))
        .values(ended_at=now, end_reason=CLOSED)
    )


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


def evidence(session: Session, person_id: int, scope: str) -> dict[str, Any]:
    """All that shows when which part was watched, by the server's clock; plain JSON data."""
    playbacks = session.scalars(
        sa.select(Playback)
        .where(Playback.person_id == person_id, Playback.scope == scope)
        .order_by(Playback.opened_at, Playback.id)
    ).all()
    beats: dict[str, list[dict[str, Any]]] = {playback.id: [] for playback in playbacks}
    for beat in session.scalars(
        sa.select(Beat).where(Beat.playback_id.in_(beats)).order_by(Beat.playback_id, Beat.seq)
    ):
        beats[beat.playback_id].append(
            {
                "seq": beat.seq,
                "at": beat.received_at.isoformat(),
                "claimed": beat.claimed,
                "credited": beat.credited,
                "refused_ms": beat.refused_ms,
                "refusal": beat.refusal,
            }
        )
    return {
        "coverage": {
            str(asset_id): {"spans": intervals.encode(found.spans), "covered_ms": found.covered_ms}
            for asset_id, found in sorted(coverage(session, person_id, scope).items())
        },
        "playbacks": [
            {
                "id": playback.id,
                "asset_id": playback.asset_id,
                "opened_at": playback.opened_at.isoformat(),
                "ended_at": playback.ended_at.isoformat() if playback.ended_at else None,
                "end_reason": playback.end_reason,
                "booked_ms": playback.booked_ms,
                "rate_percent": playback.rate_percent,
                "address": playback.address,
                "device": playback.user_agent,
                "beats": beats[playback.id],
            }
            for playback in playbacks
        ],
    }


def rebuild(document: dict[str, Any]) -> dict[str, Spans]:
    """Coverage by video, rebuilt from the evidence's own beats: what anyone may recompute."""
    rebuilt: dict[str, Spans] = {}
    for playback in document["playbacks"]:
        for beat in playback["beats"]:
            key = str(playback["asset_id"])
            rebuilt[key] = intervals.union(rebuilt.get(key, ()), intervals.decode(beat["credited"]))
    return rebuilt
