"""A second party keeps its own copy, and finds out whatever is done to history."""

from __future__ import annotations

import dataclasses
import json
import shutil
import sqlite3
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from click.testing import CliRunner, Result
from sqlalchemy.orm import Session
from werkzeug.serving import WSGIRequestHandler, make_server

from tests.platform.ledger.tampering import DETACH
from zhixin import db, schema
from zhixin.app import create_app
from zhixin.ledger import checkpoint, follow, keys, log, merkle, observer, proofs, rotation
from zhixin.ledger.commands import ledger
from zhixin.ledger.copies import Copy, CopyDamaged, unbundle
from zhixin.ledger.follow import Alarm, Unreachable
from zhixin.ledger.keys import Signer
from zhixin.ledger.models import EntryKind


@pytest.fixture
def copy(tmp_path: Path, signer: Signer) -> Copy:
    made = Copy(tmp_path / "copy")
    made.write("keys", signer.verifier_key.encode())
    return made


@pytest.fixture
def fetch(client: Any) -> Callable[[str], bytes]:
    def get(path: str) -> bytes:
        answer = client.get(f"/ledger/{path}")
        if answer.status_code != 200:
            raise Unreachable(f"{path} {answer.status_code}")
        content: bytes = answer.data
        return content

    return get


@pytest.fixture
def look(copy: Copy, fetch: Callable[[str], bytes]) -> Callable[[], follow.Outcome]:
    return lambda: follow.poll(copy, fetch, lambda _done, _total: None)


def kept(copy: Copy) -> list[bytes]:
    return list(copy.entries(copy.state().frontier.size))


def test_a_copy_grows_with_the_log(session, copy, look, grow):
    """All entries are kept; each look says what was new; every checkpoint stays."""
    grow(3)
    assert (look().before, look().size) == (0, 3)
    grow(300)
    outcome = look()
    assert (outcome.before, outcome.size) == (3, 303)
    grow(1)
    assert look().size == 304
    assert [merkle.leaf_hash(e) for e in kept(copy)] == [
        log.entry(session, n).leaf_hash for n in range(304)
    ]
    assert {p.name for p in (copy.folder / "checkpoints").iterdir()} == {"3", "303", "304"}
    assert follow.recheck(copy).root == outcome_root(session)


def outcome_root(session: Session) -> str:
    return log.head(session).root.hex()


def rewrite(session: Session, tamper: Any, signer: Signer, index: int) -> None:
    """What somebody with the database and the key does: change an entry, sign all anew."""
    entry = log.entry(session, index)
    body = entry.body.replace("1.5", "9.5")
    leaf = merkle.leaf_hash(body.encode())
    size = log.head(session).size
    leaves = [leaf if n == index else log.entry(session, n).leaf_hash for n in range(size)]
    root = merkle.root(leaves)
    tamper(
        'UPDATE ledger_entry SET body = :body, leaf_hash = :leaf WHERE "index" = :index',
        body=body,
        leaf=leaf,
        index=index,
    )
    tamper(
        "UPDATE ledger_tree_head SET root = :root, checkpoint = :note WHERE size = :size",
        root=root,
        note=signer.sign(size, root),
        size=size,
    )


@pytest.mark.parametrize("more", [0, 2])
def test_a_rewritten_entry_is_found(session, copy, look, grow, tamper, signer, more):
    """Though the log signs it: at the same size, and when it has grown meanwhile."""
    grow(5)
    look()
    before = kept(copy)
    if more:
        grow(more)
    rewrite(session, tamper, signer, 2)
    with pytest.raises(Alarm) as found:
        look()
    assert found.value.code in ("rewritten", "entries-differ")
    assert kept(copy) == before
    (proof,) = (copy.folder / "alarms").iterdir()
    assert checkpoint.parse_and_verify(proof.read_text(), [signer.verifier_key])


