"""Readers of strangers' files, each with sound files to begin with: what fuzzing is done on.

Only refusals in words (``DomainError``) may come out of a reader.
"""

from __future__ import annotations

import base64
import inspect
import io
import json
import zipfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import cast
from unittest import mock

from flask import Flask
from PIL import Image
from sqlalchemy.orm import Session

from assessments.exchange import excel, html, qti12
from assessments.exchange.base import NoPictures, Questions
from assessments.exchange.formats import FORMATS
from assessments.papers import Paper
from courses.courseware import claims
from courses.courseware.models import Edition
from courses.packages import document, foreign, reading  # noqa: F401 - foreign: so that it is seen
from media import (
    analysis,
    api,
    caption_files,
    copying,
    joining,
    limits,
    names,
    probe,
    ranges,
    reencoding,
    renditions,
    report,
    uploads,
)
from media.cues import Cue
from media.models import Upload, UploadKind
from media.storage import MediaStore
from zhixin import archives, richtext, spreadsheets, texts, xmltree
from zhixin.declarations import proofs
from zhixin.errors import Invalid

Reader = Callable[[bytes], object]


def _archive(content: bytes) -> None:
    with archives.open(content, archives.Limits(total=8_000_000)) as archive:
        for name in archive.names:
            archive.read(name)


def _html(content: bytes) -> None:
    html.to_markdown(content.decode(errors="replace"), lambda address, words: words)


def _word(content: bytes) -> None:
    """The bytes as a document's main part: a changed zip would never come as far as that."""
    kept = io.BytesIO()
    with zipfile.ZipFile(kept, "w") as archive:
        archive.writestr("word/document.xml", content)
    FORMATS["word"].read(kept.getvalue(), NoPictures(), lambda done, total: None)


def _package(name: str, content: bytes) -> None:
    """The bytes as one part of a cartridge whose other parts are sound."""
    kept = io.BytesIO()
    with zipfile.ZipFile(kept, "w") as archive:
        for member, sound in {**PARTS, name: content}.items():
            archive.writestr(member, sound)
    bounds = reading.Bounds(10**6, 10**6, 10**6)
    with archives.open(kept.getvalue()) as opened:
        found = reading.read(opened, bounds)
    assert reading.Found.from_json(found.to_json()).document == found.document


def _course(content: bytes) -> None:
    made = document.read(content)
    assert document.read(made.to_bytes()) == made


#: A cartridge and a SCORM package in one.
PARTS = {
    "imsmanifest.xml": b"""<manifest xmlns:a="x"><metadata><schema>ADL SCORM</schema><schemaversion>1.2</schemaversion>
<general><title>t</title></general></metadata><organizations><organization><title>o</title><item identifierref="p" parameters="?a=b">
<title>1</title><item identifierref="l"><title>2</title></item></item><item identifierref="s"><title>3</title></item></organization></organizations>
<resources><resource identifier="p" type="webcontent" href="a/p.html"><file href="a/p.html"/></resource>
<resource identifier="l" type="imswl_xmlv1p1"><file href="l.xml"/></resource>
<resource identifier="s" a:scormtype="sco" type="webcontent" href="a/p.html"/></resources></manifest>""",
    "a/p.html": b"""<html><head><title>x</title></head><body><h1>a</h1><p>b <a href="../f.txt">c</a> <a href="https://x.org/">d</a>
<img src="i.png" alt="e"><iframe src="//x.org/"></iframe> \\(x^2\\) $y$</p><table><tr><td>1</td></tr></table></body></html>""",
    "l.xml": b'<webLink><title>t</title><url href="https://example.org/"/></webLink>',
    "f.txt": b"text",
}
COURSE = b"""{"format":"zhixin-course","version":1,"course":{"title":"t","declared_hours":"1.5"},"chapters":[{"title":"c","units":[
{"id":"u1","kind":"page","title":"p","body":"![a](picture:00000000000000000000000000000001)"},
{"id":"u2","kind":"live","title":"l","starts_at":"2027-01-01T00:00:00Z","minutes":5,"address":"https://x.org/"},
{"id":"u3","kind":"quiz","title":"q","after":["u1"],"paper":{"title":"q","questions":[
{"id":"q1","kind":"ordering","stem":"s","items":[{"id":"a","text":"1"},{"id":"b","text":"2"}],"correct":["a","b"]}]}},
{"id":"u4","kind":"scorm","title":"s","courseware":"c1","launch":"a.html?x"},
{"id":"u5","kind":"video","title":"v","video":{"member":"videos/1.mp4","name":"v"},"checks":[{"at_ms":1,"text":"?","options":["a","b"],"right":0}]}]}],
"pictures":[{"id":"00000000000000000000000000000001","member":"pictures/1.png"}],
"courseware":[{"id":"c1","edition":"1.2","files":{"a.html":"courseware/1/0.html"}}]}"""
QTI12 = b"""<questestinterop><assessment title="t"><section><item title="i"><itemmetadata><qtimetadata><qtimetadatafield><fieldlabel>cc_profile</fieldlabel>
<fieldentry>cc.multiple_choice.v0p1</fieldentry></qtimetadatafield></qtimetadata></itemmetadata><presentation><material><mattext texttype="text/html">q</mattext></material>
<response_lid ident="r" rcardinality="Multiple"><render_choice><response_label ident="a"><material><mattext>1</mattext></material></response_label>
<response_label ident="b"><material><mattext>2</mattext></material></response_label></render_choice></response_lid></presentation><resprocessing><respcondition>
<conditionvar><and><varequal respident="r">a</varequal><not><varequal respident="r">b</varequal></not></and></conditionvar><setvar varname="SCORE">100</setvar>
</respcondition></resprocessing><itemfeedback ident="general_fb"><material><mattext>f</mattext></material></itemfeedback></item></section></assessment></questestinterop>"""


