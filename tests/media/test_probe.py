"""Probing real files, whole, broken and hostile."""

from __future__ import annotations

import stat
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from media import probe as probing
from media import running as supervision
from media.binaries import Pair, locate, version
from media.errors import MESSAGES, MediaRejected
from media.probe import probe
from media.running import Run


def refusal(path: Path) -> str:
    with pytest.raises(MediaRejected) as refused:
        probe(path)
    assert refused.value.message == MESSAGES[refused.value.code]
    return refused.value.code


@pytest.mark.parametrize("ending", ["mp4", "mov", "mkv", "avi", "ts", "flv"])
def test_a_whole_video_is_read_from_every_allowed_container(samples: Any, ending: str) -> None:
    """The length is right to a tenth of a second; picture and sound are found."""
    found = probe(samples.copied(f"lecture-copy.{ending}"))
    assert found.duration_ms == pytest.approx(6000, abs=100)
    assert (found.video.codec, found.video.width, found.video.height) == ("h264", 320, 180)
    assert found.video.fps == 25
    assert found.audio is not None
    assert found.audio.codec == "aac"
    assert found.stream_count == 2


def test_the_container_is_told_by_content_not_by_name(samples: Any) -> None:
    """A Matroska file named .mp4 is a Matroska file."""
    renamed = samples.written("renamed.mp4", samples.copied("lecture-copy.mkv").read_bytes())
    assert "matroska" in probe(renamed).container


def test_a_lecture_without_sound_is_a_video(samples: Any) -> None:
    assert probe(samples.silent()).audio is None


def test_a_phone_video_stands_upright(samples: Any) -> None:
    """Stored 320 × 180 with a turn of 90°, seen 180 × 320."""
    video = probe(samples.phone()).video
    assert video.rotation == 90
    assert video.upright == (180, 320)


def test_wide_pixels_count_in_what_a_viewer_sees(samples: Any) -> None:
    """Recordings of television have pixels wider than high."""
    path = samples.lecture("television.mp4", "-vf", "setsar=16/11", size="176x144", seconds=2)
    assert probe(path).video.upright == (256, 144)


def test_a_screen_recording_counts_by_its_base_rate(samples: Any) -> None:
    """Frames come only where something moves: the average rate would make them jerk."""
    assert probe(samples.screen()).video.fps == 25


def test_a_late_first_timestamp_is_not_length(samples: Any) -> None:
    """A piece of a running broadcast starts at ten hours and lasts six seconds."""
    path = samples.copied("broadcast.ts", "-output_ts_offset", "36000")
    assert probe(path).duration_ms == pytest.approx(6000, abs=100)


def test_a_recording_without_a_stated_length_is_measured(samples: Any) -> None:
    """Browsers record WebM as a stream, with no length in its header."""
    path = samples.copied("stream.mkv", "-live", "1", "-f", "matroska")
    assert probe(path).duration_ms == pytest.approx(6000, abs=100)


def test_the_cover_of_a_song_is_not_a_video(samples: Any) -> None:
    """Sound with a picture on the sleeve has no video."""
    cover = samples.folder / "cover.jpg"
    samples.make(cover, "-f", "lavfi", "-i", "testsrc2=size=64x64", "-frames:v", "1")
    song = samples.folder / "song.m4a"
    sound = samples.lecture("tone.m4a", picture=False)
    inputs = ("-i", str(sound), "-i", str(cover), "-map", "0:a", "-map", "1:v", "-c", "copy")
    samples.make(song, *inputs, "-disposition:v:0", "attached_pic")
    assert refusal(song) == "no-video-stream"


def test_sound_alone_is_refused(samples: Any) -> None:
    assert refusal(samples.lecture("tone.mp4", picture=False)) == "no-video-stream"


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "empty"),
        ("这是一份讲义，不是视频。".encode() * 50, "not-a-video"),
        (bytes(range(256)) * 400, "not-a-video"),
        (b"PK\x03\x04" + bytes(500), "not-a-video"),
        (b"\x00\x00\x00\x20ftypisom" + bytes(20), "truncated"),
    ],
    ids=["nothing", "text", "bytes", "archive", "only a head"],
)
def test_other_files_with_the_name_of_a_video_are_refused(
    samples: Any, content: bytes, code: str
) -> None:
    assert refusal(samples.written("other.mp4", content)) == code