def test_a_rewritten_full_bundle_is_found(session, copy, look, grow, tamper, signer):
    """Entries that are never fetched again are in the tree that was kept."""
    grow(300)
    look()
    grow(3)
    rewrite(session, tamper, signer, 2)
    with pytest.raises(Alarm) as found:
        look()
    assert found.value.code == "rewritten"
    assert "账本自己的签名" in found.value.message


def test_a_shorter_log_is_found(copy, look, grow, tamper):
    """Cut off, or an old backup was put back."""
    grow(3, 2)
    look()
    tamper(
        DETACH + " WHERE entry_index >= 3",
        'DELETE FROM ledger_entry WHERE "index" >= 3',
        "DELETE FROM ledger_tree_head WHERE size = 5",
    )
    with pytest.raises(Alarm, match="变短") as found:
        look()
    assert found.value.code == "shrunk"


def test_a_stranger_in_between_is_found(copy, fetch, grow):
    """A checkpoint that is not the log's."""
    grow(3)
    evil = Signer("zhixin.example/ledger", keys.Ed25519PrivateKey.generate())

    def forged(path: str) -> bytes:
        if path != "checkpoint":
            return fetch(path)
        seen = checkpoint.claimed(fetch(path).decode())
        return evil.sign(seen.size, seen.root).encode()

    with pytest.raises(Alarm) as found:
        follow.poll(copy, forged, lambda *_: None)
    assert found.value.code == "not-signed"
    assert copy.checkpoint is None


def test_another_log_is_found(copy, fetch, grow, signer):
    """Its name is not that of the trusted key."""
    grow(3)
    other = Signer("other.example/log", keys.Ed25519PrivateKey.generate())
    with pytest.raises(Alarm) as found:
        follow.poll(copy, lambda _path: other.sign(3, bytes(32)).encode(), lambda *_: None)
    assert found.value.code == "another-log"


def test_entries_that_were_not_signed_are_found(copy, fetch, grow):
    """And forgotten: the next look at the honest log is clean."""
    grow(3)

    def altered(path: str) -> bytes:
        return fetch(path).replace(b"1.5", b"9.5")

    with pytest.raises(Alarm):
        follow.poll(copy, altered, lambda *_: None)
    assert kept(copy) == []
    assert follow.poll(copy, fetch, lambda *_: None).size == 3


@pytest.mark.parametrize("wrong", [b"", b"\xff", b"nonsense", b"\x00\x09cut"])
def test_nonsense_is_no_alarm(copy, fetch, grow, wrong):
    """Nothing was learnt; nothing is kept."""
    grow(3)
    for path in ("checkpoint", "tile/entries/000.p/3"):
        with pytest.raises(Unreachable):
            follow.poll(
                copy, lambda p, path=path: wrong if p == path else fetch(p), lambda *_: None
            )
    assert copy.checkpoint is None


def test_it_goes_on_where_it_stopped(copy, fetch, grow):
    """A first look that breaks off has kept what it had, and asks only for the rest."""
    grow(600)
    asked: list[str] = []

    def breaking(path: str) -> bytes:
        asked.append(path)
        if path == "tile/entries/001":
            raise Unreachable(path)
        return fetch(path)

    with pytest.raises(Unreachable):
        follow.poll(copy, breaking, lambda *_: None)

    def whole(path: str) -> bytes:
        asked.append(path)
        return fetch(path)

    assert follow.poll(copy, whole, lambda *_: None).size == 600
    assert asked.count("tile/entries/000") == 1


def test_what_was_fetched_before_a_stop_is_not_believed(copy, look, fetch, grow):
    """Wrong entries left by a broken look do not make an alarm of an honest one."""
    grow(2)
    look()
    grow(600)
    copy.keep_bundle(0, [*kept(copy), *[b"left over"] * 254])
    copy.keep_bundle(1, [b"left over"] * 256)
    assert look().size == 602
    assert follow.recheck(copy).size == 602


