"""What a file really is, by FFprobe: told by content, never by name.

The file comes from a stranger. FFprobe may open this one file and nothing else: no
network, no concat or playlist formats (which can name other files), bounded time.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from media.binaries import ffprobe
from media.errors import MediaRejected
from media.running import running
from zhixin import sandbox

#: Demuxers that read one self-contained file. Playlists (hls, dash, concat), image
#: sequences, subtitles and devices are not among them.
FORMATS = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts,mpeg,flv,asf"
#: Given before every input, of FFprobe and FFmpeg alike.
INPUT_GUARDS = {"protocol_whitelist": "file", "format_whitelist": FORMATS}
#: Frame rates outside these (frames a second) are a demuxer's guess at timestamps.
SLOWEST_FPS, FASTEST_FPS = 0.02, 240
DEFAULT_FPS = 25.0
HDR_TRANSFERS = ("smpte2084", "arib-std-b67")
CHINESE = ("chi", "zho", "zh", "cmn", "yue")
#: The part at the end in which a whole file has packets.
TAIL_MS = 10_000
#: So far apart may a file's streams begin and still begin together.
BEGIN_MS = 50
#: Only what is read below: tags are the stranger's, of any size.
ENTRIES = (
    "format=format_name,start_time,duration,bit_rate"
    ":stream=index,codec_type,codec_name,profile,level,has_b_frames,width,height,sample_aspect_ratio,avg_frame_rate,"
    "r_frame_rate,start_time,duration,bit_rate,pix_fmt,field_order,color_range,color_transfer,"
    "color_primaries,color_space,sample_rate,channels,channel_layout"
    ":stream_disposition=attached_pic,default:stream_side_data=rotation:stream_tags=language"
)
MOST_OUTPUT = 1 << 20
BOUNDS = sandbox.Bounds(cpu_s=120, memory_bytes=2 << 30, file_bytes=0)


@dataclass(frozen=True)
class VideoStream:
    """Picture: ``width`` × ``height`` as stored; ``rotation`` in degrees, a multiple of 90.

    ``index`` is its place in the file, ``pixel_aspect`` the width of a pixel over its height.
    """

    codec: str
    width: int
    height: int
    fps: float
    rotation: int
    pixel_aspect: float = 1.0
    index: int = 0
    profile: str = ""
    pixels: str = "yuv420p"  # as FFmpeg names formats
    field_order: str = ""
    full_range: bool = False
    transfer: str = ""
    primaries: str = ""
    matrix: str = ""
    average_fps: float = 0.0
    kbps: int = 0  # 0: unknown
    level: int = 0  # H.264: ten times what it is called; 0: unknown
    reorder: int = 0  # how many frames are decoded before they are shown, at most

    @property
    def hdr(self) -> bool:
        """Brighter and of more colours than usual screens: PQ or HLG."""
        return self.transfer in HDR_TRANSFERS

    @property
    def variable(self) -> bool:
        """Frames come at varying distances."""
        return 0 < self.average_fps < self.fps * 0.97

    @property
    def upright(self) -> tuple[int, int]:
        """(width, height) as a viewer sees it."""
        width = max(1, round(self.width * self.pixel_aspect))
        return (self.height, width) if self.rotation % 180 else (width, self.height)


@dataclass(frozen=True)
class AudioStream:
    """``language``: three letters, or nothing."""

    codec: str
    channels: int
    index: int = 1
    profile: str = ""
    rate: int = 48000
    layout: str = ""
    language: str = ""
    default: bool = False
    kbps: int = 0
    late_ms: int = 0  # after the picture begins; negative: before it


@dataclass(frozen=True)
class Probe:
    container: str
    duration_ms: int
    size_bytes: int
    stream_count: int
    video: VideoStream
    audio: AudioStream | None
    sounds: tuple[AudioStream, ...] = ()
    kbps: int = 0  # of everything together; 0: unknown


def probe(path: Path, *, timeout_s: float = 60) -> Probe:
    """Read what ``path`` is.

    Raises:
        MediaRejected: it is not a whole video of an allowed container.
    """
    size = path.stat().st_size
    if size == 0:
        raise MediaRejected("empty")
    deadline = time.monotonic() + timeout_s
    text = _describe(path, deadline)
    try:
        known, form, picture = _known(text, size)
    except (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError):
        # A file can lead its reader astray: what is of another form than FFprobe's is refused.
        raise MediaRejected("not-a-video") from None
    return replace(known, duration_ms=_whole_ms(path, form, picture, deadline))


def _known(text: str, size: int) -> tuple[Probe, dict[str, Any], dict[str, Any]]:
    """All but the duration, from FFprobe's JSON; beside it what that says of the file and of its
    picture.

    Raises:
        MediaRejected: there is no picture. Errors of all kinds: it is not FFprobe's JSON.
    """
    found: dict[str, Any] = json.loads(text or "{}")
    streams: list[dict[str, Any]] = found.get("streams", [])
    form: dict[str, Any] = found.get("format", {})
    pictures = [
        s
        for s in streams
        if s.get("codec_type") == "video" and not s.get("disposition", {}).get("attached_pic")
    ]
    if not pictures:
        raise MediaRejected("no-video-stream" if streams else "not-a-video")
    video = _video(pictures[0])
    if video.width < 2 or video.height < 2:
        raise MediaRejected("truncated")
    begins = _ms(pictures[0].get("start_time")) or 0
    sounds = tuple(_audio(s, begins) for s in streams if s.get("codec_type") == "audio")
    known = Probe(
        container=str(form.get("format_name", "")),
        duration_ms=0,
        size_bytes=size,
        stream_count=len(streams),
        video=video,
        audio=min(sounds, key=_preference, default=None),
        sounds=sounds,
        kbps=_kbps(form),
    )
    return known, form, pictures[0]


def begins_whole(path: Path, index: int, *, timeout_s: float = 60) -> bool:
    """Its stream ``index`` begins where the file does, with a key frame that is shown: not in
    the middle of what an edit list leaves out."""
    questions = [
        "-select_streams", str(index), "-read_intervals", "%+#1",
        "-show_entries", "format=start_time:packet=pts_time,flags", "-of", "compact=p=0",
    ]  # fmt: skip
    said: dict[str, str] = {}
    for line in _ffprobe(path, time.monotonic() + timeout_s, *questions):
        for word in line.split("|"):
            name, _, value = word.partition("=")
            said.setdefault(name, value)
    begin, first, flags = (
        _ms(said.get("start_time")),
        _ms(said.get("pts_time")),
        said.get("flags", ""),
    )
    if begin is None or first is None or abs(first - begin) > BEGIN_MS:
        return False
    return "K" in flags and "D" not in flags


def _video(stream: dict[str, Any]) -> VideoStream:
    rotation = next(
        (float(d["rotation"]) for d in stream.get("side_data_list", []) if "rotation" in d), 0.0
    )
    pixel_aspect = _ratio(stream.get("sample_aspect_ratio"))
    return VideoStream(
        codec=str(stream.get("codec_name", "?")),
        width=int(stream.get("width", 0)),
        height=int(stream.get("height", 0)),
        fps=_fps(stream),
        rotation=round(rotation / 90) * 90 % 360,
        # Real ones lie near 1 (PAL and NTSC, wide or not): others are mistakes.
        pixel_aspect=pixel_aspect if 0.25 <= pixel_aspect <= 4 else 1.0,
        index=int(stream["index"]),
        profile=str(stream.get("profile", "")),
        pixels=str(stream.get("pix_fmt", "")),
        field_order=str(stream.get("field_order", "")),
        full_range=stream.get("color_range") == "pc",
        transfer=str(stream.get("color_transfer", "")),
        primaries=str(stream.get("color_primaries", "")),
        matrix=str(stream.get("color_space", "")),
        average_fps=_ratio(stream.get("avg_frame_rate")),
        kbps=_kbps(stream),
        level=int(stream.get("level", 0)),
        reorder=int(stream.get("has_b_frames", 0)),
    )


def _audio(stream: dict[str, Any], picture_begins_ms: int) -> AudioStream:
    begins_ms = _ms(stream.get("start_time"))
    return AudioStream(
        codec=str(stream.get("codec_name", "?")),
        channels=int(stream.get("channels", 0)),
        index=int(stream["index"]),
        profile=str(stream.get("profile", "")),
        rate=int(_ratio(stream.get("sample_rate"))),
        layout=str(stream.get("channel_layout", "")),
        language=str(stream.get("tags", {}).get("language", "")).lower()[:3],
        default=bool(stream.get("disposition", {}).get("default")),
        kbps=_kbps(stream),
        late_ms=0 if begins_ms is None else begins_ms - picture_begins_ms,
    )


def _preference(sound: AudioStream) -> tuple[bool, bool, int]:
    """Of several, the smallest is taken: in Chinese, else what the file itself prefers."""
    return sound.language not in CHINESE, not sound.default, sound.index


def _kbps(found: dict[str, Any]) -> int:
    return int(_ratio(found.get("bit_rate")) / 1000)


def _fps(stream: dict[str, Any]) -> float:
    # The base rate first: the average of a screen recording, which has frames only when
    # something moves, would make its movements jerk.
    for name in ("r_frame_rate", "avg_frame_rate"):
        fps = _ratio(stream.get(name))
        if SLOWEST_FPS <= fps <= FASTEST_FPS:
            return fps
    return DEFAULT_FPS


def _ratio(text: str | None) -> float:
    """``"30000/1001"``, ``"16:11"``; 0 when unknown."""
    above, _slash, below = (text or "0").replace(":", "/").partition("/")
    try:
        value = float(above) / float(below or 1)
    except (ValueError, ZeroDivisionError):
        return 0.0
    return value if math.isfinite(value) else 0.0


def _whole_ms(path: Path, form: dict[str, Any], stream: dict[str, Any], deadline: float) -> int:
    """The duration, once it is known that the file holds what its header promises.

    A file cut in the middle keeps its header: look for packets near the promised end.

    Raises:
        MediaRejected: the file was cut.
    """
    begin = _ms(form.get("start_time")) or 0
    frame_ms = round(1000 / _fps({**stream, "r_frame_rate": stream.get("avg_frame_rate")}))
    promised = _ms(form.get("duration")) or _ms(stream.get("duration"))
    start = None if promised is None else begin + promised - TAIL_MS
    end = _last_packet_ms(path, start, frame_ms, deadline)
    if end is None or end <= begin:
        raise MediaRejected("truncated")
    if promised is None:
        return end - begin
    # Streams rarely end together, and headers are rounded: a tenth of a short file, at most 3 s.
    if end - begin < promised - frame_ms - min(3000, max(500, promised // 10)):
        raise MediaRejected("truncated")
    return promised


def _ms(text: str | None) -> int | None:
    try:
        return round(float(text or "") * 1000)
    except (TypeError, ValueError, OverflowError):
        return None


def _last_packet_ms(path: Path, start_ms: int | None, frame_ms: int, deadline: float) -> int | None:
    """Where the last packet after ``start_ms`` (or of all) ends."""
    interval = (
        [] if start_ms is None or start_ms <= 0 else ["-read_intervals", f"{start_ms / 1000}%"]
    )
    entries = ["-show_entries", "packet=pts_time,dts_time,duration_time", "-of", "csv=p=0"]
    last: int | None = None
    for line in _ffprobe(path, deadline, *interval, *entries):
        pts, dts, duration, *_ = (_ms(field) for field in f"{line},,,".split(","))
        stamp = dts if pts is None else pts
        if stamp is not None:
            end = stamp + (frame_ms if duration is None else duration)
            last = end if last is None else max(last, end)
    return last


def _describe(path: Path, deadline: float) -> str:
    text = ""
    for line in _ffprobe(path, deadline, "-show_entries", ENTRIES, "-of", "json=c=1"):
        text += line
        if len(text) > MOST_OUTPUT:
            raise MediaRejected("too-many-streams")
    return text


def _ffprobe(path: Path, deadline: float, *questions: str) -> Iterator[str]:
    """FFprobe's answer by lines.

    Raises:
        MediaRejected: it could not read the file, or not in time.
    """
    guards = [word for name, value in INPUT_GUARDS.items() for word in (f"-{name}", value)]
    command = [
        ffprobe(), "-v", "error", "-hide_banner", *guards,
        "-probesize", "20M", "-analyzeduration", "20M", *questions, f"file:{path.resolve()}",
    ]  # fmt: skip
    with running(command, bounds=BOUNDS) as run:
        try:
            yield from filter(None, run.lines(deadline))
        except TimeoutError:
            raise MediaRejected("probe-timeout") from None
        except ValueError:
            raise MediaRejected("not-a-video") from None
        if run.process.returncode != 0:
            raise MediaRejected(_reason(path, run.errors()))


def _reason(path: Path, stderr: str) -> str:
    with path.open("rb") as file:
        head = file.read(8)
    if "not on whitelist" in stderr:
        return "container-not-allowed"
    # An ISO base media file (ISO 14496-12) starts with one of these boxes; without its
    # index it was cut. Anything else only has the name of a video.
    if head[4:] in (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip"):
        return "truncated"
    return "not-a-video"
