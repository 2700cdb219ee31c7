"""A real server that gives a real award is killed between the decision and the checkpoint."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from random import Random

import pytest
import sqlalchemy as sa

from tests.adversaries.browser import Answer
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


def _study(site: Site, learner: Honest) -> str:
    """All but handing in; the address for that."""
    learner.begin()
    chance = Random(1)
    while not learner.resting:
        site.clock.forward(chance.uniform(10, 20))  # no program's clock: nothing holds the award up
        learner.tick()
    unit = f"/learn/{learner.enrolment}/q1"
    assert learner.browser.form(f"/learn/{learner.enrolment}/p1/read").status == 303
    assert learner.browser.form(f"{unit}/attempt").status == 303
    page = learner.browser.get(unit).body.decode()
    return f"{unit}/attempts/" + page.partition(f"{unit}/attempts/")[2].partition('"')[0]


def _kill_when(site: Site, folder: Path, step: str, ask: Callable[[], Answer]) -> None:
    """Ask, and kill the server when one of its processes says that it is there."""
    wanted, said = folder / "stop", folder / "stopped"
    wanted.write_text(step)
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(ask)
        try:
            while not (said.exists() and said.read_text() == step):
                assert not answer.done(), "it never came to that"  # the browser's patience ends
                time.sleep(0.05)
        finally:
            site.kill()
        with pytest.raises(OSError):  # noqa: PT011 - each way in which a line can break
            answer.result(30)
    wanted.unlink()
    said.unlink()
    site.start_again()


def _assert_kept(site: Site, *, awards: int, entries: int) -> None:
    """So many awards, each once in the outbox, and entries of awards; and the log holds."""
    of_award = Submission.kind == EntryKind.AWARD
    count = sa.func.count()
    with site.app.extensions["db"].session(writes=False) as session:
        kept = (
            session.scalar(sa.select(count).select_from(Award)),
            session.scalar(sa.select(count).where(of_award)),
            session.scalar(sa.select(count).where(Entry.kind == EntryKind.AWARD)),
        )
        assert kept == (awards, awards, entries)
        signer = Signer.of(site.app.extensions["settings"])
        report = verification.verify(session, [signer.verifier_key])
        assert (report.findings, report.holds) == ([], True)
        assert list(reckoning.differing(session)) == []


def test_killed_between_the_award_and_the_checkpoint(
    tmp_path: Path, empty_engine: sa.Engine
) -> None:
    """Before its commit there is neither award nor entry, and handing in again gives it; after
    it there is one of each, whatever is killed on the way into the log, and the log holds."""
    url = empty_engine.url.render_as_string(hide_password=False)
    with serving(tmp_path, url, "tests.platform.ledger.stopping:create_app") as site:
        learner = site.honest(site.arrive(), "plain")
        path = _study(site, learner)
        learner.browser.close()

        def hand_in() -> Answer:
            with closing(learner.browser.twin()) as browser:
                return browser.form(path, **{"q-q1": "b"})

        _kill_when(site, tmp_path, stopping.BEFORE, hand_in)
        _assert_kept(site, awards=0, entries=0)
        _kill_when(site, tmp_path, stopping.AFTER, hand_in)
        _assert_kept(site, awards=1, entries=0)
        answer = hand_in()  # the person, who got no answer
        assert (answer.status, answer.headers["Location"]) == (303, path.partition("/attempts")[0])
        settings = site.app.extensions["settings"]
        installation = {
            "ZHIXIN_DATA_DIR": str(settings.data_dir),
            "ZHIXIN_DATABASE_URL": url,
            "ZHIXIN_BROKER_URL": settings.broker_url,
        }
        for step in stopping.SEQUENCER:
            kill_at(step, installation, "decided")
            _assert_kept(site, awards=1, entries=int(step == stopping.SEQUENCER[-1]))
        with site.app.extensions["db"].transaction() as session:
            assert log.append_waiting(session, Signer.of(settings), clock.now()) == 0
        _assert_kept(site, awards=1, entries=1)
