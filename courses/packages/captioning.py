"""A video's captions out of an installation and in again, as WebVTT files."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy.orm import Session

from courses import documents
from courses.packages.parts import Captions
from media import caption_files, captions, cues
from media.caption_files import Kind
from media.caption_models import Origin
from media.cues import Cue
from media.errors import CaptionsRefused
from media.models import Asset
from zhixin.archives import MIB, Archive
from zhixin.errors import DomainError

#: As many cues as a track may have, each as long as it may be, with room to spare.
MOST_BYTES = 32 * MIB


@dataclass(frozen=True)
class Words:
    """Captions that go along. ``key``: what they are here."""

    key: str
    language: str
    label: str
    origin: Origin
    content: bytes


def of_draft(session: Session, asset_id: int | None) -> Iterator[Words]:
    """As the video's authors have them now; a cue without words says nothing."""
    for track in captions.of_asset(session, asset_id) if asset_id else ():
        if shown := _shown(cues.unnamed(track.cues)):
            origin = Origin(track.origin)
            yield Words(f"track {track.id}", track.language, track.label, origin, _file(shown))


def of_version(session: Session, unit: documents.Unit) -> Iterator[Words]:
    """As a version was frozen with them."""
    for each in unit.captions or ():
        kept = captions.version(session, each.version_id)
        if shown := _shown(cues.from_list(json.loads(kept.cues))):
            key, origin = f"version {kept.id}", Origin(kept.origin)
            yield Words(key, each.language, each.label, origin, _file(shown))


def _shown(kept: Sequence[Cue]) -> list[Cue]:
    plain = (Cue(cue.start_ms, cue.end_ms, cues.plain(cue.text)) for cue in cues.ordered(kept))
    return [cue for cue in plain if cue.text]


def _file(shown: Sequence[Cue]) -> bytes:
    return caption_files.write(shown, Kind.VTT).encode()


def fault(archive: Archive, member: str) -> str | None:
    """Why a member can't be captions; None: it can."""
    if archive.members[member].size > MOST_BYTES:
        return CaptionsRefused("captions-too-large").message
    try:
        _read(archive, member)
    except DomainError as refused:
        return refused.message
    return None


def unpack(archive: Archive, member: str, into: Path) -> None:
    """Read captions before the transaction, which only has to load them.

    Raises:
        CaptionsRefused, BadArchive: they can't be read.
    """
    read = [(cue.start_ms, cue.end_ms, cue.text) for cue in _read(archive, member)]
    into.write_text(json.dumps(read))


def _read(archive: Archive, member: str) -> list[Cue]:
    return caption_files.read(archive.read(member, most=MOST_BYTES), most_bytes=MOST_BYTES)


def lay_down(
    session: Session,
    asset_id: int | None,
    brought: Sequence[Captions],
    unpacked: Mapping[str, Path],
    now: datetime,
) -> None:
    """Captions that came with a video; a video that stands in two units has them already."""
    assert asset_id is not None
    asset = session.get_one(Asset, asset_id)
    there = {track.language for track in captions.of_asset(session, asset_id)}
    for each in brought:
        if each.language not in there:
            read = cues.from_list(json.loads(unpacked[each.member].read_text()))
            captions.bring(
                session, asset, each.language, read, now,
                label=each.label, origin=each.origin,
            )  # fmt: skip
