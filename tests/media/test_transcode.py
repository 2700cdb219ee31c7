"""One FFmpeg run, from a source to files that a player can play."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from media import packaging
from media import transcode as transcoding
from media.binaries import ffmpeg, ffprobe
from media.errors import MediaRejected, TranscodeFailed
from media.packaging import LISTEN, PREVIEWS
from media.probe import probe
from media.renditions import Plan, Span, plan
from media.streaming import SERVED
from media.transcode import MASTER, POSTER, Transcoded, finish, piece, sound, transcode


def make(
    source: Path,
    target: Path,
    *,
    planned: Plan | None = None,
    on_progress: Callable[[float], None] = lambda percent: None,
    timeout_s: float = 60,
    cancelled: Callable[[], bool] = lambda: False,
) -> Transcoded:
    found = probe(source)
    return transcode(
        source,
        target,
        found,
        planned or plan(found),
        on_progress=on_progress,
        timeout_s=timeout_s,
        cancelled=cancelled,
    )


def facts(path: Path, *questions: str) -> dict[str, Any]:
    """What FFprobe says of a playlist or a picture."""
    command = [ffprobe(), "-v", "error", "-of", "json", *questions, str(path)]
    answer = subprocess.run(command, check=True, capture_output=True, timeout=60)
    found: dict[str, Any] = json.loads(answer.stdout)
    return found


def processes(word: Path) -> list[int]:
    """Living processes whose command names ``word`` or that work below it."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            words = (entry / "cmdline").read_bytes().decode(errors="replace")
            folder = os.readlink(entry / "cwd")
            state = (entry / "stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            continue
        ours = str(word) in words or Path(folder).is_relative_to(word)
        if ours and state != "Z" and int(entry.name) != os.getpid():
            found.append(int(entry.name))
    return found


@pytest.fixture(scope="module")
def busy(samples: Any) -> Path:
    """A video that takes far longer to transcode than any test waits."""
    path: Path = samples.copied(
        "busy.mp4", "-movflags", "+faststart", before=("-stream_loop", "200")
    )
    return path


@pytest.fixture(scope="module")
def made(
    samples: Any, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, Transcoded, list[float]]:
    """A 720p lecture: folder, what was made, the progress told."""
    source = samples.lecture(
        "hd.mp4", "-metadata", "location=+31.29+121.50/", size="1280x720", rate="30000/1001"
    )
    folder = tmp_path_factory.mktemp("made") / "100%v"  # FFmpeg has its own use for % in names
    told: list[float] = []
    return folder, make(source, folder, on_progress=told.append), told


Made = tuple[Path, Transcoded, list[float]]


def test_progress_rises_to_one_hundred(made: Made) -> None:
    _, _, told = made
    assert told == sorted(set(told))
    assert told[-1] == 100


def test_every_file_is_there_with_its_size(made: Made) -> None:
    """What the playlists name is listed, and all that is listed is there."""
    folder, result, _ = made
    assert {name: (folder / name).stat().st_size for name in result.files} == result.files
    expected = {
        MASTER,
        POSTER,
        PREVIEWS,
        "t000.jpg",
        *(f"{n}/index.m3u8" for n in ("v0", "v1", "a0")),
    }
    assert expected < set(result.files)
    for name in ("v0", "v1", "a0"):
        playlist = (folder / name / "index.m3u8").read_text()
        named = [line for line in playlist.splitlines() if line.endswith(".m4s")]
        assert len(named) == len(result.segments_ms)
        assert {f"{name}/{segment}" for segment in named} < set(result.files)
    assert all(SERVED.fullmatch(name) for name in set(result.files) - {POSTER})


def test_the_master_playlist_names_each_rendition(made: Made) -> None:
    """A player chooses by size, rate and codecs."""
    folder, _, _ = made
    master = (folder / MASTER).read_text()
    assert "RESOLUTION=1280x720" in master
    assert "RESOLUTION=640x360" in master
    assert master.count("mp4a.40.2") == 2
    assert "v0/index.m3u8" in master
    assert "/tmp" not in master


def test_renditions_are_cut_at_the_same_places(made: Made) -> None:
    """Each segment starts with a key frame, so a player may change at any of them."""
    folder, result, _ = made
    durations = [
        [line for line in (folder / f"v{i}" / "index.m3u8").read_text().splitlines() if "EXTINF" in line]
        for i in range(2)
    ]  # fmt: skip
    assert durations[0] == durations[1]
    assert "#EXT-X-INDEPENDENT-SEGMENTS" in (folder / "v0" / "index.m3u8").read_text()
    assert "#EXT-X-PLAYLIST-TYPE:VOD" in (folder / "v0" / "index.m3u8").read_text()
    assert result.segments_ms[0] == pytest.approx(4004, abs=2)
    assert sum(result.segments_ms) == result.duration_ms == pytest.approx(6000, abs=100)


def frames(playlist: Path) -> list[tuple[str, str]]:
    """Each frame's time and content, in order."""
    command = [ffmpeg(), "-v", "error", "-i", str(playlist), "-copyts", "-f", "framemd5", "-"]
    answer = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60)
    fields = [line.split(",") for line in answer.stdout.splitlines() if not line.startswith("#")]
    return [(field[2].strip(), field[5].strip()) for field in fields]


