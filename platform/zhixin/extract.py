"""Finds the texts to translate in Python sources: those in ``_()``, and refusals.

A refusal (``raise Invalid("…")``, a class's ``title``, a table such as ``MESSAGES``) is
plain Chinese where it is raised and translated where it is shown, so no ``_()`` marks it.
``babel.cfg`` names ``extract`` as the extraction method; nothing runs it in service.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Iterator, Mapping
from typing import IO, Any

from babel.messages.extract import extract_python

_CHINESE = re.compile("[\u4e00-\u9fff]")

#: Tables of texts that are translated when shown: constants by their names.
TABLES = {"HTTP_TITLES", "MESSAGES", "REASONS"}

#: Line, function, text (or texts), comments: what Babel reads, whatever its own types say.
Found = tuple[int, str | None, Any, list[str]]


def extract(
    file: IO[bytes],
    keywords: Mapping[str, Any],
    comment_tags: Collection[str],
    options: Mapping[str, Any],
) -> Iterator[Found]:
    """Babel's extraction method: its own for Python, then ``refusals``."""
    yield from extract_python(file, keywords, comment_tags, options)  # type: ignore[arg-type, misc]
    file.seek(0)
    for line, text in refusals(ast.parse(file.read())):
        yield line, None, text, []


def refusals(module: ast.Module) -> Iterator[tuple[int, str]]:
    """Line and text of each constant refusal. What is put together by f-strings is not found."""
    for node in ast.walk(module):
        if isinstance(node, ast.Call) and _refuses(node):
            for argument in node.args:
                yield from _texts(argument)
        elif isinstance(node, ast.Assign) and _names(node) & (TABLES | {"title"}):
            yield from _texts(node.value)


def _refuses(call: ast.Call) -> bool:
    name = ast.unparse(call.func)
    return name == "super().__init__" or name == "_refuse" or bool(re.match(r"[A-Z]\w+$", name))


def _names(node: ast.Assign) -> set[str]:
    """The names that are assigned to: ``a``, ``thing.a`` and those of ``x, a = …``."""
    return {
        target.id if isinstance(target, ast.Name) else target.attr
        for each in node.targets
        for target in ast.walk(each)
        if isinstance(target, ast.Name | ast.Attribute)
    }


def _texts(node: ast.expr) -> Iterator[tuple[int, str]]:
    match node:
        case ast.Constant(value=str(text)) if _CHINESE.search(text):
            yield node.lineno, text
        case ast.Tuple(elts=items) | ast.Dict(values=items):
            for item in items:
                yield from _texts(item)
        case ast.IfExp(body=one, orelse=other):
            yield from _texts(one)
            yield from _texts(other)