def test_a_changed_key_is_followed(session, settings, copy, look, grow, submit, now):
    """From the first key alone, by the entries that are kept; also after the old one is gone."""
    grow(2)
    first = look().key
    rotation.rotate(session, settings, now)
    log.append_waiting(session, Signer.of(settings), now)
    session.commit()
    change = rotation.rotations(session)[-1]
    assert (first, look().key) == (change.old, change.new)
    keys.forget_former(settings, change.new)
    submit([2, 3])
    log.append_waiting(session, Signer.of(settings), now)
    session.commit()
    outcome = look()
    assert (outcome.size, outcome.key) == (5, change.new)
    assert follow.recheck(copy).key == change.new


def test_a_damaged_copy_is_told(copy, look, grow):
    """An entry of one's own was edited, or its file is gone."""
    grow(3)
    look()
    entries = kept(copy)
    copy.keep_bundle(0, [entries[0], b"edited", entries[2]])
    with pytest.raises(CopyDamaged):
        follow.recheck(copy)
    copy.keep_bundle(0, entries[:2])
    with pytest.raises(CopyDamaged):
        follow.recheck(copy)
    copy.write("state", b"nonsense")
    with pytest.raises(CopyDamaged):
        look()


def test_bundles_come_back():
    """And those that are cut off do not."""
    from zhixin.ledger import tiles

    entries = [b"", b"a", b"bc" * 500]
    data = tiles.bundle(entries)
    assert unbundle(data) == entries
    for size in (1, 3, len(data) - 1):
        with pytest.raises(CopyDamaged):
            unbundle(data[:size])


# --- witness ---------------------------------------------------------------------------------------


@pytest.fixture
def witnessing(session, copy, now) -> Callable[[], observer.Witnessed]:
    key = keys.Ed25519PrivateKey.from_private_bytes(b"\x09" * 32)

    def prove(old: int, new: int) -> bytes:
        return json.dumps(proofs.consistency(session, old, new)).encode()

    def run(note: str | None = None) -> observer.Witnessed:
        note = note or log.head(session).checkpoint
        return observer.witness(copy, note, prove, "witness.example/w1", key, now)

    return run


def test_a_witness_signs_what_adds(witnessing, grow):
    """Again at the same size, too."""
    grow(3)
    assert [witnessing().size, witnessing().size] == [3, 3]
    grow(4)
    assert witnessing().size == 7


def test_a_witness_refuses_a_second_history(session, witnessing, grow, tamper, signer, copy):
    """Rewritten, shortened, or signed by a stranger: it stays with what it has signed."""
    grow(3)
    witnessing()
    note = log.head(session).checkpoint
    with pytest.raises(Alarm, match="变短"):
        witnessing(signer.sign(2, bytes(32)))
    with pytest.raises(Alarm, match="一致性证明"):
        witnessing(signer.sign(3, bytes(32)))
    evil = Signer(signer.origin, keys.Ed25519PrivateKey.generate())
    with pytest.raises(Alarm, match="公钥"):
        witnessing(evil.sign(4, bytes(32)))
    grow(2)
    rewrite(session, tamper, signer, 1)
    with pytest.raises(Alarm, match="一致性证明"):
        witnessing()
    assert copy.checkpoint == note


# --- against a served platform -----------------------------------------------------------------------


class Silent(WSGIRequestHandler):
    def log(self, *_facts: object) -> None:
        """Nothing on the test's output."""


@dataclasses.dataclass
class Site:
    """A platform on a database file of its own, served by HTTP."""

    url: str
    database: Path
    engine: sa.Engine
    signer: Signer
    now: Any

    def grow(self, *numbers: int) -> None:
        with Session(self.engine) as session:
            for n in numbers:
                log.submit(session, EntryKind.AWARD, f"award:{n}", {"hours": "1.5"}, now=self.now)
            log.append_waiting(session, self.signer, self.now)
            session.commit()

    def back_up(self, target: Path) -> None:
        with (
            closing(sqlite3.connect(self.database)) as here,
            closing(sqlite3.connect(target)) as to,
        ):
            here.backup(to)

    def restore(self, source: Path) -> None:
        self.engine.dispose()
        for suffix in ("-wal", "-shm"):
            self.database.with_name(self.database.name + suffix).unlink(missing_ok=True)
        shutil.copy(source, self.database)


