"""What authors write, in one form everywhere: CommonMark with tables, formulas and pictures.

Pages and questions are kept as this text, so that they can be read, compared and edited without
a browser. Raw HTML is text like any other, and an address may only be http, https or mailto: a
page cannot be made to run a stranger's script or to fetch from another host.

    $x^2$, $$…$$        a formula, drawn by KaTeX in the browser
    ![what it shows](picture:ID)    a picture that was uploaded here (:mod:`media.pictures`)
    ```python …```      code
    {{1}}               the first gap of a fill-in question, not in formulas and code
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, MutableMapping, Sequence
from functools import cache, lru_cache
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token
from markupsafe import Markup
from mdit_py_plugins.dollarmath import dollarmath_plugin

#: A picture's random name; where it is served from is :data:`PICTURES`.
PICTURE = re.compile(r"picture:([0-9a-f]{32})")
PICTURES = "/pictures/"
#: Where a gap of a fill-in question stands.
GAP = re.compile(r"\{\{([1-9][0-9]?)\}\}")
#: Quotes and lists in one another beyond this are a stranger's joke.
MOST_NESTING = 20


def render(text: str, gaps: Mapping[int, Markup] | None = None) -> Markup:
    """``text`` as HTML that is safe to put on a page.

    ``gaps`` are the fields that stand for ``{{1}}``, ``{{2}}`` …; without them these are text.
    """
    if gaps is None:
        return Markup(_parser().render(text))  # noqa: S704 - raw HTML is off, see the module
    return Markup(_gap_parser().render(text, {"gaps": gaps}))  # noqa: S704 - as above


def with_gaps(text: str, fields: Sequence[Markup]) -> Markup:
    """``text`` with a field for each of its gaps; where it marks none they stand below it."""
    if gaps(text) or not fields:
        return render(text, dict(enumerate(fields, 1)))
    listed = Markup().join(Markup("<li>{}</li>").format(field) for field in fields)
    return render(text, {}) + Markup('<ol class="question__rows">{}</ol>').format(listed)


@lru_cache(maxsize=4096)
def gaps(text: str) -> tuple[int, ...]:
    """The numbers of the gaps that are marked in ``text``, in its order."""
    found: list[int] = []
    for block in _gap_parser().parse(text) if "{{" in text else ():
        found += [int(each.content) for each in block.children or () if each.type == "gap"]
    return tuple(found)


def inline(text: str) -> Markup:
    """One line, such as an option of a question: no paragraphs, lists or tables around it."""
    return Markup(_parser().renderInline(text))  # noqa: S704 - as above


def parsed_inline(text: str) -> list[Token]:
    """The pieces of one line, for who writes it in another form."""
    return [child for token in _parser().parseInline(text) for child in token.children or ()]


def plain(text: str) -> str:
    """The words alone, for search, lists and comparison."""
    return " ".join(" ".join(_words(_parser().parse(text))).split())


def headline(text: str, most: int = 60) -> Markup:
    """The first words on one line, for lists: formulas stay formulas, gaps are lines."""
    found, length = [], 0
    for token in _flat(_gap_parser().parse(text)):
        formula = token.type.startswith("math")
        words = "____" if token.type == "gap" else token.content if token.content else " "
        if not formula and length + len(words) > most:
            words = words[: most - length] + "…"
        length += len(words)
        form = '<span class="math inline">{}</span>' if formula else "{}"
        found.append(Markup(form).format(words))  # noqa: S704 - one of two texts of ours
        if length > most:
            break
    return Markup().join(found)


def pictures(text: str) -> set[str]:
    """The names of the pictures that it shows."""
    return set(PICTURE.findall(text))


def _words(tokens: list[Token]) -> list[str]:
    found: list[str] = []
    for token in tokens:
        if token.children:
            found.append("".join(_words(token.children)))
        elif token.type in ("softbreak", "hardbreak"):
            found.append(" ")
        else:
            found.append(token.content)
    return found


def _flat(tokens: list[Token]) -> Iterator[Token]:
    """What holds words, without what stands around it."""
    for token in tokens:
        if token.children:
            yield from _flat(token.children)
        elif token.content or token.type in ("gap", "softbreak", "hardbreak", "paragraph_close"):
            yield token


@cache
def _gap_parser() -> MarkdownIt:
    parser = _new_parser()
    parser.inline.ruler.before("text", "gap", _gap)
    parser.add_render_rule("gap", _gap_field)
    return parser


def _gap(state: StateInline, silent: bool) -> bool:
    found = GAP.match(state.src, state.pos, state.posMax)
    if found is None:
        return False
    if not silent:
        state.push("gap", "", 0).content = found[1]
    state.pos = found.end()
    return True


def _gap_field(
    renderer: RendererHTML,
    tokens: list[Token],
    index: int,
    options: Any,
    env: MutableMapping[str, Any],
) -> str:
    return str(env["gaps"].get(int(tokens[index].content), "____"))


@cache
def _parser() -> MarkdownIt:
    return _new_parser()


def _new_parser() -> MarkdownIt:
    options = {"html": False, "breaks": True, "maxNesting": MOST_NESTING}
    parser = MarkdownIt("commonmark", options).enable(["table", "strikethrough"])
    parser.use(dollarmath_plugin, allow_space=False, allow_digits=False, double_inline=True)
    parser.add_render_rule("image", _image)
    parser.add_render_rule("link_open", _link)
    for cell in ("th_open", "td_open"):
        parser.add_render_rule(cell, _cell)
    return parser


def _image(
    renderer: RendererHTML,
    tokens: list[Token],
    index: int,
    options: Any,
    env: MutableMapping[str, Any],
) -> str:
    token = tokens[index]
    found = PICTURE.fullmatch(str(token.attrGet("src") or ""))
    words = renderer.renderInlineAsText(token.children or [], options, env)
    if found is None:  # another host's, or none at all: its words stay
        return str(Markup.escape(words))
    return str(Markup('<img src="{}{}" alt="{}" loading="lazy">').format(PICTURES, found[1], words))


def _cell(
    renderer: RendererHTML,
    tokens: list[Token],
    index: int,
    options: Any,
    env: MutableMapping[str, Any],
) -> str:
    style = str(tokens[index].attrs.pop("style", ""))  # the CSP forbids it
    if style.startswith("text-align:"):
        tokens[index].attrSet("class", f"is-{style.removeprefix('text-align:')}")
    return renderer.renderToken(tokens, index, options, env)


def _link(
    renderer: RendererHTML,
    tokens: list[Token],
    index: int,
    options: Any,
    env: MutableMapping[str, Any],
) -> str:
    tokens[index].attrSet("rel", "noopener noreferrer nofollow")
    return renderer.renderToken(tokens, index, options, env)
