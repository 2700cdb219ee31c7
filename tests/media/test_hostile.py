"""Files that would rather do something else than be shown."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from media import binaries, probe
from media.errors import MediaRejected
from media.running import running
from zhixin import sandbox

UNGUARDED = (
    "-protocol_whitelist", "file,http,tcp,concat,crypto,data", "-allowed_extensions", "ALL",
    "-extension_picky", "0",
)  # fmt: skip
PLAYLIST = """#EXTM3U
#EXT-X-TARGETDURATION:10
#EXTINF:10,
{address}
#EXT-X-ENDLIST
"""


def _ffmpeg(folder: Path, *arguments: str, reads: tuple[Path, ...] = ()) -> tuple[int, str]:
    """FFmpeg without any of our guards: what the sandbox alone is worth."""
    command = [binaries.ffmpeg(), "-v", "error", "-nostdin", "-y", *arguments]
    with running(command, folder=folder, reads=reads) as run:
        for _ in run.lines(time.monotonic() + 30):
            pass
        return run.process.returncode, run.errors()


def _visited(server: socket.socket) -> bool:
    try:
        server.accept()[0].close()
    except TimeoutError:
        return False
    return True


def test_a_playlist_in_a_videos_clothes_calls_nobody(tmp_path: Path) -> None:
    """It names a server on this machine. The guards refuse it; FFmpeg without them would go there
    (the control); FFmpeg without them in the sandbox does not get there."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.5)
        path = tmp_path / "video.mp4"
        address = f"http://127.0.0.1:{server.getsockname()[1]}/segment.ts"
        path.write_text(PLAYLIST.format(address=address))
        with pytest.raises(MediaRejected):
            probe.probe(path)
        assert not _visited(server)
        unguarded = [*UNGUARDED, "-f", "hls", "-i", f"file:{path}", "-f", "null", "-"]
        with subprocess.Popen(
            [binaries.ffmpeg(), "-nostdin", *unguarded], stderr=subprocess.DEVNULL
        ) as control:
            assert _visited(server)
            control.kill()
        if sandbox.layers().whole:
            assert _ffmpeg(tmp_path, *unguarded)[0] != 0
            assert not _visited(server)


@pytest.mark.parametrize("name", ["video.mp4", "video.mkv"])
def test_a_playlist_in_a_videos_clothes_reads_nothing(tmp_path: Path, name: str) -> None:
    """Neither an HLS playlist nor a concat script gets another file read."""
    path = tmp_path / name
    path.write_text(
        PLAYLIST.format(address="file:///etc/passwd")
        if name == "video.mp4"
        else "ffconcat version 1.0\nfile 'file:///etc/passwd'\n"
    )
    with pytest.raises(MediaRejected):
        probe.probe(path)


def test_what_takes_over_the_tool_reads_no_other_file(tmp_path: Path) -> None:
    """FFmpeg told to copy the system's accounts does so (the control), but not in the sandbox."""
    steal = ["-f", "data", "-i", "/etc/passwd", "-map", "0", "-c", "copy", "-f", "data"]
    stolen = tmp_path / "stolen"
    subprocess.run(
        [binaries.ffmpeg(), "-v", "error", *steal, stolen], check=True, stdin=subprocess.DEVNULL
    )
    assert stolen.read_text().startswith("root:")
    stolen.unlink()
    if not sandbox.layers().files:
        pytest.skip("without Landlock")
    code, log = _ffmpeg(tmp_path, *steal, "stolen")
    assert code != 0
    assert "Permission denied" in log
    assert not stolen.exists()


def test_a_tool_reads_its_source_and_not_its_neighbours(tmp_path: Path, samples: Any) -> None:
    """Another author's video beside it stays closed."""
    if not sandbox.layers().files:
        pytest.skip("without Landlock")
    folder = tmp_path / "scratch"
    folder.mkdir()
    lecture = samples.lecture()
    assert _ffmpeg(folder, "-i", f"file:{lecture}", "-c", "copy", "-t", "1", "own.mp4")[0] == 0
    code, log = _ffmpeg(folder, "-i", str(lecture), "-c", "copy", "-t", "1", "other.mp4")
    assert code != 0
    assert "Permission denied" in log
    code, log = _ffmpeg(folder, "-i", f"file:{lecture}", "-c", "copy", str(tmp_path / "out.mp4"))
    assert code != 0
    assert "Permission denied" in log


def test_a_video_that_is_a_link_is_not_followed(tmp_path: Path, samples: Any) -> None:
    (tmp_path / "source").symlink_to(samples.lecture())
    with (
        pytest.raises(ValueError, match="symbolic link"),
        running([binaries.ffprobe(), f"file:{tmp_path / 'source'}"]),
    ):
        pass


def test_a_picture_of_gigabytes_ends_only_its_own_process(tmp_path: Path) -> None:
    """Frames that explode in memory: refused by the allocator, long before the machine ends."""
    grow = [
        binaries.ffmpeg(), "-v", "error", "-f", "lavfi", "-i", "color=size=8000x8000:rate=1",
        "-frames:v", "1", "-f", "null", "-",
    ]  # fmt: skip
    told = []
    for bounds in (sandbox.Bounds(), sandbox.Bounds(memory_bytes=64 << 20)):
        with running(grow, folder=tmp_path, bounds=bounds) as run:
            for _ in run.lines(time.monotonic() + 30):
                pass
            told.append(run.errors())
    assert told[0] == ""
    assert told[1] != ""


def test_an_endless_video_ends_at_its_bounds(tmp_path: Path) -> None:
    """Decoded for ever, it is ended by processor time, file size or the clock, whichever first."""
    endless = [binaries.ffmpeg(), "-v", "error", "-f", "lavfi", "-i", "testsrc2=size=640x360"]
    write = [*endless, "-f", "rawvideo", "-progress", "pipe:1", "out.raw"]
    with running(write, folder=tmp_path, bounds=sandbox.Bounds(file_bytes=8 << 20)) as run:
        for _ in run.lines(time.monotonic() + 30):
            pass
        assert run.process.returncode != 0
    assert (tmp_path / "out.raw").stat().st_size <= 8 << 20
    burn = [*endless, "-c:v", "libx264", "-f", "null", "-"]
    with running(burn, folder=tmp_path, bounds=sandbox.Bounds(cpu_s=1)) as run:
        for _ in run.lines(time.monotonic() + 30):
            pass
        assert run.process.returncode in (-signal.SIGXCPU, -signal.SIGKILL)


def test_a_tool_that_stands_still_is_ended(tmp_path: Path) -> None:
    """Stopped or hanging, it is gone when its time is over."""
    command = [binaries.ffmpeg(), "-v", "error", "-re", "-f", "lavfi", "-i", "testsrc2", "-progress", "pipe:1", "-f", "null", "-"]  # fmt: skip
    with running(command, folder=tmp_path) as run:
        lines = run.lines(time.monotonic() + 1.5)
        next(lines)
        os.kill(run.process.pid, signal.SIGSTOP)
        with pytest.raises(TimeoutError):
            for _ in lines:
                pass
        pid = run.process.pid
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