def _captions(content: bytes) -> None:
    """What was read can be written and read again: the same times and words."""
    cues = caption_files.read(content)
    for kind in (caption_files.Kind.VTT, caption_files.Kind.SRT):
        written = caption_files.write(cues, kind).encode()
        assert [cue.start_ms for cue in caption_files.read(written)] == [c.start_ms for c in cues]


def _sheet(content: bytes) -> None:
    """The bytes as the only sheet of a workbook: a changed zip would never come as far as that."""
    sound = spreadsheets.workbook({"表": (["甲", "乙"], [("1", "2")])})
    kept = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(sound)) as whole, zipfile.ZipFile(kept, "w") as archive:
        for name in whole.namelist():
            given = content if name.startswith("xl/worksheets/") else whole.read(name)
            archive.writestr(name, given)
    spreadsheets.read(kept.getvalue(), most_rows=100)


def _table(content: bytes) -> None:
    if not archives.is_zip(content):
        spreadsheets.read(content, most_rows=100)


def _page_text(content: bytes) -> None:
    """No script and no address of another kind comes out of what somebody wrote."""
    drawn = str(richtext.render(content.decode(errors="replace"))).lower()
    assert "<script" not in drawn
    assert 'href="javascript:' not in drawn


def _claims(content: bytes) -> None:
    """What courseware says: a length is never negative nor more than a day."""
    try:
        said = json.loads(content)
    except (ValueError, RecursionError):
        return
    if not isinstance(said, dict) or not all(isinstance(each, str) for each in said.values()):
        return
    assert all(0 <= claims.sitting_ms(text) <= claims.MOST_SITTING_MS for text in said.values())
    claims.is_done(said)
    for edition in Edition:
        claims.start(said, edition, 0)


def _said_by_ffprobe(said: str, packets: str) -> probe.Probe:
    """What is made of a file of which FFprobe says this."""

    def answers(path: Path, deadline: float, *questions: str) -> Iterator[str]:
        asked_json = "json=c=1" in questions
        yield from filter(None, (said if asked_json else packets).split("\n"))

    with mock.patch.object(probe, "_ffprobe", answers):
        return probe.probe(Path(__file__))


def _probe(content: bytes) -> None:
    """What is taken can be planned, and its report kept: no NaN in it, no length of nothing."""
    found = _said_by_ffprobe(content.decode(errors="replace"), PACKETS.decode())
    json.dumps(report.of_probe(found), allow_nan=False)
    limits.check(found, limits.Limits(max_bytes=10**6))
    assert min(found.video.upright) > 0
    copying.suits(found)
    renditions.mix(found)
    renditions.plan(found, analysis.Analysis())


def _packets(content: bytes) -> None:
    """The bytes as FFprobe's lines about packets, of a file whose streams are sound."""
    text = content.decode(errors="replace")
    with mock.patch.object(probe, "_ffprobe", return_value=iter(text.split("\n"))):
        probe.begins_whole(Path(__file__), 0)
    assert _said_by_ffprobe(FFPROBE.decode(), text).duration_ms > 0


class _Uploads:
    """Instead of a database: every upload is there, whole, and a part."""

    def get(self, model: type[Upload], key: str) -> Upload:
        later = datetime(9999, 1, 1, tzinfo=UTC)
        return Upload(
            id=key,
            owner_id=1,
            size=5,
            received=5,
            partial=True,
            length_known=True,
            expires_at=later,
        )


