"""One FFmpeg run that makes all renditions and the poster, supervised."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from shutil import rmtree
from typing import IO

import ffmpeg

from media.binaries import ffmpeg as ffmpeg_binary
from media.errors import TranscodeFailed
from media.probe import INPUT_GUARDS, Probe
from media.renditions import SEGMENT_S, Rendition

MASTER = "master.m3u8"
POSTER = "poster.jpg"
STDERR_LINES = 40


@dataclass(frozen=True)
class Transcoded:
    """What was made, below the target folder. ``segments_ms``: of the first rendition."""

    duration_ms: int
    segments_ms: list[int]
    width: int
    height: int
    files: list[str]


def command(source: Path, target: Path, probe: Probe, renditions: list[Rendition]) -> list[str]:
    """The arguments of the one FFmpeg run."""
    stream = ffmpeg.input(f"file:{source}", **INPUT_GUARDS)
    picture = stream.video.filter("fps", fps=renditions[0].fps).filter_multi_output(
        "split", len(renditions) + 1
    )
    scaled = [
        picture.stream(i)
        .filter("scale", r.width, r.height)
        .filter("setsar", 1)
        .filter("format", "yuv420p")
        for i, r in enumerate(renditions)
    ]
    poster = picture.stream(len(renditions)).filter("scale", min(1280, renditions[0].width), -2)
    audible = probe.audio is not None
    sounds = [stream["a:0"]] * len(renditions) if audible else []
    options: dict[str, object] = {
        "c:v": "libx264", "preset": "veryfast", "profile:v": "main", "sc_threshold": 0,
        "c:a": "aac", "ac": 2, "ar": 48000,
        "map_metadata": -1, "map_chapters": -1,
        "f": "hls", "hls_time": SEGMENT_S, "hls_playlist_type": "vod",
        "hls_flags": "independent_segments", "hls_segment_type": "fmp4",
        "hls_fmp4_init_filename": "init.mp4", "master_pl_name": MASTER,
        "hls_segment_filename": str(target / "v%v" / "s%05d.m4s"),
        "var_stream_map": " ".join(f"v:{i},a:{i}" if audible else f"v:{i}" for i in range(len(renditions))),
    }  # fmt: skip
    for i, rendition in enumerate(renditions):
        options |= {
            f"crf:v:{i}": 24,
            f"maxrate:v:{i}": f"{rendition.video_kbps}k",
            f"bufsize:v:{i}": f"{rendition.video_kbps * 2}k",
            f"g:v:{i}": rendition.keyint,
            f"keyint_min:v:{i}": rendition.keyint,
        }
        if audible:
            options[f"b:a:{i}"] = f"{rendition.audio_kbps}k"
    hls = ffmpeg.output(*scaled, *sounds, str(target / "v%v" / "index.m3u8"), **options)
    at = min(5.0, probe.duration_ms / 2000)
    still = ffmpeg.output(
        poster,
        str(target / POSTER),
        ss=f"{at:.3f}",
        **{"frames:v": 1, "q:v": 4, "update": 1, "map_metadata": -1},
    )
    arguments: list[str] = (
        ffmpeg.merge_outputs(hls, still)
        .global_args(
            "-hide_banner", "-nostdin", "-v", "error", "-progress", "pipe:1", "-nostats", "-y"
        )
        .compile(cmd=ffmpeg_binary())
    )
    return arguments


def transcode(
    source: Path,
    target: Path,
    probe: Probe,
    renditions: list[Rendition],
    *,
    on_progress: Callable[[float], None],
    timeout_s: float,
    cancelled: Callable[[], bool],
) -> Transcoded:
    """Make the renditions in ``target``, which the caller publishes afterwards.

    Args:
        on_progress: called with percent, 0..100, never falling.
        cancelled: asked about once a second; true stops the work.

    Raises:
        TranscodeFailed: by FFmpeg's failure, time-out, cancellation or a full disk.
    """
    for i in range(len(renditions)):
        (target / f"v{i}").mkdir(parents=True, exist_ok=True)
    deadline = time.monotonic() + timeout_s
    with _running(command(source, target, probe, renditions)) as (process, errors):
        assert process.stdout is not None
        best = 0.0
        watchdog = threading.Timer(timeout_s, _kill, [process])
        watchdog.start()
        asked = time.monotonic()
        for line in process.stdout:
            if (percent := _percent(line, probe.duration_ms)) is not None and percent > best:
                best = percent
                on_progress(best)
            if time.monotonic() - asked >= 1:
                asked = time.monotonic()
                if cancelled():
                    raise TranscodeFailed("cancelled")
        process.wait()
        watchdog.cancel()
    if process.returncode != 0:
        if time.monotonic() >= deadline:
            raise TranscodeFailed("transcode-timeout")
        tail = "\n".join(errors)
        code = "disk-full" if _disk_full(tail, process.returncode) else "transcode-failed"
        raise TranscodeFailed(code, log=tail[-2000:])
    made = _verify(target, renditions)
    on_progress(100.0)
    return made


@contextmanager
def _running(arguments: list[str]) -> Iterator[tuple[subprocess.Popen[str], deque[str]]]:
    """FFmpeg in its own process group, gone when the block is left, however it is left."""
    process = subprocess.Popen(
        ["nice", "-n", "10", *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        start_new_session=True,
    )
    errors: deque[str] = deque(maxlen=STDERR_LINES)
    assert process.stderr is not None
    reader = threading.Thread(target=_drain, args=(process.stderr, errors), daemon=True)
    reader.start()
    try:
        yield process, errors
    finally:
        if process.poll() is None:
            _kill(process)
            process.wait()
        reader.join(timeout=5)
        for pipe in (process.stdout, process.stderr):
            if pipe is not None:
                pipe.close()


def _drain(pipe: IO[str], lines: deque[str]) -> None:
    for line in pipe:
        lines.append(line.rstrip()[:500])


def _kill(process: subprocess.Popen[str]) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def _percent(line: str, duration_ms: int) -> float | None:
    name, _, value = line.partition("=")
    if name != "out_time_us" or not value.strip().lstrip("-").isdigit():
        return None
    return min(99.0, max(0.0, int(value) / 10 / duration_ms))


def _disk_full(stderr: str, returncode: int) -> bool:
    # FFmpeg exits with the negated errno of a failed write; SIGXFSZ is a file size limit.
    return (
        "No space left" in stderr
        or "File too large" in stderr
        or returncode in (256 - 28, 228, 256 - 27, -signal.SIGXFSZ)
    )


def _verify(target: Path, renditions: list[Rendition]) -> Transcoded:
    """Every file that a playlist names is there and not empty."""
    files = [MASTER, POSTER]
    segments: list[int] = []
    for i in range(len(renditions)):
        playlist = (target / f"v{i}" / "index.m3u8").read_text()
        names = re.findall(r"^(?!#)(\S+)$", playlist, re.M) + re.findall(r'URI="([^"]+)"', playlist)
        files += [f"v{i}/{name}" for name in ["index.m3u8", *names]]
        if i == 0:
            segments = [round(float(s) * 1000) for s in re.findall(r"#EXTINF:([\d.]+)", playlist)]
    missing = [n for n in files if not (target / n).is_file() or not (target / n).stat().st_size]
    if missing or not segments:
        raise TranscodeFailed("transcode-failed", log=f"missing: {missing[:5]}")
    return Transcoded(sum(segments), segments, renditions[0].width, renditions[0].height, files)


def publish(made: Path, final: Path) -> None:
    """Move ``made`` to its final place at once, durable; if it is there already, that one stays."""
    if final.exists():
        rmtree(made, ignore_errors=True)
        return
    for path in [*made.rglob("*"), made]:
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    final.parent.mkdir(parents=True, exist_ok=True)
    made.replace(final)
