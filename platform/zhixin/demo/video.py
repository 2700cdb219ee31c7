"""Lecture videos made by the project itself: slides by Typst, video by FFmpeg."""

from __future__ import annotations

import io
import json
import subprocess
from pathlib import Path
from typing import Any

import typst
from PIL import Image

from media.binaries import ffmpeg
from zhixin import pages

SLIDES = Path(__file__).parent / "slides.typ"
SIZE = (1280, 720)
#: Slides stand still: two frames a second keep building and transcoding quick.
FPS = 2


def lecture(target: Path, slides: dict[str, Any], seconds: int) -> None:
    """Write a lecture of ``seconds`` to ``target`` (MP4), each slide shown equally long."""
    fonts = str(pages.resource_dir("static") / "dist" / "fonts")
    compiler: typst.Compiler = typst.Compiler(
        str(SLIDES),
        font_paths=[fonts],
        ignore_system_fonts=True,
        sys_inputs={"data": json.dumps(slides, ensure_ascii=False)},
    )
    rendered = compiler.compile(
        format="png",
        ppi=72.0,
    )
    frames = [_pixels(page) for page in (rendered if isinstance(rendered, list) else [rendered])]
    # Raw pictures: the wheel's FFmpeg reads no PNG.
    command = [
        ffmpeg(), "-v", "error", "-nostdin", "-y",
        "-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{SIZE[0]}x{SIZE[1]}",
        "-framerate", f"{len(frames)}/{seconds}", "-i", "pipe:0",
        "-vf", f"fps={FPS}", "-t", str(seconds),
        "-c:v", "libx264", "-preset", "ultrafast", "-tune", "stillimage", "-pix_fmt", "yuv420p",
        "-f", "mp4", str(target),
    ]  # fmt: skip
    subprocess.run(
        [part for part in command if part != "-nostdin"], input=b"".join(frames), check=True
    )


def _pixels(png: bytes | None) -> bytes:
    assert png is not None
    return Image.open(io.BytesIO(png)).convert("RGB").resize(SIZE).tobytes()
