"""What unusual pictures become, measured in the files that learners are given."""

from __future__ import annotations

import re
import subprocess
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from media.analysis import analyse
from media.binaries import ffmpeg, ffprobe
from media.packaging import LISTEN
from media.probe import Probe, probe
from media.renditions import Plan, mix, plan
from media.transcode import transcode

FLASH_S = 7.0
SECONDS = 8


def planned(source: Path) -> tuple[Probe, Plan]:
    found = probe(source)
    return found, plan(found, analyse(source, found, mix(found)))


def make(source: Path, target: Path, found: Probe, wanted: Plan) -> Path:
    transcode(
        source, target, found, wanted, on_progress=lambda percent: None, timeout_s=60,
        cancelled=lambda: False,
    )  # fmt: skip
    return target


def steps(path: Path, what: str = "packet") -> list[float]:
    """The time from each picture to the next, by FFprobe."""
    command = [ffprobe(), "-v", "error", "-select_streams", "v:0", "-show_entries", f"{what}=pts_time", "-of", "csv=p=0", str(path)]  # fmt: skip
    told = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout
    times = sorted(float(line.strip(",")) for line in told.split())
    return [after - before for before, after in pairwise(times)]


def measured(path: Path, *filters: str) -> str:
    command = [ffmpeg(), "-v", "info", "-nostats", "-i", str(path), *filters, "-f", "null", "-"]
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60)
    return done.stdout + done.stderr


def brightness(path: Path, first: str = "null") -> list[tuple[float, float]]:
    """Each picture's time and mean luma, 16 to 235."""
    told = measured(
        path, "-an", "-vf", f"{first},format=yuv420p,signalstats,metadata=mode=print:file=-"
    )
    found = re.findall(r"pts_time:([\d.]+)(?s:.*?)YAVG=([\d.]+)", told)
    return [(float(at), float(luma)) for at, luma in found]


def heard_at(path: Path) -> float:
    """When it is loud for the first time."""
    told = measured(path, "-vn", "-af", "silencedetect=noise=-30dB:d=1")
    found = re.search(r"silence_end: ([\d.]+)", told)
    assert found, told
    return float(found[1])


@pytest.fixture(scope="module")
def varying(samples: Any) -> Path:
    """Now all pictures, now one in seven, now none for a second; near the end a white flash and
    a tone together."""
    path: Path = samples.folder / "varying.mp4"
    between = f"between(t,{FLASH_S},{FLASH_S + 0.4})"
    picture = (
        f"testsrc2=size=1280x720:rate=30:duration={SECONDS},lutyuv=y=val/3,"
        f"drawbox=color=white:t=fill:enable='{between}',"
        "select='lt(n,40)+between(n,70,110)+gt(n,110)*not(mod(n,7))'"
    )
    sound = f"aevalsrc='0.5*sin(2*PI*1000*t)*{between}':d={SECONDS}:s=48000"
    samples.make(
        path, "-f", "lavfi", "-i", picture, "-f", "lavfi", "-i", sound, "-fps_mode", "vfr",
        "-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-c:a", "aac",
    )  # fmt: skip
    return path


def test_a_varying_rate_becomes_steady_with_sound_and_picture_in_step(
    varying: Path, tmp_path: Path
) -> None:
    """In every rendition each picture stands as long as any other, none is missing, and what
    was seen and heard together at the end still is."""
    uneven = steps(varying)
    assert max(uneven) > 5 * min(uneven), "the source is what it should be"
    found, wanted = planned(varying)
    assert found.video.variable
    assert len(wanted.renditions) > 1
    folder = make(varying, tmp_path / "made", found, wanted)
    for number in range(len(wanted.renditions)):
        playlist = folder / f"v{number}" / "index.m3u8"
        for what in ("packet", "frame"):
            even = steps(playlist, what)
            assert even == pytest.approx([1 / wanted.fps] * len(even), abs=0.001)
            assert len(even) + 1 == pytest.approx(SECONDS * wanted.fps, abs=wanted.fps / 4)
        seen = next(at for at, luma in brightness(playlist) if luma > 150)
        assert seen == pytest.approx(FLASH_S, abs=1 / wanted.fps)
        assert heard_at(folder / LISTEN) == pytest.approx(seen, abs=0.05)


@pytest.mark.parametrize(
    ("transfer", "dark_changes", "bright_changes"),
    [("smpte2084", (-30, -10), (5, 30)), ("arib-std-b67", (-5, 5), (-30, -8))],
)
def test_hdr_is_mapped_and_not_only_called_otherwise(
    samples: Any,
    tmp_path: Path,
    transfer: str,
    dark_changes: tuple[int, int],
    bright_changes: tuple[int, int],
) -> None:
    """Against the same picture with its numbers kept: PQ, flat as it stands, gets its contrast
    back, dark darker and bright brighter; HLG's bright parts make room for what is above them."""
    source = samples.folder / f"halves-{transfer}.mp4"
    tags = f"format=yuv420p10le,setparams=color_primaries=bt2020:color_trc={transfer}:colorspace=bt2020nc"
    halves = "color=c=0x404040:s=32x64:r=5:d=2,pad=64:64:0:0:0xc0c0c0"
    samples.make(source, "-f", "lavfi", "-i", halves, "-vf", tags, "-c:v", "libx264", "-pix_fmt", "yuv420p10le")  # fmt: skip
    found, wanted = planned(source)
    assert wanted.transfer == transfer
    mapped = make(source, tmp_path / "mapped", found, wanted) / "v0" / "index.m3u8"
    kept = make(source, tmp_path / "kept", found, replace(wanted, transfer=None))
    for crop, (least, most) in (("2", dark_changes), ("34", bright_changes)):
        ours, theirs = (
            brightness(path, f"crop=28:60:{crop}:2")[5][1]
            for path in (mapped, kept / "v0" / "index.m3u8")
        )
        assert least < ours - theirs < most
