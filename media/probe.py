"""What a file really is, by FFprobe: told by content, never by name.

The file comes from a stranger. FFprobe may open this one file and nothing else: no
network, no concat or playlist formats (which can name other files), bounded time.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from media.binaries import ffprobe
from media.errors import MediaRejected

#: Demuxers that read one self-contained file. Playlists (hls, dash, concat), image
#: sequences, subtitles and devices are not among them.
FORMATS = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts,mpeg,flv,asf"
#: Given before every input, of FFprobe and FFmpeg alike.
INPUT_GUARDS = {"protocol_whitelist": "file", "format_whitelist": FORMATS}
#: How far before its declared end a whole file's packets may stop.
TAIL_TOLERANCE_MS = 3000


@dataclass(frozen=True)
class VideoStream:
    """Picture: ``width`` × ``height`` as stored; ``rotation`` in degrees, a multiple of 90."""

    codec: str
    width: int
    height: int
    fps: float
    rotation: int

    @property
    def upright(self) -> tuple[int, int]:
        """(width, height) as a viewer sees it."""
        return (self.height, self.width) if self.rotation % 180 else (self.width, self.height)


@dataclass(frozen=True)
class AudioStream:
    codec: str
    channels: int


@dataclass(frozen=True)
class Probe:
    container: str
    duration_ms: int
    size_bytes: int
    stream_count: int
    video: VideoStream
    audio: AudioStream | None


def probe(path: Path, *, timeout_s: float = 60) -> Probe:
    """Read what ``path`` is.

    Raises:
        MediaRejected: it is not a whole video of an allowed container.
    """
    size = path.stat().st_size
    if size == 0:
        raise MediaRejected("empty")
    found = _ffprobe(path, timeout_s, "-show_format", "-show_streams")
    streams: list[dict[str, Any]] = found.get("streams", [])
    container = str(found.get("format", {}).get("format_name", ""))
    pictures = [
        s
        for s in streams
        if s.get("codec_type") == "video" and not s.get("disposition", {}).get("attached_pic")
    ]
    if not pictures:
        raise MediaRejected("no-video-stream" if streams else "not-a-video")
    video = _video(pictures[0])
    duration_ms = _duration_ms(found["format"], pictures[0])
    if duration_ms is None:
        duration_ms = _last_packet_ms(path, timeout_s, None)
    if not duration_ms or video.width < 2 or video.height < 2:
        raise MediaRejected("truncated")
    audios = [s for s in streams if s.get("codec_type") == "audio"]
    result = Probe(
        container=container,
        duration_ms=duration_ms,
        size_bytes=size,
        stream_count=len(streams),
        video=video,
        audio=AudioStream(audios[0].get("codec_name", "?"), int(audios[0].get("channels", 0)))
        if audios
        else None,
    )
    _refuse_truncated(path, result, timeout_s)
    return result


def _video(stream: dict[str, Any]) -> VideoStream:
    rotation = next(
        (int(d["rotation"]) for d in stream.get("side_data_list", []) if "rotation" in d), 0
    )
    try:
        fps = float(Fraction(stream.get("avg_frame_rate") or "0/1"))
    except ZeroDivisionError:
        fps = 0.0
    return VideoStream(
        codec=stream.get("codec_name", "?"),
        width=int(stream.get("width", 0)),
        height=int(stream.get("height", 0)),
        fps=fps if 1 <= fps <= 240 else 25.0,
        rotation=rotation % 360,
    )


def _duration_ms(form: dict[str, Any], stream: dict[str, Any]) -> int | None:
    for text in (form.get("duration"), stream.get("duration")):
        try:
            return round(float(text or "") * 1000)
        except ValueError:
            continue
    return None


def _refuse_truncated(path: Path, found: Probe, timeout_s: float) -> None:
    """A header may promise more than the file holds: look for packets near the promised end."""
    if found.video.codec == "mjpeg" and found.duration_ms < 1000:
        return
    start = max(0, found.duration_ms - 10_000)
    last = _last_packet_ms(path, timeout_s, start)
    if last is None or last < found.duration_ms - max(TAIL_TOLERANCE_MS, found.duration_ms // 50):
        raise MediaRejected("truncated")


def _last_packet_ms(path: Path, timeout_s: float, start_ms: int | None) -> int | None:
    interval = [] if start_ms is None else ["-read_intervals", f"{start_ms / 1000}%"]
    found = _ffprobe(
        path, timeout_s, *interval, "-show_entries", "packet=pts_time,dts_time,duration_time"
    )
    ends = []
    for packet in found.get("packets", []):
        stamp = packet.get("pts_time") or packet.get("dts_time")
        if stamp is not None:
            ends.append(float(stamp) + float(packet.get("duration_time") or 0))
    return round(max(ends) * 1000) if ends else None


def _ffprobe(path: Path, timeout_s: float, *questions: str) -> dict[str, Any]:
    guards = [word for name, value in INPUT_GUARDS.items() for word in (f"-{name}", value)]
    command = [
        ffprobe(), "-v", "error", "-hide_banner", *guards,
        "-probesize", "20M", "-analyzeduration", "20M", "-of", "json", *questions,
        f"file:{path}",
    ]  # fmt: skip
    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    try:
        output, errors = process.communicate(timeout=timeout_s)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        raise MediaRejected("probe-timeout") from None
    if process.returncode != 0:
        raise MediaRejected(_reason(path, errors.decode(errors="replace")))
    found: dict[str, Any] = json.loads(output or b"{}")
    return found


def _reason(path: Path, stderr: str) -> str:
    if "not on whitelist" in stderr:
        return "container-not-allowed"
    with path.open("rb") as file:
        head = file.read(8)
    # An ISO base media file (ISO 14496-12) starts with one of these boxes; without its
    # index it was cut. Anything else only has the name of a video.
    if head[4:] in (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip"):
        return "truncated"
    return "not-a-video"
