"""The platform's transcode against one hand-written FFmpeg command for the same renditions."""

from __future__ import annotations

import subprocess
import tempfile
import time
from pathlib import Path

from bench.report import Comparison
from media import probe, renditions, transcode
from media.binaries import ffmpeg

SECONDS = 40


def measure() -> Comparison:
    found = Comparison(
        f"Transcoding {SECONDS} s of 1280×720 into HLS (720p and 360p)", ["", "wall s", "ratio"]
    )
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "source.mp4"
        subprocess.run(
            [
                ffmpeg(), "-v", "error", "-f", "lavfi", "-i", f"testsrc2=s=1280x720:r=25:d={SECONDS}",
                "-f", "lavfi", "-i", f"sine=440:d={SECONDS}", "-c:v", "libx264", "-preset", "ultrafast",
                "-c:a", "aac", str(source),
            ],
            check=True,
        )  # fmt: skip
        by_hand = _by_hand(source, Path(folder) / "hand")
        started = time.perf_counter()
        known = probe.probe(source)
        transcode.transcode(
            source,
            Path(folder) / "ours",
            known,
            renditions.plan(known),
            on_progress=lambda _percent: None,
            timeout_s=600,
            cancelled=lambda: False,
        )
        ours = time.perf_counter() - started
    found.rows.append(["one ffmpeg command by hand", f"{by_hand:.1f}", "1.00"])
    found.rows.append(
        ["platform: probe, transcode, poster, checks", f"{ours:.1f}", f"{ours / by_hand:.2f}"]
    )
    return found


def _by_hand(source: Path, target: Path) -> float:
    for name in ("v0", "v1"):
        (target / name).mkdir(parents=True)
    started = time.perf_counter()
    subprocess.run(
        [
            ffmpeg(), "-v", "error", "-i", str(source),
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
    return time.perf_counter() - started
