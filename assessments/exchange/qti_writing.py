"""QTI 2.1 and 3.0: write a package with a manifest, an item a question, and the pictures."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Mapping
from xml.etree.ElementTree import Element, SubElement, fromstring, tostring

from assessments.exchange import base, qti, qti_items
from assessments.exchange.base import Problem, Questions, Written
from assessments.exchange.qti_bodies import Writer, declare, interact, process
from assessments.questions import Question, QuestionKind
from zhixin import richtext, texts

_SPACES = {
    "2.1": "http://www.imsglobal.org/xsd/imsqti_v2p1",
    "3.0": "http://www.imsglobal.org/xsd/imsqtiasi_v3p0",
}
_MANIFESTS = {
    "2.1": "http://www.imsglobal.org/xsd/imscp_v1p1",
    "3.0": "http://www.imsglobal.org/xsd/qti/qtiv3p0/imscp_v1p1",
}
_TYPES = {"2.1": "imsqti_item_xmlv2p1", "3.0": "imsqti_item_xmlv3p0"}
#: A fixed date, so that the same questions are the same bytes.
_DATE = (1980, 1, 1, 0, 0, 0)


def write_21(questions: Questions, pictures: base.Pictures | None = None) -> Written:
    return _write(questions, pictures, "2.1")


def write_30(questions: Questions, pictures: base.Pictures | None = None) -> Written:
    return _write(questions, pictures, "3.0")


def _write(questions: Questions, pictures: base.Pictures | None, version: str) -> Written:
    writer = Writer(pictures or base.NoPictures())
    problems: list[Problem] = []
    items: list[tuple[str, bytes, list[str]]] = []
    for number, question in enumerate(questions.questions, 1):
        where = questions.where(number)
        before, writer.files, writer.missing = writer.files, {}, False
        content = _item(writer, question, questions.passages, version, number)
        used = writer.files
        if content is None or not _comes_back(question, content, used, writer.pictures):
            problems.append(Problem(where, f"QTI 不能写入这样的{base.KIND_NAMES[question.kind]}"))
            writer.files = before
            continue
        if writer.missing:
            problems.append(Problem(where, "有图片没有写入", fatal=False))
        writer.files = {**before, **used}
        items.append((f"items/q{number:05}.xml", content, sorted(used)))
    kept = io.BytesIO()
    with zipfile.ZipFile(kept, "w", zipfile.ZIP_DEFLATED) as archive:
        files = {"imsmanifest.xml": _manifest(items, version)}
        files |= {name: content for name, content, _used in items} | writer.files
        for name, content in files.items():
            info = zipfile.ZipInfo(name, _DATE)
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, content)
    return Written(kept.getvalue(), tuple(problems))


def _manifest(items: list[tuple[str, bytes, list[str]]], version: str) -> bytes:
    root = Element("manifest", xmlns=_MANIFESTS[version], identifier="zhixin")
    metadata = SubElement(root, "metadata")
    SubElement(metadata, "schema").text = "QTIv2.1 Package" if version == "2.1" else "QTI Package"
    SubElement(metadata, "schemaversion").text = "1.0.0" if version == "2.1" else "3.0.0"
    SubElement(root, "organizations")
    resources = SubElement(root, "resources")
    for at, (name, _content, used) in enumerate(items, 1):
        resource = SubElement(
            resources, "resource", identifier=f"r{at}", type=_TYPES[version], href=name
        )
        for file in (name, *used):
            SubElement(resource, "file", href=file)
    return _bytes(root)


def _bytes(root: Element) -> bytes:
    written: bytes = tostring(root, encoding="utf-8", xml_declaration=True)
    return written


def _item(
    writer: Writer, question: Question, passages: Mapping[str, str], version: str, number: int
) -> bytes | None:
    document = question.model_dump(mode="json")
    title = texts.FORBIDDEN.sub("", richtext.plain(question.stem))[:60] or "-"
    root = Element(
        "assessmentItem",
        identifier=f"q{number:05}",
        title=title,
        adaptive="false",
        timeDependent="false",
    )
    declare(root, document)
    score = SubElement(
        root, "outcomeDeclaration", identifier="SCORE", cardinality="single", baseType="float"
    )
    score.set("normalMaximum", str(question.points))
    body = SubElement(root, "itemBody")
    if question.passage:
        block = SubElement(body, "rubricBlock", view="candidate", use="sharedstimulus")
        writer.fill(block, passages.get(question.passage, ""))
    if not interact(writer, body, document):
        return None
    carried = {"explanation", "points", "sample", "passage"}
    if document["kind"] == QuestionKind.MULTIPLE and document.get("marking"):
        carried.add("marking")
    if all(gap["kind"] != "text" for gap in document.get("gaps", ())):
        carried.add("case_matters")
    hint = base.hint(document, passages, *carried)
    if document["kind"] == QuestionKind.MULTIPLE and "marking" not in document:
        hint = hint[:-1] + (", " if hint else "{") + '"marking": null}'
    if hint:
        block = SubElement(body, "rubricBlock", view="author", use="zhixin-hint")
        SubElement(block, "p").text = hint
    process(root, document, version)
    if question.explanation:
        feedback = SubElement(root, "modalFeedback", outcomeIdentifier="FEEDBACK", showHide="show")
        feedback.set("identifier", "explanation")
        writer.fill(feedback, question.explanation)
    if version == "3.0":
        _third(root)
    root.set("xmlns", _SPACES[version])
    content = _bytes(root)
    return None if texts.FORBIDDEN.search(content.decode()) else content


def _third(root: Element) -> None:
    """The names of version 3."""
    for each in root.iter():
        if each.tag in qti_items.HTML or each.tag == "math":
            continue
        each.tag = "qti-" + re.sub(r"(?=[A-Z])", "-", each.tag).lower()
        for key in [key for key in each.attrib if re.search("[A-Z]", key)]:
            each.attrib[re.sub(r"(?=[A-Z])", "-", key).lower()] = each.attrib.pop(key)


class _Held:
    def __init__(self, files: Mapping[str, bytes], names: set[str]) -> None:
        self._names = {
            content: name for name in names for path, content in files.items() if name in path
        }

    def keep(self, content: bytes) -> str:
        return self._names.get(content, "0" * 32)

    def load(self, name: str) -> tuple[bytes, str] | None:
        return None


def _comes_back(
    question: Question, content: bytes, files: Mapping[str, bytes], pictures: base.Pictures
) -> bool:
    names = {name for text in question.texts() for name in richtext.pictures(text)}
    collector = base.Collector(_Held(files, names))
    root = fromstring(content)  # noqa: S314 - our own
    qti.take(collector, "", root, lambda name: files.get(name.removeprefix("../")))
    back = collector.reading
    if len(back.questions) != 1 or back.faults:
        return False
    was = question.model_dump(mode="json")
    return base.comparable(back.questions[0], shown) == base.comparable(was, shown)


def shown(text: str) -> str:
    """What a text looks like, without how its source was laid out."""
    html = str(richtext.render(text))
    html = re.sub(r"</?(?:tbody|thead)>", "", html)
    return re.sub(r"\s+", " ", re.sub(r">\s+|\s+<", lambda m: m[0].strip(), html)).strip()
