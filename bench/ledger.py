"""The ledger: appending against plain inserts, verifying against plain hashing, proofs."""

from __future__ import annotations

import hashlib
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import astuple, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import sqlalchemy as sa
from sqlalchemy.orm import Session

from bench.beats import postgres
from bench.report import Comparison
from bench.seeding import quiet
from bench.servers import TICKS, cpu_s
from zhixin import db, schema
from zhixin.ledger import log, merkle
from zhixin.ledger.keys import Signer
from zhixin.ledger.models import Entry, EntryKind, Submission

AWARDS = int(os.environ.get("BENCH_AWARDS", "300000"))
ENTRIES = int(os.environ.get("BENCH_ENTRIES", "1000000"))
PROOFS = 3000
NOW = datetime(2026, 12, 31, 10, 20, 30, 123456, tzinfo=UTC)
Insert = Callable[[Any, list[tuple[Any, ...]]], None]
#: Entries of the first batch, which a worker has behind it: nobody times what it imports.
FIRST = 256
#: Rows of the outbox that are written at a time while preparing.
STEP = 20_000
#: One verification in a process of its own: seconds, CPU seconds, memory of it and of its children.
VERIFY = """
import json, os, resource, sys, time
from zhixin import config, db
from zhixin.ledger import verification
from zhixin.ledger.keys import Signer
settings = config.load(dict(json.loads(sys.argv[1])))
with verification.snapshot(db.Database(settings)) as session:
    started, cpu = time.perf_counter(), sum(os.times()[:4])
    report = verification.verify(
        session, [Signer.of(settings).verifier_key], processes=int(sys.argv[2])
    )
    took, cpu = time.perf_counter() - started, sum(os.times()[:4]) - cpu
    assert report.holds, report
# Not ru_maxrss: that begins with the size of the process which started this one.
own = int(open("/proc/self/status").read().split("VmHWM:")[1].split()[0])
children = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
print(json.dumps([took, cpu, own / 1024, children / 1024, report.size]))
"""


def measure() -> Iterator[Comparison]:
    appending = Comparison(
        f"{AWARDS} awards into the log, against a plain insert of the same entries",
        ["", "seconds", "entries/s", "of plain", "CPU s", "of plain, by CPU"],
        note=(
            "From the outbox through the sequencer: canonical form checked, hashed, entries, places"
            " in the outbox, tiles, a signed head for every 4,096; against one transaction that"
            " inserts those entries into the same table, empty, of the same database server. Both"
            f" without the first {FIRST}, by which the process got its statements ready."
            " CPU: the database's included."
        ),
    )
    verifying = Comparison(
        f"Verifying {ENTRIES} entries, against hashing their bodies once with hashlib",
        ["", "seconds", "times hashing", "CPU s", "times, by CPU", "MiB itself", "MiB a process"],
        note=(
            "Hashing: one pass over all bodies in memory. Verifying: database, hashes, tiles, heads,"
            " signatures, decisions. The smaller log, against hashing as many, shows that memory is"
            " flat (of its processes, what the largest has at most). CPU: of all, the database's"
            " included."
        ),
    )
    proving = Comparison(
        f"Inclusion proof and its verification in a log of {ENTRIES} entries",
        ["", "p50 ms", "p99 ms", "p50 CPU ms", "p99 CPU ms"],
        note=(
            f"{PROOFS} entries by chance, each proof from stored tiles in a transaction of its own."
            " CPU: of this process, without PostgreSQL's."
        ),
    )
    with tempfile.TemporaryDirectory() as folder:
        _on("SQLite", Ledger(Path(folder), "", None), appending, verifying, proving)
    with tempfile.TemporaryDirectory() as folder, postgres() as (url, postmaster):
        ledger = Ledger(Path(folder), url, postmaster)
        _on("PostgreSQL", ledger, appending, verifying, proving)
    yield from (appending, verifying, proving)


