"""When two declarations are the same activity."""

from __future__ import annotations

import hashlib
import unicodedata
from datetime import date


def plain(title: str) -> str:
    """A title without what people write in different ways: width, case, spaces, punctuation."""
    wide = unicodedata.normalize("NFKC", title).casefold()
    kept = "".join(letter for letter in wide if unicodedata.category(letter)[0] in "LMN")
    return unicodedata.normalize("NFKC", kept)  # what stood apart may now be one letter


def fingerprint(person_id: int, activity: str, starts_on: date, ends_on: date, title: str) -> str:
    """The name of an activity of a person: the same for however its title is written."""
    facts = (str(person_id), activity, starts_on.isoformat(), ends_on.isoformat(), plain(title))
    return hashlib.sha256("\n".join(facts).encode()).hexdigest()
