"""Watch evidence as a document, and its replay: from the raw records to the same coverage.

The document says what was so *at one moment*, that of the award. Beats, closes and answers may
come later, so it is always drawn up as of that moment, and drawn up again it is the same.
Who watched from where is not in it: addresses and devices are kept only as long as policy
says, a hash that vouches for them would keep them for ever.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
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
    """The raw rows of a person within a scope, as of one moment.

    Attributes:
        sent: the segments that were sent to each playback, as far as was known then.
        bank: changes of the person's late bank, in all scopes: what was brought or (below zero)
            taken, in ms.
        form: of the document that is drawn up. The second has no bank and no segments.
    """

    playbacks: Sequence[Playback]
    beats: dict[str, list[Beat]]
    prompts: Sequence[Prompt]
    sent: dict[str, int]
    assets: dict[int, Asset]
    bank: Sequence[tuple[datetime, int]]
    at: datetime
    kept: dict[str, Any] | None = None
    form: int = 3

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
    form: int = 3,
) -> Records:
    """Gather the raw rows, in seven queries.

    Args:
        at: the moment; what came later is left out.
        kept: the document drawn up at that moment, if there is one.
        form: of the document.
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
        _sent(delivery.of(session, ids), kept if form >= 3 else None),
        {asset.id: asset for asset in assets},
        _bank(session, person_id, at) if form >= 3 else (),
        at,
        kept,
        form,
    )


def _sent(known: dict[str, int], kept: dict[str, Any] | None) -> dict[str, int]:
    """What was sent as of the document's moment: of what is known today, what was known then."""
    if kept is None:
        return known
    then = {
        each["id"]: sum(
            (1 << end) - (1 << start) for start, end in intervals.decode(each["segments"])
        )
        for each in kept["playbacks"]
    }
    return {id: sent & then.get(id, 0) for id, sent in known.items()}


def _bank(session: Session, person_id: int, at: datetime) -> list[tuple[datetime, int]]:
    """The changes of a person's late bank, in order."""
    brought = session.execute(
        sa.select(Playback.ended_at, Playback.kept_ms).where(
            Playback.person_id == person_id, Playback.kept_ms.is_not(None), Playback.ended_at <= at
        )
    )
    taken = session.execute(
        sa.select(Beat.received_at, Beat.credited, Playback.rate_percent)
        .join(Playback, Playback.id == Beat.playback_id)
        .where(Playback.person_id == person_id, Beat.bank_ms.is_not(None), Beat.received_at <= at)
    )
    changes: list[tuple[datetime, int]] = [(at, ms) for at, ms in brought if at and ms is not None]
    changes += [
        (received_at, -booking.time_ms(intervals.total(intervals.decode(credited)), rate))
        for received_at, credited, rate in taken
    ]
    return sorted(changes)


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
    found = {
        "id": playback.id,
        "asset_id": playback.asset_id,
        "opened_at": playback.opened_at.isoformat(),
        "ended_at": ended_at.isoformat() if ended_at else None,
        "end_reason": playback.end_reason if ended_at else None,
        "booked_ms": sum(intervals.total(intervals.decode(beat.credited)) for beat in own),
        "rate_percent": playback.rate_percent,
        "beats": [_beat(given, beat) for beat in own],
    }
    if given.form >= 3:
        found["kept_ms"] = playback.kept_ms if ended_at else None
        found["segments"] = intervals.encode(delivery.runs(given.sent.get(playback.id, 0)))
    return found


def _beat(given: Records, beat: Beat) -> dict[str, Any]:
    found = {
        "seq": beat.seq,
        "at": beat.received_at.isoformat(),
        "claimed": beat.claimed,
        "credited": beat.credited,
        "refused_ms": beat.refused_ms,
        "refusal": beat.refusal,
    }
    return found | {"bank_ms": beat.bank_ms} if given.form >= 3 else found


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
    events: list[tuple[datetime, int, Beat | Prompt | _Lease]] = [
        (beat.received_at, 0, beat) for own in given.beats.values() for beat in own
    ]
    events += [
        (prompt.answered_at, 1, prompt)
        for prompt in given.prompts
        if prompt.answered_at is not None and prompt.answered_at <= given.at
    ]
    events += [
        (lease.ended_at, 2, lease)
        for lease in leases.values()
        if lease.ended_at is not None and lease.playback.kept_ms is not None
    ]
    done = Replay()
    for now, _order, event in sorted(events, key=lambda each: each[:2]):
        if isinstance(event, Prompt):
            _answered(event, leases.values(), now)
        elif isinstance(event, _Lease):
            _ended(event, done)
        else:
            _decide_again(event, leases[event.playback_id], given, videos, now, done)
    if given.form >= 3:
        done.differences += _bank_again(given)
    return done


def _ended(lease: _Lease, done: Replay) -> None:
    """As ``leases.end``: what it brought to the late bank."""
    playback = lease.playback
    assert lease.ended_at is not None
    left_ms, _lapsed = booking.bank_ms(
        opened_at_ms=epoch_ms(playback.opened_at),
        until_ms=epoch_ms(lease.ended_at),
        booked_ms=lease.booked_ms,
        lapsed_ms=lease.lapsed_ms,
        rate_percent=playback.rate_percent,
    )
    kept_ms = booking.time_ms(left_ms, playback.rate_percent)
    if kept_ms != playback.kept_ms:
        done.differences.append(
            f"playback {playback.id}: kept {playback.kept_ms} ms, the rules keep {kept_ms} ms"
        )


def _bank_again(given: Records) -> Iterator[str]:
    """The late bank by all of its changes, beside what late beats were decided on."""
    late = sorted(
        (beat.received_at, beat.playback_id, beat.seq, beat.bank_ms)
        for own in given.beats.values()
        for beat in own
        if beat.bank_ms is not None
    )
    left_ms, place = booking.OFFLINE_MS, 0
    for at, playback_id, seq, bank_ms in late:
        while place < len(given.bank) and given.bank[place][0] < at:
            left_ms = booking.banked_ms(left_ms, given.bank[place][1])
            place += 1
        if bank_ms != left_ms:
            yield (
                f"playback {playback_id} beat {seq}: decided on a late bank of {bank_ms} ms,"
                f" its changes come to {left_ms} ms"
            )


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
        late_bank_ms=beat.bank_ms,
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
                pooled=lease.playback.ended_at is None or lease.playback.kept_ms is not None,
            )
            for lease in there
        ],
        issued_at_ms=epoch_ms(prompt.issued_at),
        answer_within_ms=prompt.answer_within_ms,
    )
    for lease, lapsed_ms in zip(there, lapsed, strict=True):
        lease.lapsed_ms = lapsed_ms
