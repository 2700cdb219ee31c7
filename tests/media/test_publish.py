"""Putting what was made in its place."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from media import transcode as transcoding
from media.errors import TranscodeFailed
from media.transcode import publish


def test_publishing_moves_all_at_once(tmp_path: Path) -> None:
    making, final = tmp_path / "making", tmp_path / "new" / "final"
    (making / "v0").mkdir(parents=True)
    (making / "v0" / "s.m4s").write_bytes(b"x")
    publish(making, final)
    assert (final / "v0" / "s.m4s").read_bytes() == b"x"
    assert not making.exists()


def test_publishing_twice_keeps_the_first(tmp_path: Path) -> None:
    """A job done twice changes nothing that a learner is watching."""
    making, final = tmp_path / "making", tmp_path / "final"
    for content in (b"first", b"second"):
        making.mkdir()
        (making / "a").write_bytes(content)
        publish(making, final)
    publish(making, final)
    assert (final / "a").read_bytes() == b"first"
    assert not making.exists()


def test_a_disk_that_fills_while_syncing_publishes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some file systems find out late that there is no room."""

    def full(path: Path) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    making, final = tmp_path / "making", tmp_path / "final"
    making.mkdir()
    monkeypatch.setattr(transcoding, "_sync", full)
    with pytest.raises(TranscodeFailed) as failed:
        publish(making, final)
    assert failed.value.code == "disk-full"
    assert not final.exists()