def likeness(one: Path, other: Path) -> float:
    """Of the two frames that are least alike, dB; a frame beside its place has about 25."""
    command = [ffmpeg(), "-v", "info", "-nostats", "-i", str(one / "v0" / "index.m3u8"), "-i", str(other / "v0" / "index.m3u8"), "-lavfi", "psnr", "-f", "null", "-"]  # fmt: skip
    said = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stderr
    found = re.search(r"min:([\d.]+)", said)
    assert found, said
    return float(found[1])


def test_the_sound_is_cut_where_the_pictures_are(made: Made) -> None:
    """A segment's number means the same moment in all: evidence counts by it."""
    folder, _, _ = made
    at = {name: [0.0] for name in ("v0", "a0")}
    for name, starts in at.items():
        for _, length in packaging.segments(folder / name / "index.m3u8"):
            starts.append(starts[-1] + length)
    assert len(at["v0"]) == len(at["a0"]) == 3
    assert at["a0"] == pytest.approx(at["v0"], abs=0.15)
    assert "#EXT-X-MEDIA:TYPE=AUDIO" in (folder / MASTER).read_text()
    assert "v0" not in (folder / LISTEN).read_text()


@pytest.mark.parametrize("rate", ["30000/1001", "25"])
def test_pieces_join_without_a_seam(samples: Any, tmp_path: Path, rate: str) -> None:
    """Cut at any segments, made in any order, the frames are those of the whole, none twice and
    none lost; only the encoder's own state may differ at a seam."""
    source = samples.lecture(f"pieces-{rate[:2]}.mp4", "-g", "70", rate=rate, seconds=13)
    found = probe(source)
    planned = plan(found)
    quiet: Any = {"on_progress": lambda percent: None, "timeout_s": 60, "cancelled": lambda: False}
    whole = transcode(source, tmp_path / "whole", found, planned, **quiet)
    spans = [Span(0, 1), Span(1, 3), Span(3)]
    folders = [tmp_path / f"piece-{span.first}" for span in spans]
    for span, folder in reversed([*zip(spans, folders, strict=True)]):
        piece(source, folder, found, planned, span, **quiet)
    sound(source, tmp_path / "joined", found, planned, **quiet)
    packaging.join(folders, tmp_path / "joined", planned)
    joined = finish(tmp_path / "joined", found, planned)
    assert joined.segments_ms == whole.segments_ms
    names = set(whole.files) | set(joined.files)
    assert {n for n in names if not n.endswith(".jpg")} == {
        n for n in joined.files if not n.endswith(".jpg")
    }
    one, other = (frames(tmp_path / name / "v0" / "index.m3u8") for name in ("whole", "joined"))
    assert [at for at, _ in one] == [at for at, _ in other]
    assert len({at for at, _ in other}) == len(other) == pytest.approx(13 * found.video.fps, abs=1)
    half = planned.keyint // 2  # the same settings: to the bit, until the encoder looks ahead
    assert one[:half] == other[:half]
    assert likeness(tmp_path / "whole", tmp_path / "joined") > 35


def test_what_is_made_plays_in_browsers(made: Made) -> None:
    """H.264 Main in yuv420p, AAC in stereo."""
    folder, _, _ = made
    picture = facts(folder / "v0" / "index.m3u8", "-show_streams")["streams"][0]
    sound = facts(folder / "a0" / "index.m3u8", "-show_streams")["streams"][0]
    assert (picture["codec_name"], picture["profile"]) == ("h264", "Main")
    assert picture["pix_fmt"] == "yuv420p"
    assert (sound["codec_name"], sound["channels"]) == ("aac", 2)


def test_where_a_video_was_taken_is_not_published(made: Made) -> None:
    """Phones write the place into the file."""
    folder, _, _ = made
    for path in folder.rglob("*"):
        assert path.is_dir() or b"+31.29" not in path.read_bytes()


def test_the_poster_is_a_picture_of_the_lecture(made: Made) -> None:
    folder, _, _ = made
    assert (folder / POSTER).read_bytes().startswith(b"\xff\xd8")
    stream = facts(folder / POSTER, "-show_streams")["streams"][0]
    assert (stream["width"], stream["height"]) == (1280, 720)


