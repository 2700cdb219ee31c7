"""``python tests/fuzz/__main__.py SECONDS READER``: atheris on one reader of strangers' files.

Readers: archive xml text excel word gift moodle aiken qti21 html qti12 course manifest page. Only refusals in words
(``DomainError``) may come out; anything else stops the run and is written to ``crash-…``.
"""

from __future__ import annotations

import contextlib
import io
import sys
import tempfile
import zipfile
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["assessments", "courses", "zhixin"]):
    from assessments.exchange import excel, html, qti12
    from assessments.exchange.base import NoPictures, Questions
    from assessments.exchange.formats import FORMATS
    from assessments.papers import Paper
    from courses.packages import document, foreign, reading  # noqa: F401 - foreign: so that it is seen
    from zhixin import archives, texts, xmltree
    from zhixin.errors import DomainError


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
OF_PACKAGES = {
    "qti12": QTI12, "course": COURSE, "manifest": PARTS["imsmanifest.xml"], "page": PARTS["a/p.html"],
}  # fmt: skip

READERS = {
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
}


def seeds(name: str, folder: Path) -> None:
    """Sound files to begin with, an example of each kind; of packages their main parts."""
    if name in OF_PACKAGES:
        (folder / "sound").write_bytes(OF_PACKAGES[name])
        return
    found = excel.read(excel.template()).questions
    paper = Paper.from_document({"title": "卷", "questions": found})
    for format in FORMATS.values():
        if name not in (format.name, "archive", "xml", "text", "html"):
            continue
        content = format.write(Questions("卷", paper.questions), NoPictures()).content
        (folder / format.name).write_bytes(content)
        if archives.is_zip(content) and name != "archive":
            with archives.open(content) as archive:
                for at, part in enumerate(each for each in archive.names if each.endswith(".xml")):
                    (folder / f"{format.name}-{at}").write_bytes(archive.read(part))


def main() -> None:
    seconds, name = int(sys.argv[1]), sys.argv[2]
    read = READERS[name]

    def one(content: bytes) -> None:
        with contextlib.suppress(DomainError):
            read(content)

    folder = Path(tempfile.mkdtemp(prefix=f"fuzz-{name}-"))
    seeds(name, folder)
    options = [f"-max_total_time={seconds}", "-max_len=20000", "-timeout=10", "-rss_limit_mb=2048"]
    atheris.Setup([sys.argv[0], *options, str(folder)], one)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
