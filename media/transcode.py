"""One FFmpeg run that makes all renditions and the poster, supervised."""

from __future__ import annotations

import errno
import os
import re
import shutil
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import ffmpeg

from media.binaries import ffmpeg as ffmpeg_binary
from media.errors import MediaRejected, TranscodeFailed
from media.limits import MAX_PIXELS
from media.probe import INPUT_GUARDS, Probe
from media.renditions import SEGMENT_S, Rendition
from media.running import running

MASTER = "master.m3u8"
POSTER = "poster.jpg"
POSTER_WIDTH = 1280
#: What the system says when there is no room.
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
#: Below this many free bytes the work stops: FFmpeg's HLS writer does not report failed
#: writes, it goes on to the end and leaves pieces.
LEAST_FREE = 32 << 20
#: How often the disk is looked at and the caller asked whether to stop, seconds.
ASK_EVERY_S = 1.0
#: Part of the promised duration that must come out: a file broken inside decodes to less.
LEAST_PART = 0.9


@dataclass(frozen=True)
class Transcoded:
    """What was made, below the target folder.

    ``segments_ms`` and the size in pixels are the first rendition's; ``files`` gives bytes by name.
    """

    duration_ms: int
    segments_ms: list[int]
    width: int
    height: int
    files: dict[str, int]