@pytest.mark.parametrize(
    ("name", "size", "audible"),
    [
        ("silent", (320, 180), False),
        ("phone", (180, 320), True),
        ("odd", (320, 180), True),
        ("screen", (320, 180), True),
        ("television", (256, 144), True),
        ("deep", (320, 180), True),
        ("small", (16, 16), True),
        ("slow", (320, 180), True),
    ],
)
def test_unusual_videos(
    samples: Any, tmp_path: Path, name: str, size: tuple[int, int], audible: bool
) -> None:
    """Without sound, turned, odd-sized, of varying rate, wide pixels, ten bits, tiny, slides."""
    sources: dict[str, Callable[[], Path]] = {
        "silent": samples.silent,
        "phone": samples.phone,
        "odd": lambda: samples.lecture("odd.mp4", size="321x181", pixels="yuv444p"),
        "screen": samples.screen,
        "television": lambda: samples.lecture("tv.mp4", "-vf", "setsar=16/11", size="176x144"),
        "deep": lambda: samples.lecture("deep.mp4", pixels="yuv420p10le"),
        "small": lambda: samples.lecture("small.mp4", size="16x16"),
        "slow": lambda: samples.lecture("slow.mp4", rate="1/2", seconds=12),
    }
    source = sources[name]()
    result = make(source, tmp_path)
    assert (result.width, result.height) == size
    assert (tmp_path / "a0").exists() == audible
    picture = facts(tmp_path / "v0" / "index.m3u8", "-show_streams")["streams"][0]
    assert (picture["width"], picture["height"]) == size
    assert "side_data_list" not in picture, "turned once, not again by the player"
    assert result.duration_ms == pytest.approx(probe(source).duration_ms, rel=0.05)


def test_a_cover_before_the_picture_is_not_taken_for_it(samples: Any, tmp_path: Path) -> None:
    """What was checked is what is published."""
    cover = samples.folder / "sleeve.jpg"
    samples.make(cover, "-f", "lavfi", "-i", "testsrc2=size=64x64", "-frames:v", "1")
    source = samples.copied(
        "sleeve.mp4", "-map", "0:v", "-map", "1:v", "-map", "1:a", "-disposition:v:0",
        "attached_pic", before=("-i", str(cover)),
    )  # fmt: skip
    result = make(source, tmp_path)
    assert (result.width, result.height) == (320, 180)
    assert result.duration_ms == pytest.approx(6000, abs=200)


def test_a_video_broken_inside_is_refused(samples: Any, tmp_path: Path) -> None:
    """Head, index and tail are whole, but most of the middle was overwritten."""
    content = bytearray(samples.copied("front.mp4", "-movflags", "+faststart").read_bytes())
    at = content.index(b"mdat") + 2000
    content[at : len(content) - 20_000] = bytes(len(content) - 20_000 - at)
    source = samples.written("hole.mp4", bytes(content))
    with pytest.raises(MediaRejected) as refused:
        make(source, tmp_path)
    assert refused.value.code == "truncated"


def test_a_video_that_decodes_to_less_than_it_promises_is_refused(
    samples: Any, tmp_path: Path
) -> None:
    """Learners would be asked to watch more than there is."""
    found = replace(probe(samples.lecture()), duration_ms=10_000)
    with pytest.raises(MediaRejected) as refused:
        transcode(
            samples.lecture(), tmp_path, found, plan(found), on_progress=lambda percent: None,
            timeout_s=60, cancelled=lambda: False,
        )  # fmt: skip
    assert refused.value.code == "truncated"


def test_cancelling_ends_ffmpeg(busy: Path, tmp_path: Path) -> None:
    """Asked about once a second; nothing goes on in the background."""
    asked: list[bool] = []

    def cancelled() -> bool:
        asked.append(bool(processes(tmp_path)))
        return True

    with pytest.raises(TranscodeFailed) as failed:
        make(busy, tmp_path, cancelled=cancelled)
    assert failed.value.code == "cancelled"
    assert asked == [True], "it was running when asked"
    assert not processes(tmp_path)


def test_a_run_that_takes_too_long_is_ended(busy: Path, tmp_path: Path) -> None:
    started = time.monotonic()
    with pytest.raises(TranscodeFailed) as failed:
        make(busy, tmp_path, timeout_s=1)
    assert failed.value.code == "transcode-timeout"
    assert time.monotonic() - started < 15
    assert not processes(tmp_path)


