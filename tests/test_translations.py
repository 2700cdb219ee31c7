"""The English catalogue: complete, sound, and seen on the pages."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_dir
from babel.messages.frontend import CommandLineInterface, parse_mapping_cfg
from babel.support import Translations
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from zhixin.config import Settings
from zhixin.hours import policies
from zhixin.people.models import Person

ROOT = Path(__file__).resolve().parents[1]
CHINESE = re.compile("[\u4e00-\u9fff]+")
#: ``%(n)s`` of Python, ``{n}`` of scripts and a doubled per cent sign.
PLACEHOLDER = re.compile(r"%\([a-z_]+\)[sd]|\{[a-z_]+\}|%%")


@pytest.fixture(scope="session")
def texts() -> dict[str, str]:
    """Every text to translate in the sources, and a file that has it; as `make translations`."""
    with (ROOT / "babel.cfg").open() as file:
        methods, options = parse_mapping_cfg(file)
    keywords = dict.fromkeys(("_", "gettext", "_l", "lazy_gettext"))
    found: dict[str, str] = {}
    for folder in ("platform", "courses", "media", "assessments", "templates"):
        for name, _line, text, _comments, _context in extract_from_dir(
            ROOT / folder, methods, options, keywords
        ):
            found.setdefault(str(text), f"{folder}/{name}")
    return found


def _messages(catalogue: Catalog) -> Iterator[Message]:
    return (message for message in catalogue if message.id)


def test_every_text_is_translated(texts: dict[str, str], catalogue: Catalog) -> None:
    """A text without English would show Chinese to those who chose English."""
    missing = [f"{file}: {text}" for text, file in texts.items() if text not in catalogue]
    empty = [str(message.id) for message in _messages(catalogue) if not message.string]
    assert not missing, "run `make translations` and fill in the .po"
    assert not empty


def test_make_setup_compiles_the_catalogue(tmp_path: Path) -> None:
    """What `make setup` runs leaves English that is used: Babel skips a fuzzy catalogue in silence."""
    recipe = re.search(r"pybabel (.*compile .*)", (ROOT / "Makefile").read_text())
    assert recipe is not None
    made = tmp_path / "messages.mo"
    source = ROOT / "platform/zhixin/translations/en/LC_MESSAGES/messages.po"
    words = recipe[1].replace("$<", str(source)).replace("$@", str(made))
    CommandLineInterface().run(["pybabel", *words.split()])
    with made.open("rb") as file:
        english = Translations(file)
    assert english.gettext("请先登录") == "Please sign in first"


def test_refusals_are_among_the_texts(texts: dict[str, str]) -> None:
    """Refusals are plain Chinese where they are raised; the edge translates them."""
    assert "没有找到您要的内容" in texts, "a class's title"
    assert "没有这个视频" in texts, "an exception's message"
    assert "文件是空的。请重新选择文件。" in texts, "a table of messages"
    assert "播放位置不能为负数" in texts, "a module's own _refuse()"


def test_per_cent_signs_in_pages_are_doubled(texts: dict[str, str]) -> None:
    """Jinja fills every text in, also one without placeholders: a bare sign ends the page."""
    bare = re.compile(r"%(?!%|\([a-z_]+\)[sd])")
    pages = {text for text, place in texts.items() if place.endswith(".html")}
    assert [text for text in pages if bare.search(text.replace("%%", ""))] == []


def test_nothing_is_guessed_or_left_over(texts: dict[str, str], catalogue: Catalog) -> None:
    """No fuzzy entries, no texts that the sources no longer have."""
    assert [message.id for message in _messages(catalogue) if message.fuzzy] == []
    assert [message.id for message in _messages(catalogue) if message.id not in texts] == []


def test_translations_keep_their_placeholders(catalogue: Catalog) -> None:
    """A lost or misspelt placeholder would fail, or lose a number, only when shown."""
    differing = [
        message.id
        for message in _messages(catalogue)
        if sorted(PLACEHOLDER.findall(str(message.id)))
        != sorted(PLACEHOLDER.findall(str(message.string)))
    ]
    assert differing == []


def test_translations_are_english(catalogue: Catalog) -> None:
    """No Chinese is left within an English text."""
    assert [m.string for m in _messages(catalogue) if CHINESE.search(str(m.string))] == []


# --- on the pages


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """The issuer's name is data of the installation."""
    return replace(settings, issuer="City Office")


def _chinese(page: str) -> list[str]:
    """The Chinese on a page, but for the button that offers the language by its own name."""
    return CHINESE.findall(re.sub(r'<button[^>]* lang="zh-CN">中文</button>', "", page))


def _visitor(app: Flask) -> FlaskClient:
    client = app.test_client()
    with client.session_transaction() as cookie:
        cookie["locale"] = "en"
    return client


def _read(client: FlaskClient, path: str) -> tuple[str | None, list[str]]:
    """What a page says its language is, and the Chinese that is on it."""
    response = client.get(path)
    assert response.status_code == (404 if path == "/nowhere" else 200)
    page = response.get_data(as_text=True)
    lang = re.search(r'<html lang="([^"]+)"', page)
    return lang and lang[1], _chinese(page)


@pytest.mark.parametrize("path", ["/", "/sign-in", "/verify", "/ledger", "/courses", "/nowhere"])
def test_visitors_who_chose_english_read_no_chinese(english: Flask, path: str) -> None:
    """Pages without data are English throughout once the cookie says so."""
    client = _visitor(english)
    assert _read(client, path) == ("en", [])


def test_a_person_reads_the_language_of_their_account(
    english: Flask,
    session: Session,
    now: datetime,
    create_person: Callable[..., Person],
    sign_in: Callable[[Person], FlaskClient],
) -> None:
    """The account's language counts, not the cookie of the visit before."""
    policy = json.loads(policies.shipped("national")) | {"title": "Policy", "source": "Example"}
    policies.from_file(session, json.dumps(policy), None, now)
    session.commit()
    client = sign_in(create_person("wang", locale="en"))
    assert _read(client, "/my/year") == ("en", [])


def test_chinese_is_the_first_language(english: Flask) -> None:
    """Without a choice the pages are Chinese, and say so."""
    lang, chinese = _read(english.test_client(), "/")
    assert lang == "zh-CN"
    assert "课程" in chinese


def test_refusals_are_translated_for_the_reader(english: Flask) -> None:
    """The API's problem documents speak the reader's language too."""
    client = _visitor(english)
    problem = client.get("/api/v1/certificates/NOTACODE").get_json()
    assert not CHINESE.search(problem["title"] + problem["detail"])