PLAYLIST = b"#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n"
SESSION = (
    b"v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 5000 RTP/AVP 96\n"
)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("hls.mp4", PLAYLIST),
        ("hls.m3u8", PLAYLIST),
        ("concat.mp4", b"ffconcat version 1.0\nfile lecture.mp4\n"),
        ("session.mp4", SESSION),
        ("subtitle.mp4", b"1\n00:00:01,000 --> 00:00:02,000\nhello\n"),
        ("still-%03d.png", b"\x89PNG\r\n\x1a\n" + bytes(100)),
    ],
)
def test_nothing_that_names_other_files_is_opened(samples: Any, name: str, content: bytes) -> None:
    """Playlists, scripts and sessions may make FFmpeg read the server's files or the network."""
    samples.lecture()
    assert refusal(samples.written(name, content)) in ("not-a-video", "container-not-allowed")


@pytest.mark.parametrize("part", [0.1, 0.5, 0.8])
def test_a_video_without_its_index_is_incomplete(samples: Any, part: float) -> None:
    """Cameras write the index last: a copy that broke off has none."""
    assert refusal(samples.cut(samples.lecture(), part)) == "truncated"


@pytest.mark.parametrize("part", [0.2, 0.5, 0.8])
@pytest.mark.parametrize("ending", ["mp4", "mkv"])
def test_a_video_whose_index_promises_more_is_incomplete(
    samples: Any, ending: str, part: float
) -> None:
    """The header is whole and tells the full length, the packets are not all there."""
    whole = samples.copied(f"front.{ending}", "-movflags", "+faststart")
    assert refusal(samples.cut(whole, part)) == "truncated"


def test_a_long_video_that_was_cut_is_incomplete(samples: Any) -> None:
    """Half an hour missing from ten is noticed without reading ten hours."""
    whole = samples.copied(
        "long-front.mp4", "-an", "-movflags", "+faststart", before=("-itsscale", "6000")
    )
    assert refusal(samples.cut(whole, 0.95)) == "truncated"


def test_hours_are_probed_quickly(samples: Any) -> None:
    path = samples.hours(10)
    started = time.monotonic()
    found = probe(path)
    assert found.duration_ms == pytest.approx(36_000_000, rel=0.01)
    assert time.monotonic() - started < 5


def test_a_prober_that_hangs_is_ended(
    samples: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file made to keep FFprobe busy costs the time limit and no more."""
    hanging = tmp_path / "ffprobe"
    hanging.write_text("#!/bin/sh\nsleep 60\n")
    hanging.chmod(stat.S_IRWXU)
    monkeypatch.setattr(probing, "ffprobe", lambda: str(hanging))
    started = []

    class Noted(Run):
        def __init__(self, process: subprocess.Popen[bytes]) -> None:
            super().__init__(process)
            started.append(process.pid)

    monkeypatch.setattr(supervision, "Run", Noted)
    with pytest.raises(MediaRejected) as refused:
        probe(samples.lecture(), timeout_s=0.5)
    assert refused.value.code == "probe-timeout"
    assert [Path(f"/proc/{pid}").exists() for pid in started] == [False]


def test_an_ffmpeg_without_h264_is_passed_over(tmp_path: Path) -> None:
    """Some distributions leave x264 out: the wheel's build is used instead, both of its programs."""
    for name in ("ffmpeg", "ffprobe"):
        (tmp_path / name).write_text("#!/bin/sh\necho no encoders\n")
        (tmp_path / name).chmod(stat.S_IRWXU)
    pair = locate(path=str(tmp_path))
    assert isinstance(pair, Pair)
    assert str(tmp_path) not in pair.ffmpeg + pair.ffprobe
    assert version().startswith("ffmpeg version")
