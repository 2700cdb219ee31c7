"""The evidence as a picture: media time against wall time, from the evidence document alone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from zhixin import clock


@dataclass(frozen=True)
class Segment:
    """One credited stretch: where in the video (0..1000) and when (0..1000 of the day's window)."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True)
class Lane:
    """One playback as a row: when, how long, how much was credited and refused."""

    opened_at: datetime
    ended_at: datetime | None
    end_reason: str | None
    address: str
    device: str
    asset_id: int
    beats: int
    credited_ms: int
    refused_ms: int
    last_at: datetime


def lanes(document: dict[str, Any]) -> list[Lane]:
    """The playbacks in order of the server's clock."""
    found = []
    for playback in document["watching"]["playbacks"]:
        beats = playback["beats"]
        last = beats[-1]["at"] if beats else playback["opened_at"]
        found.append(
            Lane(
                opened_at=datetime.fromisoformat(playback["opened_at"]),
                ended_at=_instant(playback["ended_at"]),
                end_reason=playback["end_reason"],
                address=playback["address"],
                device=playback["device"],
                asset_id=playback["asset_id"],
                beats=len(beats),
                credited_ms=playback["booked_ms"],
                refused_ms=sum(beat["refused_ms"] for beat in beats),
                last_at=datetime.fromisoformat(last),
            )
        )
    return found


def spans(text: str) -> list[tuple[int, int]]:
    """``"0-15000,20000-31000"`` as pairs of milliseconds."""
    return [
        (int(a), int(b)) for a, _, b in (part.partition("-") for part in text.split(",") if part)
    ]


def points(document: dict[str, Any], asset_id: int) -> list[dict[str, Any]]:
    """Credited stretches of one video: media position against the server's time."""
    found = []
    for playback in document["watching"]["playbacks"]:
        if playback["asset_id"] != asset_id:
            continue
        for beat in playback["beats"]:
            at = datetime.fromisoformat(beat["at"])
            for start, end in spans(beat["credited"]):
                found.append({"at": at, "start": start, "end": end})
    return sorted(found, key=lambda point: point["at"])


def picture(document: dict[str, Any], asset_id: int, duration_ms: int) -> list[Segment]:
    """Stretches placed in a 1000 × 240 picture: wall time to the right, media time upwards."""
    stretches = points(document, asset_id)
    if not stretches or not duration_ms:
        return []
    starts = [clock.epoch_ms(p["at"]) - (p["end"] - p["start"]) for p in stretches]
    first, last = min(starts), max(clock.epoch_ms(p["at"]) for p in stretches)
    scale = 1000 / max(1, last - first)
    return [
        Segment(
            x=round((start - first) * scale, 2),
            y=round(240 - point["end"] * 240 / duration_ms, 2),
            width=round(max(1.5, (point["end"] - point["start"]) * scale), 2),
            height=round(max(1.5, (point["end"] - point["start"]) * 240 / duration_ms), 2),
        )
        for start, point in zip(starts, stretches, strict=True)
    ]


def _instant(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
