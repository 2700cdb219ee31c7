"""What is found in a file, what is done about it, and that it is done: on real small files."""

from __future__ import annotations

import json
import random
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from PIL import Image, ImageDraw

from media import report
from media.analysis import Analysis, analyse
from media.binaries import ffmpeg, ffprobe
from media.probe import Probe, probe
from media.renditions import TARGET_LUFS, Plan, mix, plan
from media.transcode import Transcoded, transcode

SPEECH = "aevalsrc='{loud}*sin(2*PI*200*t)*(0.6+0.4*sin(2*PI*3*t)):d={seconds}:s=48000'"


def understood(source: Path) -> tuple[Probe, Analysis, Plan]:
    found = probe(source)
    heard = analyse(source, found, mix(found))
    return found, heard, plan(found, heard)


def made(source: Path, target: Path) -> tuple[dict[str, Any], Transcoded]:
    """The report, and what was made."""
    found, heard, planned = understood(source)
    result = transcode(
        source, target, found, planned, on_progress=lambda percent: None, timeout_s=60,
        cancelled=lambda: False,
    )  # fmt: skip
    told = report.of_work(found, heard, planned, result.looks)
    return json.loads(json.dumps(told)), result


def said(told: dict[str, Any]) -> str:
    app = Flask(__name__)
    from flask_babel import Babel

    Babel(app)
    with app.test_request_context():
        return "\n".join(f"{line.found} {line.done}" for line in report.lines(told))


def stream(path: Path) -> dict[str, Any]:
    command = [ffprobe(), "-v", "error", "-show_streams", "-of", "json", str(path)]
    found = json.loads(subprocess.run(command, check=True, capture_output=True, timeout=60).stdout)
    picture: dict[str, Any] = found["streams"][0]
    return picture


def lufs(path: Path) -> float:
    command = [ffmpeg(), "-v", "info", "-i", str(path), "-af", "ebur128=framelog=quiet", "-f", "null", "-"]  # fmt: skip
    text = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stderr
    return float(text[text.rindex("I:") + 2 :].split()[0])


@pytest.mark.parametrize("loud", [0.02, 0.9])
def test_speech_comes_out_as_loud_as_all_other_speech(
    samples: Any, tmp_path: Path, loud: float
) -> None:
    """A whisper and a shout: neither asks the learner to turn the volume."""
    source = samples.folder / f"speech-{loud}.mp4"
    samples.make(source, "-f", "lavfi", "-i", "testsrc2=s=64x64:d=6", "-f", "lavfi", "-i", SPEECH.format(loud=loud, seconds=6), "-c:v", "libx264", "-c:a", "aac", "-b:a", "128k")  # fmt: skip
    assert abs(lufs(source) - TARGET_LUFS) > 4
    told, _ = made(source, tmp_path)
    assert lufs(tmp_path / "a0" / "index.m3u8") == pytest.approx(TARGET_LUFS, abs=1.2)
    assert ("偏低" if loud < 0.1 else "偏高") in said(told)


def test_the_voice_in_the_centre_of_surround_sound_is_heard(samples: Any, tmp_path: Path) -> None:
    """Six channels become two; who speaks is in the centre, the music behind stays behind."""
    source = samples.folder / "surround.mkv"
    voice = "aevalsrc='0|0|0.3*sin(2*PI*300*t)|0|0.3*sin(2*PI*2000*t)|0.3*sin(2*PI*2000*t)':c=5.1:d=4:s=48000"
    samples.make(source, "-f", "lavfi", "-i", "testsrc2=s=64x64:d=4", "-f", "lavfi", "-i", voice, "-c:v", "libx264", "-c:a", "aac", "-b:a", "256k")  # fmt: skip
    told, _ = made(source, tmp_path)
    assert stream(tmp_path / "a0" / "index.m3u8")["channels"] == 2
    levels = []
    for hz in (300, 2000):
        band = f"bandpass=f={hz}:w=100,ebur128=framelog=quiet"
        command = [ffmpeg(), "-v", "info", "-i", str(tmp_path / "a0" / "index.m3u8"), "-af", band, "-f", "null", "-"]  # fmt: skip
        text = subprocess.run(command, check=True, capture_output=True, text=True).stderr
        levels.append(float(text[text.rindex("I:") + 2 :].split()[0]))
    assert levels[0] > levels[1]
    assert "中置声道" in said(told)


