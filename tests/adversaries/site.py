"""A served platform under a test clock, and what its records say afterwards."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from flask import Flask

from bench.seeding import fresh
from courses.courseware.models import CoursewareClaim
from courses.models import Enrolment, EnrolmentState
from courses.stops.models import StopAnswer
from media import intervals
from media.models import Beat, Coverage, Playback, Prompt
from tests.adversaries.browser import Browser
from tests.adversaries.clocked import PLACE, Clock
from tests.adversaries.seeding import PASSWORD, seed
from tests.adversaries.viewer import Honest, Viewer
from zhixin import db
from zhixin.config import Settings
from zhixin.hours.models import Award
from zhixin.people.models import Person
from zhixin.serving import server_command

ROOT = Path(__file__).resolve().parents[2]
LEARNERS = 200
BEAT_S = 15
_REQUESTS = re.compile(
    r'zhixin_requests_total\{endpoint="([^"]+)",method="([^"]+)",status="([45]\d\d)"\} (\S+)'
)


@dataclass(frozen=True)
class Records:
    """What the database holds of one person."""

    covered_ms: int
    playbacks: list[Playback]
    beats: list[Beat]
    prompts: list[Prompt]
    completed: bool
    awards: int
    #: What courseware says of this person, by unit: its word for the time and for the rest.
    claims: dict[str, CoursewareClaim]
    #: Stops at which any choice was taken.
    stops: int

    @property
    def refusals(self) -> set[str]:
        """Why beats were refused."""
        return {beat.refusal for beat in self.beats if beat.refusal}

    @property
    def refused_ms(self) -> int:
        return sum(beat.refused_ms for beat in self.beats)

    @property
    def ends(self) -> Counter[str]:
        """Why playbacks ended."""
        return Counter(each.end_reason for each in self.playbacks if each.end_reason)

    @property
    def tries(self) -> list[bool]:
        """Every choice that was taken, in order."""
        return [each["right"] for prompt in self.prompts for each in prompt.tries]

    def never_faster_than_time(self) -> None:
        """Whenever one looks: all that was credited until then fits into the time since the
        first opening, and each playback's into its own lease."""
        if not self.playbacks:
            assert not self.covered_ms
            return
        began = min(each.opened_at for each in self.playbacks)
        leases = {each.id: each for each in self.playbacks}
        all_ms, of_lease = 0, Counter[str]()
        for beat in sorted(self.beats, key=lambda each: each.received_at):
            credited = intervals.total(intervals.decode(beat.credited))
            all_ms += credited
            of_lease[beat.playback_id] += credited
            lease = leases[beat.playback_id]
            until = min(beat.received_at, lease.ended_at or beat.received_at)
            passed = (until - lease.opened_at).total_seconds() * 1000
            assert of_lease[lease.id] <= max(0, passed) + 1, "a lease's own time"
            assert all_ms <= (beat.received_at - began).total_seconds() * 1000 + 1
        # Of two that begin at the same instant one lasted no time at all.
        ordered = sorted(
            self.playbacks, key=lambda each: (each.opened_at, each.ended_at or each.heard_at)
        )
        for one, other in pairwise(ordered):
            assert one.ended_at is not None, "one open playback at most"
            assert one.ended_at <= other.opened_at, "no moment in two leases"


