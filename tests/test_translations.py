"""The English catalogue: complete, sound, and seen on the pages."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_dir
from babel.messages.frontend import parse_mapping_cfg
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from flask import Flask
from flask.testing import FlaskClient

from zhixin.people.models import Person

ROOT = Path(__file__).resolve().parents[1]
PO = ROOT / "platform/zhixin/translations/en/LC_MESSAGES/messages.po"
CHINESE = re.compile("[\u4e00-\u9fff]+")
#: ``%(n)s`` of Python, ``{n}`` of scripts and a doubled per cent sign.
PLACEHOLDER = re.compile(r"%\([a-z_]+\)[sd]|\{[a-z_]+\}|%%")


@pytest.fixture(scope="session")
def catalogue() -> Catalog:
    with PO.open("rb") as file:
        return read_po(file, locale="en")


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


def test_refusals_are_among_the_texts(texts: dict[str, str]) -> None:
    """Refusals are plain Chinese where they are raised; the edge translates them."""
    assert "没有找到您要的内容" in texts, "a class's title"
    assert "没有这个视频" in texts, "an exception's message"
    assert "文件是空的。请重新选择文件。" in texts, "a table of messages"
    assert "播放位置不能为负数" in texts, "a module's own _refuse()"


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


@pytest.fixture(scope="session")
def compiled(catalogue: Catalog, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A translations folder compiled from the sources, whatever was built before."""
    content = io.BytesIO()
    write_mo(content, catalogue)
    folder = tmp_path_factory.mktemp("translations")
    (folder / "en/LC_MESSAGES").mkdir(parents=True)
    (folder / "en/LC_MESSAGES/messages.mo").write_bytes(content.getvalue())
    return folder


@pytest.fixture
def english(app: Flask, compiled: Path) -> Flask:
    app.extensions["babel"].translation_directories[:] = [str(compiled)]
    return app


class _Interface(HTMLParser):
    """Collects the Chinese of a page, without what says itself to be Chinese (``lang``)."""

    _VOID = {"meta", "link", "img", "input", "br", "hr", "use"}

    def __init__(self) -> None:
        super().__init__()
        self.lang: str | None = None
        self.chinese: list[str] = []
        self._open: list[tuple[str, bool]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        facts = dict(attrs)
        if tag == "html":
            self.lang = facts.get("lang")
        silent = tag == "script" or str(facts.get("lang", "")).startswith("zh")
        if not silent and tag != "input":
            for name in ("aria-label", "title", "alt", "placeholder", "content"):
                self._note(facts.get(name) or "")
        if tag not in self._VOID:
            self._open.append((tag, silent))

    def handle_endtag(self, tag: str) -> None:
        while self._open and self._open.pop()[0] != tag:
            pass

    def handle_data(self, data: str) -> None:
        if not any(silent for _tag, silent in self._open):
            self._note(data)

    def _note(self, text: str) -> None:
        self.chinese += CHINESE.findall(text)


def _read(client: FlaskClient, path: str) -> _Interface:
    page = _Interface()
    page.feed(client.get(path).get_data(as_text=True))
    return page


@pytest.mark.parametrize("path", ["/", "/sign-in", "/verify", "/ledger", "/courses", "/nowhere"])
def test_visitors_who_chose_english_read_no_chinese(english: Flask, path: str) -> None:
    """Pages without data are English throughout once the cookie says so."""
    client = english.test_client()
    with client.session_transaction() as cookie:
        cookie["locale"] = "en"
    page = _read(client, path)
    assert page.lang == "en"
    assert page.chinese == []


def test_a_person_reads_the_language_of_their_account(
    english: Flask,
    create_person: Callable[..., Person],
    sign_in: Callable[[Person], FlaskClient],
) -> None:
    """The account's language counts, not the cookie of the visit before."""
    client = sign_in(create_person("wang", locale="en"))
    page = _read(client, "/my/year")
    assert (page.lang, page.chinese) == ("en", [])


def test_chinese_is_the_first_language(english: Flask) -> None:
    """Without a choice the pages are Chinese, and say so."""
    page = _read(english.test_client(), "/")
    assert page.lang == "zh-CN"
    assert "课程" in page.chinese


def test_refusals_are_translated_for_the_reader(english: Flask) -> None:
    """The API's problem documents speak the reader's language too."""
    client = english.test_client()
    with client.session_transaction() as cookie:
        cookie["locale"] = "en"
    problem = client.get("/api/v1/certificates/NOTACODE").get_json()
    assert not CHINESE.search(problem["title"] + problem["detail"])
