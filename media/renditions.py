"""What is made of a video: planned from what it is, never upscaled.

A plan is everything that decides the files: the same plan makes the same settings for the whole
source and for a piece of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import ceil

from media.analysis import NOTHING_LUFS, Analysis, Loudness
from media.probe import Probe

#: Short side in pixels → video bitrate ceiling, kbit/s. Lecture slides need few bits.
LADDER = ((1080, 3000), (720, 1500), (360, 500))
#: Of a screen: text below 480 lines cannot be read, and above 1080 is not blurred for nothing.
SCREEN_LADDER = ((1600, 3500), (1080, 2500), (720, 1200), (480, 500))
#: Segments: long enough to be few, short enough to start soon on a slow line.
SEGMENT_S = 4
AUDIO_KBPS = 96
#: Speech over the network (AES TD1008, 2021); EBU R128's −23 is for rooms with a television. It
#: is the same for all videos: nobody reaches for the volume between two units.
TARGET_LUFS = -18.0
LEAST_GAIN_DB, MOST_GAIN_DB = 1.0, 24.0
#: Sample peaks are held below this, so that true peaks stay below −1 dBTP or very near.
CEILING_DB = -1.5
#: What stands at the sides and behind, by layouts that have a centre.
SURROUND = {
    "3.0": (), "5.0": ("B",), "5.0(side)": ("S",), "5.1": ("B",), "5.1(side)": ("S",),
    "7.1": ("S", "B"), "7.1(wide)": ("B",),
}  # fmt: skip
#: Frames a second. Slides shown once in a minute still need a key frame in every segment.
MIN_FPS, MAX_FPS = 1, 30
#: Of a screen: text moves in jumps anyway, and a still page needs no frames.
SCREEN_FPS = 15
#: Constant rate factors of x264, of a camera's picture and of a screen's.
CRF, SCREEN_CRF = 24, 21
#: Pictures for hover previews: the longer side of each in pixels, how many a sheet has in a row
#: and in a column, and how many a video has at most, unless it is very long.
THUMB_SIDE, SHEET_SIDE, MOST_THUMBS = 160, 8, 400
THUMB_EVERY_S = (2, 5, 10, 15, 30, 60)


@dataclass(frozen=True)
class Rendition:
    """One HLS variant's picture. Sizes in pixels (even), rate in kbit/s."""

    width: int
    height: int
    video_kbps: int


@dataclass(frozen=True)
class Sound:
    """The one sound that all variants share.

    Attributes:
        index: of the stream in the source.
        mix: how its channels become two, as FFmpeg has filters; None: as they are.
        gain_db: by how much it is made louder.
        limit: its peaks are held below ``CEILING_DB``.
        copied: it is taken over as it is (``media.copying``).
    """

    index: int
    mix: str | None = None
    gain_db: float = 0.0
    limit: bool = False
    kbps: int = AUDIO_KBPS
    copied: bool = False


@dataclass(frozen=True)
class Plan:
    """What is made of one source.

    Attributes:
        renditions: best first.
        sound: None: a silent video.
        fps: frames a second of every rendition.
        deinterlace: its frames are two half pictures each.
        transfer: of an HDR picture, that is mapped to the usual range: ``smpte2084`` or
            ``arib-std-b67``; None: it is of the usual range.
        screen: it shows a computer's screen: sharp, at a low rate.
        thumb_every_s: seconds between the pictures of hover previews.
        copied: the first rendition is the source's own picture (``media.copying``); the others
            keep its frames and are cut where it is.
    """

    renditions: tuple[Rendition, ...]
    sound: Sound | None
    fps: float
    deinterlace: bool = False
    transfer: str | None = None
    screen: bool = False
    thumb_every_s: int = 5
    copied: bool = False

    @property
    def keyint(self) -> int:
        """Frames of one segment: every segment starts with a key frame, in all variants alike."""
        # Never short of SEGMENT_S: FFmpeg cuts at the first key frame after it.
        return ceil(round(self.fps * SEGMENT_S, 3))

    @property
    def segment_s(self) -> Fraction:
        """How long each segment is, but the last: where a source may be cut into pieces."""
        return self.keyint / Fraction(str(self.fps))

    @property
    def crf(self) -> int:
        return SCREEN_CRF if self.screen else CRF

    @property
    def thumb_size(self) -> tuple[int, int]:
        """(width, height) of a picture for hover previews."""
        best = self.renditions[0]
        long = max(best.width, best.height)
        return (
            max(2, round(best.width * THUMB_SIDE / long)),
            max(2, round(best.height * THUMB_SIDE / long)),
        )


