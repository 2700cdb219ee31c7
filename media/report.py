"""What was found in a video and what is done about it: facts kept with the asset, and the words
in which its author reads them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from flask_babel import gettext as _

from media.analysis import Analysis, Stretch
from media.probe import Probe
from media.renditions import TARGET_LUFS, Plan

FORM = 1
#: Of stretches, so many are kept and shown: more say no more.
MOST_STRETCHES = 50
#: True peaks above this were cut off in the recording.
CLIPPED_DB = 0.0
CODECS = {"h264": "H.264", "hevc": "H.265", "vp8": "VP8", "vp9": "VP9", "av1": "AV1", "aac": "AAC", "mp3": "MP3", "opus": "Opus", "flac": "FLAC", "prores": "ProRes", "mpeg2video": "MPEG-2", "mpeg4": "MPEG-4"}  # fmt: skip


@dataclass(frozen=True)
class Line:
    """One thing found.

    Attributes:
        level: ``ok``, ``info`` or ``warning``: only the last asks the author to look.
        found, done: in words; what is done may be nothing.
        stretches: from–to, ms.
    """

    level: str
    found: str
    done: str = ""
    stretches: tuple[Stretch, ...] = ()


def of_probe(probe: Probe) -> dict[str, Any]:
    """What is known before any work, and of files that are refused."""
    return {
        "form": FORM,
        "container": probe.container,
        "duration_ms": probe.duration_ms,
        "bytes": probe.size_bytes,
        "kbps": probe.kbps,
        "video": asdict(probe.video),
        "audio": asdict(probe.audio) if probe.audio else None,
        "tracks": len(probe.sounds),
    }


def of_copy(probe: Probe, plan: Plan) -> dict[str, Any]:
    """Of a video that was taken over as it is, before it was listened to and looked at."""
    return of_probe(probe) | {"copied": {"sound": bool(plan.sound and plan.sound.copied)}}


def of_work(
    probe: Probe, found: Analysis, plan: Plan, looks: Mapping[str, Sequence[Stretch]]
) -> dict[str, Any]:
    """The whole of it."""
    stretches = {
        "silent": found.silences,
        "black": looks.get("black", ()),
        "frozen": looks.get("frozen", ()),
    }
    return (of_copy(probe, plan) if plan.copied else of_probe(probe)) | {
        "screen": found.screen,
        "interlaced": found.interlaced,
        "loudness": asdict(found.loudness) if found.loudness else None,
        "silent": found.silent,
        "stretches": {
            name: [list(each) for each in some[:MOST_STRETCHES]] for name, some in stretches.items()
        },
        "plan": {
            "fps": plan.fps,
            "sizes": [[each.width, each.height] for each in plan.renditions],
            "gain_db": plan.sound.gain_db if plan.sound else 0,
            "limit": plan.sound.limit if plan.sound else False,
            "mixed": bool(plan.sound and plan.sound.mix),
        },
    }


def facts(report: dict[str, Any]) -> list[tuple[str, str]]:
    """What the file is, by name and value."""
    video, audio = report["video"], report["audio"]
    rate = f"{video['fps']:.2f}".rstrip("0").rstrip(".")
    found = [
        (
            _("画面"),
            f"{CODECS.get(video['codec'], video['codec'])} {video['width']}×{video['height']}",
        ),
        (_("帧率"), _("每秒 %(n)s 帧", n=rate)),
    ]
    if audio:
        hz = f"{audio['rate'] / 1000:g} kHz"
        name = CODECS.get(audio["codec"], audio["codec"])
        found.append((_("声音"), f"{name} {_('%(n)d 声道', n=audio['channels'])} {hz}"))
    else:
        found.append((_("声音"), _("无")))
    if report["kbps"]:
        found.append((_("码率"), f"{report['kbps'] / 1000:.1f} Mbit/s"))
    if loudness := report.get("loudness"):
        found.append((_("响度"), f"{loudness['lufs']:.1f} LUFS"))
        found.append((_("真峰值"), f"{loudness['peak_db']:.1f} dBTP"))
    return found


def lines(report: dict[str, Any]) -> list[Line]:
    """What was found and what is done about it; what asks for a look comes first."""
    found = [*_copied(report), *_picture(report), *_sound(report)]
    if "plan" in report:
        found += [*_worked(report), *_stretches(report)]
    return sorted(found, key=lambda line: line.level != "warning")


def _copied(report: dict[str, Any]) -> Iterator[Line]:
    if copied := report.get("copied"):
        if copied["sound"]:
            yield Line(
                "ok", _("画面和声音符合播放要求"), _("原样采用，没有重新编码，画质不受损失。")
            )
        else:
            yield Line("ok", _("画面符合播放要求"), _("画面原样采用，没有重新编码，画质不受损失。"))


def _picture(report: dict[str, Any]) -> Iterator[Line]:
    video, plan = report["video"], report.get("plan")
    if 0 < video["average_fps"] < video["fps"] * 0.97:
        done = _("转为固定的每秒 %(n)g 帧。", n=plan["fps"]) if plan else ""
        yield Line("info", _("帧率不固定（常见于手机和屏幕录像）"), done)
    if video["rotation"]:
        yield Line("info", _("画面带有旋转标记（%(n)d°）", n=video["rotation"]), _("已转正。"))
    if abs(video["pixel_aspect"] - 1) > 0.01:
        yield Line("info", _("像素不是正方形"), _("按实际比例换算，画面不变形。"))
    if video["transfer"] in ("smpte2084", "arib-std-b67"):
        kind = "PQ" if video["transfer"] == "smpte2084" else "HLG"
        yield Line(
            "info", _("HDR 画面（%(kind)s）", kind=kind), _("已映射为普通屏幕的亮度和颜色。")
        )
    elif any(part in video["pixels"] for part in ("10", "12", "422", "444")):
        yield Line("info", _("高色深或高色度采样（%(pixels)s）", pixels=video["pixels"]), _("已转为各种设备都能播放的 8 位 4:2:0。"))  # fmt: skip


def _sound(report: dict[str, Any]) -> Iterator[Line]:
    audio, plan = report["audio"], report.get("plan")
    if audio is None:
        yield Line("warning", _("没有声音轨"), _("学员看到的将是无声视频。如非有意，请检查录制设备后重新上传。"))  # fmt: skip
        return
    if report["tracks"] > 1:
        yield Line("info", _("有 %(n)d 条声音轨", n=report["tracks"]), _("采用中文的一条；没有标明时采用文件默认的一条。"))  # fmt: skip
    if audio["channels"] > 2:
        done = _("混合为双声道，突出人声所在的中置声道。") if plan and plan["mixed"] else _("混合为双声道。")  # fmt: skip
        yield Line("info", _("环绕声（%(n)d 声道）", n=audio["channels"]), done)


def _worked(report: dict[str, Any]) -> Iterator[Line]:
    plan, loudness = report["plan"], report["loudness"]
    if report["screen"]:
        yield Line("info", _("屏幕录像"), _("保留原有清晰度，采用每秒 %(n)g 帧，文字更清楚。", n=plan["fps"]))  # fmt: skip
    if report["interlaced"]:
        yield Line("info", _("隔行扫描"), _("已去隔行，避免横纹。"))
    if report["silent"]:
        yield Line("warning", _("声音轨是空的，全程没有声音"), _("请检查录制时的话筒设置，然后重新上传。"))  # fmt: skip
    elif loudness:
        if loudness["peak_db"] > CLIPPED_DB:
            yield Line("warning", _("声音有爆音（真峰值 %(n).1f dBTP）", n=loudness["peak_db"]), _("已压低峰值，但录制时失真的部分无法复原。"))  # fmt: skip
        if plan["gain_db"]:
            louder = _("偏低") if plan["gain_db"] > 0 else _("偏高")
            yield Line("info", _("音量%(how)s（%(n).1f LUFS）", how=louder, n=loudness["lufs"]), _("已调整 %(gain)+.1f dB，接近 %(target)g LUFS。", gain=plan["gain_db"], target=TARGET_LUFS))  # fmt: skip


def _stretches(report: dict[str, Any]) -> Iterator[Line]:
    words = {
        "black": ("warning", _("黑屏"), _("请确认是否有意为之。")),
        "frozen": ("info", _("画面静止"), _("屏幕录像和幻灯片中属正常。")) if report["screen"] else ("warning", _("画面静止"), _("如果不是在展示幻灯片，可能是录制卡住了。")),
        "silent": ("info", _("长时间无声"), _("请确认是否有意为之。")),
    }  # fmt: skip
    for name, (level, found, done) in words.items():
        some = report["stretches"].get(name, [])
        if name == "silent" and report["silent"]:
            continue
        if some:
            yield Line(level, found, done, tuple((start, end) for start, end in some))
