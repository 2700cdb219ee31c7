"""Numbers that Word shows before a paragraph without writing them: lists of several levels."""

from __future__ import annotations

from dataclasses import dataclass, field
from xml.etree.ElementTree import Element

from zhixin.xmltree import local

_CHINESE = "〇一二三四五六七八九"


def _value(element: Element | None) -> str:
    if element is None:
        return ""
    return next((value for key, value in element.attrib.items() if key.endswith("}val")), "")


def _child(element: Element | None, name: str) -> Element | None:
    if element is None:
        return None
    return next((each for each in element if local(each) == name), None)


def _attribute(element: Element, name: str) -> str:
    return next((value for key, value in element.attrib.items() if key.endswith("}" + name)), "")


def _int(text: str, default: int = 0) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 7 else default


def shown(number: int, style: str) -> str:
    """A number as the style writes it; "" for bullets and what we do not know."""
    if style in ("decimal", "decimalZero", "decimalFullWidth", "decimalHalfWidth"):
        return str(number)
    if style in ("upperLetter", "lowerLetter") and 1 <= number <= 26:
        return chr((64 if style == "upperLetter" else 96) + number)
    if style in ("chineseCounting", "chineseCountingThousand", "japaneseCounting", "taiwaneseCounting",
                 "ideographDigital") and 1 <= number < 100:  # fmt: skip
        tens, ones = divmod(number, 10)
        if not tens:
            return _CHINESE[ones]
        return (_CHINESE[tens] if tens > 1 else "") + "十" + (_CHINESE[ones] if ones else "")
    if style == "decimalEnclosedParen":
        return f"({number})"
    return ""


@dataclass(slots=True)
class _Level:
    style: str = "bullet"
    text: str = ""
    start: int = 1


@dataclass(slots=True)
class _Counter:
    values: dict[int, int] = field(default_factory=dict)


class Numbers:
    """The lists of a document; paragraphs are asked for in their order."""

    def __init__(self, numbering: Element | None, styles: Element | None) -> None:
        self._levels: dict[str, dict[int, _Level]] = {}
        self._lists: dict[str, str] = {}
        self._starts: dict[tuple[str, int], int] = {}
        self._styles: dict[str, tuple[str, int]] = {}
        self._counters: dict[str, _Counter] = {}
        self._begun: set[tuple[str, int]] = set()
        for each in () if numbering is None else numbering:
            if local(each) == "abstractNum":
                self._levels[_attribute(each, "abstractNumId")] = _levels(each)
            elif local(each) == "num":
                self._list(each)
        for each in () if styles is None else styles:
            found = _child(_child(each, "pPr"), "numPr")
            if found is not None:
                place = _value(_child(found, "numId")), _int(_value(_child(found, "ilvl")))
                self._styles[_attribute(each, "styleId")] = place

    def _list(self, element: Element) -> None:
        name = _attribute(element, "numId")
        self._lists[name] = _value(_child(element, "abstractNumId"))
        for each in element:
            if local(each) == "lvlOverride":
                level = _int(_attribute(each, "ilvl"))
                if (start := _child(each, "startOverride")) is not None:
                    self._starts[name, level] = _int(_value(start), 1)

    def label(self, paragraph: Element) -> str:
        """What stands before a paragraph, with a space; "" if nothing does."""
        properties = _child(paragraph, "pPr")
        found = _child(properties, "numPr")
        if found is not None:
            name, level = _value(_child(found, "numId")), _int(_value(_child(found, "ilvl")))
        else:
            name, level = self._styles.get(_value(_child(properties, "pStyle")), ("", 0))
        levels = self._levels.get(self._lists.get(name, ""), {})
        if level not in levels:
            return ""
        counter = self._counters.setdefault(self._lists[name], _Counter())
        self._count(counter, name, level, levels)
        text = levels[level].text
        for at in range(9):
            if f"%{at + 1}" in text:
                its = levels.get(at, _Level())
                value = counter.values.get(at, its.start)
                text = text.replace(f"%{at + 1}", shown(value, its.style))
        return f"{text} " if levels[level].style != "bullet" and text.strip() else ""

    def _count(self, counter: _Counter, name: str, level: int, levels: dict[int, _Level]) -> None:
        override = self._starts.get((name, level))
        if override is not None and (name, level) not in self._begun:
            counter.values[level] = override
        elif level in counter.values:
            counter.values[level] += 1
        else:
            counter.values[level] = levels[level].start
        self._begun.add((name, level))
        for deeper in [each for each in counter.values if each > level]:
            del counter.values[deeper]


def _levels(element: Element) -> dict[int, _Level]:
    made = {}
    for each in element:
        if local(each) == "lvl":
            made[_int(_attribute(each, "ilvl"))] = _Level(
                _value(_child(each, "numFmt")),
                _value(_child(each, "lvlText"))[:40],
                _int(_value(_child(each, "start")), 1),
            )
    return made
