"""The arguments of FFmpeg for a plan: one decode makes every rendition, the sound, the poster
and the pictures for hover previews, of the whole source or of a piece of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import ffmpeg

from media.binaries import ffmpeg as ffmpeg_binary
from media.limits import MAX_PIXELS
from media.probe import INPUT_GUARDS, Probe
from media.renditions import CEILING_DB, SEGMENT_S, Plan, Rendition, Sound, Span

POSTER = "poster.jpg"
POSTER_WIDTH = 1280
#: Where the sound is written before it is cut beside the pictures.
SOUND_FILE = "sound.mp4"
#: Where the pictures of hover previews are written before they are put on sheets.
THUMBS = "thumbs"
#: Where black and frozen stretches are noted; how finely they are looked for, and from which
#: length on, seconds.
LOOKS = "looks.txt"
LOOKS_FPS, BLACK_S, FROZEN_S = 4, 2, 20
#: The finest by which the sound can be cut, microseconds.
SOUND_PIECE_US = 200_000
#: A piece is decoded from this long before it begins: what shows at its first moment may have
#: been drawn earlier.
BEFORE_S = 2
WHOLE = Span(0)
#: Frames without a key frame that nobody asked for: more than any segment has.
MOST_KEYINT = 1000


def command(
    source: Path,
    probe: Probe,
    plan: Plan,
    span: Span = WHOLE,
    *,
    pictures: bool = True,
    sound: bool = True,
) -> list[str]:
    """The arguments of one FFmpeg run, which writes into its working folder.

    Args:
        span: which part; its pictures are the very frames that the whole run would have there.
            The sound is always made whole: pieces of it could not be joined without a seam.
        pictures: make the renditions, poster and previews of ``span``.
        sound: make the sound.
    """
    assert not plan.copied, "see copy_command and lower_command"
    begin = span.seconds(plan)[0]
    seek: dict[str, object] = {}
    if pictures and begin > BEFORE_S:
        # Not accurate: the frame that still stands at the beginning is wanted too.
        seek = {"ss": f"{float(begin - BEFORE_S):.6f}", "noaccurate_seek": None}
        assert not sound, "the sound is made whole"
    # The very streams that were checked, not those that FFmpeg would choose. A stream may
    # change its size on the way: the decoder keeps to the limit.
    stream = _input(source, **seek)
    outputs = []
    if pictures:
        outputs += _pictures(stream[str(probe.video.index)], probe, plan, span)
    if sound and plan.sound:
        outputs.append(_sound(stream[str(plan.sound.index)], probe, plan))
    return _arguments(outputs)


def copy_command(source: Path, probe: Probe, plan: Plan) -> list[str]:
    """The arguments that take over the source's picture, cut at its own key frames, and its sound,
    and make the poster: next to nothing is decoded."""
    stream = _input(source)
    at_s = min(5.0, probe.duration_ms / 2000)
    still = _input(source, ss=f"{at_s:.3f}")[str(probe.video.index)]
    copied = {
        "c": "copy", **_HLS, "start_number": 0, "hls_segment_filename": "v0/s%05d.m4s",
    }  # fmt: skip
    outputs = [
        ffmpeg.output(stream[str(probe.video.index)], "v0/index.m3u8", **copied),
        _poster(still, plan),
    ]
    if plan.sound:
        outputs.append(_sound(stream[str(plan.sound.index)], probe, plan))
    return _arguments(outputs)


def lower_command(source: Path, probe: Probe, plan: Plan, cuts: Sequence[float]) -> list[str]:
    """The arguments that make what is missing beside a picture that was taken over: renditions of
    the same frames at the same moments, and the pictures for hover previews.

    Args:
        cuts: where the first rendition's segments begin, but the first; seconds from its start.
    """
    picture = _input(source)[str(probe.video.index)]
    lower = plan.renditions[1:]
    split = picture.filter_multi_output("split", len(lower) + 1)
    outputs = [_thumbs(split.stream(len(lower)), plan)]
    if lower:
        scaled = [_scaled(split.stream(i), rendition) for i, rendition in enumerate(lower)]
        # Half a frame early: the first frame at or after each moment is the one that is meant.
        early = 0.5 / plan.fps
        options = {
            "fps_mode": "passthrough", "enc_time_base": "demux",
            # Frames decoded ahead put off the first: as much as in the source, so that all begin alike.
            **({"bf": 0} if not probe.video.reorder else {}),
            **({"b-pyramid": "none"} if probe.video.reorder == 1 else {}),
        }  # fmt: skip
        # One for each stream: FFmpeg uses up what it reads of the first.
        moments = ",".join(f"{cut - early:.6f}" for cut in cuts) or "0"
        options |= {f"force_key_frames:v:{i}": moments for i in range(len(lower))}
        outputs.append(_renditions(scaled, plan, WHOLE, lower, options))
    return _arguments(outputs)


def _input(source: Path, **options: object) -> Any:
    return ffmpeg.input(
        f"file:{source.resolve()}", **options, max_pixels=MAX_PIXELS, **INPUT_GUARDS
    )


def _arguments(outputs: list[Any]) -> list[str]:
    arguments: list[str] = (
        ffmpeg.merge_outputs(*outputs)
        .global_args(
            "-hide_banner", "-nostdin", "-v", "error", "-progress", "pipe:1", "-nostats", "-y"
        )
        .compile(cmd=ffmpeg_binary())
    )
    return arguments


def _pictures(picture: Any, probe: Probe, plan: Plan, span: Span) -> list[Any]:
    begin, end = span.seconds(plan)
    if span != WHOLE:
        # On the clock of the whole, so that frames are taken at the same moments.
        decoded_from = max(Fraction(0), begin - BEFORE_S)
        picture = picture.filter("setpts", f"PTS+{_seconds(decoded_from)}/TB")
    if plan.deinterlace:
        picture = picture.filter("bwdif", mode="send_frame", deint="all")
    picture = picture.filter("fps", fps=plan.fps, start_time=_seconds(begin))
    if span != WHOLE:
        # Not half a frame: rounded to the clock of frames, it might fall on either side.
        short_of = Fraction(1, 4) / Fraction(str(plan.fps))
        inside = {"start": _seconds(begin - short_of)}
        if end is not None:
            inside["end"] = _seconds(end - short_of)
        picture = picture.filter("trim", **inside).filter("setpts", "PTS-STARTPTS")
    if colours := _colours(probe, plan):
        picture = picture.filter("scale", **colours).filter("format", "yuv420p")
    at_s = min(5.0, probe.duration_ms / 2000) - float(begin)
    with_poster = at_s >= 0 and (end is None or at_s < end - begin)
    split = picture.filter_multi_output("split", len(plan.renditions) + with_poster)
    scaled = [_scaled(split.stream(i), r) for i, r in enumerate(plan.renditions)]
    small = scaled[-1].filter_multi_output("split", 2)
    scaled[-1] = small.stream(0)
    outputs = [
        _renditions(scaled, plan, span, plan.renditions, {}),
        _thumbs(small.stream(1), plan),
    ]
    if with_poster:
        # No more than two frames of it: what reaches the output is scaled first, wanted or not.
        once = {"start": f"{at_s:.3f}", "end": f"{at_s + 2 / plan.fps:.3f}"}
        outputs.append(_poster(split.stream(len(plan.renditions)).filter("trim", **once), plan))
    return outputs


def _scaled(picture: Any, rendition: Rendition) -> Any:
    scaled = picture.filter("scale", rendition.width, rendition.height).filter("setsar", 1)
    return scaled.filter("format", "yuv420p")


def _poster(picture: Any, plan: Plan) -> Any:
    best = plan.renditions[0]
    width = min(POSTER_WIDTH, best.width)
    still = picture.filter("scale", width, max(1, best.height * width // best.width))
    once = {"frames:v": 1, "q:v": 4, "update": 1, "map_metadata": -1}
    return ffmpeg.output(still.filter("setsar", 1), POSTER, **once)


def _colours(probe: Probe, plan: Plan) -> dict[str, object]:
    """How colours become those of usual screens (BT.709); nothing where they are, or where the
    file doesn't say what they are."""
    video, best = probe.video, plan.renditions[0]
    if plan.transfer:
        # Mapped to what a usual screen can show; at the size of the best rendition, not of 4K.
        return {
            "w": best.width, "h": best.height, "intent": "perceptual",
            "in_transfer": plan.transfer, "in_primaries": video.primaries or "bt2020",
            "in_color_matrix": "bt2020nc", "out_transfer": "bt709", "out_primaries": "bt709",
            "out_color_matrix": "bt709", "out_range": "tv",
        }  # fmt: skip
    if video.full_range or video.pixels.startswith("yuvj"):
        return {"out_range": "tv"}
    return {}


