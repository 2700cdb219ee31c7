"""Sound files with some bytes changed: every reader of strangers' files takes them or refuses them in
words. Longer runs, led by what the code does: ``python tests/fuzz/__main__.py SECONDS READER``."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fuzz.readers import READERS, Reader, seeds
from zhixin.errors import DomainError

#: A process of its own for each file.
SLOW = {"sheet": 8, "excel": 8}
EXAMPLES = 40
#: What readers stumble over: ends of texts and tags, huge and odd numbers, halves of characters.
ODD = [
    b"\0", b"<", b">", b"&", b'"', b"]]>", b"\xff\xfe", b"\xe5\xad", b"9" * 40, b"-1", b"1e999", b"NaN",
    "\u2028".encode(), "１".encode(), "²".encode(), b"{{1}}", b"\r", b"(" * 300, b"[" * 300,
    b"&#0;", b"&#55296;", b"<!DOCTYPE a [<!ENTITY b 'c'>]>", b"../" * 20, b"%", b"\\",
]  # fmt: skip


@st.composite
def changed(draw: st.DrawFn, sound: list[bytes]) -> bytes:
    """One of the files after up to five changes: a part left out, doubled, or overwritten."""
    content = draw(st.sampled_from(sound))
    for _each in range(draw(st.integers(1, 5))):
        begin = draw(st.integers(0, len(content)))
        end = min(len(content), begin + draw(st.integers(0, 60)))
        part = draw(
            st.one_of(
                st.just(b""), st.just(content[begin:end] * 2), st.sampled_from(ODD), st.binary(max_size=8)
            )
        )  # fmt: skip
        content = content[:begin] + part + content[end:]
    return content


@pytest.mark.parametrize("name", sorted(READERS))
def test_a_damaged_file_is_taken_or_refused_in_words(name: str) -> None:
    read, sound = READERS[name], seeds(name)
    assert any(_taken(read, content) for content in sound)  # not everything is refused here

    # The same files each time: what is new is sought by atheris, at leisure.
    @settings(max_examples=SLOW.get(name, EXAMPLES), derandomize=True)
    @given(changed(sound))
    def holds(content: bytes) -> None:
        _taken(read, content)

    holds()


def _taken(read: Reader, content: bytes) -> bool:
    try:
        read(content)
    except DomainError:
        return False
    return True
