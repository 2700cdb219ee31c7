"""A source that is already what players need is not encoded again: its packets are taken over.

Such a video is READY within seconds, with one rendition and its sound as they came. What needs
the pictures decoded (lower renditions, hover previews, black and frozen stretches) or the sound
(its loudness) comes later: ``media.refining``.

Whether a source is such a one is asked three times: its facts (``suits``), its first packet
(``probe.begins_whole``), and what came out (``fault``), since only that shows where its key frames
are.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import accumulate
from pathlib import Path

from media import packaging, transcode
from media.analysis import Analysis
from media.command import THUMBS, copy_command, lower_command
from media.errors import TranscodeFailed
from media.probe import AudioStream, Probe, begins_whole
from media.renditions import (
    LADDER,
    MAX_FPS,
    MIN_FPS,
    Plan,
    Rendition,
    Sound,
    plan,
)
from media.transcode import Transcoded, Watch

#: Shorter ones are made whole in the time that it takes to look for a free worker twice.
LEAST_MS = 60_000
CONTAINERS = ("mov,mp4", "matroska")
PROFILES = ("Constrained Baseline", "Main", "High")
#: 4.2: what phones of ten years ago can decode.
HIGHEST_LEVEL = 42
#: The mean rate may be above the ladder's ceiling by so much, and a segment's above it by so much.
MEAN_FACTOR, PEAK_FACTOR = 1.1, 2.0
#: The longest segment, in seconds: x264's usual distance of key frames, 250 frames of 25 a second.
#: Longer ones start too slowly on a slow line.
LONGEST_S = 10.1
#: And the shortest but the last: there must be sound for each.
SHORTEST_S = 0.5
#: So much later than the picture the sound may begin.
LATE_MS = 30
#: So much may what came out differ from what the source promised.
TOLERANCE_S = 0.5
SOUND_RATES, SOUND_KBPS = (44100, 48000), 200
#: The types of H.264's units (ITU-T H.264, table 7-1): parts of a picture; one that stands alone.
SLICE, ALONE = (1, 2, 3, 4, 5), 5


def suits(found: Probe) -> bool:
    """Could its picture be taken over, as far as its facts say?"""
    video = found.video
    return all(
        (
            found.duration_ms >= LEAST_MS,
            found.container.startswith(CONTAINERS),
            video.codec == "h264" and video.profile in PROFILES,
            0 < video.level <= HIGHEST_LEVEL,
            video.pixels == "yuv420p" and not video.full_range and not video.hdr,
            video.field_order == "progressive",
            not video.rotation and video.pixel_aspect == 1.0,
            not video.width % 2 and not video.height % 2,
            min(video.width, video.height) <= LADDER[0][0],
            video.average_fps > 0 and not video.variable,
            MIN_FPS <= video.fps <= MAX_FPS + 0.01,
            0 < (video.kbps or found.kbps) <= MEAN_FACTOR * _ceiling_kbps(found),
        )
    )


def sound_suits(audio: AudioStream | None) -> bool:
    """Could its sound be taken over, were it loud enough?"""
    return audio is not None and all(
        (
            audio.codec == "aac" and audio.profile == "LC",
            audio.channels == 2,
            audio.rate in SOUND_RATES,
            # Browsers don't wait for it: what begins later is encoded, with silence before it.
            audio.late_ms <= LATE_MS,
            audio.kbps <= SOUND_KBPS,  # 0: the container doesn't say, see _sound_fault
        )
    )


def first_plan(found: Probe, heard: Analysis | None) -> Plan:
    """What is made at once: one rendition, and the sound.

    Args:
        heard: how loud it is; None: its packets are taken as they are.
    """
    whole = full_plan(found, heard or Analysis())
    return replace(whole, renditions=whole.renditions[:1])


def full_plan(found: Probe, heard: Analysis) -> Plan:
    """What is there in the end. The sound is encoded when it is too loud or too low, or is none
    that all browsers play."""
    made = plan(found, heard)
    video = found.video
    own = Rendition(video.width, video.height, _ceiling_kbps(found))
    lower = tuple(r for r in made.renditions if r.width < own.width and r.height < own.height)
    sound = made.sound
    if sound and sound_suits(found.audio) and not sound.gain_db and not sound.limit:
        sound = Sound(sound.index, copied=True)
    return replace(
        made,
        renditions=(own, *lower),
        sound=sound,
        fps=round(video.fps, 3),
        deinterlace=False,
        copied=True,
    )


def take_over(
    source: Path,
    target: Path,
    found: Probe,
    planned: Plan,
    *,
    on_progress: Callable[[float], None],
    timeout_s: float,
    cancelled: Callable[[], bool],
) -> Transcoded | None:
    """Make the first rendition of ``planned`` and its sound in ``target``; None when what came out
    is not what players need.

    Raises:
        TranscodeFailed, MediaRejected: as ``transcode.transcode``.
    """
    first = replace(planned, renditions=planned.renditions[:1])
    with ThreadPoolExecutor(1) as beside:
        whole = beside.submit(begins_whole, source, found.video.index)  # nearly always it does
        _copy(source, target, found, planned, Watch(on_progress, timeout_s, cancelled))
        if fault(target, found, planned) or not whole.result():
            return None
    made = transcode.finish(target, found, first)
    return None if _sound_fault(target, planned) else made


def add_lower(
    source: Path,
    target: Path,
    found: Probe,
    planned: Plan,
    *,
    on_progress: Callable[[float], None],
    timeout_s: float,
    cancelled: Callable[[], bool],
) -> Transcoded:
    """Make all of ``planned`` in ``target``: the first rendition as ``take_over`` made it.

    Raises:
        TranscodeFailed: also when the renditions are not cut alike.
        MediaRejected: as ``transcode.transcode``.
    """
    watch = Watch(lambda _percent: None, timeout_s, cancelled)
    _copy(source, target, found, planned, watch)
    lengths = [length for _name, length in packaging.segments(target / "v0" / "index.m3u8")]
    for i in range(1, len(planned.renditions)):
        (target / f"v{i}").mkdir()
    (target / THUMBS).mkdir()
    watch.on_progress = on_progress
    cuts = [*accumulate(lengths)][:-1]
    watch.run(lower_command(source, found, planned, cuts), target, found.duration_ms)
    for i in range(1, len(planned.renditions)):
        own = [length for _name, length in packaging.segments(target / f"v{i}" / "index.m3u8")]
        # The last ends with its last frame, however the source says how long that lasts.
        if len(own) != len(lengths) or any(
            abs(a - b) > 0.002 for a, b in zip(own[:-1], lengths[:-1], strict=True)
        ):
            raise TranscodeFailed("transcode-failed", log=f"v{i} is cut elsewhere")
    made = transcode.finish(target, found, planned)
    on_progress(100.0)
    return made


def _copy(source: Path, target: Path, found: Probe, planned: Plan, watch: Watch) -> None:
    (target / "v0").mkdir(parents=True, exist_ok=True)
    watch.run(copy_command(source, found, planned), target, found.duration_ms)


def fault(target: Path, found: Probe, planned: Plan) -> str | None:
    """Why the copied picture is not what players need; None: it is."""
    folder = target / "v0"
    cut = packaging.segments(folder / "index.m3u8")
    lengths = [length for _name, length in cut]
    if not lengths or max(lengths) > LONGEST_S:
        return "key frames too far apart"
    if min(lengths[:-1], default=SHORTEST_S) < SHORTEST_S:
        return "key frames too close together"
    if abs(sum(lengths) - found.duration_ms / 1000) > TOLERANCE_S:
        return "not as long as promised"
    most = planned.renditions[0].video_kbps * 1000 * PEAK_FACTOR
    for name, length in cut:
        path = folder / name
        if path.stat().st_size * 8 > most * max(1.0, length):
            return "too many bits at once"
        if not stands_alone(path):
            return "a segment leans on the one before"
    return None


def _sound_fault(target: Path, planned: Plan) -> str | None:
    """Why the sound beside it is not."""
    if planned.sound is None:
        return None
    pictures, sound = (packaging.segments(target / name / "index.m3u8") for name in ("v0", "a0"))
    names = [name for name, _length in pictures]
    if [name for name, _length in sound] not in (names, names[:-1]):
        return "sound is missing"
    seconds = sum(length for _name, length in sound)
    if abs(sum(length for _name, length in pictures) - seconds) > TOLERANCE_S:
        return "sound is missing"
    bits = sum((target / "a0" / name).stat().st_size for name, _length in sound) * 8
    return "too many bits" if bits > SOUND_KBPS * 1000 * seconds else None


def stands_alone(segment: Path) -> bool:
    """Its first picture is one before which nothing is needed (IDR); ``segment`` has four bytes of
    length before each unit, as FFmpeg writes them."""
    with segment.open("rb") as file:
        try:
            data = next(box for box in packaging.boxes(file) if box.name == "mdat")
        except (ValueError, StopIteration):
            return False
        at, end = data.at + 8, data.at + data.length
        for _ in range(64):
            file.seek(at)
            head = file.read(5)
            if len(head) < 5 or at >= end:
                return False
            kind = head[4] & 0x1F
            if kind in SLICE:
                return kind == ALONE
            at += 4 + int.from_bytes(head[:4])
    return False


def _ceiling_kbps(found: Probe) -> int:
    """What the ladder allows for so large a picture."""
    short = min(found.video.width, found.video.height)
    return min((rate for side, rate in LADDER if side >= short), default=LADDER[0][1])
