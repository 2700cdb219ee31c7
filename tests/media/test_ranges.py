"""What is kept is had whole or in parts, from a folder and from a bucket alike."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import boto3
import pytest
import requests
from flask import Flask

from media import ranges
from media.s3 import S3Vault
from media.storage import MediaStore
from media.vaults import CHUNK_BYTES, FolderVault, Vault
from tests.media.test_s3 import s3_server  # noqa: F401
from zhixin.errors import NotFound

CONTENT = bytes(range(256)) * 4
SIZE = len(CONTENT)
KEY = "courseware/aa/1"


@pytest.fixture(params=["folder", "bucket"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> MediaStore:
    vault: Vault = FolderVault(tmp_path)
    if request.param == "bucket":
        server = request.getfixturevalue("s3_server")
        requests.post(f"{server}/moto-api/reset", timeout=5)
        client = boto3.client(
            "s3", endpoint_url=server, region_name="us-east-1", aws_access_key_id="key",
            aws_secret_access_key="secret",
        )  # fmt: skip
        client.create_bucket(Bucket="media")
        vault = S3Vault(client, "media")
    vault.write(KEY, CONTENT)
    vault.write("empty", b"")
    return MediaStore(tmp_path, vault)


def ask(
    store: MediaStore, key: str = KEY, size: int = SIZE, method: str = "GET", **headers: str
) -> Any:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    with Flask(__name__).test_request_context(method=method, headers=named):
        answer = ranges.answer(store, key, size, "video/mp4", etag="e1")
        answer.direct_passthrough = False
        body = b"".join(answer.response)  # type: ignore[arg-type]
        answer.close()
    assert answer.headers["Accept-Ranges"] == "bytes"
    assert answer.headers["ETag"] == '"e1"'
    return answer, body


@pytest.mark.parametrize(
    ("asked", "part"),
    [
        ("bytes=0-0", range(1)),
        ("bytes=0-1", range(2)),  # as Safari begins
        ("bytes=100-199", range(100, 200)),
        ("bytes=1000-", range(1000, SIZE)),
        ("bytes=1000-99999999999", range(1000, SIZE)),
        ("bytes=-10", range(SIZE - 10, SIZE)),
        ("bytes=-99999", range(SIZE)),
        ("bytes=0-", range(SIZE)),
    ],
)
def test_a_part_is_those_bytes(store: MediaStore, asked: str, part: range) -> None:
    """206 with where it stands in the whole, and no byte more or less."""
    answer, body = ask(store, Range=asked)
    assert (answer.status_code, body) == (206, CONTENT[part.start : part.stop])
    assert answer.headers["Content-Range"] == f"bytes {part.start}-{part.stop - 1}/{SIZE}"
    assert answer.content_length == len(part)


@pytest.mark.parametrize("asked", [f"bytes={SIZE}-", "bytes=99999-100000"])
def test_beyond_its_end_there_is_nothing(store: MediaStore, asked: str) -> None:
    """416 says how long it is."""
    answer, body = ask(store, Range=asked)
    assert (answer.status_code, body) == (416, b"")
    assert answer.headers["Content-Range"] == f"bytes */{SIZE}"
    assert ask(store, "empty", 0, Range="bytes=0-")[0].status_code == 416


@pytest.mark.parametrize(
    "asked", ["", "bytes", "bytes=5-2", "bytes=x-y", "lines=1-2", "bytes=0-1,5-6"]
)
def test_what_cannot_be_understood_gets_the_whole(store: MediaStore, asked: str) -> None:
    """Also several parts at once: the RFC lets a server do so."""
    answer, body = ask(store, Range=asked)
    assert (answer.status_code, body) == (200, CONTENT)
    assert answer.content_length == SIZE
    assert "Content-Range" not in answer.headers


def test_what_one_has_is_not_sent_again(store: MediaStore) -> None:
    """304 for the same content, a part only of the same content."""
    for told in ('"e1"', 'W/"e1"', '"e0", "e1"', "*"):
        assert ask(store, If_None_Match=told)[0].status_code == 304
    assert ask(store, If_None_Match='"e0"')[1] == CONTENT
    assert ask(store, Range="bytes=0-1", If_Range='"e1"')[1] == CONTENT[:2]
    for other in ('"e0"', 'W/"e1"', "Thu, 01 Jan 2026 00:00:00 GMT"):
        assert ask(store, Range="bytes=0-1", If_Range=other)[1] == CONTENT


def test_the_head_alone_opens_nothing(store: MediaStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """Length and kind as of the whole: a range is of GET."""
    monkeypatch.setattr(store.vault, "open", None)
    answer, body = ask(store, method="HEAD", Range="bytes=0-1")
    assert (answer.status_code, answer.content_length, body) == (200, SIZE, b"")
    assert answer.content_type == "video/mp4"


def test_what_is_not_there(store: MediaStore) -> None:
    with pytest.raises(NotFound):
        ask(store, "courseware/aa/2", Range="bytes=0-1")
    assert ask(store, "empty", 0)[1] == b""


def test_of_any_size_a_piece_is_in_memory(tmp_path: Path) -> None:
    """And after the part no byte is read, though the file goes on."""
    read = []

    class Endless(io.RawIOBase):
        def read(self, size: int = -1) -> bytes:
            assert 0 < size <= CHUNK_BYTES
            read.append(size)
            return b"x" * size

    class Vault(FolderVault):
        def open(self, key: str, start: int = 0, stop: int | None = None) -> Any:
            return Endless()

    length = 5 * CHUNK_BYTES + 7
    with Flask(__name__).test_request_context(headers={"Range": f"bytes=10-{9 + length}"}):
        answer = ranges.answer(
            MediaStore(tmp_path, Vault(tmp_path)), "k", 1024**4, "video/mp4", etag="e"
        )
        assert sum(map(len, answer.response)) == sum(read) == length  # type: ignore[arg-type]
