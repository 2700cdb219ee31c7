"""Canonical JSON is decided exactly as RFC 8785's own encoder would."""

from __future__ import annotations

import json
from contextlib import suppress

import pytest
import rfc8785
from hypothesis import given, settings
from hypothesis import strategies as st

from zhixin.ledger.canonical import first_strange, is_canonical

BOUNDARY = [2**53 - 1, 2**53, -(2**53), 10**16, 10**17, 2**63, 2**64, 0, -1]
texts = st.text(
    st.one_of(
        st.characters(exclude_categories=["Cs"]),
        st.sampled_from('":.eE[]{}\\/\b\t\n\f\r\x00\x1f\x7f\u2028\ue000\uffff𠮷䶮'),
    ),
    max_size=8,
)
scalars = st.one_of(
    st.none(), st.booleans(), texts, st.sampled_from(BOUNDARY), st.integers(-(2**70), 2**70),
    st.floats(allow_nan=False, allow_infinity=False), st.sampled_from([1e21, 1e-7, 1e16, 1.0, -0.0]),
)  # fmt: skip
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=4)
)


def exactly(body: bytes, kind: str) -> bool:
    try:
        content = json.loads(body)
        return bool(rfc8785.dumps(content) == body and content["kind"] == kind)
    except (ValueError, TypeError, KeyError, RecursionError):
        return False


@settings(deadline=None, max_examples=500)
@given(st.dictionaries(texts, values, max_size=4), st.sampled_from(["", " ", "compact", "order"]))
def test_it_agrees_with_the_encoder(facts, manner):
    """For any value, written canonically, nearly so, and by Python's own encoder."""
    content = facts | {"kind": "award"}
    written = [
        json.dumps(content, ensure_ascii=False, separators=(",", ":"), sort_keys=manner == "order"),
        json.dumps(content, sort_keys=True) + manner,
    ]
    with suppress(rfc8785.CanonicalizationError):
        written.append(rfc8785.dumps(content).decode())
    for body in written:
        encoded = body.encode(errors="surrogatepass")
        assert is_canonical(encoded, "award") == exactly(encoded, "award")
        assert not is_canonical(encoded, "reversal")
        good = b'{"kind":"award"}'
        place = first_strange([good, encoded, good], ["award"] * 3)
        assert place == (None if exactly(encoded, "award") else 1)


@pytest.mark.parametrize(
    "body",
    [
        '{"kind":"award","n":1.0}', '{"kind":"award","n":1e16}', '{"kind":"award","n":-1.50}',
        '{"kind":"award","n":9007199254740993}', '{"kind":"award","n":1E5}', '{"kind":"award","n":-0}',
        '{"kind":"award","n":[1.0]}', '{"kind":"award","n":[[2,1e3]]}', '{"kind":"award","n":{"m":0.10}}',
        '{"kind":"award","kind":"award"}', '{"kind":"reversal","kind":"award"}', '{"n":1,"kind":"award"}',
        '{"kind":"award","n":"\\u00e9"}', '{"kind":"award","n":"\\/"}', '{"kind":"award","n":"\\u001F"}',
        '{"kind":"award"} ', ' {"kind":"award"}', '{"kind": "award"}', '{"kind":"award",}', "[]", "1", '"kind"',
        '{"kind":"award","\ue000":1,"𠮷":1}', '{"kind":1}', "", "null", "NaN", "[" * 100_000, '{"kind":"award"}{}',
    ],
)  # fmt: skip
def test_what_is_not_canonical(body):
    """Other numbers, other orders, other escapes, doubled names, other spaces, no object."""
    assert not exactly(body.encode(), "award") or body.startswith("[" * 10)
    assert not is_canonical(body.encode(), "award")


@pytest.mark.parametrize(
    "body",
    [
        '{"kind":"award","n":1.5}', '{"kind":"award","n":[1.5,1e+21]}', '{"kind":"award","𠮷":1,"\ue000":1}',
        '{"a":"1.5e3 [\\":.\\":e","kind":"award"}', '{"kind":"award","t":true,"u":false,"v":null}',
    ],
)  # fmt: skip
def test_what_is_canonical_though_rare(body):
    """Decided the slower way, and rightly."""
    assert exactly(body.encode(), "award")
    assert is_canonical(body.encode(), "award")