#: How every picture is written.
_HLS: Mapping[str, object] = {
    "map_metadata": -1, "map_chapters": -1,
    "f": "hls", "hls_time": SEGMENT_S, "hls_playlist_type": "vod",
    "hls_flags": "independent_segments", "hls_segment_type": "fmp4",
    "hls_fmp4_init_filename": "init.mp4",
}  # fmt: skip


def _renditions(
    scaled: list[Any],
    plan: Plan,
    span: Span,
    renditions: Sequence[Rendition],
    also: Mapping[str, object],
) -> Any:
    """``renditions``, the last of the plan's."""
    first = len(plan.renditions) - len(renditions)
    # Beside a copied picture key frames stand where they are forced, and nowhere else.
    keyint = MOST_KEYINT if plan.copied else plan.keyint
    options: dict[str, object] = {
        "c:v": "libx264", "preset": "veryfast", "profile:v": "main", "sc_threshold": 0,
        "crf": plan.crf, "g": keyint, "keyint_min": 1 if plan.copied else keyint,
        **_HLS, "start_number": span.first,
        "hls_segment_filename": "v%v/s%05d.m4s",
        "var_stream_map": " ".join(f"v:{i},name:{first + i}" for i in range(len(renditions))),
        **also,
    }  # fmt: skip
    if plan.screen:
        options["tune"] = "animation"
    for i, rendition in enumerate(renditions):
        options |= {
            f"maxrate:v:{i}": f"{rendition.video_kbps}k",
            f"bufsize:v:{i}": f"{rendition.video_kbps * 2}k",
        }
    return ffmpeg.output(*scaled, "v%v/index.m3u8", **options)


