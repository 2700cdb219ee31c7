"""The platform's work on a video against one FFmpeg command by hand: the whole ladder, and a source
that is taken over as it is."""

from __future__ import annotations

import hashlib
import os
import resource
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from bench.report import Comparison
from media import analysis, copying, probe, renditions, transcode
from media.binaries import ffmpeg
from media.keeping import Keeper
from zhixin import sandbox

#: BENCH_SECONDS=600 is a lecture of ten minutes: about half an hour of work on two cores.
SECONDS = max(61, int(os.environ.get("BENCH_SECONDS", "120")))
#: What takes a second or two is done so often, and the quickest counts.
TIMES = max(1, int(os.environ.get("BENCH_TIMES", "3")))
MINUTE_S = 60
COLUMNS = ["", "wall s", "CPU s", "MiB", "ratio of wall"]


def measure() -> Iterator[Comparison]:
    with _source() as (source, folder):
        hand, ours = folder / "hand", folder / "ours"
        by_hand = _timed(partial(_by_hand, source, hand))
        platform = _timed(partial(_ours, source, ours))
        yield Comparison(
            f"Transcoding {SECONDS} s of 1920×1080 into HLS (1080p, 720p and 360p)",
            COLUMNS,
            [
                _row("one ffmpeg command by hand", by_hand, by_hand, hand),
                _row("platform", platform, by_hand, ours),
            ],
            note="The platform also probes the file, looks at it, measures its loudness, looks for"
            " black and frozen stretches, checks the renditions, and makes a poster and hover"
            " previews. Both run at the platform's low priority.",
        )


def measure_refining() -> Iterator[Comparison]:
    with _source() as (source, folder):
        rest = folder / "rest"
        refined = _timed(partial(_refine, source, rest))
        yield Comparison(
            f"What is done after READY of {SECONDS} s of conforming 1920×1080, while it is played",
            COLUMNS,
            [_row("platform: 720p, 360p, previews, loudness", refined, refined, rest)],
        )


def measure_copying() -> Iterator[Comparison]:
    with _source() as (source, folder):
        hand, durable, ours, kept = (
            folder / name for name in ("copied", "durable", "over", "kept")
        )
        known = probe.probe(source)
        by_hand, by_hand_kept, taken, job = _quickest(
            (partial(_copy_by_hand, source, hand), hand),
            (partial(_kept_by_hand, source, durable), durable),
            (partial(_taken, source, ours, known), ours),
            (partial(_job, source, folder / "making", kept), kept),
        )
        yield Comparison(
            f"Taking over {SECONDS} s of conforming 1920×1080 (H.264, AAC), against ffmpeg -c copy to HLS",
            COLUMNS,
            [
                _row("ffmpeg -c copy by hand", by_hand, by_hand, hand),
                _row("the same, hashed beside it and written for good", by_hand_kept, by_hand, durable),
                _row("platform: taking over", taken, by_hand, ours),
                _row("platform: all from the file to READY, without its row", job, by_hand, kept),
            ],
            note=f"The quickest of {TIMES}. The first row of the platform is what the command by hand"
            " does, and the poster, the sound cut beside the picture, and a look at every segment. The"
            " next adds what the job does before and after: probing, hashing, and writing to disk for"
            " good (fsync).",
        )  # fmt: skip


@contextmanager
def _source() -> Iterator[tuple[Path, Path]]:
    """A source, and the folder that it is in."""
    with tempfile.TemporaryDirectory(dir=os.environ.get("BENCH_DIR")) as folder:
        source = Path(folder) / "source.mp4"
        _film(source)
        yield source, Path(folder)


def _quickest(*acts: tuple[Callable[[], None], Path]) -> list[tuple[float, float]]:
    """Of each, in turns: other load on the machine meets all of them."""
    times: list[list[tuple[float, float]]] = [[] for _ in acts]
    for _ in range(TIMES):
        for each, (act, made) in zip(times, acts, strict=True):
            shutil.rmtree(made, ignore_errors=True)
            each.append(_timed(act))
    return [min(each) for each in times]


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
    """A minute, again and again: what it costs to make is no part of the figures."""
    once, times = target.with_name("minute.mp4"), max(1, round(SECONDS / MINUTE_S))
    each = SECONDS / times
    subprocess.run(
        [
            ffmpeg(), "-v", "error", "-f", "lavfi", "-i", f"testsrc2=s=1920x1080:r=25:d={each}",
            "-f", "lavfi", "-i", f"sine=440:d={each}", "-c:v", "libx264", "-preset", "ultrafast",
            "-g", "50", "-b:v", "2700k", "-maxrate", "2900k", "-bufsize", "2900k",
            "-c:a", "aac", "-ac", "2", "-b:a", "128k", str(once),
        ],
        check=True,
    )  # fmt: skip
    subprocess.run(
        [
            ffmpeg(), "-v", "error", "-stream_loop", str(times - 1), "-i", str(once),
            "-c", "copy", str(target),
        ],
        check=True,
    )  # fmt: skip


