"""Files to be taken home: kept as they came, handed out so that no browser runs them."""

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import datetime

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from media import files
from media.errors import FileRefused
from zhixin import db
from zhixin.people.models import Person, Role

PDF = b"%PDF-1.7\n1 0 obj\n<< /JavaScript (app.alert(1)) >>"


@pytest.fixture
def keep(
    app: Flask, session: Session, create_person: Callable[..., Person], now: datetime
) -> Callable[..., files.Attachment]:
    owner = create_person("author", Role.AUTHOR)

    def kept(name: str, content: bytes = PDF, max_bytes: int = 1000) -> files.Attachment:
        store = app.extensions["media_store"]
        return files.import_bytes(
            session, store, owner.id, content, file_name=name, max_bytes=max_bytes, now=now
        )

    return kept


def test_a_file_is_only_ever_a_download(
    create_person: Callable[..., Person], sign_in: Callable[[Person], FlaskClient]
) -> None:
    """A PDF with a script, a text that is a page: saved under the author's name, never shown."""
    author, other = (sign_in(create_person(n, Role.AUTHOR)) for n in ("author", "other"))
    for name, content in (("讲义 一.pdf", PDF), ("a.txt", b"<script>alert(1)</script>")):
        answer = author.post("/api/v1/files", data={"file": (io.BytesIO(content), name)})
        assert answer.status_code == 201
        address = f"/studio/files/{answer.get_json()['id']}"
        got = author.get(address, buffered=True)
        assert got.data == content
        assert got.headers["Content-Disposition"].startswith("attachment;")
        assert got.headers["X-Content-Type-Options"] == "nosniff"
        assert got.headers["Content-Security-Policy"].startswith("default-src 'none'; sandbox")
        assert other.get(address).status_code == 404


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("程序.exe", b"MZ\x90", "file-kind"),
        ("page.html", b"<html>", "file-kind"),
        ("图.svg", b"<svg/>", "file-kind"),
        ("宏.docm", b"PK\x03\x04", "file-kind"),
        ("no ending", b"text", "file-kind"),
        ("讲义.pdf", b"MZ\x90", "file-differs"),
        ("表.xlsx", b"<html>", "file-differs"),
        ("a.txt", b"MZ\x90\0\3", "file-differs"),
        ("a.txt", b"", "file-empty"),
        ("a.txt", b"x" * 1001, "file-too-large"),
    ],
)
def test_what_runs_or_pretends_is_refused(
    app: Flask, keep: Callable[..., object], name: str, content: bytes, code: str
) -> None:
    """Programs, pages, macros, and files that are not what they are called; nothing stays."""
    with pytest.raises(FileRefused) as refused:
        keep(name, content)
    assert refused.value.code == code
    assert not list(app.extensions["media_store"].vault.list("files"))
    assert not list(app.extensions["media_store"].vault.list("uploads"))


def test_the_same_file_is_kept_once(
    app: Flask, session: Session, keep: Callable[..., files.Attachment]
) -> None:
    """Again under the same name it is the same one."""
    assert keep("../a.pdf").id == keep("C:\\a.pdf").id != keep("b.pdf").id
    db.commit(session)
    assert len(list(app.extensions["media_store"].vault.list("files"))) == 2
