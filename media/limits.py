"""What a video may be, checked before any work is done on it."""

from __future__ import annotations

from dataclasses import dataclass

from media.errors import MediaRejected
from media.probe import Probe

VIDEO_CODECS = frozenset(
    "h264 hevc vp8 vp9 av1 mpeg4 mpeg2video mpeg1video msmpeg4v3 wmv1 wmv2 wmv3 vc1 prores mjpeg flv1".split()
)
AUDIO_CODECS = frozenset(
    "aac mp3 mp2 ac3 eac3 opus vorbis flac alac wmav1 wmav2 pcm_s16le pcm_s16be pcm_s24le pcm_s32le "
    "pcm_f32le pcm_u8 pcm_mulaw pcm_alaw amr_nb amr_wb".split()
)
#: 4K in either of its shapes (3840 × 2160, 4096 × 2160), with room for odd cameras.
MAX_PIXELS = 4096 * 2304


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Bounds of an acceptable video. ``max_pixels``: width × height, as stored."""

    max_bytes: int
    max_duration_ms: int = 4 * 3600_000
    min_duration_ms: int = 1000
    max_streams: int = 8
    max_pixels: int = MAX_PIXELS
    video_codecs: frozenset[str] = VIDEO_CODECS
    audio_codecs: frozenset[str] = AUDIO_CODECS


def check(probe: Probe, limits: Limits) -> None:
    """Refuse a video outside ``limits``.

    Raises:
        MediaRejected: with the code of the first rule that it breaks.
    """
    problems = (
        (probe.size_bytes > limits.max_bytes, "too-large"),
        (probe.stream_count > limits.max_streams, "too-many-streams"),
        (probe.video.codec not in limits.video_codecs, "codec-not-allowed"),
        (
            probe.audio is not None and probe.audio.codec not in limits.audio_codecs,
            "codec-not-allowed",
        ),
        (probe.video.width * probe.video.height > limits.max_pixels, "resolution-too-large"),
        (probe.duration_ms < limits.min_duration_ms, "too-short"),
        (probe.duration_ms > limits.max_duration_ms, "too-long"),
    )
    for broken, code in problems:
        if broken:
            raise MediaRejected(code)
