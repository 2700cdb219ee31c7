"""Marks between the texts of a page, in the reader's language.

Templates write what stands between translated texts as Chinese does: ``{{ name }}：{{ value }}``.
Whoever reads English gets English marks. Only the templates' own words are looked at, never what
people wrote.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from jinja2.ext import Extension
from jinja2.lexer import Token

ENGLISH = {"：": ": ", "，": ", ", "；": "; ", "、": ", ", "（": " (", "）": ")", "。": ". "}
MARKS = re.compile(f"([{''.join(ENGLISH)}])")


def mark(chinese: str, is_english: bool) -> str:
    """A mark as this reader's language has it."""
    return ENGLISH[chinese] if is_english else chinese


class Punctuation(Extension):
    """Puts ``{{ punctuation_mark("：") }}`` where a template has the mark itself."""

    def filter_stream(self, stream: Iterable[Token]) -> Iterator[Token]:
        for token in stream:
            if token.type != "data":
                yield token
                continue
            for piece in MARKS.split(token.value):
                if piece in ENGLISH:
                    yield from _call(token.lineno, piece)
                elif piece:
                    yield Token(token.lineno, "data", piece)


def _call(line: int, chinese: str) -> Iterator[Token]:
    for kind, value in (
        ("variable_begin", "{{"),
        ("name", "punctuation_mark"),
        ("lparen", "("),
        ("string", chinese),
        ("rparen", ")"),
        ("variable_end", "}}"),
    ):
        yield Token(line, kind, value)
