"""Marks between texts follow the reader's language; what people wrote stays."""

from __future__ import annotations

from jinja2 import Environment

from zhixin.punctuation import Punctuation, mark

PAGE = "<b>{{ title }}</b>：{{ text }}（{{ note }}），{{ '、' }}完"


def _shown(is_english: bool) -> str:
    environment = Environment(extensions=[Punctuation], autoescape=True)
    environment.globals["punctuation_mark"] = lambda chinese: mark(chinese, is_english)
    return environment.from_string(PAGE).render(title="a", text="甲：乙", note="n")


def test_english_readers_see_english_marks() -> None:
    """Only the template's own marks change."""
    assert _shown(True) == "<b>a</b>: 甲：乙 (n), 、完"


def test_chinese_readers_see_chinese_marks() -> None:
    """The page is as it was written."""
    assert _shown(False) == "<b>a</b>：甲：乙（n），、完"
