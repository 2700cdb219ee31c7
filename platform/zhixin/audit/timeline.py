"""The evidence as a picture: media time against wall time, from the evidence document.

Addresses and devices are not in it: who keeps them (for a while) gives them here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from flask import Flask, current_app
from sqlalchemy.orm import Session

from zhixin import clock

#: Addresses and devices by playback id, of those that are still kept.
Devices = Mapping[str, tuple[str, str]]
WIDTH, HEIGHT = 1000, 240


def devices_from(app: Flask, provider: Callable[[Session, Sequence[str]], Devices]) -> None:
    """Ask ``provider`` for addresses and devices; it stands on a floor above."""
    app.extensions["playback_devices"] = provider


def devices(session: Session, document: dict[str, Any]) -> Devices:
    """What is still known of where the playbacks of ``document`` ran."""
    ids = [playback["id"] for playback in document["watching"]["playbacks"]]
    known: Devices = current_app.extensions["playback_devices"](session, ids)
    return known


@dataclass(frozen=True)
class Lane:
    """One playback as a row: when, how long, how much was credited and refused, and why."""

    opened_at: datetime
    ended_at: datetime | None
    end_reason: str | None
    address: str
    device: str
    asset_id: int
    beats: int
    credited_ms: int
    refused: dict[str, int]  # ms by reason
    rate_percent: int  # the most that new parts may be credited at
    last_at: datetime

    @property
    def rate(self) -> Decimal:
        """Media time confirmed for the time from the opening to the last report."""
        took = self.last_at - self.opened_at
        took_ms = took // timedelta(milliseconds=1)
        return (Decimal(self.credited_ms) / max(1, took_ms)).quantize(Decimal("0.01"))

    @property
    def most_rate(self) -> Decimal:
        return Decimal(self.rate_percent) / 100


def lanes(document: dict[str, Any], known: Devices) -> list[Lane]:
    """The playbacks in order of the server's clock."""
    found = []
    for playback in document["watching"]["playbacks"]:
        beats = playback["beats"]
        last = max((beat["at"] for beat in beats), default=playback["opened_at"])
        address, device = known.get(playback["id"], ("", ""))
        refused: dict[str, int] = {}
        for beat in beats:
            if beat["refusal"]:
                refused[beat["refusal"]] = refused.get(beat["refusal"], 0) + beat["refused_ms"]
        found.append(
            Lane(
                opened_at=datetime.fromisoformat(playback["opened_at"]),
                ended_at=_instant(playback["ended_at"]),
                end_reason=playback["end_reason"],
                address=address,
                device=device,
                asset_id=playback["asset_id"],
                beats=len(beats),
                credited_ms=playback["booked_ms"],
                refused=refused,
                rate_percent=playback["rate_percent"],
                last_at=datetime.fromisoformat(last),
            )
        )
    return found


def spans(text: str) -> list[tuple[int, int]]:
    """``"0-15000,20000-31000"`` as pairs of milliseconds."""
    return [
        (int(a), int(b)) for a, _, b in (part.partition("-") for part in text.split(",") if part)
    ]


@dataclass(frozen=True)
class Line:
    """From (x1, y1) to (x2, y2) in the picture."""

    x1: float
    y1: float
    x2: float
    y2: float


@dataclass(frozen=True)
class Band:
    """A prompt: from its coming up to its answer."""

    x: float
    width: float
    answered: bool


@dataclass(frozen=True)
class Picture:
    """One video: wall time to the right, media time upwards, in a 1000 × 240 picture.

    Attributes:
        credited: stretches confirmed; their slope is the speed.
        refused: what was claimed and not confirmed, at its arrival.
        prompts: when presence was asked for, until the answer.
        attempts: closed attempts at quizzes.
        begins, ends: of the wall time shown.
    """

    credited: list[Line]
    refused: list[Line]
    prompts: list[Band]
    attempts: list[float]
    begins: datetime
    ends: datetime


def picture(document: dict[str, Any], asset_id: int, duration_ms: int) -> Picture | None:
    """None: nothing was played of this video."""
    beats = sorted(_beats(document, asset_id), key=lambda beat: str(beat["at"]))
    if not beats or not duration_ms:
        return None
    stretches = [(_ms(b["at"]), *span) for b in beats for span in spans(b["credited"])]
    first = min([at - (end - start) for at, start, end in stretches] + [_ms(beats[0]["at"])])
    last = _ms(beats[-1]["at"])
    scale, up = WIDTH / max(1, last - first), HEIGHT / duration_ms

    def x(at_ms: int) -> float:
        return round(min(WIDTH, max(0, at_ms - first) * scale), 2)

    def y(media_ms: int) -> float:
        return round(HEIGHT - media_ms * up, 2)

    prompts = [p for p in document["watching"].get("prompts", ()) if p["asset_id"] == asset_id]
    return Picture(
        credited=[Line(x(at - (e - s)), y(s), x(at), y(e)) for at, s, e in stretches],
        refused=[
            Line(x(_ms(beat["at"])), y(start), x(_ms(beat["at"])), y(end))
            for beat in beats
            if beat["refusal"]
            for start, end in spans(beat["claimed"])
        ],
        prompts=[_band(prompt, x, last) for prompt in prompts],
        attempts=[
            x(_ms(each["closed_at"]))
            for each in document["attempts"]
            if first <= _ms(each["closed_at"]) <= last
        ],
        begins=_at_ms(first, beats[0]["at"]),
        ends=datetime.fromisoformat(beats[-1]["at"]),
    )


def _beats(document: dict[str, Any], asset_id: int) -> Iterator[dict[str, Any]]:
    for playback in document["watching"]["playbacks"]:
        if playback["asset_id"] == asset_id:
            yield from playback["beats"]


def _band(prompt: dict[str, Any], x: Callable[[int], float], last: int) -> Band:
    begun = x(_ms(prompt["issued_at"]))
    over = x(_ms(prompt["answered_at"]) if prompt["answered_at"] else last)
    return Band(begun, max(2.0, round(over - begun, 2)), prompt["answered_at"] is not None)


def _ms(text: str) -> int:
    return clock.epoch_ms(datetime.fromisoformat(text))


def _at_ms(epoch_ms: int, like: str) -> datetime:
    zone = datetime.fromisoformat(like).tzinfo
    return datetime.fromtimestamp(epoch_ms / 1000, zone)


def _instant(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