@pytest.fixture
def site(tmp_path: Path, settings: Any, signer: Signer, now: Any) -> Iterator[Site]:
    path = tmp_path / "site.sqlite3"
    engine = db.make_engine(f"sqlite:///{path}")
    with engine.connect() as connection:
        schema.upgrade(connection)
    app = create_app(settings, bind=engine, testing=True)
    server = make_server("127.0.0.1", 0, app, request_handler=Silent)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield Site(f"http://127.0.0.1:{server.port}", path, engine, signer, now)
    server.shutdown()
    thread.join()
    server.server_close()
    engine.dispose()


def zhixin(*arguments: str) -> Result:
    return CliRunner().invoke(ledger, arguments)


def test_a_served_log_is_followed_until_a_backup_is_put_back(site, tmp_path, signer):
    """The whole way by the command line: copy, growth, roll back, alarm with its hook; again."""
    folder, told = str(tmp_path / "copy"), tmp_path / "told"
    hook = f"{sys.executable} -c \"import sys; open('{told}', 'a').write(sys.argv[1])\""
    follow_it = ["follow", site.url, folder, "--once", "--json", "--alarm", hook]
    site.grow(*range(260))
    done = zhixin(*follow_it, "--key", signer.verifier_key)
    assert (done.exit_code, json.loads(done.stdout)["size"]) == (0, 260)
    site.back_up(tmp_path / "backup")
    site.grow(*range(260, 270))
    assert zhixin(*follow_it).exit_code == 0
    assert not told.exists()
    site.restore(tmp_path / "backup")
    done = zhixin(*follow_it)
    assert (done.exit_code, json.loads(done.stdout)["code"]) == (1, "shrunk")
    assert told.read_text() == "shrunk"
    site.grow(*range(300, 320))  # the log goes on from the backup: longer, but another history
    done = zhixin(*follow_it)
    assert (done.exit_code, json.loads(done.stdout)["code"]) == (1, "entries-differ")
    assert zhixin("verify-copy", folder).exit_code == 0


def test_a_site_that_is_down_is_no_alarm(tmp_path, signer):
    """Exit status 3, without the hook."""
    told = tmp_path / "told"
    done = zhixin(
        "follow", "http://127.0.0.1:9", str(tmp_path / "c"), "--once",
        "--key", signer.verifier_key, "--alarm", f"touch {told}",
    )  # fmt: skip
    assert (done.exit_code, told.exists()) == (3, False)
    assert "无法访问" in done.stderr


def test_without_a_key_the_first_one_is_told(site, tmp_path, signer):
    """Trusted from then on, with a warning."""
    site.grow(1)
    done = zhixin("follow", site.url, str(tmp_path / "c"), "--once")
    assert done.exit_code == 0
    assert signer.verifier_key in done.stderr
    assert Copy(tmp_path / "c").keys == [signer.verifier_key]


def test_a_witness_by_the_command_line(site, tmp_path, signer, monkeypatch):
    """It makes its key, is made known, and its word is on the checkpoint from then on."""
    from zhixin.ledger import witness

    monkeypatch.setenv("ZHIXIN_DATA_DIR", str(tmp_path / "none"))
    site.grow(1, 2)
    sign = [
        "witness", "sign", site.url, str(tmp_path / "w"), "--name", "witness.example/w1",
        "--key", signer.verifier_key, "--json",
    ]  # fmt: skip
    done = zhixin(*sign, "--no-send")
    assert done.exit_code == 0
    public = json.loads(done.stdout)["key"]
    assert zhixin(*sign).exit_code == 3  # nobody knows it yet: refused
    with Session(site.engine) as session:
        witness.add(session, public, site.now)
        session.commit()
    site.grow(3)
    assert zhixin(*sign).exit_code == 0
    with Session(site.engine) as session:
        assert "— witness.example/w1 " in witness.cosigned_note(session, log.head(session))
    site.grow(4)
    assert json.loads(zhixin(*sign).stdout)["size"] == 4
