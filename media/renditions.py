"""Which renditions a video gets: planned from what it is, never upscaled."""

from __future__ import annotations

from dataclasses import dataclass

from media.probe import Probe

#: Short side in pixels → video bitrate ceiling, kbit/s. Lecture slides need few bits.
LADDER = ((1080, 3000), (720, 1500), (360, 500))
#: Segments: long enough to be few, short enough to start soon on a slow line.
SEGMENT_S = 4
AUDIO_KBPS = 96
MAX_FPS = 30


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
        return round(self.fps * SEGMENT_S)


def plan(probe: Probe) -> list[Rendition]:
    """Two or three renditions, best first; one if the source is small."""
    width, height = probe.video.upright
    short = min(width, height)
    fps = min(round(probe.video.fps, 3), MAX_FPS)
    audio = AUDIO_KBPS if probe.audio else 0
    rungs = [(side, rate) for side, rate in LADDER if side <= short]
    if not rungs:
        rungs = [(short, LADDER[-1][1])]
    elif len(rungs) == 1 and short > rungs[0][0]:
        # Between rungs: keep the source's own size beside the smaller one.
        rungs.insert(0, (short, LADDER[1][1]))
    return [
        Rendition(_even(width * side / short), _even(height * side / short), rate, audio, fps)
        for side, rate in rungs
    ]


def _even(pixels: float) -> int:
    return max(2, round(pixels / 2) * 2)