@dataclass(frozen=True)
class Span:
    """A piece of a source: the segments ``first`` up to ``end``, without it; None: to the end."""

    first: int
    end: int | None = None

    def seconds(self, plan: Plan) -> tuple[Fraction, Fraction | None]:
        """From when to when it reaches."""
        return self.first * plan.segment_s, None if self.end is None else self.end * plan.segment_s


def plan(probe: Probe, found: Analysis | None = None) -> Plan:
    """Two or three renditions; one if the source is small.

    Args:
        found: what looking and listening found; without it nothing is assumed.
    """
    found = found or Analysis()
    return Plan(
        renditions=tuple(_rungs(probe, SCREEN_LADDER if found.screen else LADDER)),
        sound=Sound(probe.audio.index, mix(probe), gain_db(found.loudness), limit=_peaks(found))
        if probe.audio
        else None,
        fps=_fps(probe.video.fps, SCREEN_FPS if found.screen else MAX_FPS),
        deinterlace=found.interlaced,
        transfer=probe.video.transfer if probe.video.hdr else None,
        screen=found.screen,
        thumb_every_s=_thumb_every_s(probe.duration_ms),
    )


def mix(probe: Probe) -> str | None:
    """How many channels become two: FFmpeg's filter, or None where there are one or two.

    Voices are in the centre: it counts most; ``<`` keeps the sum from clipping.
    """
    if probe.audio is None or probe.audio.layout not in SURROUND:
        return None
    parts = [
        f"F{side}<FC+0.6*F{side}{''.join(f'+0.4*{n}{side}' for n in SURROUND[probe.audio.layout])}"
        for side in "LR"
    ]
    return f"pan=stereo|{'|'.join(parts)}"


def gain_db(loudness: Loudness | None) -> float:
    """What brings it to ``TARGET_LUFS``; nothing for silence, nothing for what is near."""
    if loudness is None or loudness.lufs < NOTHING_LUFS:
        return 0.0
    gain = min(MOST_GAIN_DB, TARGET_LUFS - loudness.lufs)
    return round(gain, 1) if abs(gain) >= LEAST_GAIN_DB else 0.0


def _peaks(found: Analysis) -> bool:
    """Peaks would be too high, or are."""
    return (
        found.loudness is not None and found.loudness.peak_db + gain_db(found.loudness) > CEILING_DB
    )


def _rungs(probe: Probe, ladder: tuple[tuple[int, int], ...]) -> list[Rendition]:
    width, height = probe.video.upright
    short = min(width, height)
    rungs = [(side, rate) for side, rate in ladder if side <= short]
    if not rungs:
        rungs = [(short, ladder[-1][1])]
    elif len(rungs) == 1 and short > rungs[0][0]:
        # Between rungs: keep the source's own size beside the smaller one.
        rungs.insert(0, (short, ladder[-2][1]))
    return [
        Rendition(_even(width * side // short), _even(height * side // short), rate)
        for side, rate in rungs
    ]


def _fps(source: float, most: float) -> float:
    # 50 and 60 are halved, not thinned to 30: dropping every third frame is seen.
    kept = source / ceil(source / most) if source >= 1.5 * most else source
    return round(min(max(kept, MIN_FPS), most), 3)


def _thumb_every_s(duration_ms: int) -> int:
    enough = (every for every in THUMB_EVERY_S if duration_ms <= every * 1000 * MOST_THUMBS)
    return next(enough, THUMB_EVERY_S[-1])


def _even(pixels: int) -> int:
    return max(2, pixels // 2 * 2)
