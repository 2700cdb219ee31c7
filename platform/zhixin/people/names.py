"""Names as a public page may show them: recognisable to who knows, no more.

个人信息保护法 25: personal data is published only with consent, so lists and public
verification show masked names.
"""

from __future__ import annotations

import re
import unicodedata

#: Between the parts of a name: the middle dots in use for ethnic names, spaces, hyphens.
_SEPARATORS = re.compile(r"([·•‧・･．.\s\u2010\u2011'’-]+)")

#: Two-character surnames of some frequency; one not listed is masked from its second character.
_COMPOUND_SURNAMES = re.compile(
    "欧阳|司马|上官|诸葛|东方|皇甫|尉迟|公孙|慕容|令狐|司徒|司空|夏侯|轩辕|端木|百里|南宫|东郭|独孤"
    "|长孙|宇文|呼延|钟离|闻人|澹台|申屠|太史|公冶|宗政|濮阳|淳于|单于|拓跋|万俟|赫连|西门|左丘|第五"
    "|歐陽|司馬|諸葛|東方|尉遲|公孫|軒轅|獨孤|長孫|鍾離|聞人|西門"
)


def mask_name(name: str) -> str:
    """``name`` with what a stranger need not read starred out, one star a character.

    A Chinese name keeps its surname, and its last character when the given name has two or
    more (张三丰 → 张*丰, 张三 → 张*, 欧阳修 → 欧阳*). A name of several parts keeps the first
    character of each (阿卜杜拉·买买提 → 阿***·买**, John Smith → J*** S****). A name of a
    single character is hidden whole.
    """
    name = name.strip()
    parts = _SEPARATORS.split(name)  # words at even places, what stands between at odd ones
    if sum(map(bool, parts[::2])) > 1:
        masked = "".join(
            part if place % 2 else _initial(part, alone=False) for place, part in enumerate(parts)
        )
        return masked if "*" in masked else re.sub(r"\w", "*", masked)
    characters = _characters(name)
    if not _without_case(characters):
        return _initial(name, alone=True)
    surname = 2 if len(characters) > 2 and _COMPOUND_SURNAMES.match(name) else 1
    given = characters[surname:]
    if not given:
        return "*" * len(characters)
    last = given[-1] if len(given) > 1 else "*"
    return "".join(characters[:surname]) + "*" * (len(given) - 1) + last


def _initial(word: str, *, alone: bool) -> str:
    characters = _characters(word)
    if len(characters) == 1:
        return "*" if alone or _without_case(characters) else characters[0]
    return characters[0] + "*" * (len(characters) - 1) if characters else ""


def _characters(text: str) -> list[str]:
    """Characters as people count them: marks and variation selectors stay with their base."""
    characters: list[str] = []
    for character in text:
        if characters and unicodedata.category(character).startswith("M"):
            characters[-1] += character
        else:
            characters.append(character)
    return characters


def _without_case(characters: list[str]) -> bool:
    # Ideographs, Arabic and the like. Ideographs newer than this Python are unassigned.
    return any(unicodedata.category(character[0]) in ("Lo", "Cn", "Co") for character in characters)
