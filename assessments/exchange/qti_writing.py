"""QTI 2.1 and 3.0: write a package with a manifest, an item a question, and the pictures."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Mapping
from decimal import Decimal
from typing import Any
from xml.etree.ElementTree import Element, SubElement, fromstring, tostring

from assessments.exchange import base, qti, qti_areas
from assessments.exchange.base import Problem, Questions, Written
from assessments.exchange.html import to_xhtml
from assessments.questions import Question, QuestionKind
from zhixin import richtext

_SPACES = {
    "2.1": "http://www.imsglobal.org/xsd/imsqti_v2p1",
    "3.0": "http://www.imsglobal.org/xsd/imsqtiasi_v3p0",
}
_MANIFESTS = {
    "2.1": "http://www.imsglobal.org/xsd/imscp_v1p1",
    "3.0": "http://www.imsglobal.org/xsd/qti/qtiv3p0/imscp_v1p1",
}
_TYPES = {"2.1": "imsqti_item_xmlv2p1", "3.0": "imsqti_item_xmlv3p0"}
_TEMPLATES = {
    "2.1": "http://www.imsglobal.org/question/qti_v2p1/rptemplates/",
    "3.0": "https://purl.imsglobal.org/spec/qti/v3p0/rptemplates/",
}
_EXTENSIONS = {"image/png": "png", "image/jpeg": "jpg", "image/gif": "gif", "image/webp": "webp"}
_FORBIDDEN = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
#: A fixed date, so that the same questions are the same bytes.
_DATE = (1980, 1, 1, 0, 0, 0)


class _Writer:
    def __init__(self, pictures: base.Pictures) -> None:
        self.pictures = pictures
        self.files: dict[str, bytes] = {}
        self.missing = False

    def address(self, name: str) -> str:
        loaded = self.pictures.load(name)
        if loaded is None:
            self.missing = True
            return f"../pictures/{name}"
        path = f"pictures/{name}.{_EXTENSIONS.get(loaded[1], 'png')}"
        self.files[path] = loaded[0]
        return f"../{path}"

    def fill(self, parent: Element, said: str) -> None:
        """Put Markdown into an element as XHTML."""
        html = to_xhtml(said, self.address)
        for each in fromstring(f"<div>{html}</div>"):  # noqa: S314 - made by our own renderer
            parent.append(each)


def write_21(questions: Questions, pictures: base.Pictures | None = None) -> Written:
    return _write(questions, pictures, "2.1")


def write_30(questions: Questions, pictures: base.Pictures | None = None) -> Written:
    return _write(questions, pictures, "3.0")


def _write(questions: Questions, pictures: base.Pictures | None, version: str) -> Written:
    writer = _Writer(pictures or base.NoPictures())
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
    writer: _Writer, question: Question, passages: Mapping[str, str], version: str, number: int
) -> bytes | None:
    document = question.model_dump(mode="json")
    title = _FORBIDDEN.sub("", richtext.plain(question.stem))[:60] or "-"
    root = Element(
        "assessmentItem",
        identifier=f"q{number:05}",
        title=title,
        adaptive="false",
        timeDependent="false",
    )
    _declare(root, document)
    score = SubElement(
        root, "outcomeDeclaration", identifier="SCORE", cardinality="single", baseType="float"
    )
    score.set("normalMaximum", str(question.points))
    body = SubElement(root, "itemBody")
    if question.passage:
        block = SubElement(body, "rubricBlock", view="candidate", use="sharedstimulus")
        writer.fill(block, passages.get(question.passage, ""))
    if not _interact(writer, body, document):
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
    _process(root, document, version)
    if question.explanation:
        feedback = SubElement(root, "modalFeedback", outcomeIdentifier="FEEDBACK", showHide="show")
        feedback.set("identifier", "explanation")
        writer.fill(feedback, question.explanation)
    if version == "3.0":
        _third(root)
    root.set("xmlns", _SPACES[version])
    content = _bytes(root)
    return None if _FORBIDDEN.search(content.decode()) else content


_HTML = qti.HTML


def _third(root: Element) -> None:
    """The names of version 3."""
    for each in root.iter():
        if each.tag in _HTML or each.tag == "math":
            continue
        each.tag = "qti-" + re.sub(r"(?=[A-Z])", "-", each.tag).lower()
        for key in [key for key in each.attrib if re.search("[A-Z]", key)]:
            each.attrib[re.sub(r"(?=[A-Z])", "-", key).lower()] = each.attrib.pop(key)


def _response(root: Element, name: str, cardinality: str, kind: str, correct: list[str]) -> Element:
    made = SubElement(
        root, "responseDeclaration", identifier=name, cardinality=cardinality, baseType=kind
    )
    if correct:
        held = SubElement(made, "correctResponse")
        for each in correct:
            SubElement(held, "value").text = each
    return made


def _declare(root: Element, document: Mapping[str, Any]) -> None:
    kind = document["kind"]
    if kind in (QuestionKind.SINGLE, QuestionKind.MULTIPLE, QuestionKind.TRUE_FALSE):
        several = kind == QuestionKind.MULTIPLE
        names = _names(document["options"], kind)
        correct = [names[each] for each in document["correct"]]
        made = _response(
            root, "RESPONSE", "multiple" if several else "single", "identifier", correct
        )
        if several and document.get("marking") == "partial":
            _mapping(made, [(each, f"{Decimal(1) / len(correct):.6f}", None) for each in correct])
    elif kind in (QuestionKind.BLANKS, QuestionKind.CLOZE):
        for at, gap in enumerate(document["gaps"], 1):
            _declare_gap(root, f"RESPONSE_{at}", gap)
    elif kind == QuestionKind.MATCHING:
        rights = _names(document["right"], "R")
        pairs = [f"L{at} {rights[right]}" for at, right in enumerate(document["correct"], 1)]
        _response(root, "RESPONSE", "multiple", "directedPair", pairs)
    elif kind == QuestionKind.ORDERING:
        names = _names(document["items"], "I")
        _response(
            root, "RESPONSE", "ordered", "identifier", [names[e] for e in document["correct"]]
        )
    elif kind == QuestionKind.HOTSPOT:
        made = _response(root, "RESPONSE", "single", "point", [])
        areas = SubElement(made, "areaMapping", defaultValue="0")
        for area in document["areas"]:
            shape, coords = qti_areas.coords(area)
            SubElement(areas, "areaMapEntry", shape=shape, coords=coords, mappedValue="1")
    else:
        _response(root, "RESPONSE", "single", "string", [])


def _names(items: list[dict[str, str]], kind: str) -> dict[str, str]:
    if kind == QuestionKind.TRUE_FALSE:
        return {"true": "true", "false": "false"}
    letter = kind if kind in ("R", "I") else "C"
    return {item["id"]: f"{letter}{at}" for at, item in enumerate(items, 1)}


def _mapping(declared: Element, entries: list[tuple[str, str, str | None]]) -> None:
    mapping = SubElement(declared, "mapping", defaultValue="0")
    for key, value, case in entries:
        entry = SubElement(mapping, "mapEntry", mapKey=key, mappedValue=value)
        if case is not None:
            entry.set("caseSensitive", case)


def _declare_gap(root: Element, name: str, gap: Mapping[str, Any]) -> None:
    if gap["kind"] == "choice":
        names = _names(gap["options"], "C")
        _response(root, name, "single", "identifier", [names[gap["correct"]]])
    elif gap["kind"] == "number":
        _response(root, name, "single", "float", [gap["value"]])
    else:
        made = _response(root, name, "single", "string", gap["accepted"][:1])
        case = "true" if gap["case_matters"] else "false"
        _mapping(made, [(each, "1", case) for each in gap["accepted"]])


def _interact(writer: _Writer, body: Element, document: Mapping[str, Any]) -> bool:
    kind = document["kind"]
    if kind in (QuestionKind.BLANKS, QuestionKind.CLOZE):
        return _gaps(writer, body, document)
    writer.fill(body, document["stem"])
    if kind in (QuestionKind.SINGLE, QuestionKind.MULTIPLE, QuestionKind.TRUE_FALSE):
        most = "0" if kind == QuestionKind.MULTIPLE else "1"
        made = _interaction(body, "choiceInteraction", shuffle="true", maxChoices=most)
        _choices(
            writer, made, "simpleChoice", document["options"], _names(document["options"], kind)
        )
    elif kind == QuestionKind.ORDERING:
        made = _interaction(body, "orderInteraction", shuffle="true")
        _choices(writer, made, "simpleChoice", document["items"], _names(document["items"], "I"))
    elif kind == QuestionKind.MATCHING:
        made = _interaction(body, "matchInteraction", shuffle="true", maxAssociations="0")
        lefts = {item["id"]: f"L{at}" for at, item in enumerate(document["left"], 1)}
        for items, names, most in (
            (document["left"], lefts, "1"),
            (document["right"], _names(document["right"], "R"), "0"),
        ):
            held = SubElement(made, "simpleMatchSet")
            _choices(writer, held, "simpleAssociableChoice", items, names, matchMax=most)
    elif kind == QuestionKind.HOTSPOT:
        address = writer.address(document["picture"])
        if writer.missing:
            return False
        made = _interaction(body, "selectPointInteraction", maxChoices="1")
        shown = SubElement(
            made, "object", data=address, type="image/png", width="1000", height="1000"
        )
        shown.text = document["alt"]
    else:
        _interaction(body, "extendedTextInteraction")
        if document["sample"]:
            block = SubElement(body, "rubricBlock", view="scorer", use="scoring")
            writer.fill(block, document["sample"])
    return True


def _interaction(parent: Element, tag: str, name: str = "RESPONSE", **attributes: Any) -> Element:
    return SubElement(parent, tag, responseIdentifier=name, **attributes)


def _choices(
    writer: _Writer, parent: Element, tag: str, items: list[dict[str, str]], names: Mapping[str, str],
    **attributes: Any,
) -> None:  # fmt: skip
    for item in items:
        made = SubElement(parent, tag, identifier=names[item["id"]], **attributes)
        writer.fill(made, item["text"])


def _gaps(writer: _Writer, body: Element, document: Mapping[str, Any]) -> bool:
    if any(gap["kind"] == "number" and gap["units"] for gap in document["gaps"]):
        return False
    if not richtext.gaps(document["stem"]):
        return False
    writer.fill(body, document["stem"])
    done: set[int] = set()
    for element in list(body.iter()):
        if element.tag == "code":
            continue
        _split(writer, element, document["gaps"], done)
    return done == set(range(1, len(document["gaps"]) + 1))


_MARK = re.compile(r"\{\{([1-9]\d?)\}\}")


def _split(writer: _Writer, element: Element, gaps: list[dict[str, Any]], done: set[int]) -> None:
    """Put fields where marks stand in an element's own text and behind its children."""
    children = list(element)
    pieces: list[Element | str] = [element.text or ""]
    for child in children:
        pieces += [child, child.tail or ""]
        element.remove(child)
        child.tail = None
    element.text = None
    last: Element | None = None

    def say(text: str) -> None:
        if last is None:
            element.text = (element.text or "") + text
        else:
            last.tail = (last.tail or "") + text

    for piece in pieces:
        if isinstance(piece, Element):
            element.append(piece)
            last = piece
            continue
        at = 0
        for found in _MARK.finditer(piece):
            number = int(found[1])
            if not 1 <= number <= len(gaps) or number in done:
                continue
            say(piece[at : found.start()])
            last = _field(writer, element, gaps[number - 1], number)
            done.add(number)
            at = found.end()
        say(piece[at:])


