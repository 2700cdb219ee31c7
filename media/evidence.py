"""Watch evidence as a document, and its replay: from the raw records to the same coverage.

The document says what was so *at one moment*, that of the award. Beats, closes and answers may
come later, so it is always drawn up as of that moment, and drawn up again it is the same.
Who watched from where is not in it: addresses and devices are kept only as long as policy
says, a hash that vouches for them would keep them for ever.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from media import beats, booking, delivery, intervals
from media.intervals import Spans
from media.models import Asset, Beat, Playback, Prompt
from zhixin.clock import epoch_ms

#: Requests under way at the moment itself have an earlier clock and a later commit: what of
#: these last moments is not in a document already kept, was not there yet.
UNDER_WAY = timedelta(seconds=60)


@dataclass
class Records:
    """The raw rows of a person within a scope, as of one moment."""

    playbacks: Sequence[Playback]
    beats: dict[str, list[Beat]]
    prompts: Sequence[Prompt]
    sent: dict[str, int]
    assets: dict[int, Asset]
    at: datetime
    kept: dict[str, Any] | None = None

    def ended_at(self, playback: Playback) -> datetime | None:
        """When its lease had ended, as far as was known then."""
        ended = playback.ended_at
        if ended is None or ended > self.at:
            return None
        if self.kept is not None and ended > self.at - UNDER_WAY:
            known = {each["id"]: each["ended_at"] for each in self.kept["playbacks"]}
            return ended if known.get(playback.id) else None
        return ended


def records(
    session: Session,
    person_id: int,
    scope: str,
    at: datetime,
    kept: dict[str, Any] | None = None,
) -> Records:
    """Gather the raw rows, in five queries.

    Args:
        at: the moment; what came later is left out.
        kept: the document drawn up at that moment, if there is one.
    """
    known_playbacks = {each["id"] for each in kept["playbacks"]} if kept else None
    known_beats = (
        {(each["id"], beat["seq"]) for each in kept["playbacks"] for beat in each["beats"]}
        if kept
        else None
    )
    known_prompts = {each["id"] for each in kept["prompts"]} if kept else None

    def there(instant: datetime, key: Any, known: set[Any] | None) -> bool:
        return known is None or instant <= at - UNDER_WAY or key in known

    playbacks = [
        each
        for each in session.scalars(
            sa.select(Playback)
            .where(
                Playback.person_id == person_id, Playback.scope == scope, Playback.opened_at <= at
            )
            .order_by(Playback.opened_at, Playback.id)
        )
        if there(each.opened_at, each.id, known_playbacks)
    ]
    ids = [each.id for each in playbacks]
    found: dict[str, list[Beat]] = {id: [] for id in ids}
    for beat in session.scalars(
        sa.select(Beat)
        .where(Beat.playback_id.in_(ids), Beat.received_at <= at)
        .order_by(Beat.playback_id, Beat.seq)
    ):
        if there(beat.received_at, (beat.playback_id, beat.seq), known_beats):
            found[beat.playback_id].append(beat)
    prompts = [
        each
        for each in session.scalars(
            sa.select(Prompt)
            .where(Prompt.person_id == person_id, Prompt.scope == scope, Prompt.issued_at <= at)
            .order_by(Prompt.issued_at, Prompt.id)
        )
        if there(each.issued_at, each.id, known_prompts)
    ]
    assets = session.scalars(
        sa.select(Asset).where(Asset.id.in_({each.asset_id for each in playbacks}))
    )
    return Records(
        playbacks,
        found,
        prompts,
        delivery.of(session, ids),
        {asset.id: asset for asset in assets},
        at,
        kept,
    )


def document(given: Records) -> dict[str, Any]:
    """The evidence of watching: plain JSON data, the same from the same records."""
    covered: dict[int, Spans] = {}
    for playback in given.playbacks:
        for beat in given.beats[playback.id]:
            spans = intervals.decode(beat.credited)
            covered[playback.asset_id] = intervals.union(covered.get(playback.asset_id, ()), spans)
    return {
        "coverage": {
            str(asset_id): {"spans": intervals.encode(spans), "covered_ms": intervals.total(spans)}
            for asset_id, spans in sorted(covered.items())
        },
        "playbacks": [_playback(given, playback) for playback in given.playbacks],
        "prompts": [_prompt(given, prompt) for prompt in given.prompts],
    }


def _playback(given: Records, playback: Playback) -> dict[str, Any]:
    ended_at = given.ended_at(playback)
    own = given.beats[playback.id]
    return {
        "id": playback.id,
        "asset_id": playback.asset_id,
        "opened_at": playback.opened_at.isoformat(),
        "ended_at": ended_at.isoformat() if ended_at else None,
        "end_reason": playback.end_reason if ended_at else None,
        "booked_ms": sum(intervals.total(intervals.decode(beat.credited)) for beat in own),
        "rate_percent": playback.rate_percent,
        "beats": [
            {
                "seq": beat.seq,
                "at": beat.received_at.isoformat(),
                "claimed": beat.claimed,
                "credited": beat.credited,
                "refused_ms": beat.refused_ms,
                "refusal": beat.refusal,
            }
            for beat in own
        ],
    }


def _prompt(given: Records, prompt: Prompt) -> dict[str, Any]:
    answered = prompt.answered_at
    if answered is not None and answered > given.at:
        answered = None
    return {
        "id": prompt.id,
        "asset_id": prompt.asset_id,
        "playback_id": prompt.playback_id,
        "kind": str(prompt.kind),
        "at_ms": prompt.at_ms,
        "issued_at": prompt.issued_at.isoformat(),
        "answer_within_ms": prompt.answer_within_ms,
        "tries": [each for each in prompt.tries if datetime.fromisoformat(each["at"]) <= given.at],
        "answered_at": answered.isoformat() if answered else None,
    }


def rebuild(document: dict[str, Any]) -> dict[str, Spans]:
    """Coverage by video, rebuilt from a document's own beats: what anyone may recompute."""
    rebuilt: dict[str, Spans] = {}
    for playback in document["playbacks"]:
        for beat in playback["beats"]:
            key = str(playback["asset_id"])
            rebuilt[key] = intervals.union(rebuilt.get(key, ()), intervals.decode(beat["credited"]))
    return rebuilt


