"""Caption files: WebVTT and SubRip (SRT) read and written, ASS read.

What a stranger sends is text with times; everything else in it (styles, places, colours, voices,
scripts) is left out. ASS is read by pysubs2. WebVTT and SRT are not: it takes a cue's last line
for the next one's number when it is a number, and notes and styles for words of the cue before.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Sequence
from enum import StrEnum

import pysubs2
from pysubs2.exceptions import Pysubs2Error

from media.cues import MOST_CHARACTERS, MOST_CUES, MOST_LINES, MOST_MS, Cue, ordered, plain
from media.errors import CaptionsRefused
from zhixin import texts

MOST_BYTES = 2 * 1024**2


class Kind(StrEnum):
    VTT = "vtt"
    SRT = "srt"
    ASS = "ass"


MEDIA_TYPES = {Kind.VTT: "text/vtt", Kind.SRT: "application/x-subrip"}

_MOMENT = r"(?:(\d{1,4}):)?(\d{1,2}):(\d{1,2})[.,](\d{1,3})"
_TIMES = re.compile(rf"\s*{_MOMENT}\s*-->\s*{_MOMENT}(?:\s.*)?")
_NUMBER = re.compile(r"\s*\d{1,9}\s*")
#: Of WebVTT anything in angle brackets; of SRT only what players know, for `a<b` is text.
_VTT_TAG = re.compile(r"<[^<>]{0,500}>")
_SRT_TAG = re.compile(r"</?\s*(?:b|i|u|s|font)(?:\s[^<>]{0,200})?>", re.IGNORECASE)
_SRT_OVERRIDE = re.compile(r"\{\\[^{}]{0,200}\}")
_BLOCKS = re.compile(r"(?:NOTE|STYLE|REGION)(?:\s|$)")


def read(sent: bytes, *, most_bytes: int = MOST_BYTES) -> list[Cue]:
    """The cues of a file in whatever of the three kinds and known encodings, in their order.

    Raises:
        CaptionsRefused: empty, too large, or no captions are found in it.
        UnreadableText: it is no text.
    """
    if not sent.strip():
        raise CaptionsRefused("captions-empty")
    if len(sent) > most_bytes:
        raise CaptionsRefused("captions-too-large", max_bytes=most_bytes)
    text = texts.decode(sent).lstrip("\ufeff")
    found: list[Cue] = []
    for cue in _READERS[kind_of(text)](text):
        if not cue.text:
            continue
        if len(cue.text) > MOST_CHARACTERS or cue.text.count("\n") >= MOST_LINES:
            raise CaptionsRefused("captions-cue-too-long", at_ms=cue.start_ms)
        found.append(cue)
        if len(found) > MOST_CUES:
            raise CaptionsRefused("captions-too-many", most=MOST_CUES)
    if not found:
        raise CaptionsRefused("captions-kind")
    return ordered(found)


def kind_of(text: str) -> Kind:
    start = text[:4096].lstrip()
    if start.startswith("WEBVTT"):
        return Kind.VTT
    return Kind.ASS if start.startswith("[Script Info]") else Kind.SRT


def write(cues: Sequence[Cue], kind: Kind) -> str:
    """As a file of ``kind``: WebVTT or SRT."""
    if kind is Kind.VTT:
        return "WEBVTT\n\n" + "".join(
            f"{_stamp(cue.start_ms, '.')} --> {_stamp(cue.end_ms, '.')}\n{_escaped(cue.text)}\n\n"
            for cue in cues
        )
    return "".join(
        f"{number}\n{_stamp(cue.start_ms, ',')} --> {_stamp(cue.end_ms, ',')}\n{cue.text}\n\n"
        for number, cue in enumerate(cues, 1)
    )


def moment(text: str) -> int | None:
    """``1:02:03.5`` or ``2:03,500`` in ms; None if it is neither."""
    found = re.fullmatch(rf"\s*{_MOMENT}\s*", text)
    return _ms(found.groups()) if found else None


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _stamp(ms: int, point: str) -> str:
    ms = max(0, min(ms, MOST_MS))
    seconds, rest = divmod(ms, 1000)
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}{point}{rest:03}"


def _ms(groups: Sequence[str | None]) -> int:
    hours, minutes, seconds, fraction = groups
    assert minutes
    assert seconds
    assert fraction
    whole = (int(hours or 0) * 60 + int(minutes)) * 60 + int(seconds)
    return min(whole * 1000 + int(fraction.ljust(3, "0")), MOST_MS)


def _vtt(text: str) -> Iterator[Cue]:
    for block in re.split(r"\n[ \t]*\n", text):
        lines = [line for line in block.split("\n") if line.strip()]
        if not lines or _BLOCKS.match(lines[0]):
            continue
        # Before the times at most one line, the cue's name; the header may stand right above.
        at = next((n for n, line in enumerate(lines[:3]) if _TIMES.fullmatch(line)), None)
        if at is None:
            continue
        words = "\n".join(lines[at + 1 :])
        yield _cue(lines[at], html.unescape(_VTT_TAG.sub("", words)))


def _srt(text: str) -> Iterator[Cue]:
    times, words = "", list[str]()
    for line in text.split("\n"):
        if not _TIMES.fullmatch(line):
            words.append(line)
            continue
        if times:
            yield _cue(times, _without_number(words))
        times, words = line, []
    if times:
        yield _cue(times, _srt_text(words))


def _without_number(words: list[str]) -> str:
    """Words of a cue that another one follows, whose number was read with them."""
    if words and _NUMBER.fullmatch(words[-1]):
        words = words[:-1]
    return _srt_text(words)


def _srt_text(words: list[str]) -> str:
    return _SRT_OVERRIDE.sub("", _SRT_TAG.sub("", "\n".join(words)))


def _cue(times: str, words: str) -> Cue:
    found = _TIMES.fullmatch(times)
    assert found is not None
    return Cue(_ms(found.groups()[:4]), _ms(found.groups()[4:]), plain(words))


def _ass(text: str) -> Iterator[Cue]:
    try:
        events = pysubs2.SSAFile.from_string(text, format_="ass").events
    except (Pysubs2Error, ValueError, KeyError, IndexError, OverflowError, AttributeError):
        raise CaptionsRefused("captions-kind") from None
    for event in events:
        if not event.is_comment and not event.is_drawing:
            start, end = (max(0, min(each, MOST_MS)) for each in (event.start, event.end))
            yield Cue(start, end, plain(event.plaintext))


_READERS = {Kind.VTT: _vtt, Kind.SRT: _srt, Kind.ASS: _ass}
