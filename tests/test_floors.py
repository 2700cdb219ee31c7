"""The floors of docs/developer/architecture.md, read from the sources: imports point down."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parents[1]

KERNEL = "acts punctuation config clock errors error_codes db jobs sqlite observe access security problems pages paging api schema command lean gathering gate places rates spreadsheets numbers workbook_reader richtext archives texts xmltree sandbox sandbox_launcher routing steps"
COMPOSITION = "app cli demo serving operating __main__ migrations"

#: Which floor a part stands on; parts of one floor do not know each other.
FLOORS: dict[str, int] = {
    **{f"zhixin.{name}": 0 for name in KERNEL.split()},
    "zhixin.people": 1,
    "zhixin.ledger": 1,
    "zhixin.hours": 2,
    "zhixin.declarations": 3,
    "zhixin.certificates": 4,
    "zhixin.audit": 5,
    "zhixin.reports": 6,
    "media": 7,
    "assessments": 7,
    "courses": 8,
    **{f"zhixin.{name}": 9 for name in COMPOSITION.split()},
}

#: Imports that point up and may: (importing module, imported part, why).
ALLOWED = {
    ("zhixin.access", "zhixin.people", True): "names the type of the signed-in person",
    ("zhixin.command", "zhixin.app", False): "every command runs in the application",
}


class Import(NamedTuple):
    module: str
    imported: str
    line: int
    for_types: bool


def _sources() -> Iterator[tuple[str, Path]]:
    for folder in ("platform/zhixin", "courses", "media", "assessments"):
        base = ROOT / ("platform" if folder.startswith("platform") else "")
        for path in sorted((ROOT / folder).rglob("*.py")):
            parts = path.relative_to(base).with_suffix("").parts
            yield ".".join(part for part in parts if part != "__init__"), path


def _part(module: str) -> str | None:
    """``zhixin.people.views`` → ``zhixin.people``; None for other people's packages."""
    names = module.split(".")
    if names[0] == "zhixin":
        return ".".join(names[:2]) if len(names) > 1 else None
    return names[0] if names[0] in FLOORS else None


def _only_for_types(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)


def _imports(module: str, tree: ast.AST, for_types: bool = False) -> Iterator[Import]:
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Import):
            for name in node.names:
                yield Import(module, name.name, node.lineno, for_types)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module}:{node.lineno}: relative import"
            for name in node.names:
                yield Import(module, f"{node.module}.{name.name}", node.lineno, for_types)
        yield from _imports(module, node, for_types or _only_for_types(node))


def _points_up(found: Import) -> str | None:
    """What is wrong with an import, if anything."""
    own, other = _part(found.module), _part(found.imported)
    if own is None or other is None or own == other:
        return None
    if (found.module, other, found.for_types) in ALLOWED:
        return None
    for part in (own, other):
        if part not in FLOORS:
            return f"{part} stands on no floor: add it to FLOORS"
    if FLOORS[other] < FLOORS[own] or FLOORS[own] == FLOORS[other] in (0, 9):
        return None
    return f"{found.module}:{found.line} imports {found.imported}: {own} must not know {other}"


def test_imports_point_down() -> None:
    """Nothing lower knows anything higher, and neighbours do not know each other."""
    wrong = [
        problem
        for module, path in _sources()
        for found in _imports(module, ast.parse(path.read_text()))
        if (problem := _points_up(found))
    ]
    assert wrong == [], "\n".join(wrong)


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("media.watching", "from courses import progress"),
        ("media.watching", "import assessments.models"),
        ("zhixin.people.views", "from zhixin import audit"),
        ("zhixin.people.views", "from zhixin.ledger.log import submit"),
        ("zhixin.hours.awards", "from zhixin.declarations import chain"),
        ("zhixin.declarations.chain", "from media.storage import MediaStore"),
        ("zhixin.hours.awards", "def f():\n    from zhixin.certificates import issuing"),
        ("zhixin.db", "from zhixin.people.models import Person"),
        ("zhixin.db", "if TYPE_CHECKING:\n    from zhixin.people.models import Person"),
        ("zhixin.access", "from zhixin.people.models import Person"),
        ("courses.views", "from zhixin.app import create_app"),
        ("courses.views", "from zhixin.novelty import x"),
    ],
)
def test_a_wrong_import_is_noticed(module: str, source: str) -> None:
    """The rule's own check: late and type-only imports count too."""
    assert any(_points_up(found) for found in _imports(module, ast.parse(source)))
