"""Readers of strangers' files, each with sound files to begin with: what fuzzing is done on.

Only refusals in words (``DomainError``) may come out of a reader.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable

from PIL import Image

from assessments.exchange import excel, html, qti12
from assessments.exchange.base import NoPictures, Questions
from assessments.exchange.formats import FORMATS
from assessments.papers import Paper
from courses.courseware import claims
from courses.courseware.models import Edition
from courses.packages import document, foreign, reading  # noqa: F401 - foreign: so that it is seen
from media import caption_files, reencoding
from media.cues import Cue
from zhixin import archives, richtext, spreadsheets, texts, xmltree
from zhixin.declarations import proofs

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
}  # fmt: skip
