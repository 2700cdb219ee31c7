"""How media and assessments name what time and tests count for."""

from __future__ import annotations

PREFIX = "version:"


def of_version(version_id: int) -> str:
    """The scope of a course version: opaque to the domains below."""
    return f"{PREFIX}{version_id}"
