"""Captions of a video: brought, edited by two authors at once, frozen, removed.

Who may do so is the caller's question: captions belong to a video, and whoever may edit a course
may edit those of its videos.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from media import cue_checks, cues
from media.caption_models import CaptionTrack, CaptionVersion, Origin
from media.cues import Cue
from media.errors import CaptionsRefused
from media.models import Asset
from zhixin.errors import NotFound

#: Languages that captions may be in, by BCP 47 tag, each by its own name.
LANGUAGES = {
    "zh-Hans": "简体中文", "zh-Hant": "繁體中文", "en": "English", "ja": "日本語", "ko": "한국어",
    "fr": "Français", "de": "Deutsch", "es": "Español", "ru": "Русский", "ar": "العربية",
    "bo": "བོད་སྐད་", "mn": "Монгол", "ug": "ئۇيغۇرچە",
}  # fmt: skip


def of_asset(session: Session, asset_id: int) -> Sequence[CaptionTrack]:
    """A video's captions, in the order in which they came."""
    there = CaptionTrack.asset_id == asset_id, CaptionTrack.removed_at.is_(None)
    return session.scalars(sa.select(CaptionTrack).where(*there).order_by(CaptionTrack.id)).all()


def get(
    session: Session, track_id: int, asset_id: int | None, *, lock: bool = False
) -> CaptionTrack:
    """One track of this video.

    Raises:
        NotFound: there is none, or it is another video's.
    """
    found = session.get(CaptionTrack, track_id, with_for_update=lock, populate_existing=lock)
    if found is None or found.asset_id != asset_id or found.removed_at is not None:
        raise NotFound("没有这份字幕")
    return found


def bring(
    session: Session,
    asset: Asset,
    language: str,
    sent: Sequence[Cue],
    now: datetime,
    *,
    label: str = "",
    origin: Origin = Origin.UPLOAD,
) -> CaptionTrack:
    """Cues as the video's captions in a language. What was there is kept as a version.

    Raises:
        CaptionsRefused: there is no such language.
    """
    if language not in LANGUAGES:
        raise CaptionsRefused("captions-language")
    # One after the other: two files for one language must not make two tracks.
    session.get(Asset, asset.id, with_for_update=True)
    track = next((t for t in of_asset(session, asset.id) if t.language == language), None)
    if track is None:
        track = CaptionTrack(
            asset_id=asset.id, language=language, label=LANGUAGES[language], revision=0
        )
        session.add(track)
    else:
        freeze(session, track, now)
    track.label = " ".join(cues.plain(label).split())[:60] or track.label
    track.origin = origin
    _put(session, track, cues.named(cues.ordered(sent)), now)
    return track


def remove(session: Session, track: CaptionTrack, now: datetime) -> None:
    """Take a track from the video. Published courses keep theirs."""
    freeze(session, track, now)
    track.removed_at = now
    session.flush()


def freeze(session: Session, track: CaptionTrack, now: datetime) -> CaptionVersion | None:
    """The track as it is, for good: the same cues are the same version; None without any."""
    kept = cues.ordered(cues.unnamed(track.cues))
    if not kept:
        return None
    text = cues.to_text(kept)
    digest = cues.sha256(text)
    same = CaptionVersion.track_id == track.id, CaptionVersion.sha256 == digest
    if version := session.scalar(sa.select(CaptionVersion).where(*same)):
        return version
    version = CaptionVersion(
        track_id=track.id, origin=track.origin, cues=text, sha256=digest, cue_count=len(kept),
        frozen_at=now,
    )  # fmt: skip
    session.add(version)
    session.flush()
    return version


@dataclass(frozen=True)
class Frozen:
    """What a published course says of one of its captions."""

    version_id: int
    language: str
    label: str


def freeze_all(session: Session, asset_id: int, now: datetime) -> list[Frozen]:
    """All captions of a video, for good; a track without a cue is none."""
    made = [(track, freeze(session, track, now)) for track in of_asset(session, asset_id)]
    return [Frozen(version.id, t.language, t.label) for t, version in made if version]


