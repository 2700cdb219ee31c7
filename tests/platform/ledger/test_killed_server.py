"""A real server that gives a real award is killed between the decision and the checkpoint."""

from __future__ import annotations

import contextlib
import http.client
import threading
import time
from collections.abc import Callable
from pathlib import Path
from random import Random
from uuid import uuid4

import pytest
import sqlalchemy as sa

from tests.adversaries.browser import Browser
from tests.adversaries.site import Site, serving
from tests.adversaries.viewer import Honest
from tests.platform.ledger import stopping
from tests.platform.ledger.test_crash import kill_at
from zhixin import clock
from zhixin.hours import reckoning
from zhixin.hours.models import Award
from zhixin.ledger import log, verification
from zhixin.ledger.keys import Signer
from zhixin.ledger.models import Entry, EntryKind, Submission

pytestmark = pytest.mark.services


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    if request.param == "sqlite":
        return ""
    url, name = sa.make_url(request.getfixturevalue("postgres_url")), f"killed_{uuid4().hex}"
    server = sa.create_engine(url, isolation_level="AUTOCOMMIT")
    with server.connect() as connection:
        connection.execute(sa.text(f"CREATE DATABASE {name}"))
    server.dispose()
    return url.set(database=name).render_as_string(hide_password=False)


def _study(site: Site, learner: Honest) -> str:
    """All but handing in; the address for that."""
    learner.begin()
    chance = Random(1)
    while not learner.resting:
        site.clock.forward(chance.uniform(10, 20))  # no program's clock: nothing holds the award up
        learner.tick()
    assert learner.browser.form(f"/learn/{learner.enrolment}/p1/read").status == 303
    assert learner.browser.form(f"/learn/{learner.enrolment}/q1/attempt").status == 303
    page = learner.browser.get(f"/learn/{learner.enrolment}/q1").body.decode()
    attempt = page.partition(f"/learn/{learner.enrolment}/q1/attempts/")[2].partition('"')[0]
    return f"/learn/{learner.enrolment}/q1/attempts/{attempt}"


def _kill_when(site: Site, folder: Path, step: str, act: Callable[[], None]) -> None:
    """Let ``act`` go on in a thread until a server process says that it is there."""
    (folder / "stop").write_text(step)
    said = folder / "stopped"
    asking = threading.Thread(target=act)
    asking.start()
    deadline = time.monotonic() + 120
    while not (said.exists() and said.read_text() == step):
        assert time.monotonic() < deadline, "it never came to that"
        time.sleep(0.05)
    site.kill()
    asking.join(30)
    (folder / "stop").unlink()
    said.unlink()
    site.start_again()


def test_killed_between_the_award_and_the_checkpoint(tmp_path: Path, database_url: str) -> None:
    """Before its commit there is neither award nor entry, and handing in again gives it; after
    it there is one of each, whatever is killed on the way into the log, and the log holds."""
    with serving(tmp_path, database_url, "tests.platform.ledger.stopping:create_app") as site:
        name = site.arrive()
        learner = site.honest(name, "plain")
        path = _study(site, learner)
        learner.browser.close()

        def hand_in() -> None:
            browser: Browser = learner.browser.twin()
            with contextlib.suppress(OSError, http.client.HTTPException):
                browser.form(path, **{"q-q1": "b"})
            browser.close()

        database = site.app.extensions["db"]

        def kept() -> tuple[int, int, int]:
            """Awards, what waits or waited for the log, entries."""
            with database.session(writes=False) as session:
                of_award = Submission.kind == EntryKind.AWARD
                count = sa.func.count()
                return (
                    session.scalar(sa.select(count).select_from(Award)),
                    session.scalar(sa.select(count).where(of_award)),
                    session.scalar(sa.select(count).where(Entry.kind == EntryKind.AWARD)),
                )

        _kill_when(site, tmp_path, stopping.BEFORE, hand_in)
        assert kept() == (0, 0, 0)
        _kill_when(site, tmp_path, stopping.AFTER, hand_in)
        assert kept() == (1, 1, 0)
        hand_in()  # the person, who got no answer
        installation = {
            "ZHIXIN_DATA_DIR": str(tmp_path / "var"),
            "ZHIXIN_DATABASE_URL": database_url,
            "ZHIXIN_BROKER_URL": "memory://",
        }
        # Two of the steps; ``test_crash`` has all of them.
        for step, entries in (("tiles are written", 0), ("after the sequencer's commit", 1)):
            kill_at(step, installation, "decided")
            assert kept() == (1, 1, entries)
        signer = Signer.of(site.app.extensions["settings"])
        with database.transaction() as session:
            log.append_waiting(session, signer, clock.now())
        assert kept() == (1, 1, 1)
        with database.session(writes=False) as session:
            report = verification.verify(session, [signer.verifier_key])
            assert (report.findings, report.holds) == ([], True)
            assert list(reckoning.differing(session)) == []
