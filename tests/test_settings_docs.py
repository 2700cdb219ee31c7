"""The operator's table of settings says what the program does."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path
from typing import Any

from zhixin.config import PREFIX, ROOT, Settings

PAGE = ROOT / "docs" / "operator" / "settings.md"


def _shown(default: Any) -> str:
    """A default as the table writes it."""
    if isinstance(default, Path):
        return f"`{default.relative_to(ROOT)}`"
    if isinstance(default, bool):
        return "`yes`" if default else "`no`"
    return f"`{default}`" if default != "" else "（空）"


def test_the_table_lists_every_setting_with_its_default_and_meaning() -> None:
    """Name, default and English sentence come from the program; the Chinese one stands beside."""
    rows = re.findall(r"^\| `(ZHIXIN_\w+)` \| (.+?) \| (.+?) \| (.+?) \|$", PAGE.read_text(), re.M)
    wanted = [
        (PREFIX + item.name.upper(), _shown(item.default), item.metadata["doc"])
        for item in fields(Settings)
    ]
    assert [(name, default, doc) for name, default, _chinese, doc in rows] == wanted


def test_secrets_are_marked() -> None:
    """An operator sees which settings belong into files."""
    marked = set(re.findall(r"^\| `(ZHIXIN_\w+)` \| .* \| 🔒", PAGE.read_text(), re.M))
    assert marked == {PREFIX + f.name.upper() for f in fields(Settings) if f.metadata["secret"]}
