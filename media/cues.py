"""Cues of captions as plain values: from when to when which words are shown."""

from __future__ import annotations

import hashlib
import re
import secrets
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import rfc8785

#: Of one cue; what is longer is no caption.
MOST_CHARACTERS = 500
MOST_LINES = 8
#: Of one track: a cue every 1.5 seconds for four hours.
MOST_CUES = 10_000
#: The last moment that SubRip can name, in ms.
MOST_MS = 100 * 3600_000 - 1
#: No character of a text: controls, and marks that turn the direction of all that follows.
_DROPPED = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ufeff\ufdd0-\ufdef\ufffe\uffff]"
)


@dataclass(frozen=True)
class Cue:
    """Words shown from ``start_ms`` to before ``end_ms``; lines are parted by ``\\n``.

    Whether it can be shown at all is asked by :mod:`media.cue_checks`: an author may be in the
    middle of writing it.
    """

    start_ms: int
    end_ms: int
    text: str


def plain(text: str) -> str:
    """Words as a cue holds them: lines without space around them, none of them empty."""
    text = unicodedata.normalize("NFC", text).replace("\r\n", "\n").replace("\r", "\n")
    text = _DROPPED.sub("", text.replace("\t", " ").replace("\u2028", "\n").replace("\u2029", "\n"))
    # Lone surrogates come from JSON and go into no database.
    text = text.encode("utf-8", "replace").decode("utf-8")
    return "\n".join(line for line in (" ".join(each.split()) for each in text.split("\n")) if line)


def ordered(cues: Iterable[Cue]) -> list[Cue]:
    """By the moment at which they begin."""
    return sorted(cues, key=lambda cue: (cue.start_ms, cue.end_ms))


def to_text(cues: Sequence[Cue]) -> str:
    """Canonical JSON: the same cues are the same text."""
    return rfc8785.dumps([[cue.start_ms, cue.end_ms, cue.text] for cue in cues]).decode()


def from_list(kept: Sequence[Sequence[Any]]) -> list[Cue]:
    return [Cue(start, end, text) for start, end, text in kept]


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


# --- with names, for those who edit them -----------------------------------------------------


def named(cues: Iterable[Cue]) -> list[dict[str, Any]]:
    """As a draft holds them: each has a key, by which two authors mean the same one."""
    return [
        {"key": secrets.token_hex(4), "start": cue.start_ms, "end": cue.end_ms, "text": cue.text}
        for cue in cues
    ]


def unnamed(kept: Iterable[Mapping[str, Any]]) -> list[Cue]:
    return [Cue(each["start"], each["end"], each["text"]) for each in kept]
