"""A worker keeps its claim while the file is hashed beside other work."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest

from media import keeping
from media.errors import TranscodeFailed
from media.keeping import Keeper


def test_the_hash_is_of_all_bytes(tmp_path: Path) -> None:
    file = tmp_path / "source"
    file.write_bytes(bytes(range(256)) * 8192)
    with Keeper(lambda _session, _percent: True).hashing(file) as sha256:
        assert sha256() == hashlib.sha256(file.read_bytes()).hexdigest()


class Endless:
    """A file that is never read to its end."""

    def __init__(self) -> None:
        self.read_bytes = 0

    def open(self, _mode: str) -> Endless:
        return self

    def __enter__(self) -> Endless:
        return self

    def __exit__(self, *_error: object) -> None:
        pass

    def read(self, size: int) -> bytes:
        self.read_bytes += size
        return b"x" * 64


@pytest.fixture
def hashing(monkeypatch: pytest.MonkeyPatch) -> Callable[[bool], Keeper]:
    monkeypatch.setattr(keeping, "REPORT_EVERY_S", 0.01)

    def keeper(lost: bool) -> Keeper:
        made = Keeper(lambda _session, _percent: True)
        monkeypatch.setattr(made, "lost", lambda: lost)
        return made

    return keeper


def test_whoever_loses_the_claim_waits_no_longer(hashing: Callable[[bool], Keeper]) -> None:
    """Another has the video now: its hash is that one's business."""
    endless = Endless()
    with (
        pytest.raises(TranscodeFailed) as failed,
        hashing(True).hashing(endless) as sha256,  # type: ignore[arg-type]
    ):
        sha256()
    assert failed.value.code == "cancelled"


def test_a_refused_file_is_read_no_further(hashing: Callable[[bool], Keeper]) -> None:
    """What is told of a file by its first bytes does not wait for the hash of its last."""
    endless = Endless()
    with (
        pytest.raises(ZeroDivisionError),
        hashing(False).hashing(endless),  # type: ignore[arg-type]
    ):
        raise ZeroDivisionError
    after = endless.read_bytes
    assert endless.read_bytes == after
