"""The platform's transcode against one hand-written FFmpeg command for the same renditions."""

from __future__ import annotations

import resource
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from bench.report import Comparison
from media import probe, renditions, transcode
from media.binaries import ffmpeg

SECONDS = 60


def measure() -> Iterator[Comparison]:
    found = Comparison(
        f"Transcoding {SECONDS} s of 1280×720 into HLS (720p and 360p)",
        ["", "wall s", "CPU s", "MiB", "ratio of wall"],
        note="The platform also checks the file before and the renditions after, and makes a poster.",
    )
    with tempfile.TemporaryDirectory() as folder:
        source, hand, ours = (Path(folder) / name for name in ("source.mp4", "hand", "ours"))
        _film(source)
        by_hand = _timed(partial(_by_hand, source, hand))
        platform = _timed(partial(_ours, source, ours))
        found.rows += [
            _row("one ffmpeg command by hand", by_hand, by_hand, hand),
            _row("platform", platform, by_hand, ours),
        ]
    yield found


def _row(
    name: str, took: tuple[float, float], yardstick: tuple[float, float], made: Path
) -> list[str]:
    size = sum(path.stat().st_size for path in made.rglob("*") if path.is_file())
    return [
        name, f"{took[0]:.1f}", f"{took[1]:.1f}", f"{size / 1024**2:.1f}", f"{took[0] / yardstick[0]:.2f}",
    ]  # fmt: skip


def _timed(act: Callable[[], None]) -> tuple[float, float]:
    """Wall seconds, and CPU seconds of this process and of those it waited for."""

    def spent() -> float:
        whose = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
        return sum(use.ru_utime + use.ru_stime for use in map(resource.getrusage, whose))

    started, before = time.perf_counter(), spent()
    act()
    return time.perf_counter() - started, spent() - before


def _film(target: Path) -> None:
    subprocess.run(
        [
            ffmpeg(), "-v", "error", "-f", "lavfi", "-i", f"testsrc2=s=1280x720:r=25:d={SECONDS}",
            "-f", "lavfi", "-i", f"sine=440:d={SECONDS}", "-c:v", "libx264", "-preset", "ultrafast",
            "-c:a", "aac", str(target),
        ],
        check=True,
    )  # fmt: skip


def _ours(source: Path, target: Path) -> None:
    known = probe.probe(source)
    transcode.transcode(
        source,
        target,
        known,
        renditions.plan(known),
        on_progress=lambda _percent: None,
        timeout_s=600,
        cancelled=lambda: False,
    )


def _by_hand(source: Path, target: Path) -> None:
    for name in ("v0", "v1"):
        (target / name).mkdir(parents=True)
    subprocess.run(
        [
            ffmpeg(), "-v", "error", "-nostdin", "-i", str(source),
            "-filter_complex", "[0:v]split=2[a][b];[a]format=yuv420p[v0];[b]scale=640:360,format=yuv420p[v1]",
            "-map", "[v0]", "-map", "[v1]", "-map", "0:a", "-map", "0:a",
            "-c:v", "libx264", "-preset", "veryfast", "-profile:v", "main", "-crf", "24", "-sc_threshold", "0",
            "-g", "100", "-keyint_min", "100", "-maxrate:v:0", "1500k", "-bufsize:v:0", "3000k",
            "-maxrate:v:1", "500k", "-bufsize:v:1", "1000k",
            "-c:a", "aac", "-b:a", "96k", "-ac", "2", "-ar", "48000",
            "-f", "hls", "-hls_time", "4", "-hls_playlist_type", "vod", "-hls_flags", "independent_segments",
            "-hls_segment_type", "fmp4", "-master_pl_name", "master.m3u8",
            "-hls_segment_filename", str(target / "v%v" / "s%05d.m4s"),
            "-var_stream_map", "v:0,a:0 v:1,a:1", str(target / "v%v" / "index.m3u8"),
        ],
        check=True,
    )  # fmt: skip