def _on(
    name: str, ledger: Ledger, appending: Comparison, verifying: Comparison, proving: Comparison
) -> None:
    ledger.submit(FIRST)
    ledger.append()
    ledger.submit(AWARDS)
    sequencer = ledger.append()
    plain = {how: ledger.plain(insert) for how, insert in PLAIN[ledger.dialect].items()}
    wall, cpu = (min(values) for values in zip(*map(astuple, plain.values()), strict=True))
    for how, took in [*plain.items(), ("sequencer", sequencer)]:
        appending.rows.append([
            f"{name}: {how}", f"{took.wall:.1f}", f"{AWARDS / took.wall:.0f}",
            f"{wall / took.wall:.2f}", f"{took.cpu:.1f}", f"{cpu / took.cpu:.2f}",
        ])  # fmt: skip
    smaller = ledger.verify(2)
    ledger.submit(max(0, ENTRIES - ledger.submitted))
    ledger.append()
    hashing = ledger.hashing()
    verifying.rows.append(
        [f"{name}: hashlib", f"{hashing.wall:.2f}", "1.0", f"{hashing.cpu:.2f}", "1.0"]
    )
    for processes, done in [(1, ledger.verify(1)), (2, ledger.verify(2)), (2, smaller)]:
        share = done.size / ledger.submitted
        verifying.rows.append([
            f"{name}: {done.size}, processes: {processes}", f"{done.took.wall:.2f}",
            f"{done.took.wall / hashing.wall / share:.1f}", f"{done.took.cpu:.2f}",
            f"{done.took.cpu / hashing.cpu / share:.1f}", f"{done.own_mib:.0f}", f"{done.child_mib:.0f}",
        ])  # fmt: skip
    found = ledger.proofs()
    by = [sorted(each.wall for each in found), sorted(each.cpu for each in found)]
    at = [values[int(len(values) * part)] for values in by for part in (0.5, 0.99)]
    proving.rows.append([name, *(f"{each * 1000:.2f}" for each in at)])


@dataclass(frozen=True)
class Took:
    """Seconds on the clock, and of processors."""

    wall: float
    cpu: float


@dataclass(frozen=True)
class Verified:
    took: Took
    own_mib: float
    child_mib: float
    size: int


