"""Is an entry canonical JSON (RFC 8785)? Decided exactly, and for ordinary entries quickly."""

from __future__ import annotations

import json
from collections.abc import Sequence

import orjson
import rfc8785

_SORTED = orjson.OPT_SORT_KEYS | orjson.OPT_STRICT_INTEGER
#: All that ``_ordinary`` looks for is kept, the rest of a body dropped. "E" counts as "e", and
#: what begins a character beyond U+FFFF as NUL.
_MAPPED = bytes.maketrans(b"E" + bytes(range(0xF0, 0xF5)), b"e" + bytes(5))
_DROPPED = bytes(each for each in range(0xF0) if each not in b'":.eEul[')


def is_canonical(body: bytes, kind: str) -> bool:
    """Whether ``body`` is a canonical object that calls itself ``kind``."""
    return _decide(body, kind, ordinary=_ordinary(body))


def first_strange(bodies: Sequence[bytes], kinds: Sequence[str]) -> int | None:
    """The place of the first body for which ``is_canonical`` says no; quicker for many."""
    ordinary = _ordinary(b"\n".join(bodies))
    for place, (body, kind) in enumerate(zip(bodies, kinds, strict=True)):
        if not _decide(body, kind, ordinary=ordinary or _ordinary(body)):
            return place
    return None


def _decide(body: bytes, kind: str, *, ordinary: bool) -> bool:
    try:
        content = orjson.loads(body)
        if not ordinary or orjson.dumps(content, option=_SORTED) != body:
            content = json.loads(body)
            if rfc8785.dumps(content) != body:
                return False
        return bool(content["kind"] == kind)
    except (ValueError, TypeError, KeyError, RecursionError):
        return False


def _ordinary(body: bytes) -> bool:
    """No fraction, exponent, array or rare character: then orjson's form is RFC 8785's.

    They write strings, whole numbers of 53 bits and short keys alike. They differ in other
    numbers, and in the order of keys with characters beyond U+FFFF. Digits and minus signs
    are dropped here, so that a number with a fraction or exponent that is a member's value
    leaves ``":.`` or ``":e``; in strings the quotation mark would follow a backslash, and
    what looks like it by chance is only decided the slower way.
    """
    rest = body.translate(_MAPPED, _DROPPED)
    return not (b'":.' in rest or b'":e' in rest or b"[" in rest or b"\0" in rest)