#: As the sandbox runs it: beside other work at nice 0 everything else would be another race.
_NICE = ("nice", "-n", str(sandbox.Bounds().nice))


def _copy_by_hand(source: Path, target: Path) -> None:
    for name in ("v0", "v1"):
        (target / name).mkdir(parents=True)
    subprocess.run(
        [
            *_NICE, ffmpeg(), "-v", "error", "-nostdin", "-i", str(source), "-map", "0:v", "-map", "0:a",
            "-c", "copy", "-f", "hls", "-hls_time", "4", "-hls_playlist_type", "vod",
            "-hls_flags", "independent_segments", "-hls_segment_type", "fmp4",
            "-master_pl_name", "master.m3u8", "-hls_segment_filename", str(target / "v%v" / "s%05d.m4s"),
            "-var_stream_map", "v:0,agroup:a a:0,agroup:a", str(target / "v%v" / "index.m3u8"),
        ],
        check=True,
    )  # fmt: skip


def _taken(source: Path, target: Path, known: probe.Probe) -> None:
    assert copying.suits(known), known
    made = copying.take_over(source, target, known, copying.first_plan(known, None), **_QUIET)
    assert made is not None


def _kept_by_hand(source: Path, target: Path) -> None:
    """The same, hashed beside it, and then on disk for good as the platform's is."""
    with ThreadPoolExecutor(1) as beside:
        beside.submit(_hash, source)
        making = target.with_name("kept-by-hand-making")
        _copy_by_hand(source, making)
    transcode.publish(making, target)


def _hash(source: Path) -> None:
    with source.open("rb") as file:
        hashlib.file_digest(file, "sha256")


def _job(source: Path, making: Path, final: Path) -> None:
    with Keeper(lambda _session, _percent: True).hashing(source) as sha256:
        _taken(source, making, probe.probe(source))
        sha256()
    transcode.publish(making, final)


def _refine(source: Path, target: Path) -> None:
    known = probe.probe(source)
    heard = analysis.analyse(source, known, renditions.mix(known))
    copying.add_lower(source, target, known, copying.full_plan(known, heard), **_QUIET)


_QUIET: Any = {
    "on_progress": lambda _percent: None,
    "timeout_s": 6 * 3600,
    "cancelled": lambda: False,
}


def _ours(source: Path, target: Path) -> None:
    known = probe.probe(source)
    heard = analysis.analyse(source, known, renditions.mix(known))
    transcode.transcode(
        source,
        target,
        known,
        renditions.plan(known, heard),
        **_QUIET,
    )


def _by_hand(source: Path, target: Path) -> None:
    rungs = (("1920:1080", 3000), ("1280:720", 1500), ("640:360", 500))
    graph = "[0:v]split=3[s0][s1][s2];" + ";".join(
        f"[s{i}]scale={size},format=yuv420p[v{i}]" for i, (size, _kbps) in enumerate(rungs)
    )
    rates: list[str] = []
    for i, (_size, kbps) in enumerate(rungs):
        (target / f"v{i}").mkdir(parents=True)
        rates += [f"-maxrate:v:{i}", f"{kbps}k", f"-bufsize:v:{i}", f"{2 * kbps}k"]
    (target / "v3").mkdir()
    subprocess.run(
        [
            *_NICE, ffmpeg(), "-v", "error", "-nostdin", "-i", str(source), "-filter_complex", graph,
            "-map", "[v0]", "-map", "[v1]", "-map", "[v2]", "-map", "0:a",
            "-c:v", "libx264", "-preset", "veryfast", "-profile:v", "main", "-crf", "24", "-sc_threshold", "0",
            "-g", "100", "-keyint_min", "100", *rates,
            "-c:a", "aac", "-b:a", "96k", "-ac", "2", "-ar", "48000",
            "-f", "hls", "-hls_time", "4", "-hls_playlist_type", "vod", "-hls_flags", "independent_segments",
            "-hls_segment_type", "fmp4", "-master_pl_name", "master.m3u8",
            "-hls_segment_filename", str(target / "v%v" / "s%05d.m4s"),
            "-var_stream_map", "v:0,agroup:a v:1,agroup:a v:2,agroup:a a:0,agroup:a",
            str(target / "v%v" / "index.m3u8"),
        ],
        check=True,
    )  # fmt: skip