def _join(urls: list[str]) -> str:
    """As ``api._join``, as far as it reads what was sent."""
    api._metadata()
    ids = [url.rstrip("/").rsplit("/", 1)[-1] for url in urls]
    found = joining.parts(cast(Session, _Uploads()), ids, 1, datetime(2026, 11, 23, tzinfo=UTC))
    assert all(each and " " not in each for each in ids)  # they are kept with spaces between
    assert len(found) == len(ids)
    return "joined"


def _begun(length: int | None, *, partial: bool) -> tuple[Upload, None]:
    """As ``api._begin``, as far as it reads what was sent."""
    facts = api._metadata()
    try:
        UploadKind(facts.get("kind") or "video")
    except ValueError:
        raise Invalid from None
    shown = names.shown(facts.get("filename", ""), "video")
    assert 0 < len(shown) <= names.MOST_LETTERS
    assert not {*"/\\\0\r\n"} & {*shown}
    uploads.check_size(length or 0, 10**9)
    now = datetime(2026, 11, 23, tzinfo=UTC)
    return Upload(id="0" * 32, received=0, partial=partial, expires_at=now), None


def _headers(content: bytes) -> dict[str, str]:
    """Lines of ``Name: value`` as a server hands them over: each byte a character."""
    sent = {}
    for line in content.decode("latin-1").split("\n"):
        name, _colon, value = line.partition(":")
        sent["HTTP_" + name.strip().upper().replace("-", "_")] = value.strip(" \t\r")
    return sent


def _tus(content: bytes) -> None:
    """The bytes as the head of a request that begins an upload, and of one that goes on with it."""
    create, sent = inspect.unwrap(api.create), {**_headers(content), "HTTP_TUS_RESUMABLE": "1.0.0"}
    with (
        _APP.test_request_context("/", method="POST", environ_overrides=sent),
        mock.patch.multiple(api, _join=_join, _begin=_begun),
        mock.patch.object(api, "url_for", return_value="/"),
    ):
        create()
        checksum = api._checksum()
        assert checksum is None or checksum[0] in uploads.CHECKSUMS
        for name in ("Upload-Length", "Upload-Offset"):
            number = api._number(name)
            assert number is None or 0 <= number < 10**18


def _range(content: bytes) -> None:
    """The bytes as the head of a request for a part: what is sent is what its head promises."""
    whole = bytes(range(100))
    vault = SimpleNamespace(open=lambda key, start, stop: io.BytesIO(whole[start:stop]))
    store = cast(MediaStore, SimpleNamespace(vault=vault))
    with _APP.test_request_context("/", environ_overrides=_headers(content)):
        made = ranges.answer(store, "a", len(whole), "video/mp4", etag="e")
        sent = made.get_data()
        if made.status_code == 206:
            begin, end = made.headers["Content-Range"][6:].partition("/")[0].split("-")
            assert sent == whole[int(begin) : int(end) + 1] != b""
        else:
            assert sent == (whole if made.status_code == 200 else b"")


#: Only for the headers of requests.
_APP = Flask(__name__)
FFPROBE = b"""{"streams":[{"index":0,"codec_name":"h264","profile":"High","codec_type":"video","width":1440,"height":1080,
"has_b_frames":2,"sample_aspect_ratio":"4:3","pix_fmt":"yuv420p","level":40,"color_range":"tv","color_space":"bt709",
"color_transfer":"bt709","color_primaries":"bt709","field_order":"progressive","r_frame_rate":"30000/1001",
"avg_frame_rate":"25/1","start_time":"0.080000","duration":"6.000000","bit_rate":"1200000","disposition":{"default":1,"attached_pic":0},
"tags":{"language":"und"},"side_data_list":[{"rotation":-90}]},
{"index":1,"codec_name":"aac","profile":"LC","codec_type":"audio","sample_rate":"48000","channels":2,"channel_layout":"stereo",
"r_frame_rate":"0/0","avg_frame_rate":"0/0","start_time":"0.000000","duration":"6.016000","bit_rate":"128000",
"disposition":{"default":1,"attached_pic":0},"tags":{"language":"chi"}}],
"format":{"format_name":"mov,mp4,m4a,3gp,3g2,mj2","start_time":"0.000000","duration":"6.016000","bit_rate":"1328000"}}"""
#: As ``csv=p=0``; the last line is of ``compact=p=0``.
PACKETS = b"""5.800000,5.720000,0.040000
5.960000,N/A,N/A
6.000000,5.960000,0.040000,
pts_time=0.080000|flags=K__|start_time=0.080000"""
TUS = [
    b"Upload-Length: 5000\nUpload-Metadata: filename 6K6y5LmJLm1wNA==,kind dmlkZW8=,sha256 "
    + base64.b64encode(b"a" * 64)
    + b"\nUpload-Checksum: sha1 Lve95gjOVATpfV8EL5X4nxwjKHE=\nUpload-Offset: 0",
    b"Upload-Defer-Length: 1\nUpload-Concat: partial\nUpload-Metadata: filename YS56aXA=,kind ZmlsZQ==,is_confidential",
    b"Upload-Concat: final;/api/uploads/0123456789abcdef0123456789abcdef https://x.cn/api/uploads/f123456789abcdef0123456789abcdef/",
]


