"""Sound files with some bytes changed: every reader of strangers' files takes them or refuses them in
words. Longer runs, led by what the code does: ``python tests/fuzz/__main__.py SECONDS READER``."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fuzz.readers import READERS, Reader, seeds
from zhixin.errors import DomainError

EXAMPLES = 40
#: A process of its own for each file, or small ones that cost little and have many places.
EXAMPLES_OF = {"sheet": 8, "excel": 8, "probe": 300, "tus": 300, "range": 200, "packets": 100}
#: What readers stumble over: ends of texts and tags, huge and odd numbers, halves of characters.
ODD = [
    b"\0", b"<", b">", b"&", b'"', b"]]>", b"\xff\xfe", b"\xe5\xad", b"9" * 40, b"-1", b"1e999", b"NaN",
    "\u2028".encode(), "１".encode(), "²".encode(), b"{{1}}", b"\r", b"(" * 300, b"[" * 300,
    b"&#0;", b"&#55296;", b"<!DOCTYPE a [<!ENTITY b 'c'>]>", b"../" * 20, b"%", b"\\",
]  # fmt: skip

#: Whose files are changed as what they say, too: bytes changed in JSON are mostly no JSON.
JSON = ("probe",)
ODD_VALUES: list[Any] = [
    None, True, "", "N/A", "nan", "inf", "-1", "1e999", "1e400/1", "0/0", "1/0", "-5.000000", "9" * 40, "\0",
    0, -1, 2**63, 10**400, 1e308, float("nan"), float("inf"), float("-inf"), [], {}, [[]], [None], ["a"], {"a": []},
]  # fmt: skip


@st.composite
def resaid(draw: st.DrawFn, sound: list[bytes]) -> bytes:
    """One of the documents with up to three of its values left out or others."""
    document: Any = json.loads(draw(st.sampled_from(sound)))
    for _each in range(draw(st.integers(1, 3))):
        places = list(_places(document))
        if not places:
            break
        holder, key = draw(st.sampled_from(places))
        if draw(st.booleans()):
            holder[key] = copy.deepcopy(draw(st.sampled_from(ODD_VALUES)))
        else:
            del holder[key]
    return json.dumps(document).encode()


def _places(said: Any) -> Iterator[tuple[Any, Any]]:
    keys = (
        said.keys() if isinstance(said, dict) else range(len(said) if isinstance(said, list) else 0)
    )
    for key in keys:
        yield said, key
        yield from _places(said[key])


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
    @settings(max_examples=EXAMPLES_OF.get(name, EXAMPLES), derandomize=True)
    @given(changed(sound) | resaid(sound) if name in JSON else changed(sound))
    def holds(content: bytes) -> None:
        _taken(read, content)

    holds()


def _taken(read: Reader, content: bytes) -> bool:
    try:
        read(content)
    except DomainError:
        return False
    return True