def test_of_several_sounds_the_chinese_one_is_taken(samples: Any, tmp_path: Path) -> None:
    source = samples.folder / "tongues.mkv"
    samples.make(
        source, "-f", "lavfi", "-i", "testsrc2=s=64x64:d=3", "-f", "lavfi", "-i", "sine=300:d=3",
        "-f", "lavfi", "-i", "sine=3000:d=3", "-map", "0", "-map", "1", "-map", "2", "-c:v", "libx264",
        "-c:a", "aac", "-metadata:s:a:0", "language=eng", "-metadata:s:a:1", "language=chi",
        "-disposition:a:0", "default",
    )  # fmt: skip
    found, _, planned = understood(source)
    assert [each.language for each in found.sounds] == ["eng", "chi"]
    assert planned.sound is not None
    assert planned.sound.index == 2
    told = report.of_work(found, Analysis(), planned, {})
    assert "2 条声音轨" in said(told)


def test_black_frozen_and_silent_stretches_are_told_with_their_times(
    samples: Any, tmp_path: Path
) -> None:
    """Three seconds of test picture, then 25 in which it stands still, then four of black."""
    source = samples.folder / "stretches.mp4"
    picture = "testsrc2=d=3:r=10:s=160x90,tpad=stop_mode=clone:stop_duration=25[a];color=black:s=160x90:r=10:d=4[b];[a][b]concat=n=2[v];sine=d=3,apad=whole_dur=32[s]"
    samples.make(source, "-filter_complex", picture, "-map", "[v]", "-map", "[s]", "-c:v", "libx264", "-c:a", "aac")  # fmt: skip
    told, _ = made(source, tmp_path)
    found = told["stretches"]
    assert found["black"] == [[pytest.approx(28_000, abs=400), pytest.approx(32_000, abs=400)]]
    assert found["frozen"] == [[pytest.approx(3_000, abs=400), pytest.approx(28_000, abs=400)]]
    assert found["silent"] == [[pytest.approx(3_000, abs=400), pytest.approx(32_000, abs=400)]]
    assert not (tmp_path / "looks.txt").exists(), "it is not published"


def test_missing_and_empty_sound_are_told(samples: Any, tmp_path: Path) -> None:
    """A microphone that was never switched on."""
    source = samples.folder / "dumb.mp4"
    samples.make(source, "-f", "lavfi", "-i", "testsrc2=s=64x64:d=3", "-f", "lavfi", "-i", "anullsrc", "-t", "3", "-c:v", "libx264", "-c:a", "aac")  # fmt: skip
    found, heard, planned = understood(source)
    assert heard.silent
    assert "声音轨是空的" in said(report.of_work(found, heard, planned, {}))
    found, heard, planned = understood(samples.silent())
    assert "没有声音轨" in said(report.of_work(found, heard, planned, {}))


def test_half_pictures_become_whole_ones(samples: Any, tmp_path: Path) -> None:
    """A camera of the television age: combs at every movement."""
    source = samples.folder / "halves.ts"
    samples.make(source, "-f", "lavfi", "-i", "mandelbrot=s=320x180:r=50:end_scale=0.05:end_pts=100", "-t", "3", "-vf", "rotate=t*2,interlace=scan=tff:lowpass=off", "-c:v", "mpeg2video", "-flags", "+ildct+ilme", "-b:v", "4M")  # fmt: skip
    told, result = made(source, tmp_path)
    assert told["interlaced"]
    assert "去隔行" in said(told)
    assert combed(source) > 0.5 > combed(tmp_path / "v0" / "index.m3u8")
    assert result.duration_ms == pytest.approx(3000, abs=200)