READERS: dict[str, Reader] = {
    "archive": _archive,
    "xml": xmltree.parse,
    "text": texts.decode,
    "html": _html,
    **{
        name: (lambda content, read=format.read: read(content, NoPictures(), lambda d, t: None))
        for name, format in FORMATS.items()
    },
    "word": _word,
    "qti12": qti12.read,
    "course": _course,
    "manifest": lambda content: _package("imsmanifest.xml", content),
    "page": lambda content: _package("a/p.html", content),
    "captions": _captions,
    "sheet": _sheet,
    "table": _table,
    "picture": reencoding.encode,
    "proof": lambda content: proofs.check(content, 10**6),
    "rich": _page_text,
    "claims": _claims,
    "probe": _probe,
    "packets": _packets,
    "tus": _tus,
    "range": _range,
}


def seeds(name: str) -> list[bytes]:
    """Sound files, an example of each kind; of packages their main parts."""
    if name in _OWN:
        return _OWN[name]
    paper = Paper.from_document(
        {"title": "卷", "questions": excel.read(excel.template()).questions}
    )
    found = []
    for format in FORMATS.values():
        if name not in (format.name, "archive", "xml", "text", "html"):
            continue
        content = format.write(Questions("卷", paper.questions), NoPictures()).content
        found.append(content)
        if archives.is_zip(content) and name != "archive":
            with archives.open(content) as archive:
                found += [archive.read(each) for each in archive.names if each.endswith(".xml")]
    return found


def _drawn() -> list[bytes]:
    made = []
    for kind in ("PNG", "JPEG", "WEBP", "GIF"):
        kept = io.BytesIO()
        Image.new("RGB", (9, 7), "#274").save(kept, kind)
        made.append(kept.getvalue())
    return made


_CUES = [
    Cue(0, 1500, "通风的要求"),
    Cue(1500, 4000, "照明\n的要求"),
    Cue(4000, 3_700_000, "a<b & c"),
]
_SHEET = b"""<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData><row r="1">
<c r="A1" t="inlineStr"><is><t>a</t></is></c><c r="B1"><v>1e3</v></c><c r="C1" t="b"><v>1</v></c><c r="D1"><f>A1</f></c></row>
</sheetData></worksheet>"""
_OWN = {
    "qti12": [QTI12],
    "course": [COURSE],
    "manifest": [PARTS["imsmanifest.xml"]],
    "page": [PARTS["a/p.html"]],
    "captions": [
        *(caption_files.write(_CUES, kind).encode() for kind in (caption_files.Kind.VTT, caption_files.Kind.SRT)),
        "[Events]\nFormat: Start, End, Text\nDialogue: 0:00:01.00,0:00:02.00,{\\i1}通风\\N照明\n".encode(),
    ],
    "sheet": [_SHEET],
    "table": ["编号,姓名\nA-1,\"欧阳, 明\"\n".encode(), "编号;姓名\n1;𠮷\n".encode("gb18030")],
    "picture": _drawn(),
    "proof": [*_drawn()[:2], b"%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF"],
    "rich": ["# 甲\n\n**乙** [丙](https://x.cn) ![丁](picture:0123456789abcdef0123456789abcdef) $x^2$ `a`\n\n|a|b|\n|-|-|\n|1|2|\n".encode()],
    "claims": [b'{"cmi.core.session_time":"00:10:00.5","cmi.session_time":"P1DT2H3M4.5S","cmi.core.lesson_status":"passed"}'],
    "probe": [FFPROBE],
    "packets": [PACKETS],
    "tus": TUS,
    "range": [b"Range: bytes=10-19", b"Range: bytes=-20\nIf-Range: \"e\"", b"Range: bytes=5-", b"If-None-Match: W/\"a\", \"e\"", b"Range: bytes=0-0,5-9"],
}  # fmt: skip
