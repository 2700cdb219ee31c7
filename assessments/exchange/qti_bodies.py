"""What an item asks, in QTI: its declarations, its interactions and how they are judged."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any
from xml.etree.ElementTree import Element, SubElement, fromstring

from assessments.exchange import base, qti_areas
from assessments.exchange.html import to_xhtml
from assessments.questions import QuestionKind
from zhixin import richtext

_TEMPLATES = {
    "2.1": "http://www.imsglobal.org/question/qti_v2p1/rptemplates/",
    "3.0": "https://purl.imsglobal.org/spec/qti/v3p0/rptemplates/",
}
_EXTENSIONS = {"image/png": "png", "image/jpeg": "jpg", "image/gif": "gif", "image/webp": "webp"}


class Writer:
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


def _response(root: Element, name: str, cardinality: str, kind: str, correct: list[str]) -> Element:
    made = SubElement(
        root, "responseDeclaration", identifier=name, cardinality=cardinality, baseType=kind
    )
    if correct:
        held = SubElement(made, "correctResponse")
        for each in correct:
            SubElement(held, "value").text = each
    return made


def declare(root: Element, document: Mapping[str, Any]) -> None:
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


def interact(writer: Writer, body: Element, document: Mapping[str, Any]) -> bool:
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
    writer: Writer, parent: Element, tag: str, items: list[dict[str, str]], names: Mapping[str, str],
    **attributes: Any,
) -> None:  # fmt: skip
    for item in items:
        made = SubElement(parent, tag, identifier=names[item["id"]], **attributes)
        writer.fill(made, item["text"])


def _gaps(writer: Writer, body: Element, document: Mapping[str, Any]) -> bool:
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


def _split(writer: Writer, element: Element, gaps: list[dict[str, Any]], done: set[int]) -> None:
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


def _field(writer: Writer, parent: Element, gap: Mapping[str, Any], number: int) -> Element:
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


def process(root: Element, document: Mapping[str, Any], version: str) -> None:
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
