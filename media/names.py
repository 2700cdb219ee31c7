"""Names of files as people know them: for showing only, never part of a path."""

from __future__ import annotations

import unicodedata

MOST_LETTERS = 255


def shown(sent: str, otherwise: str) -> str:
    """A client's file name, fit for a screen and a header: no folders, nothing invisible.

    The end stays when it is cut: it says what kind of file it is.
    """
    bare = sent.replace("\\", "/").rsplit("/", 1)[-1]
    seen = "".join(c for c in bare if c == " " or unicodedata.category(c)[0] not in "CZ").strip()
    return seen[-MOST_LETTERS:] or otherwise