def _thumbs(picture: Any, plan: Plan) -> Any:
    # In passing, what is black or stands still for long is noted. And one by one, not as FFmpeg's
    # own tiles: until the first sheet were full it would tell no progress.
    small = (
        picture.filter("fps", fps=min(LOOKS_FPS, plan.fps))
        .filter("blackdetect", d=BLACK_S, pix_th=0.1)
        .filter("freezedetect", n=0.003, d=FROZEN_S)  # above the pulse of key frames
        .filter("metadata", mode="print", file=LOOKS)
        .filter("fps", fps=f"1/{plan.thumb_every_s}", round="up")
        .filter("scale", *plan.thumb_size)
    )
    options = {"f": "image2", "q:v": 3, "start_number": 0, "fps_mode": "passthrough", "map_metadata": -1}  # fmt: skip
    return ffmpeg.output(small, f"{THUMBS}/%06d.jpg", **options)


def _sound(sound: Any, probe: Probe, plan: Plan) -> Any:
    assert plan.sound is not None
    if plan.sound.copied:
        return ffmpeg.output(sound, SOUND_FILE, **{"c": "copy", **_SOUND})
    for name, words in sound_filters(plan.sound):
        sound = sound.filter(name, **words)
    seconds = f"{probe.duration_ms / 1000:.3f}"
    # As long as the video, whatever is missing of it: a player waits for both.
    sound = sound.filter("apad", whole_dur=seconds).filter("atrim", end=seconds)
    return ffmpeg.output(
        sound,
        SOUND_FILE,
        **{
            "c:a": "aac", "b:a": f"{plan.sound.kbps}k", "ac": 2, "ar": 48000, **_SOUND,
        },
    )  # fmt: skip


#: How the sound is written.
_SOUND: Mapping[str, object] = {
    "f": "mp4", "movflags": "+delay_moov+default_base_moof", "frag_duration": SOUND_PIECE_US,
    "map_metadata": -1, "map_chapters": -1,
}  # fmt: skip


def sound_filters(sound: Sound) -> list[tuple[str, dict[str, object]]]:
    """What is done to the sound, one after the other."""
    # A sound that begins late, or has gaps, is filled with silence: it stays beside its picture.
    found: list[tuple[str, dict[str, object]]] = [
        ("aresample", {"sample_rate": 48000, "async": 1, "first_pts": 0})
    ]
    if sound.mix:
        found.insert(0, ("pan", {"args": sound.mix.removeprefix("pan=")}))
    else:
        found.append(("aformat", {"channel_layouts": "stereo"}))
    if sound.gain_db:
        found.append(("volume", {"volume": f"{sound.gain_db}dB"}))
    if sound.limit:
        ceiling = f"{10 ** (CEILING_DB / 20):.4f}"
        found.append(("alimiter", {"limit": ceiling, "level": 0, "latency": 1, "release": 100}))
    return found


def _seconds(value: Fraction) -> str:
    return f"{float(value):.6f}"