def command(source: Path, probe: Probe, renditions: list[Rendition]) -> list[str]:
    """The arguments of the one FFmpeg run, which writes into its working folder."""
    # The very streams that were checked, not those that FFmpeg would choose. A stream may
    # change its size on the way: the decoder keeps to the limit.
    stream = ffmpeg.input(f"file:{source.resolve()}", max_pixels=MAX_PIXELS, **INPUT_GUARDS)
    best = renditions[0]
    picture = (
        stream[str(probe.video.index)]
        .filter("fps", fps=best.fps)
        .filter_multi_output("split", len(renditions) + 1)
    )
    scaled = [
        picture.stream(i)
        .filter("scale", r.width, r.height)
        .filter("setsar", 1)
        .filter("format", "yuv420p")
        for i, r in enumerate(renditions)
    ]
    width = min(POSTER_WIDTH, best.width)
    poster = (
        picture.stream(len(renditions))
        .filter("scale", width, max(1, best.height * width // best.width))
        .filter("setsar", 1)
    )
    audible = probe.audio is not None
    sounds = [stream[str(probe.audio.index)]] * len(renditions) if probe.audio else []
    options: dict[str, object] = {
        "c:v": "libx264", "preset": "veryfast", "profile:v": "main", "sc_threshold": 0,
        "c:a": "aac", "ac": 2, "ar": 48000,
        "map_metadata": -1, "map_chapters": -1,
        "f": "hls", "hls_time": SEGMENT_S, "hls_playlist_type": "vod",
        "hls_flags": "independent_segments", "hls_segment_type": "fmp4",
        "hls_fmp4_init_filename": "init.mp4", "master_pl_name": MASTER,
        "hls_segment_filename": "v%v/s%05d.m4s",
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
    hls = ffmpeg.output(*scaled, *sounds, "v%v/index.m3u8", **options)
    at = min(5.0, probe.duration_ms / 2000)
    still = ffmpeg.output(
        poster,
        POSTER,
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
        MediaRejected: much of the file could not be decoded.
    """
    for i in range(len(renditions)):
        (target / f"v{i}").mkdir(parents=True, exist_ok=True)
    best, asked = 0.0, time.monotonic()
    with running(command(source, probe, renditions), folder=target) as run:
        try:
            for line in run.lines(time.monotonic() + timeout_s):
                percent = _percent(line, probe.duration_ms)
                if percent is not None and percent > best:
                    best = percent
                    on_progress(best)
                if time.monotonic() - asked >= ASK_EVERY_S:
                    asked = time.monotonic()
                    if _full(target):
                        raise TranscodeFailed("disk-full")
                    if cancelled():
                        raise TranscodeFailed("cancelled")
        except TimeoutError:
            run.kill()
            raise TranscodeFailed("transcode-timeout", log=run.errors()[-2000:]) from None
        code, log = run.process.returncode, run.errors()[-2000:]
    if "Decode error rate" in log:  # FFmpeg gave up: most of it cannot be decoded
        raise MediaRejected("truncated")
    broken = [] if code else _broken(target, len(renditions))
    if code or broken:
        full = _disk_full(log, code) or _full(target)
        log = log or f"missing or cut: {', '.join(broken[:5])}"
        raise TranscodeFailed("disk-full" if full else "transcode-failed", log=log)
    made = _made(target, renditions)
    if made.duration_ms < probe.duration_ms * LEAST_PART:
        raise MediaRejected("truncated", duration_ms=made.duration_ms)
    on_progress(100.0)
    return made


def _percent(line: str, duration_ms: int) -> float | None:
    name, _, value = line.partition("=")
    if name != "out_time_us" or not value.strip().lstrip("-").isdigit():
        return None
    return min(99.0, max(0.0, int(value) / 10 / duration_ms))


def _full(folder: Path) -> bool:
    return shutil.disk_usage(folder).free < LEAST_FREE


def _disk_full(stderr: str, returncode: int) -> bool:
    # FFmpeg exits with the negated errno of a failed write, as a byte. A file size limit
    # counts as a full disk: a service may have one as its quota.
    return (
        any(os.strerror(number) in stderr for number in FULL)
        or returncode in [256 - number for number in FULL]
        or returncode == -signal.SIGXFSZ
    )


def _broken(target: Path, renditions: int) -> list[str]:
    """Files that should be whole and are not, by name."""
    broken = [] if (target / POSTER).is_file() else [POSTER]
    for folder in [target / f"v{i}" for i in range(renditions)]:
        playlist = folder / "index.m3u8"
        text = playlist.read_text() if playlist.is_file() else ""
        if not text.rstrip().endswith("#EXT-X-ENDLIST"):
            broken.append(f"{folder.name}/{playlist.name}")
        names = re.findall(r"^(?!#)(\S+)$", text, re.M) + re.findall(r'URI="([^"]+)"', text)
        broken += [f"{folder.name}/{name}" for name in names if not _whole(folder / name)]
    master = target / MASTER
    listed = master.read_text().count("#EXT-X-STREAM-INF") if master.is_file() else 0
    return broken if listed == renditions else [MASTER, *broken]


def _whole(path: Path) -> bool:
    """The boxes of an ISO base media file (ISO 14496-12) end where the file ends."""
    if not path.is_file():
        return False
    size, at = path.stat().st_size, 0
    with path.open("rb") as file:
        while at < size:
            file.seek(at)
            head = file.read(16)
            length = int.from_bytes(head[:4])
            if length == 1:  # too long for 32 bits
                length = int.from_bytes(head[8:])
            if length < 8:
                return False
            at += length
    return at == size > 0


def _made(target: Path, renditions: list[Rendition]) -> Transcoded:
    playlist = (target / "v0" / "index.m3u8").read_text()
    segments = [round(float(s) * 1000) for s in re.findall(r"#EXTINF:([\d.]+)", playlist)]
    files = {str(p.relative_to(target)): p.stat().st_size for p in target.rglob("*") if p.is_file()}
    return Transcoded(sum(segments), segments, renditions[0].width, renditions[0].height, files)


def publish(made: Path, final: Path) -> None:
    """Move ``made`` to its final place at once, durable; if it is there already, that one stays.

    Raises:
        TranscodeFailed: the disk turned out to be full when it came to writing.
    """
    if not final.exists():
        try:
            for path in [*made.rglob("*"), made]:
                _sync(path)
            final.parent.mkdir(parents=True, exist_ok=True)
            made.replace(final)
            _sync(final.parent)
        except OSError as error:
            if error.errno in FULL:
                raise TranscodeFailed("disk-full") from error
            if not final.exists():  # else another was quicker
                raise
    shutil.rmtree(made, ignore_errors=True)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
