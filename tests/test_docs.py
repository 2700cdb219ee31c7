"""The manual promises nothing that is not there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from urllib.parse import unquote

import click
import pytest
from flask import Flask

from media.errors import CAPTION_MESSAGES, FILE_MESSAGES, MESSAGES, PICTURE_MESSAGES
from zhixin.cli import main
from zhixin.config import PREFIX, ROOT, Settings
from zhixin.error_codes import TOPICS

PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "CHANGELOG.md",
    *sorted((ROOT / "docs").rglob("*.md")),
]
each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
#: Werkzeug's own refusals, named by their class.
OF_WERKZEUG = {"method-not-allowed", "request-entity-too-large", "unsupported-media-type"}
CODE = re.compile(
    r'(?:\bcode ?= ?|ClaimRefused\(|MediaRejected\(|TranscodeFailed\()"([a-z][a-z-]+)"'
)
OF_CLAIMS = re.compile(r'_refuse\("([a-z-]+)"')


@each_page
def test_links_lead_somewhere(page: Path) -> None:
    """Every relative link and picture is a file of the project."""
    text = page.read_text()
    targets = re.findall(r"\]\(([^)\s]+)\)", text) + re.findall(r'src="([^"]+)"', text)
    local = [unquote(t.split("#")[0]) for t in targets if not re.match(r"[a-z]+:|#|/", t)]
    assert [target for target in local if not (page.parent / target).exists()] == []


def _commands(text: str) -> Iterator[str]:
    for span in re.findall(r"```.*?```|`[^`\n]+`", text, re.S):
        yield from re.findall(
            r"(?:^|[\n`|(;']|bin/|ZHIXIN_\S+ |\$\()zhixin ((?:[a-z][a-z-]* ?)+)", span
        )


@each_page
def test_commands_exist(page: Path) -> None:
    """Every ``zhixin …`` in a code span is a command, as far as it names one."""
    for named in _commands(page.read_text()):
        command: click.Command = main
        context = click.Context(main)
        for word in named.split():
            if not isinstance(command, click.Group):
                break  # the rest are arguments
            found = command.get_command(context, word)
            assert found is not None, f"zhixin {named}"
            command = found


@each_page
def test_settings_exist(page: Path) -> None:
    """Every ZHIXIN_… is a setting, or the file that holds one."""
    known = {PREFIX + item.name.upper() for item in fields(Settings)}
    named = set(re.findall(r"ZHIXIN_[A-Z0-9_]*[A-Z0-9]", page.read_text()))
    assert {name for name in named if name.removesuffix("_FILE") not in known} == set()


def test_every_error_code_is_explained() -> None:
    """The list of codes is what the sources raise: none is missing, none is invented."""
    raised = set(OF_WERKZEUG) | {*MESSAGES, *PICTURE_MESSAGES, *FILE_MESSAGES, *CAPTION_MESSAGES}
    raised |= set(OF_CLAIMS.findall((ROOT / "media/booking.py").read_text()))
    for folder in ("platform/zhixin", "courses", "media", "assessments"):
        for source in (ROOT / folder).rglob("*.py"):
            raised |= set(CODE.findall(source.read_text()))
    listed = [code for codes in TOPICS.values() for code in codes]
    assert len(listed) == len(set(listed))
    assert set(listed) == raised


def test_the_manual_lists_the_error_codes() -> None:
    """The integrator's page says the same as the program."""
    page = (ROOT / "docs/integrator/errors.md").read_text()
    rows = dict(re.findall(r"^\| `([a-z-]+)` \| (.+) \|$", page, re.M))
    assert rows == {code: said for codes in TOPICS.values() for code, said in codes.items()}


def test_the_authors_page_says_what_is_wrong_with_a_video() -> None:
    """The table of a video's errors is the program's."""
    page = (ROOT / "docs/author/video.md").read_text()
    assert dict(re.findall(r"^\| `([a-z-]+)` \| (.+) \|$", page, re.M)) == MESSAGES


def test_a_problem_points_at_its_code(app: Flask) -> None:
    """The ``type`` of a problem document is a page's anchor that exists."""
    client = app.test_client()
    problem = client.get("/api/v1/certificates/NOSUCHCODE").get_json()
    path, _, code = problem["type"].partition("#")
    answer = client.get(path)
    assert answer.status_code == 200
    assert f'id="{code}"' in answer.text