class Ledger:
    """A log on one of the databases, and what is done to it."""

    def __init__(self, folder: Path, url: str, postmaster: int | None) -> None:
        self.folder, self.settings = folder, quiet(folder, url)
        self._postmaster = postmaster
        self.submitted = 0
        self.engine = db.make_engine(self.settings.database)
        self.dialect = self.engine.dialect.name
        _create(self.engine)

    def submit(self, count: int) -> None:
        """Put awards into the outbox."""
        for first in range(self.submitted, self.submitted + count, STEP):
            numbers = range(first, min(first + STEP, self.submitted + count))
            rows = [
                {
                    "key": f"award:{n}",
                    "kind": EntryKind.AWARD,
                    "body": award(n),
                    "submitted_at": NOW,
                }
                for n in numbers
            ]
            with self.engine.begin() as connection:
                connection.execute(sa.insert(Submission), rows)
        self.submitted += count
        self._settle()

    def append(self) -> Took:
        """Run the sequencer as its job does, until nothing waits."""
        signer = Signer.of(self.settings)
        with self._timed() as took:
            while True:
                with Session(self.engine) as session:
                    done = log.append_waiting(session, signer, NOW)
                    session.commit()
                if not done:
                    break
        self._settle()
        return took()

    def plain(self, insert: Insert) -> Took:
        """Insert the entries after the first batch into an empty database of the same server."""
        with Session(self.engine) as session:
            columns = (Entry.index, Entry.kind, Entry.body, Entry.leaf_hash)
            moment = NOW if self.dialect == "postgresql" else NOW.strftime("%Y-%m-%d %H:%M:%S.%f")
            appended = sa.select(*columns).where(Entry.index >= FIRST)
            rows = [(*row, moment) for row in session.execute(appended)]
        with self._twin() as twin, closing(twin.raw_connection()) as connection:
            with self._timed() as took:
                insert(connection, rows)
                connection.commit()
            return took()

    def hashing(self) -> Took:
        """One pass of hashlib over all bodies, which are in memory."""
        with Session(self.engine) as session:
            found = session.scalars(sa.select(Entry.body).execution_options(yield_per=10_000))
            bodies = [body.encode() for body in found]
        sha256 = hashlib.sha256
        started, cpu = time.perf_counter(), time.process_time()
        for body in bodies:
            sha256(body).digest()
        return Took(time.perf_counter() - started, time.process_time() - cpu)

    def verify(self, processes: int) -> Verified:
        """In a process of its own."""
        environment = {
            "ZHIXIN_DATA_DIR": str(self.folder),
            "ZHIXIN_DATABASE_URL": self.settings.database_url,
        }
        before = self._database_cpu()
        done = subprocess.run(
            [sys.executable, "-c", VERIFY, json.dumps(environment), str(processes)],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        wall, cpu, own, child, size = json.loads(done.stdout)
        cpu += self._database_cpu() - before
        return Verified(Took(wall, cpu), own, child, size)

    def proofs(self) -> list[Took]:
        """Each of some entries by chance."""
        chance, found = random.Random(1), []
        with Session(self.engine) as session:
            head = log.head(session)
            assert head is not None
            size, root = head.size, head.root
            leaves = {
                index: log.entry(session, index).leaf_hash
                for index in chance.sample(range(size), min(PROOFS, size))
            }
        for index, leaf in leaves.items():
            with Session(self.engine) as session:
                session.connection(execution_options={"sqlite_begin": "DEFERRED"})
                started, cpu = time.perf_counter(), time.process_time()
                path = log.inclusion(session, index, size)
                merkle.verify_inclusion(index, size, leaf, path, root)
                found.append(Took(time.perf_counter() - started, time.process_time() - cpu))
        return found

    @contextmanager
    def _timed(self) -> Iterator[Callable[[], Took]]:
        """What is done inside, the database's CPU time included."""
        started, cpu = time.perf_counter(), time.process_time() + self._database_cpu()
        found: list[Took] = []
        yield lambda: found[0]
        spent = time.process_time() + self._database_cpu() - cpu
        found.append(Took(time.perf_counter() - started, spent))

    def _database_cpu(self) -> float:
        """CPU seconds so far of PostgreSQL's processes, those that have ended included."""
        if self._postmaster is None:
            return 0.0
        stat = Path(f"/proc/{self._postmaster}/stat").read_text().rsplit(") ", 1)[1].split()
        return cpu_s(self._postmaster) + (int(stat[13]) + int(stat[14])) / TICKS

    @contextmanager
    def _twin(self) -> Iterator[sa.Engine]:
        """An empty database beside this one, with the same schema."""
        if self.dialect == "sqlite":
            engine = db.make_engine(f"sqlite:///{self.folder / 'twin.sqlite3'}")
            _create(engine)
            yield engine
            engine.dispose()
            for path in self.folder.glob("twin.sqlite3*"):
                path.unlink()
            return
        with self.engine.execution_options(isolation_level="AUTOCOMMIT").connect() as server:
            server.exec_driver_sql("CREATE DATABASE twin")
            url = self.engine.url.set(database="twin").render_as_string(hide_password=False)
            engine = db.make_engine(url)
            _create(engine)
            yield engine
            engine.dispose()
            server.exec_driver_sql("DROP DATABASE twin WITH (FORCE)")

    def _settle(self) -> None:
        """What a database does by itself in a quiet minute: nobody is to pay for it later."""
        with self.engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
            if self.dialect == "postgresql":
                connection.exec_driver_sql("VACUUM ANALYZE ledger_submission")
                connection.exec_driver_sql("VACUUM ANALYZE ledger_entry")


def award(number: int) -> str:
    """The body of an award's entry as ``zhixin.hours`` submits it."""
    digest = hashlib.sha256(number.to_bytes(8)).hexdigest()
    facts = {
        "award": number,
        "source": {"kind": "course", "id": number % 900, "version": 1 + number % 3},
        "title": f"智能制造与数字化转型（第{number % 40}讲）",
        "field": "equipment-manufacturing",
        "subject_kind": "professional",
        "year": 2026,
        "hours": "4.5",
        "policy": digest[::-1],
        "evidence": digest,
        "verified_by": "rule",
    }
    body = {
        "kind": "award", "key": f"award:{number}", "facts": facts,
        "decided_at": NOW.isoformat(), "person": digest[32:] + digest[:32],
    }  # fmt: skip
    return orjson.dumps(body, option=orjson.OPT_SORT_KEYS).decode()


def _create(engine: sa.Engine) -> None:
    with engine.connect() as connection:
        schema.upgrade(connection)


_COLUMNS = '"index", kind, body, leaf_hash, appended_at'


def _executemany(place: str) -> Insert:
    values = ", ".join([place] * 5)

    def insert(connection: Any, rows: list[tuple[Any, ...]]) -> None:
        if place == "?":
            connection.cursor().execute("BEGIN IMMEDIATE")
        statement = f"INSERT INTO ledger_entry ({_COLUMNS}) VALUES ({values})"
        connection.cursor().executemany(statement, rows)

    return insert


def _copy(connection: Any, rows: list[tuple[Any, ...]]) -> None:
    with connection.cursor().copy(f"COPY ledger_entry ({_COLUMNS}) FROM STDIN") as copy:
        for row in rows:
            copy.write_row(row)


PLAIN: dict[str, dict[str, Insert]] = {
    "sqlite": {"plain INSERT": _executemany("?")},
    "postgresql": {"plain COPY": _copy, "plain INSERT": _executemany("%s")},
}
