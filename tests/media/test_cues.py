"""Caption files read and written, and what is said about cues."""

from __future__ import annotations

from contextlib import suppress
from io import StringIO

import pysubs2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from media import caption_files, cue_checks, cues
from media.caption_files import Kind
from media.cue_checks import Check
from media.cues import Cue
from media.errors import CaptionsRefused
from zhixin.texts import UnreadableText

MOMENTS = st.integers(0, cues.MOST_MS)
WORDS = st.text(st.characters(codec="utf-8"), max_size=60).map(cues.plain).filter(bool)
CUES = st.lists(st.builds(Cue, MOMENTS, MOMENTS, WORDS), min_size=1, max_size=8).map(cues.ordered)
#: What SRT has no way to write as text: its own tags and ASS's commands in it.
PLAIN = CUES.filter(lambda all: not any("<" in cue.text or "{\\" in cue.text for cue in all))


@given(CUES)
def test_webvtt_round_trip(made: list[Cue]) -> None:
    """Whatever a cue says, also what looks like tags or times, comes back from WebVTT."""
    assert caption_files.read(caption_files.write(made, Kind.VTT).encode()) == made


@given(PLAIN)
def test_srt_round_trip(made: list[Cue]) -> None:
    """From SRT too, numbers as last lines included; but for lines that are themselves times."""
    if any(caption_files._TIMES.fullmatch(line) for cue in made for line in cue.text.split("\n")):
        return
    assert caption_files.read(caption_files.write(made, Kind.SRT).encode()) == made


def test_another_reader_understands_what_is_written() -> None:
    """pysubs2 finds the same times and words."""
    made = [Cue(0, 1500, "第一句"), Cue(3_600_000, 3_601_234, "second\nline")]
    for kind in (Kind.VTT, Kind.SRT):
        theirs = pysubs2.SSAFile.from_file(StringIO(caption_files.write(made, kind)), kind)
        assert [Cue(e.start, e.end, e.plaintext) for e in theirs] == made


def test_chinese_windows_files_are_read() -> None:
    """SRT in GB18030 with CRLF, styled; the styles are left out."""
    text = "1\r\n00:00:01,000 --> 00:00:02,500\r\n<font color=red>山地</font>{\\an8}桥梁\r\na<b 时\r\n\r\n"
    assert caption_files.read(text.encode("gb18030")) == [Cue(1000, 2500, "山地桥梁\na<b 时")]


def test_webvtt_notes_styles_names_and_voices_are_no_words() -> None:
    text = (
        "WEBVTT - x\nKind: captions\n\nSTYLE\n::cue { color: red }\n\nNOTE 00:01.000 --> 00:02.000\n\n"
        "intro\n00:01.000 --> 00:02.000 align:start\n<v 李工>甲 &amp; 乙<script>\n\n"
        "NOTE end\n"
    )
    assert caption_files.read(text.encode()) == [Cue(1000, 2000, "甲 & 乙")]


def test_ass_is_read() -> None:
    text = (
        "[Script Info]\nScriptType: v4.00+\n\n[Events]\n"
        "Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text\n"
        "Dialogue: 0,0:00:01.00,0:00:02.00,Default,,0,0,0,,{\\b1}甲\\N乙\n"
    )
    assert caption_files.read(text.encode()) == [Cue(1000, 2000, "甲\n乙")]


@given(st.binary(max_size=400))
def test_whatever_is_sent_is_refused_in_words_or_read(sent: bytes) -> None:
    """No bytes make it fail in another way."""
    with suppress(CaptionsRefused, UnreadableText):
        caption_files.read(b"[Script Info]\n" + sent)


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        (b" \n", "captions-empty"),
        ("没有时间".encode(), "captions-kind"),
        (b"x" * (caption_files.MOST_BYTES + 1), "captions-too-large"),
        (b"00:01.000 --> 00:02.000\n" + b"x" * 501, "captions-cue-too-long"),
        (b"00:01.000 --> 00:02.000\nx\n\n" * 10_001, "captions-too-many"),
    ],
)
def test_bounds(sent: bytes, code: str) -> None:
    with pytest.raises(CaptionsRefused) as refused:
        caption_files.read(sent)
    assert refused.value.code == code


@given(CUES, st.integers(0, cues.MOST_MS))
def test_a_fault_is_what_no_player_shows(made: list[Cue], duration_ms: int) -> None:
    """Faults are counted cue by cue, whatever else is said."""
    wrong = sum(c.end_ms <= c.start_ms for c in made) + sum(c.start_ms >= duration_ms for c in made)
    assert cue_checks.faults(made, "zh-Hans", duration_ms) == wrong


@given(st.lists(st.tuples(st.integers(0, 300), st.integers(1, 50)), min_size=2, max_size=9))
def test_overlaps_are_found(spans: list[tuple[int, int]]) -> None:
    """A cue overlaps when any before it is still shown, as told by looking at each pair."""
    made = cues.ordered(Cue(start, start + length, "字") for start, length in spans)
    told = {p.place for p in cue_checks.problems(made, "en", None) if p.check is Check.OVERLAP}
    pairs = {
        late for late in range(len(made)) for early in range(late)
        if made[early].end_ms > made[late].start_ms
    }  # fmt: skip
    assert told == pairs


def test_reading_speed_is_the_languages() -> None:
    """Ten Chinese characters in a second are too many (9), ten Latin ones are not (20)."""
    made = [Cue(0, 1000, "一二三四五六七八九十")]
    assert Check.TOO_FAST in {p.check for p in cue_checks.problems(made, "zh-Hans", None)}
    assert not cue_checks.problems([Cue(0, 1000, "abcdefghij")], "en", None)
