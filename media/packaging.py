"""From what FFmpeg wrote to what players fetch: the sound cut beside the pictures, the master
playlists, the pictures for hover previews; and pieces joined to the whole.

Layout, below a run's folder:

master.m3u8                    the renditions and the sound that they share
audio.m3u8                     the sound alone: the screen may be off
v0/ v1/ … index.m3u8 init.mp4 s00000.m4s …   pictures, best first
a0/ index.m3u8 init.mp4 s00000.m4s …         sound, cut where the pictures are
poster.jpg  thumbnails.vtt  t000.jpg …
"""

from __future__ import annotations

import re
import shutil
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, islice
from math import ceil
from mmap import ACCESS_READ, mmap
from pathlib import Path
from typing import BinaryIO

from PIL import Image

from media.analysis import read_looks, write_looks
from media.command import LOOKS, POSTER, SOUND_FILE, SOUND_PIECE_US, THUMBS
from media.renditions import SHEET_SIDE, Plan, Span

MASTER, LISTEN, PREVIEWS = "master.m3u8", "audio.m3u8", "thumbnails.vtt"
AUDIO_CODEC = "mp4a.40.2"
END = "#EXT-X-ENDLIST"
#: A segment of a media playlist: its length in seconds and its name.
SEGMENT = re.compile(r"#EXTINF:([\d.]+),[^\n]*\n(?:#[^\n]*\n)*([^#\s]\S*)")


@dataclass(frozen=True)
class Box:
    """A box of an ISO base media file (ISO 14496-12): its name, where it begins, how long it is."""

    name: str
    at: int
    length: int


def boxes(file: BinaryIO | mmap) -> Iterator[Box]:
    """The outermost boxes.

    Raises:
        ValueError: it ends within a box, or is none of these files.
    """
    file.seek(0, 2)
    size, at = file.tell(), 0
    while at < size:
        file.seek(at)
        head = file.read(16)
        length = int.from_bytes(head[:4])
        if length == 1:  # too long for 32 bits
            length = int.from_bytes(head[8:])
        if length < 8 or at + length > size:
            raise ValueError("cut within a box")
        yield Box(head[4:8].decode("latin-1"), at, length)
        at += length


def whole(path: Path) -> bool:
    """Its boxes end where the file ends."""
    if not path.is_file() or not path.stat().st_size:
        return False
    with path.open("rb") as file:
        try:
            return bool([*boxes(file)])
        except ValueError:
            return False


def segments(playlist: Path) -> list[tuple[str, float]]:
    """Names and lengths in seconds of a media playlist's segments."""
    return [(name, float(length)) for length, name in SEGMENT.findall(playlist.read_text())]


def head(folder: Path) -> Path:
    """The initialisation of a media playlist's segments."""
    found = re.search(r'#EXT-X-MAP:URI="([^"/]+)"', (folder / "index.m3u8").read_text())
    return folder / (found[1] if found else "init.mp4")


def cut_sound(target: Path) -> None:
    """Cut the sound where the segments of the pictures begin, so that a number means the same
    moment in both; ``SOUND_FILE`` is used up."""
    bounds, at = [0.0], 0.0
    for _name, length in segments(target / "v0" / "index.m3u8"):
        at += length
        bounds.append(at)
    folder = target / "a0"
    folder.mkdir(exist_ok=True)
    last = len(bounds) - 2
    starts: dict[int, float] = {}
    # Mapped: thousands of small boxes are looked at.
    with (
        (target / SOUND_FILE).open("rb") as whole_file,
        mmap(whole_file.fileno(), 0, access=ACCESS_READ) as file,
    ):
        begins_with, pieces, end = _fragments(file)
        (folder / "init.mp4").write_bytes(begins_with)
        placed = [
            (
                min(last, bisect_right(bounds, begin + SOUND_PIECE_US / 2e6) - 1),
                begin,
                offset,
                length,
            )
            for begin, offset, length in pieces
        ]
        for number, some in groupby(placed, key=lambda piece: piece[0]):
            with (folder / f"s{number:05d}.m4s").open("ab" if number in starts else "wb") as out:
                for _number, begin, offset, length in some:
                    file.seek(offset)
                    out.write(file.read(length))
                    starts.setdefault(number, begin)
    (target / SOUND_FILE).unlink()
    numbers = sorted(starts)
    ends = [starts[n] for n in numbers[1:]] + [end]
    _write_playlist(
        folder / "index.m3u8",
        [(f"s{n:05d}.m4s", e - starts[n]) for n, e in zip(numbers, ends, strict=True)],
    )


