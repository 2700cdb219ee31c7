"""The log as standard tools read it (C2SP tlog-tiles)."""

from __future__ import annotations

import gzip

import pytest
import sqlalchemy as sa

from zhixin.ledger import checkpoint, log, merkle, tiles
from zhixin.ledger.models import Entry

LOG = "/ledger"


def entries_of(bundle):
    """The entries in a bundle, read as the specification says."""
    found = []
    while bundle:
        length = int.from_bytes(bundle[:2])
        found.append(bundle[2 : 2 + length])
        bundle = bundle[2 + length :]
    return found


def test_a_standard_reader_gets_all_of_it(client, grow, signer):
    """From an address and a key alone: checkpoint, tiles, entries; the root is what was signed."""
    grow(300, 213)
    answer = client.get(f"{LOG}/checkpoint")
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert answer.headers["Cache-Control"] == "no-cache"
    signed = checkpoint.parse_and_verify(answer.text, [signer.verifier_key])
    assert signed.size == 513
    read = {}
    for level in range(2):
        full, width = divmod(signed.size >> 8 * level, 256)
        names = [tiles.number_path(n) for n in range(full)] + [
            f"{tiles.number_path(full)}.p/{width}"
        ]
        for number, name in enumerate(names):
            answer = client.get(f"{LOG}/tile/{level}/{name}")
            assert answer.headers["Content-Type"] == "application/octet-stream"
            assert "immutable" in answer.headers["Cache-Control"]
            read[tiles.Place(level, number)] = answer.data
            if level == 0:
                bundle = client.get(f"{LOG}/tile/entries/{name}").data
                leaves = b"".join(map(merkle.leaf_hash, entries_of(bundle)))
                assert leaves == answer.data
    assert tiles.subtree_hash((0, signed.size), read) == signed.root


def test_partial_tiles_of_earlier_checkpoints_stay(client, grow):
    """Who fetched a checkpoint a while ago still finds the tiles under it."""
    grow(3)
    before = (
        client.get(f"{LOG}/tile/0/000.p/3").data,
        client.get(f"{LOG}/tile/entries/000.p/3").data,
    )
    grow(300)
    after = client.get(f"{LOG}/tile/0/000.p/3").data, client.get(f"{LOG}/tile/entries/000.p/3").data
    assert before == after
    assert len(before[0]) == 96
    assert client.get(f"{LOG}/tile/0/000").data.startswith(before[0])


@pytest.mark.parametrize(
    "path",
    [
        "tile/0/001", "tile/0/000.p/4", "tile/0/000.p/0", "tile/0/000.p/256", "tile/0/0", "tile/0/x000/000",
        "tile/1/000", "tile/1/000.p/1", "tile/00/000.p/3", "tile/8/000.p/3", "tile/64/000", "tile/-1/000",
        "tile/entries/001", "tile/entries/000", "tile/entries/000.p/4", "tile/entries/", "tile/data/000",
        "tile/0/x999/x999/x999/x999/x999/999", "tile/0/" + "x999/" * 2000 + "999", "tile/0/%00", "tile/",
    ],
)  # fmt: skip
def test_what_is_not_there_is_not_found(client, grow, path):
    """And nobody keeps that answer: the log may grow."""
    grow(3)
    answer = client.get(f"{LOG}/{path}")
    assert answer.status_code in (404, 422 if "%00" in path else 404)
    assert answer.headers["Cache-Control"] == "no-store"


def test_an_empty_log_serves_nothing(client):
    """Before the first entry there is neither a checkpoint nor a tile."""
    for path in ("checkpoint", "tile/0/000", "tile/entries/000"):
        assert client.get(f"{LOG}/{path}").status_code == 404


def test_bundles_are_compressed_for_whoever_asks(client, grow):
    """The same bytes, much smaller."""
    grow(256)
    plain = client.get(f"{LOG}/tile/entries/000")
    packed = client.get(f"{LOG}/tile/entries/000", headers={"Accept-Encoding": "gzip, identity"})
    assert packed.headers["Content-Encoding"] == "gzip"
    assert "Content-Encoding" not in plain.headers
    assert "Accept-Encoding" in plain.headers["Vary"]
    assert "Accept-Encoding" in packed.headers["Vary"]
    assert "Set-Cookie" not in packed.headers
    assert gzip.decompress(packed.data) == plain.data
    assert len(packed.data) < len(plain.data) / 3


def test_a_bundle_holds_the_bytes_that_were_hashed(client, grow, session):
    """Canonical JSON in UTF-8, as in the log."""
    grow(2)
    bundle = client.get(f"{LOG}/tile/entries/000.p/2").data
    bodies = session.scalars(sa.select(Entry.body).order_by(Entry.index)).all()
    assert entries_of(bundle) == [body.encode() for body in bodies]


def test_nobody_reads_what_is_not_signed(client, submit, session, signer, now):
    """What waits in the outbox is in no tile."""
    submit(range(3))
    session.commit()
    assert client.get(f"{LOG}/tile/entries/000.p/1").status_code == 404
    log.append_waiting(session, signer, now)
    session.commit()
    assert client.get(f"{LOG}/tile/entries/000.p/1").status_code == 200