@dataclass
class _Lease:
    playback: Playback
    ended_at: datetime | None
    booked_ms: int = 0
    lapsed_ms: int = 0

    def until(self, now: datetime) -> datetime:
        return min(now, self.ended_at or now)


@dataclass
class Replay:
    """The records decided again, beat by beat in the order of their arrival.

    Attributes:
        covered: what the decisions come to, by video.
        differences: where a record is not what the rules make of it, in words.
    """

    covered: dict[int, Spans] = field(default_factory=dict)
    differences: list[str] = field(default_factory=list)


def replay(given: Records) -> Replay:
    """Decide every beat again from its claim, the lease, the bank, prompts and deliveries.

    A beat that was refused because segments were missing may have been right at its time
    although they came later: there the record may be less than the replay, never more.
    """
    leases = {each.id: _Lease(each, given.ended_at(each)) for each in given.playbacks}
    videos = {asset.id: beats.video_of(asset) for asset in given.assets.values()}
    events: list[tuple[datetime, int, Beat | Prompt]] = [
        (beat.received_at, 0, beat) for own in given.beats.values() for beat in own
    ]
    events += [
        (prompt.answered_at, 1, prompt)
        for prompt in given.prompts
        if prompt.answered_at is not None and prompt.answered_at <= given.at
    ]
    done = Replay()
    for now, _order, event in sorted(events, key=lambda each: each[:2]):
        if isinstance(event, Prompt):
            _answered(event, leases.values(), now)
        else:
            _decide_again(event, leases[event.playback_id], given, videos, now, done)
    return done


def _decide_again(
    beat: Beat,
    lease: _Lease,
    given: Records,
    videos: dict[int, beats.Video],
    now: datetime,
    done: Replay,
) -> None:
    asset_id = lease.playback.asset_id
    covered = done.covered.get(asset_id, ())
    video, claimed = videos[asset_id], intervals.decode(beat.claimed)
    booked = booking.book(
        claimed,
        duration_ms=video.duration_ms,
        covered=covered,
        opened_at_ms=epoch_ms(lease.playback.opened_at),
        until_ms=epoch_ms(lease.until(now)),
        booked_ms=lease.booked_ms,
        lapsed_ms=lease.lapsed_ms,
        rate_percent=lease.playback.rate_percent,
        delivered=delivery.media_time(given.sent.get(beat.playback_id, 0), video.bounds, claimed),
        prompt_left_ms=_prompt_left(given.prompts, asset_id, intervals.total(covered), now),
    )
    recorded = intervals.decode(beat.credited)
    less_is_right = beat.refusal == booking.NOT_DELIVERED
    excess = intervals.subtract(recorded, booked.credited)
    if excess or (recorded != booked.credited and not less_is_right):
        done.differences.append(
            f"playback {beat.playback_id} beat {beat.seq}: credited {beat.credited or 'nothing'},"
            f" the rules give {intervals.encode(booked.credited) or 'nothing'}"
        )
    elif beat.refused_ms != intervals.total(booked.refused) and not less_is_right:
        done.differences.append(
            f"playback {beat.playback_id} beat {beat.seq}: refused {beat.refused_ms} ms,"
            f" the rules refuse {intervals.total(booked.refused)} ms"
        )
    lease.booked_ms += intervals.total(recorded)
    lease.lapsed_ms = booked.lapsed_after_ms
    done.covered[asset_id] = intervals.union(covered, recorded)


def _prompt_left(
    prompts: Sequence[Prompt], asset_id: int, covered_ms: int, now: datetime
) -> int | None:
    """What could be credited until the next prompt that came up. Of prompts that were due later
    nothing is known, and nothing is needed: no beat reached them."""
    for prompt in prompts:
        if prompt.asset_id != asset_id:
            continue
        if prompt.answered_at is None or prompt.answered_at > now or prompt.issued_at >= now:
            return max(0, prompt.at_ms - covered_ms)
    return None


def _answered(prompt: Prompt, leases: Iterable[_Lease], now: datetime) -> None:
    """As ``presence.answer``: of a long absence only the time to answer is kept."""
    there = [
        lease
        for lease in leases
        if lease.playback.asset_id == prompt.asset_id and lease.playback.opened_at <= now
    ]
    lapsed = booking.lapsed_after_answer(
        [
            booking.Lease(
                opened_at_ms=epoch_ms(lease.playback.opened_at),
                until_ms=epoch_ms(lease.until(now)),
                booked_ms=lease.booked_ms,
                lapsed_ms=lease.lapsed_ms,
                rate_percent=lease.playback.rate_percent,
                answering=lease.playback.id == prompt.answered_in,
            )
            for lease in there
        ],
        issued_at_ms=epoch_ms(prompt.issued_at),
        answer_within_ms=prompt.answer_within_ms,
    )
    for lease, lapsed_ms in zip(there, lapsed, strict=True):
        lease.lapsed_ms = lapsed_ms