def _fragments(file: BinaryIO | mmap) -> tuple[bytes, list[tuple[float, int, int]], float]:
    """The initialisation, the fragments (begin in seconds, offset, bytes), and the end in seconds."""
    begins_with, found, scale, moof, frames = b"", [], 1, b"", 0
    begin_at = 0
    for box in [*boxes(file)]:
        file.seek(box.at)
        if box.name in ("ftyp", "moov"):
            content = file.read(box.length)
            begins_with += content
            if box.name == "moov":
                scale = _timescale(content)
        elif box.name == "moof":
            moof, begin_at = file.read(box.length), box.at
        elif box.name == "mdat" and moof:
            begin = _decode_time(moof)
            found.append((begin / scale, begin_at, box.at + box.length - begin_at))
            # AAC has 1024 samples a frame.
            frames = begin + 1024 * int.from_bytes(_after(moof, b"trun", 4, 4))
    return begins_with, found, frames / scale


def _timescale(moov: bytes) -> int:
    version = moov[moov.index(b"mdhd") + 4]
    return int.from_bytes(_after(moov, b"mdhd", 20 if version else 12, 4))


def _decode_time(moof: bytes) -> int:
    version = moof[moof.index(b"tfdt") + 4]
    return int.from_bytes(_after(moof, b"tfdt", 4, 8 if version else 4))


def _after(content: bytes, name: bytes, skip: int, length: int) -> bytes:
    at = content.index(name) + len(name) + skip
    return content[at : at + length]


def _write_playlist(path: Path, entries: Sequence[tuple[str, float]]) -> None:
    longest = max((length for _name, length in entries), default=1)
    lines = [
        "#EXTM3U", "#EXT-X-VERSION:7", f"#EXT-X-TARGETDURATION:{max(1, round(longest))}",
        "#EXT-X-MEDIA-SEQUENCE:0", "#EXT-X-PLAYLIST-TYPE:VOD", "#EXT-X-INDEPENDENT-SEGMENTS",
        '#EXT-X-MAP:URI="init.mp4"',
    ]  # fmt: skip
    lines += [f"#EXTINF:{length:.6f},\n{name}" for name, length in entries]
    path.write_text("\n".join([*lines, END, ""]))


def write_masters(target: Path, plan: Plan) -> None:
    """The playlists that name the renditions, by what they turned out to be."""
    lines = ["#EXTM3U", "#EXT-X-VERSION:7", "#EXT-X-INDEPENDENT-SEGMENTS"]
    sound, sound_peak, sound_mean = "", 0, 0
    if plan.sound:
        sound_peak, sound_mean = _rates(target / "a0")
        lines.append(
            '#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="a",NAME="audio",DEFAULT=YES,AUTOSELECT=YES,'
            'CHANNELS="2",URI="a0/index.m3u8"'
        )
        sound = ',AUDIO="a"'
    for i, rendition in enumerate(plan.renditions):
        peak, mean = _rates(target / f"v{i}")
        codecs = _video_codec(head(target / f"v{i}"))
        lines += [
            f"#EXT-X-STREAM-INF:BANDWIDTH={peak + sound_peak},AVERAGE-BANDWIDTH={mean + sound_mean},"
            f'CODECS="{codecs}{"," + AUDIO_CODEC if plan.sound else ""}",'
            f"RESOLUTION={rendition.width}x{rendition.height},FRAME-RATE={plan.fps:.3f}{sound}",
            f"v{i}/index.m3u8",
        ]
    (target / MASTER).write_text("\n".join([*lines, ""]))
    if plan.sound:
        (target / LISTEN).write_text(
            "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-INDEPENDENT-SEGMENTS\n"
            f"#EXT-X-STREAM-INF:BANDWIDTH={sound_peak},AVERAGE-BANDWIDTH={sound_mean},"
            f'CODECS="{AUDIO_CODEC}"\na0/index.m3u8\n'
        )


def _rates(folder: Path) -> tuple[int, int]:
    """(highest of a segment, mean), bit/s."""
    found = [
        ((folder / name).stat().st_size * 8, length)
        for name, length in segments(folder / "index.m3u8")
    ]
    seconds = sum(length for _bits, length in found)
    peak = max(bits / max(length, 0.5) for bits, length in found)
    return round(peak), round(sum(bits for bits, _length in found) / max(seconds, 0.5))


def _video_codec(init: Path) -> str:
    """As RFC 6381 names it: profile, constraints and level as in the file."""
    return f"avc1.{_after(init.read_bytes(), b'avcC', 1, 3).hex()}"


