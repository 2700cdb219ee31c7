"""HTML of other systems to the Markdown of :mod:`zhixin.richtext`, and back to XHTML."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import nh3
from markdownify import MarkdownConverter

from zhixin import richtext

#: Gives the Markdown of a picture by its address and words.
Show = Callable[[str, str], str]

_TAGS = set(
    "p br hr div span b strong i em u s del sub sup code pre blockquote ul ol li h1 h2 h3 h4 h5 h6 "
    "table thead tbody tr th td a img".split()
)
_ATTRIBUTES = {"img": {"src", "alt"}, "a": {"href"}, "span": {"class"}, "div": {"class"}}
MOST_CHARACTERS, MOST_DEPTH = 200_000, 40
_TAG = re.compile(r"<(/?)([a-z0-9]+)[^>]*?(/?)>")
_ALONE = {"br", "hr", "img"}
_TEX = re.compile(
    r"\\\((.{1,2000}?)\\\)|\\\[(.{1,2000}?)\\\]|\$\$(.{1,2000}?)\$\$|(?<!\$)\$([^$\n]{1,500})\$",
    re.DOTALL,
)
#: Places in addresses that cartridges name so; they are no formulas.
_PLACE = re.compile(r"\$([A-Z][A-Z_-]{2,40})\$(?=/)")
_HELD = re.compile("\ue000(\\d+)\ue001")
_SUPER = str.maketrans("0123456789+-=()n", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁼⁽⁾ⁿ")
_SUB = str.maketrans("0123456789+-=()", "₀₁₂₃₄₅₆₇₈₉₊₋₌₍₎")
_PRIVATE = re.compile("[\ue000-\uf8ff]")


def raised(text: str) -> str:
    """``text`` as a superscript: with the characters there are for it, or as a formula."""
    return _moved(text, _SUPER, "^")


def lowered(text: str) -> str:
    return _moved(text, _SUB, "_")


def _moved(text: str, table: dict[int, int], sign: str) -> str:
    if not text.strip():
        return text
    moved = text.translate(table)
    if not any(before == after for before, after in zip(text, moved, strict=True)):
        return moved
    return f"${sign}{{{text.strip()}}}$"


class _Converter(MarkdownConverter):
    def __init__(self, show: Show, **options: Any) -> None:
        super().__init__(**options)
        self._show = show

    def convert_img(self, el: Any, text: str, parent_tags: set[str]) -> str:
        return self._show(str(el.get("src") or ""), str(el.get("alt") or ""))

    def convert_sub(self, el: Any, text: str, parent_tags: set[str]) -> str:
        return lowered(text)

    def convert_sup(self, el: Any, text: str, parent_tags: set[str]) -> str:
        return raised(text)


def to_markdown(html: str, show: Show) -> str:
    """HTML of a stranger as Markdown; what is not text, list, table, picture or link goes.

    Formulas between ``\\(…\\)``, ``\\[…\\]``, ``$…$`` and ``$$…$$`` stay formulas.
    """
    html = _PLACE.sub(r"%24\1%24", _PRIVATE.sub("", html[:MOST_CHARACTERS]))
    held: list[str] = []

    def hold(found: re.Match[str]) -> str:
        tex = next(each for each in found.groups() if each is not None)
        tex = re.sub(r"<[^>]*>", " ", tex)
        for name, sign in (("&lt;", "<"), ("&gt;", ">"), ("&nbsp;", " "), ("&amp;", "&")):
            tex = tex.replace(name, sign)
        tex = " ".join(tex.split())
        if not tex or "$" in tex:
            return found[0]
        block = found[2] or found[3]
        held.append(f"$${tex}$$" if block else f"${tex}$")
        return f"\ue000{len(held) - 1}\ue001"

    html = _TEX.sub(hold, html)
    clean = nh3.clean(html, tags=_TAGS, attributes=_ATTRIBUTES, link_rel=None)
    if _depth(clean) > MOST_DEPTH:
        clean = nh3.clean(html, tags={"p", "br"}, attributes={}, link_rel=None)
    made = _Converter(
        show,
        heading_style="atx",
        bullets="-",
        escape_misc=False,
        newline_style="backslash",
    ).convert(clean)
    made = made.replace("\\\n", "\n")
    made = _HELD.sub(lambda found: held[int(found[1])] if int(found[1]) < len(held) else "", made)
    return re.sub(r"\n{3,}", "\n\n", made).strip()


def _depth(html: str) -> int:
    depth = deepest = 0
    for found in _TAG.finditer(html):
        if found[2] in _ALONE or found[3]:
            continue
        depth += -1 if found[1] else 1
        deepest = max(deepest, depth)
    return deepest


def to_xhtml(text: str, address: Callable[[str], str]) -> str:
    """Markdown as XHTML for a package; ``address`` says where a picture is there."""
    html = str(richtext.render(text))
    html = re.sub(r"<img ([^>]*[^/])>", r"<img \1/>", html)
    html = re.sub(r'src="/pictures/([0-9a-f]{32})"', lambda m: f'src="{address(m[1])}"', html)
    html = html.replace(' loading="lazy"', "").replace(' rel="noopener noreferrer nofollow"', "")
    html = re.sub(
        r'<(span|div) class="math (inline|block)">(.*?)</\1>',
        lambda m: f"\\({m[3]}\\)" if m[2] == "inline" else f"<div>\\[{m[3]}\\]</div>",
        html,
        flags=re.DOTALL,
    )
    return html.replace("<s>", "<del>").replace("</s>", "</del>").strip()


def escaped(text: str) -> str:
    """Plain words as Markdown that shows them; formulas between ``$`` stay formulas."""
    text = re.sub(r"\\(?=[!-/:-@\[-`{-~])", r"\\\\", text) if "\\" in text else text
    text = re.sub(r"([*`_~])", r"\\\1", text)
    text = text.replace("](", "\\](")
    text = re.sub(r"<(?=[A-Za-z/!?])", r"\\<", text)
    text = re.sub(r"&(?=#?\w{1,32};)", r"\\&", text)
    text = re.sub(r"(?m)^([^\S\n]*+)([#>+\-=|])", r"\1\\\2", text)
    return re.sub(r"(?m)^([^\S\n]*+\d{1,9})([.)])(?=\s|$)", r"\1\\\2", text)


def formulas_kept(text: str) -> str:
    """:func:`escaped`, but not within ``$…$``."""
    parts = re.split(r"(\$[^$\n]{1,500}\$)", text)
    return "".join(part if at % 2 else escaped(part) for at, part in enumerate(parts))
