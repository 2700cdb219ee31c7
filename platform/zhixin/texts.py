"""Text files of people: which encoding they were saved in, found by looking."""

from __future__ import annotations

import codecs
import re

from zhixin.errors import Invalid

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
#: What no text holds: halves of characters, and controls other than white space.
FORBIDDEN = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")


class UnreadableText(Invalid):
    """The file is no text in an encoding that we know."""

    code = "unreadable-text"
    title = "无法识别文字编码"


def decode(content: bytes) -> str:
    """``content`` as text with ``\\n`` at the ends of lines.

    UTF-8 and UTF-16, with a mark or without one, or GB18030 (with GBK and GB2312 in it), which
    is what Chinese Windows writes.

    Raises:
        UnreadableText: it is none of these, or no text at all.
    """
    for encoding in _candidates(content):
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        if not FORBIDDEN.search(text):
            return text.replace("\r\n", "\n").replace("\r", "\n")
    raise UnreadableText("无法识别文字编码，请另存为 UTF-8 或 GB18030 文本")


def _candidates(content: bytes) -> list[str]:
    for mark, encoding in _MARKS:
        if content.startswith(mark):
            return [encoding]
    if b"\0" in content:  # UTF-16 without a mark: where the zeros of ASCII stand tells the order
        sample = content[:4096]
        little = sample[1::2].count(0) >= sample[0::2].count(0)
        return ["utf-16-le" if little else "utf-16-be"]
    return ["utf-8", "gb18030"]