def test_an_error_of_the_caller_ends_ffmpeg(busy: Path, tmp_path: Path) -> None:
    """The database may go away while progress is written."""

    def broken(percent: float) -> None:
        raise ConnectionError

    with pytest.raises(ConnectionError):
        make(busy, tmp_path, on_progress=broken)
    assert not processes(tmp_path)


def test_a_killed_worker_leaves_no_ffmpeg_and_nothing_published(busy: Path, tmp_path: Path) -> None:
    """Killed outright, a worker cannot clean up: its FFmpeg dies with it."""
    script = """
import sys
from pathlib import Path
from media.probe import probe
from media.renditions import plan
from media.transcode import publish, transcode
source, target, final = map(Path, sys.argv[1:])
found = probe(source)
transcode(source, target, found, plan(found), on_progress=lambda p: print(p, flush=True),
          timeout_s=60, cancelled=lambda: False)
publish(target, final)
"""
    target, final = tmp_path / "making", tmp_path / "final"
    worker = subprocess.Popen(
        [sys.executable, "-c", script, str(busy), str(target), str(final)],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    with worker:
        assert worker.stdout is not None
        assert worker.stdout.readline(), "FFmpeg is at work"
        assert len(processes(tmp_path)) == 2
        worker.send_signal(signal.SIGKILL)
    deadline = time.monotonic() + 5
    while processes(tmp_path) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not processes(tmp_path)
    assert target.exists()
    assert not final.exists()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system with room for a few segments."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounting = ["mount", "-t", "tmpfs", "-o", "size=33m", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mounting, capture_output=True).returncode != 0:
        pytest.skip("mounting needs root")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk_is_told_as_such(busy: Path, small_disk: Path) -> None:
    """Not the author's fault: it is tried again when there is room."""
    started = time.monotonic()
    with pytest.raises(TranscodeFailed) as failed:
        make(busy, small_disk)
    assert failed.value.code == "disk-full"
    assert time.monotonic() - started < 30, "not worked on to the end"
    assert not processes(small_disk)


def test_a_disk_that_was_full_at_the_end_is_told_as_such(
    samples: Any, small_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """FFmpeg itself says nothing: the cut pieces and the disk do."""
    monkeypatch.setattr(transcoding, "ASK_EVERY_S", 60)
    (small_disk / "others").write_bytes(bytes(33 * 2**20 - 100_000))
    with pytest.raises(TranscodeFailed) as failed:
        make(samples.lecture(), small_disk / "making")
    assert failed.value.code == "disk-full"


def test_a_file_size_limit_is_told_as_a_full_disk(
    busy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A quota for the service ends like a full disk, and needs no root to show."""
    command = transcoding.command

    def limited(*arguments: Any) -> list[str]:
        return ["sh", "-c", 'ulimit -f 100; exec "$@"', "sh", *command(*arguments)]

    monkeypatch.setattr(transcoding, "command", limited)
    with pytest.raises(TranscodeFailed) as failed:
        make(busy, tmp_path)
    assert failed.value.code == "disk-full"


def test_a_failure_keeps_the_last_words_for_the_operator(
    samples: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The author reads one sentence, the operator FFmpeg's own, within bounds."""
    complaint = ["sh", "-c", "for i in $(seq 9999); do echo complaint $i >&2; done; exit 1"]
    monkeypatch.setattr(transcoding, "command", lambda *arguments: complaint)
    with pytest.raises(TranscodeFailed) as failed:
        make(samples.lecture(), tmp_path)
    assert failed.value.code == "transcode-failed"
    assert "complaint 9999" in failed.value.facts["log"]
    assert len(failed.value.facts["log"]) <= 2000


@pytest.mark.parametrize(
    ("harm", "named"),
    [
        ("rm v0/s00000.m4s", "v0/s00000.m4s"),
        ("truncate -s -1 v0/s00001.m4s", "v0/s00001.m4s"),
        ("truncate -s 0 v0/init*.mp4", "v0/init"),
        ("truncate -s -20 v0/index.m3u8", "v0/index.m3u8"),
        ("truncate -s -1 sound.mp4", "sound.mp4"),
        ("rm poster.jpg", "poster.jpg"),
    ],
)
def test_what_is_missing_or_cut_is_noticed(
    samples: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, harm: str, named: str
) -> None:
    """FFmpeg does not notice failed writes; READY is said of whole files only."""
    command = transcoding.command

    def careless(*arguments: Any) -> list[str]:
        return ["sh", "-c", f'"$@" && {harm}', "sh", *command(*arguments)]

    monkeypatch.setattr(transcoding, "command", careless)
    with pytest.raises(TranscodeFailed) as failed:
        make(samples.lecture(), tmp_path)
    assert failed.value.code == "transcode-failed"
    assert named in failed.value.facts["log"]
