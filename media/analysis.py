"""What FFprobe can't say of a video and must be known before work begins: looked at and listened to.

A few frames at several places tell a screen from a camera and half pictures from whole ones; the
sound is decoded once, alone, for its loudness and its silences. Black and frozen stretches are
found later, in the one decode that makes the renditions (``looks``).
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from media.binaries import ffmpeg
from media.errors import TranscodeFailed
from media.limits import MAX_PIXELS
from media.probe import INPUT_GUARDS, Probe
from media.running import running

#: At how many places how many frames are looked at.
PLACES, FRAMES = 6, 8
#: Mean difference of brightness (0 to 255) between neighbouring frames below which nothing moved.
#: A camera's noise is above it, whatever it looks at.
STILL = 0.08
#: The part of neighbouring frames that must be still, and how even its brightness must be spread
#: at most (entropy, 0 to 1: a drawn page has few shades, a camera's picture many).
SCREEN_STILL, SCREEN_ENTROPY = 0.6, 0.8
#: Silence: quieter than this, for at least so long.
SILENCE_DB, SILENCE_S = -50, 5
#: Below this integrated loudness nothing was recorded.
NOTHING_LUFS = -60.0
INTERLACED = ("tt", "bb", "tb", "bt")
#: How long looking, and listening to hours of sound, may take.
LOOK_S, LISTEN_S = 60, 1800

Stretch = tuple[int, int]


@dataclass(frozen=True)
class Loudness:
    """By EBU R128: integrated (LUFS), true peak (dBTP), range (LU)."""

    lufs: float
    peak_db: float
    range_lu: float


@dataclass(frozen=True)
class Analysis:
    """``silences``: from–to, ms."""

    screen: bool = False
    interlaced: bool = False
    loudness: Loudness | None = None
    silences: tuple[Stretch, ...] = ()

    @property
    def silent(self) -> bool:
        """There is a sound track with nothing on it."""
        return self.loudness is not None and self.loudness.lufs < NOTHING_LUFS


def analyse(
    path: Path, probe: Probe, mix: str | None, *, cancelled: Callable[[], bool] = lambda: False
) -> Analysis:
    """Look and listen.

    Args:
        mix: how the sound will be mixed, so that what is measured is what will be heard.

    Raises:
        TranscodeFailed: cancelled.
    """
    screen, interlaced = _look(path, probe, cancelled)
    loudness, silences = _listen(path, probe, mix, cancelled) if probe.audio else (None, ())
    return Analysis(screen, interlaced, loudness, silences)


def _look(path: Path, probe: Probe, cancelled: Callable[[], bool]) -> tuple[bool, bool]:
    still: list[bool] = []
    entropies: list[float] = []
    fields: list[str] = []
    deadline = time.monotonic() + LOOK_S
    for place in range(PLACES):
        at_s = probe.duration_ms / 1000 * (place + 0.5) / PLACES
        filters = "idet,scale=flags=neighbor,format=yuv420p,signalstats,entropy,metadata=mode=print:file=-"
        arguments = [
            "-noaccurate_seek", "-ss", f"{at_s:.3f}", *_input(path),
            "-map", f"0:{probe.video.index}", "-frames:v", str(FRAMES), "-vf", filters,
        ]  # fmt: skip
        moved: list[float] = []
        for name, value in _values(arguments, deadline, cancelled):
            if name == "lavfi.signalstats.YDIF":
                moved.append(float(value))
            elif name == "lavfi.entropy.normalized_entropy.normal.Y":
                entropies.append(float(value))
            elif name == "lavfi.idet.multiple.current_frame":
                fields.append(value)
        still += [each < STILL for each in moved[1:]]  # the first has nothing before it
    entropy = sorted(entropies)[len(entropies) // 2] if entropies else 1.0
    screen = len(still) >= FRAMES and sum(still) / len(still) >= SCREEN_STILL
    return screen and entropy <= SCREEN_ENTROPY, _interlaced(probe.video.field_order, fields)


def _interlaced(said: str, fields: list[str]) -> bool:
    """What the file says, unless its frames clearly say otherwise: idet alone is deceived by
    fine patterns, and cameras mark whole pictures as half ones."""
    half = sum(each in ("tff", "bff") for each in fields)
    whole = fields.count("progressive")
    if said in INTERLACED:
        return half >= whole / 4
    return said in ("", "unknown") and half >= FRAMES and whole == 0


def _listen(
    path: Path, probe: Probe, mix: str | None, cancelled: Callable[[], bool]
) -> tuple[Loudness | None, tuple[Stretch, ...]]:
    assert probe.audio is not None
    filters = f"{mix}," if mix else ""
    filters += (
        "aresample=48000,aformat=channel_layouts=stereo|mono,ebur128=peak=true:framelog=quiet,"
        f"silencedetect=n={SILENCE_DB}dB:d={SILENCE_S},ametadata=mode=print:file=-"
    )
    arguments = [*_input(path), "-vn", "-map", f"0:{probe.audio.index}", "-af", filters]
    told: list[str] = []
    lines = _values(arguments, time.monotonic() + LISTEN_S, cancelled, told)
    found = stretches(lines, probe.duration_ms, "lavfi.silence_start", "lavfi.silence_end")
    return _loudness("\n".join(told)), found


def _loudness(said: str) -> Loudness | None:
    summary = said[said.rfind("Summary:") :]
    values = [re.search(rf"{name}:\s+(-?[\d.]+|-inf)", summary) for name in ("I", "Peak", "LRA")]
    if "Summary:" not in summary or not all(values):
        return None
    lufs, peak, spread = (max(-99.0, float(value[1])) for value in values if value)
    return Loudness(lufs, peak, spread)


def stretches(
    values: Iterable[tuple[str, str]], duration_ms: int, start: str, end: str
) -> tuple[Stretch, ...]:
    """From–to in ms; what begins and never ends lasts to the end."""
    found: list[Stretch] = []
    begun: int | None = None
    for name, value in values:
        if name == start:
            begun = round(float(value) * 1000)
        elif name == end and begun is not None:
            found.append((max(0, begun), min(duration_ms, round(float(value) * 1000))))
            begun = None
    if begun is not None:
        found.append((max(0, begun), duration_ms))
    return tuple(each for each in found if each[0] < each[1])


def _input(path: Path) -> list[str]:
    guards = [word for name, value in INPUT_GUARDS.items() for word in (f"-{name}", value)]
    return [*guards, "-max_pixels", str(MAX_PIXELS), "-i", f"file:{path.resolve()}"]


def _values(
    arguments: list[str],
    deadline: float,
    cancelled: Callable[[], bool],
    told: list[str] | None = None,
) -> Iterator[tuple[str, str]]:
    """Names and values that filters print; failures are found again, and told, by the transcode.

    Args:
        told: is given what FFmpeg itself said at its end.
    """
    command = [ffmpeg(), "-v", "info", "-hide_banner", "-nostdin", "-nostats", *arguments, "-f", "null", "-"]  # fmt: skip
    with running(command) as run:
        try:
            for line in run.lines(deadline):
                if cancelled():
                    raise TranscodeFailed("cancelled")
                name, _, value = line.partition("=")
                if name.startswith("lavfi."):
                    yield name, value.strip()
        except (TimeoutError, ValueError):
            return
        if told is not None:
            told.append(run.errors())


#: What FFmpeg's filters name the beginning and the end of a stretch.
LOOKS = {
    "black": ("lavfi.black_start", "lavfi.black_end"),
    "frozen": ("lavfi.freezedetect.freeze_start", "lavfi.freezedetect.freeze_end"),
}


def read_looks(path: Path, duration_ms: int) -> dict[str, tuple[Stretch, ...]]:
    """Black and frozen stretches that the transcode noted in ``path``."""
    if not path.is_file():
        return {}
    pairs = [line.partition("=")[::2] for line in path.read_text().splitlines() if "=" in line]
    return {kind: _united(stretches(pairs, duration_ms, *names)) for kind, names in LOOKS.items()}


def write_looks(path: Path, looks: dict[str, tuple[Stretch, ...]], begin_ms: int) -> None:
    """Note them again as of a piece that begins at ``begin_ms``."""
    lines = []
    for kind, some in looks.items():
        for each in some:
            for name, at in zip(LOOKS[kind], each, strict=True):
                lines.append(f"{name}={(at + begin_ms) / 1000:.3f}\n")
    path.write_text("".join(lines))


def _united(some: Iterable[Stretch]) -> tuple[Stretch, ...]:
    """What a cut between pieces parted."""
    found: list[Stretch] = []
    for start, end in some:
        if found and start - found[-1][1] <= 500:
            found[-1] = (found[-1][0], end)
        else:
            found.append((start, end))
    return tuple(found)