def _field(writer: _Writer, parent: Element, gap: Mapping[str, Any], number: int) -> Element:
    name = f"RESPONSE_{number}"
    if gap["kind"] != "choice":
        return _interaction(parent, "textEntryInteraction", name, expectedLength="20")
    made = _interaction(parent, "inlineChoiceInteraction", name, shuffle="true")
    names = _names(gap["options"], "C")
    for option in gap["options"]:
        SubElement(made, "inlineChoice", identifier=names[option["id"]]).text = richtext.plain(
            option["text"]
        )
    return made


def _process(root: Element, document: Mapping[str, Any], version: str) -> None:
    """How it is marked: by a template of the standard, or for numbers by their tolerance."""
    numbers = [
        (at, gap) for at, gap in enumerate(document.get("gaps", ()), 1) if gap["kind"] == "number"
    ]
    if document["kind"] in (QuestionKind.SHORT, QuestionKind.ESSAY):
        return
    if not numbers:
        partial = document["kind"] == QuestionKind.MULTIPLE and document.get("marking") == "partial"
        name = "map_response_point" if document["kind"] == QuestionKind.HOTSPOT else "match_correct"
        name = "map_response" if partial or document.get("gaps") else name
        address = f"{_TEMPLATES[version]}{name}" + (".xml" if version == "3.0" else "")
        SubElement(root, "responseProcessing", template=address)
        return
    processing = SubElement(root, "responseProcessing")
    for at, gap in numbers:
        condition = SubElement(SubElement(processing, "responseCondition"), "responseIf")
        tolerance = Decimal(gap["tolerance"])
        mode = "relative" if gap["relative"] else "absolute"
        given = f"{tolerance * 100 if gap['relative'] else tolerance}"
        equal = SubElement(condition, "equal", toleranceMode=mode, tolerance=f"{given} {given}")
        SubElement(equal, "variable", identifier=f"RESPONSE_{at}")
        SubElement(equal, "correct", identifier=f"RESPONSE_{at}")
        added = SubElement(condition, "setOutcomeValue", identifier="SCORE")
        total = SubElement(added, "sum")
        SubElement(total, "variable", identifier="SCORE")
        SubElement(total, "baseValue", baseType="float").text = "1"


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
