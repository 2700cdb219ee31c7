"""XML and text of strangers: read whatever encoding they saved it in, refused when hostile."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zhixin import texts, xmltree
from zhixin.texts import UnreadableText
from zhixin.xmltree import BadXml

ENCODINGS = ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "gb18030"]


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_text_is_read_however_it_was_saved(encoding: str) -> None:
    """Windows in China writes GB18030, editors UTF-16 and UTF-8 with and without a mark."""
    said = "题目：1+1=?\r\nA. 二\rB. 三\n"
    assert texts.decode(said.encode(encoding)) == "题目：1+1=?\nA. 二\nB. 三\n"


@pytest.mark.parametrize(
    "content", [b"\x89PNG\r\n\x1a\n\0\0", b"a\0b", b"\xff\xfe\x00\xd8", b"\xff", b"a\x01"]
)
def test_what_is_no_text_is_refused(content: bytes) -> None:
    """Pictures, halves of characters and controls are nobody's questions."""
    with pytest.raises(UnreadableText):
        texts.decode(content)


@given(st.binary(max_size=200))
def test_any_bytes_are_text_or_refused(content: bytes) -> None:
    """Nothing else comes out, and no text with a NUL."""
    with contextlib.suppress(UnreadableText):
        assert "\0" not in texts.decode(content)


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_xml_is_read_in_these_encodings_too(encoding: str) -> None:
    """What the declaration says does not matter: a file saved anew often lies about it."""
    content = '<?xml version="1.0" encoding="GB2312"?>\n<题 a="一">知新</题>'.encode(encoding)
    root = xmltree.parse(content)
    assert (root.tag, root.get("a"), root.text) == ("题", "一", "知新")


LAUGHS = b'<!DOCTYPE l [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]><l>&b;</l>'


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (LAUGHS, "实体"),
        (b'<!DOCTYPE l [<!ENTITY x SYSTEM "file:///etc/passwd">]><l>&x;</l>', "实体"),
        (b'<!DOCTYPE l [<!ENTITY % p SYSTEM "http://127.0.0.1/x">%p;]><l/>', "实体"),
        (b"<a>" * 300 + b"</a>" * 300, "过深"),
        (b"<a>" + b"<b/>" * 50 + b"</a>", "过多"),
        (b"<a " + b" ".join(b"x%d='1'" % n for n in range(300)) + b"/>", "过多"),
        (b"<a><b></a>", "第 1 行"),
        (b"", "第 1 行"),
        (b"<a>&nothing;</a>", "第 1 行"),
        (b"<a/>" + b" " * 2000, "超过"),
    ],
    ids="laughs file parameter depth number attributes damaged empty unknown size".split(),
)
def test_hostile_xml_is_refused(content: bytes, said: str) -> None:
    """No entities, nothing from elsewhere, no heap of elements, no tower of them."""
    most = 2000 if said == "超过" else 10_000
    with pytest.raises(BadXml, match=said):
        xmltree.parse(content, most_bytes=most, most_elements=40, most_depth=30)


def test_a_document_type_from_elsewhere_is_not_fetched() -> None:
    """Old packages name theirs; the tests' guard against the network would notice."""
    content = b'<!DOCTYPE a PUBLIC "-//X//DTD" "http://203.0.113.1/a.dtd"><a/>'
    assert xmltree.parse(content).tag == "a"