class Site:
    """A running platform that learners reach by HTTP only."""

    def __init__(
        self,
        app: Flask,
        port: int,
        clock: Clock,
        courses: dict[str, int],
        start: Callable[[], subprocess.Popen[bytes]],
    ) -> None:
        self.app, self.port, self.clock, self.courses = app, port, clock, courses
        self._start, self.server = start, start()
        self.playing: list[Honest] = []
        self._arrived = 0

    def kill(self) -> None:
        """End all server processes at once, as a power cut does: nothing is said goodbye to."""
        os.killpg(self.server.pid, signal.SIGKILL)
        self.server.wait(15)

    def start_again(self) -> None:
        self.server = self._start()

    def arrive(self) -> str:
        """The name of a learner who was never here."""
        self._arrived += 1
        return f"learner{self._arrived - 1}"

    def browser(
        self, name: str, device: str = "Mozilla/5.0 (Windows NT 10.0) Firefox/140.0"
    ) -> Browser:
        """A browser where somebody has signed in."""
        browser = Browser(self.port, device)
        browser.sign_in(name, PASSWORD)
        return browser

    def enrol(self, browser: Browser, course: str) -> int:
        answer = browser.form(f"/courses/{self.courses[course]}/enrol")
        assert answer.status == 303, answer.body.decode()[:2000]
        return int(answer.headers["Location"].rpartition("/")[2])

    def viewer(self, name: str, course: str) -> Viewer:
        browser = self.browser(name)
        return Viewer(browser, self.clock, self.enrol(browser, course))

    def honest(self, name: str, course: str) -> Honest:
        browser = self.browser(name, "Mozilla/5.0 (Macintosh) Safari/26.0")
        return Honest(browser, self.clock, self.enrol(browser, course))

    def wait(self, seconds: float) -> None:
        """Let time pass; honest people play meanwhile."""
        left = seconds
        while left > 0:
            self.clock.forward(min(BEAT_S, left))
            left -= BEAT_S
            for viewer in self.playing:
                viewer.tick()

    def records(self, name: str) -> Records:
        database: db.Database = self.app.extensions["db"]
        with database.session(writes=False) as session:
            person = session.scalars(sa.select(Person).where(Person.sign_in_name == name)).one()

            def of(model: Any) -> list[Any]:
                return list(session.scalars(sa.select(model).where(model.person_id == person.id)))

            playbacks = of(Playback)
            beats = session.scalars(
                sa.select(Beat).where(Beat.playback_id.in_([each.id for each in playbacks]))
            )
            claims = session.scalars(
                sa.select(CoursewareClaim)
                .join(Enrolment, Enrolment.id == CoursewareClaim.enrolment_id)
                .where(Enrolment.person_id == person.id)
            )
            return Records(
                covered_ms=sum(each.covered_ms for each in of(Coverage)),
                playbacks=playbacks,
                beats=list(beats),
                prompts=sorted(of(Prompt), key=lambda each: each.issued_at),
                completed=any(each.state == EnrolmentState.COMPLETED for each in of(Enrolment)),
                awards=len(of(Award)),
                claims={each.unit_key: each for each in claims},
                stops=len(of(StopAnswer)),
            )

    def refused(self) -> Counter[tuple[str, int]]:
        """How many requests were refused so far, by endpoint and status: the server's metrics."""
        browser = Browser(self.port)
        text = browser.get("/metrics").body.decode()
        browser.close()
        found: Counter[tuple[str, int]] = Counter()
        for endpoint, _method, status, number in _REQUESTS.findall(text):
            found[endpoint, int(status)] += int(float(number))
        return found


@contextmanager
def serving(
    folder: Path, database_url: str = "", factory: str = "tests.adversaries.clocked:create_app"
) -> Iterator[Site]:
    """Two server processes on a new database, as ``zhixin serve`` starts them."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    settings = Settings(
        data_dir=folder / "var", database_url=database_url, broker_url="memory://",
        log_level="ERROR", port=port, web_workers=2,
    )  # fmt: skip
    settings.data_dir.mkdir()
    app = fresh(settings)
    courses = seed(app, LEARNERS)
    clock = Clock(folder / "clock")
    (folder / "metrics").mkdir()
    environment = {n: text for n, text in os.environ.items() if not n.startswith("ZHIXIN_")} | {
        "PYTHONPATH": os.pathsep.join([str(ROOT), *filter(None, sys.path)]),
        "PROMETHEUS_MULTIPROC_DIR": str(folder / "metrics"),
        "ZHIXIN_DATA_DIR": str(settings.data_dir),
        "ZHIXIN_DATABASE_URL": database_url,
        "ZHIXIN_BROKER_URL": "memory://",
        "ZHIXIN_LOG_LEVEL": "ERROR",
        PLACE: str(folder / "clock"),
    }
    words = server_command(settings, factory)

    def start() -> subprocess.Popen[bytes]:
        with (folder / "server.log").open("a") as log:
            server = subprocess.Popen(
                [sys.executable, *words], env=environment, cwd=ROOT, stdout=log, stderr=log,
                start_new_session=True,
            )  # fmt: skip
        try:
            _wait_for(server, port, folder / "server.log")
        except BaseException:
            os.killpg(server.pid, signal.SIGKILL)
            raise
        return server

    site = Site(app, port, clock, courses, start)
    try:
        yield site
    finally:
        site.server.terminate()
        with suppress(subprocess.TimeoutExpired):
            site.server.wait(15)
        with suppress(ProcessLookupError):
            os.killpg(site.server.pid, signal.SIGKILL)
        site.server.wait()
        app.extensions["db"].engine.dispose()


def _wait_for(server: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + 180
    while True:
        browser = Browser(port)
        with suppress(OSError):
            if browser.get("/healthz").status == 200:
                browser.close()
                return
        browser.close()
        assert server.poll() is None, log.read_text()
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.1)