def faults(session: Session, asset_ids: Sequence[int]) -> dict[int, int]:
    """How many cues of each video's captions no player can show."""
    counted = (
        sa.select(CaptionTrack.asset_id, sa.func.sum(CaptionTrack.faults))
        .where(CaptionTrack.asset_id.in_(asset_ids), CaptionTrack.removed_at.is_(None))
        .group_by(CaptionTrack.asset_id)
    )
    return {asset_id: int(n) for asset_id, n in session.execute(counted)}


def version(session: Session, version_id: int) -> CaptionVersion:
    """Frozen cues; whether the person may have them was asked elsewhere.

    Raises:
        NotFound: there are none.
    """
    found = session.get(CaptionVersion, version_id)
    if found is None:
        raise NotFound("没有这份字幕")
    return found


@dataclass(frozen=True)
class Clash:
    """A cue that somebody else changed since it was read: as it is now, None if it is gone."""

    key: str
    theirs: Mapping[str, Any] | None


def change(
    session: Session, track: CaptionTrack, changes: Sequence[Mapping[str, Any]], now: datetime
) -> list[Clash]:
    """Changes of single cues, each ``{key, base, to}``: what it was read as, what it is to be.

    ``base`` None adds a cue, ``to`` None removes it. Changes of different cues by two authors
    both stand; of the same cue the second is not made but told: all the others are made.

    Args:
        track: locked.

    Raises:
        CaptionsRefused: too many cues, a text too long, no time.
    """
    kept = {each["key"]: each for each in track.cues}
    clashes: list[Clash] = []
    for each in changes:
        key, base, to = each["key"], each["base"], each["to"]
        wanted = _cue(key, to)
        current = kept.get(key)
        if current == wanted:  # sent once more, as its answer was lost
            continue
        if _differs(current, base):
            clashes.append(Clash(key, current))
        elif wanted is None:
            kept.pop(key, None)
        else:
            kept[key] = wanted
    if len(kept) > cues.MOST_CUES:
        raise CaptionsRefused("captions-too-many", most=cues.MOST_CUES)
    made = sorted(kept.values(), key=lambda cue: (cue["start"], cue["end"]))
    if made != track.cues:
        if track.origin != Origin.SPEECH:  # it is read when its reader says so
            track.origin = Origin.EDIT
        _put(session, track, made, now)
    return clashes


def note_read(session: Session, track: CaptionTrack, now: datetime) -> None:
    """An author has read what an engine wrote, and stands for it. ``track``: locked."""
    if track.origin == Origin.SPEECH:
        track.origin, track.updated_at = Origin.EDIT, now
        session.flush()


def unread(session: Session, asset_ids: Sequence[int]) -> dict[int, list[str]]:
    """The captions (their labels) of each video that an engine wrote and nobody has read."""
    tracks = session.scalars(
        sa.select(CaptionTrack).where(
            CaptionTrack.asset_id.in_(asset_ids),
            CaptionTrack.removed_at.is_(None),
            CaptionTrack.origin == Origin.SPEECH,
        )
    )
    found: dict[int, list[str]] = {}
    for track in tracks:
        found.setdefault(track.asset_id, []).append(track.label)
    return found


def _differs(current: Mapping[str, Any] | None, base: Mapping[str, Any] | None) -> bool:
    if current is None or base is None:
        return current is not base
    return any(current[name] != base[name] for name in ("start", "end", "text"))


def _cue(key: str, to: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if to is None:
        return None
    start, end = to["start"], to["end"]
    if not (0 <= start <= cues.MOST_MS and 0 <= end <= cues.MOST_MS):
        raise CaptionsRefused("captions-time")
    text = cues.plain(to["text"])
    if len(text) > cues.MOST_CHARACTERS or text.count("\n") >= cues.MOST_LINES:
        raise CaptionsRefused("captions-cue-too-long", at_ms=start)
    return {"key": key, "start": start, "end": end, "text": text}


def _put(session: Session, track: CaptionTrack, made: list[dict[str, Any]], now: datetime) -> None:
    asset = session.get_one(Asset, track.asset_id)
    track.cues, track.updated_at = made, now
    track.faults = cue_checks.faults(cues.unnamed(made), track.language, asset.duration_ms)
    track.revision += 1
    session.flush()
