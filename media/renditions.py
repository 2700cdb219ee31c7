"""Which renditions a video gets: planned from what it is, never upscaled."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

from media.probe import Probe

#: Short side in pixels → video bitrate ceiling, kbit/s. Lecture slides need few bits.
LADDER = ((1080, 3000), (720, 1500), (360, 500))
#: Segments: long enough to be few, short enough to start soon on a slow line.
SEGMENT_S = 4
AUDIO_KBPS = 96
#: Frames a second. Slides shown once in a minute still need a key frame in every segment.
MIN_FPS, MAX_FPS = 1, 30


@dataclass(frozen=True)
class Rendition:
    """One HLS variant. Sizes in pixels (even), rates in kbit/s; ``audio_kbps`` 0: silent."""

    width: int
    height: int
    video_kbps: int
    audio_kbps: int
    fps: float

    @property
    def keyint(self) -> int:
        """Frames of one segment: every segment starts with a key frame, in all variants alike."""
        # Never short of SEGMENT_S: FFmpeg cuts at the first key frame after it.
        return ceil(round(self.fps * SEGMENT_S, 3))


def plan(probe: Probe) -> list[Rendition]:
    """Two or three renditions, best first; one if the source is small."""
    width, height = probe.video.upright
    short = min(width, height)
    fps = _fps(probe.video.fps)
    audio = AUDIO_KBPS if probe.audio else 0
    rungs = [(side, rate) for side, rate in LADDER if side <= short]
    if not rungs:
        rungs = [(short, LADDER[-1][1])]
    elif len(rungs) == 1 and short > rungs[0][0]:
        # Between rungs: keep the source's own size beside the smaller one.
        rungs.insert(0, (short, LADDER[1][1]))
    return [
        Rendition(_even(width * side // short), _even(height * side // short), rate, audio, fps)
        for side, rate in rungs
    ]


def _fps(source: float) -> float:
    # 50 and 60 are halved, not thinned to 30: dropping every third frame is seen.
    kept = source / ceil(source / MAX_FPS) if source >= 1.5 * MAX_FPS else source
    return round(min(max(kept, MIN_FPS), MAX_FPS), 3)


def _even(pixels: int) -> int:
    return max(2, pixels // 2 * 2)