@pytest.mark.parametrize("transfer", ["smpte2084", "arib-std-b67"])
def test_hdr_is_mapped_to_usual_screens(samples: Any, tmp_path: Path, transfer: str) -> None:
    """Grey of PQ or HLG shown as it stands would be washed out; colours say what they are."""
    source = samples.folder / f"{transfer}.mp4"
    tags = f"format=yuv420p10le,setparams=color_primaries=bt2020:color_trc={transfer}:colorspace=bt2020nc"
    samples.make(source, "-f", "lavfi", "-i", "color=c=0x808080:s=64x64:r=5:d=2", "-vf", tags, "-c:v", "libx264", "-pix_fmt", "yuv420p10le")  # fmt: skip
    told, _ = made(source, tmp_path)
    picture = stream(tmp_path / "v0" / "index.m3u8")
    assert (picture["color_transfer"], picture["color_primaries"]) == ("bt709", "bt709")
    assert picture["pix_fmt"] == "yuv420p"
    assert "HDR" in said(told)


def test_four_two_two_of_ten_bits_plays_everywhere(samples: Any, tmp_path: Path) -> None:
    source = samples.lecture("422.mp4", pixels="yuv422p10le", size="64x64", seconds=2)
    told, _ = made(source, tmp_path)
    assert stream(tmp_path / "v0" / "index.m3u8")["pix_fmt"] == "yuv420p"
    assert "4:2:0" in said(told)


def test_varying_rates_become_steady(samples: Any) -> None:
    found, heard, planned = understood(samples.screen())
    assert "帧率不固定" in said(report.of_work(found, heard, planned, {}))


def combed(path: Path) -> float:
    """The part of frames that are two half pictures, as FFmpeg sees it."""
    command = [ffmpeg(), "-v", "info", "-i", str(path), "-vf", "idet", "-an", "-f", "null", "-"]
    text = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stderr
    found = re.findall(
        r"Multi frame detection: TFF:\s*(\d+) BFF:\s*(\d+) Progressive:\s*(\d+)", text
    )
    top, bottom, whole = map(int, found[-1])
    return (top + bottom) / max(1, top + bottom + whole)


def page(number: int, width: int = 640, height: int = 360) -> Image.Image:
    """A page of text as a computer draws it."""
    drawn = Image.new("RGB", (width, height), (250, 250, 250))
    pen, chance = ImageDraw.Draw(drawn), random.Random(number)
    pen.rectangle((0, 0, width, 30), fill=(40, 80, 160))
    for line in range(10):
        pen.text(
            (20, 50 + line * 28), "".join(chance.choices("abcdefgh ", k=60)), fill=(20, 20, 20)
        )
    return drawn


def test_a_screen_is_told_from_a_camera(samples: Any, tmp_path: Path) -> None:
    """A screen: pages that stand still, then change at once. A camera before the very same
    page: its noise is never still."""
    for number in range(3):
        page(number).save(tmp_path / f"{number}.bmp")
    pages = ("-framerate", "1/4", "-i", str(tmp_path / "%d.bmp"), "-r", "30")
    coded = ("-c:v", "libx264", "-preset", "veryfast", "-pix_fmt", "yuv420p")
    screen, camera = samples.folder / "pages.mp4", samples.folder / "camera.mp4"
    samples.make(screen, *pages, *coded)
    samples.make(camera, *pages, "-vf", "fps=30,noise=alls=12:allf=t,gblur=0.7", *coded)
    found, heard, planned = understood(screen)
    assert heard.screen
    assert planned.fps == 15
    assert planned.renditions[0].width == 640
    assert "屏幕录像" in said(report.of_work(found, heard, planned, {}))
    _, heard, planned = understood(camera)
    assert not heard.screen
    assert planned.fps == 30
    assert not understood(samples.lecture())[1].screen