def write_previews(target: Path, plan: Plan, length_s: float) -> None:
    """Put the pictures of ``THUMBS`` on sheets, and write which part of which sheet shows which
    time (WebVTT with media fragments ``#xywh``); the pictures are used up. Without any, nothing."""
    if not (target / THUMBS).is_dir():
        return
    names = sorted((target / THUMBS).glob("*.jpg"))
    cues = []
    width, height = plan.thumb_size
    for number, some in enumerate(_batched(names, SHEET_SIDE * SHEET_SIDE)):
        rows = ceil(len(some) / SHEET_SIDE)
        sheet = Image.new("RGB", (width * min(len(some), SHEET_SIDE), height * rows))
        name = f"t{number:03d}.jpg"
        for place, path in enumerate(some):
            x, y = place % SHEET_SIDE * width, place // SHEET_SIDE * height
            with Image.open(path) as picture:
                sheet.paste(picture, (x, y))
            at = int(path.stem) * plan.thumb_every_s
            if at < length_s:
                until = min(at + plan.thumb_every_s, length_s)
                cues.append(
                    f"{_clock(at)} --> {_clock(until)}\n{name}#xywh={x},{y},{width},{height}\n"
                )
        sheet.save(target / name, quality=70, optimize=True)
    shutil.rmtree(target / THUMBS)
    (target / PREVIEWS).write_text("\n".join(["WEBVTT\n", *cues]))


def _batched(paths: Sequence[Path], count: int) -> Iterator[Sequence[Path]]:
    left = iter(paths)
    while some := [*islice(left, count)]:
        yield some


def _clock(seconds: float) -> str:
    ms = round(seconds * 1000)
    return f"{ms // 3600_000:02d}:{ms // 60_000 % 60:02d}:{ms // 1000 % 60:02d}.{ms % 1000:03d}"


def move_to(target: Path, plan: Plan, span: Span) -> None:
    """Move what FFmpeg wrote of a piece, as beginning at 0, to its place in time."""
    begin_s = span.seconds(plan)[0]
    made_ms = round(sum(length for _name, length in segments(target / "v0" / "index.m3u8")) * 1000)
    looks = read_looks(target / LOOKS, made_ms)
    write_looks(target / LOOKS, looks, round(begin_s * 1000))
    if span.first == 0:
        return
    for i in range(len(plan.renditions)):
        folder = target / f"v{i}"
        offset = round(begin_s * _timescale(head(folder).read_bytes()))
        for path in folder.glob("s*.m4s"):
            content = bytearray(path.read_bytes())
            for name, skip in ((b"sidx", 12), (b"tfdt", 4)):
                _shift(content, name, skip, offset)
            path.write_bytes(content)
    # The nearest moments of the whole's previews; a picture that is due twice is taken once.
    first = round(begin_s / plan.thumb_every_s)
    for path in sorted((target / THUMBS).glob("*.jpg"), reverse=True):
        path.rename(path.with_name(f"{int(path.stem) + first:06d}.jpg"))


def _shift(content: bytearray, name: bytes, skip: int, offset: int) -> None:
    """Add to the time in the first box ``name``, whose version 1 has it in eight bytes."""
    if (found := content.find(name, 0, 4096)) < 0:
        return
    at, length = found + 4 + skip, 8 if content[found + 4] else 4
    time = int.from_bytes(content[at : at + length]) + offset
    content[at : at + length] = time.to_bytes(length)


def join(pieces: Sequence[Path], target: Path, plan: Plan) -> None:
    """Pieces in their order become one run in ``target``: files are moved, playlists appended.

    The sound is not part of it: ``cut_sound`` follows, once it is there.

    Raises:
        ValueError: two pieces were not encoded alike.
    """
    for i in range(len(plan.renditions)):
        folder = target / f"v{i}"
        folder.mkdir(parents=True, exist_ok=True)
        entries: list[tuple[str, float]] = []
        heads = {head(piece / f"v{i}").read_bytes() for piece in pieces}
        if len(heads) != 1:
            raise ValueError("pieces differ")
        (folder / "init.mp4").write_bytes(heads.pop())
        for piece in pieces:
            own = segments(piece / f"v{i}" / "index.m3u8")
            for name, _length in own:
                (piece / f"v{i}" / name).rename(folder / name)
            entries += own
        _write_playlist(folder / "index.m3u8", entries)
    (target / THUMBS).mkdir()
    (target / LOOKS).write_text("".join((piece / LOOKS).read_text() for piece in pieces))
    for piece in pieces:
        for path in (piece / THUMBS).glob("*.jpg"):
            path.rename(target / THUMBS / path.name)
        if (piece / POSTER).is_file():
            (piece / POSTER).rename(target / POSTER)
