"""A served platform with one long lecture, whose server can be killed and started again."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any, ClassVar

import sqlalchemy as sa
from flask import Flask

from assessments import drafting
from bench.seeding import fresh
from courses import chaptering, conditions, editing, fields, reviewing, submission
from courses.models import UnitKind
from media import assets, captions, intervals, probe, renditions, transcode
from media.binaries import ffmpeg
from media.cues import Cue
from media.models import Asset, AssetState, Beat, Coverage, Playback, Prompt
from media.storage import MediaStore
from zhixin import clock, db
from zhixin.config import Settings
from zhixin.hours import policies
from zhixin.hours.rules import CreditRule, Presence, SubjectKind, Verification
from zhixin.people import accounts
from zhixin.people.models import Person, Role

PASSWORD = "watch the watch 2026"
LECTURE_S = 180
ANSWER_S = 60
TITLE = "隧道通风与照明"
QUIZ = "随堂小测"
PAPER = {
    "title": QUIZ,
    "questions": [
        {
            "id": "q1", "kind": "single", "stem": "长隧道常用哪种通风？", "correct": ["a"],
            "options": [{"id": "a", "text": "机械通风"}, {"id": "b", "text": "自然通风"}],
        },
        {
            "id": "q2", "kind": "blanks", "stem": "洞口照明要让{{1}}逐渐变化。",
            "gaps": [{"kind": "text", "accepted": ["照度", "亮度"]}],
        },
    ],
}  # fmt: skip
WORDS = [
    Cue(0, 60_000, "通风的要求"),
    Cue(60_000, 90_000, "照明的要求"),
    Cue(90_000, 170_000, "检修通道"),
]


@dataclass
class Theatre:
    """Where it answers, and what its database holds."""

    app: Flask
    url: str
    environment: dict[str, str]
    log: Path
    password: str = PASSWORD
    learners: ClassVar[dict[str, str]] = {f"learner{n}": f"学员{n}" for n in range(15)}
    people: ClassVar[dict[str, str]] = {"author": "作者", **learners}
    serve: tuple[str, ...] = (sys.executable, "-m", "zhixin", "serve")
    server: subprocess.Popen[bytes] | None = field(default=None, init=False)

    def start(self) -> None:
        with self.log.open("a") as log:
            self.server = subprocess.Popen(
                self.serve,
                env=self.environment, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip

    def start_again(self) -> None:
        """Start and wait until it answers."""
        self.start()
        wait_for(self.url + "/healthz")

    def kill(self) -> None:
        """As the power does: no process says goodbye."""
        assert self.server is not None
        with suppress(ProcessLookupError):
            os.killpg(self.server.pid, signal.SIGKILL)
        self.server.wait()

    @contextmanager
    def look(self) -> Iterator[Any]:
        """A session on the database, committed at the end."""
        database: db.Database = self.app.extensions["db"]
        with database.transaction() as session:
            yield session

    def coverage(self, name: str) -> intervals.Spans:
        """What is confirmed of the lecture for somebody, in ms."""
        with self.look() as session:
            text = session.scalar(sa.select(Coverage.spans).join(Person).where(_is(name)))
        return intervals.decode(text or "")

    def rows(self, model: type[Playback | Prompt], name: str) -> list[Any]:
        with self.look() as session:
            of = sa.select(model).join(Person, Person.id == model.person_id).where(_is(name))
            return list(session.scalars(of))

    def beats(self, name: str) -> list[Beat]:
        ids = [playback.id for playback in self.rows(Playback, name)]
        with self.look() as session:
            return list(session.scalars(sa.select(Beat).where(Beat.playback_id.in_(ids))))

    def ask_soon(self, name: str) -> None:
        """Place the next presence prompt a second ahead, where the server would have by chance."""
        with self.look() as session:
            coverage = session.scalars(sa.select(Coverage).join(Person).where(_is(name))).one()
            coverage.prompt_at_ms = coverage.covered_ms + 1000
            coverage.revision += 1  # what a server process remembers is old by this


def wait_for(url: str, seconds: float = 180) -> None:
    deadline = time.monotonic() + seconds
    while True:
        try:
            with urllib.request.urlopen(url, timeout=2):
                return
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.3)


def _is(name: str) -> sa.ColumnElement[bool]:
    return Person.sign_in_name == name


@contextmanager
def served(theatre: Theatre) -> Iterator[Theatre]:
    """A prepared theatre with its server running."""
    try:
        theatre.start_again()
        yield theatre
    finally:
        theatre.kill()
        theatre.app.extensions["db"].engine.dispose()


def prepare(
    folder: Path, port: int, database_url: str, size: str = "320x180",
    length_s: int = LECTURE_S, frames: int = 10,
) -> Theatre:  # fmt: skip
    """A new database with the lecture of this size, length and frames a second, transcoded and
    published, and its learners."""
    settings = Settings(
        data_dir=folder / "var",
        database_url=database_url,
        broker_url="memory://",
        log_level="ERROR",
    )
    settings.data_dir.mkdir()
    picture = f"testsrc2=s={size}:r={frames}"
    app = fresh(settings)
    with app.app_context(), db.database().transaction() as session:
        fields.ensure_shipped(session)
        policies.publish(
            session, title="示例", source="example", effective_from=date(2020, 1, 1), rule=_rule(),
            actor_id=None, now=clock.now(),
        )  # fmt: skip
        hashed = accounts.hasher.hash(PASSWORD)
        author = _person(session, "author", "作者", hashed, Role.AUTHOR)
        reviewer = _person(session, "reviewer", "审核", hashed, Role.REVIEWER)
        for name, shown in Theatre.learners.items():
            _person(session, name, shown, hashed, Role.LEARNER)
        _publish(
            session, author.id, reviewer.id, _lecture(session, app, author.id, picture, length_s)
        )
    environment = {n: text for n, text in os.environ.items() if not n.startswith("ZHIXIN_")} | {
        "ZHIXIN_DATA_DIR": str(settings.data_dir),
        "ZHIXIN_DATABASE_URL": database_url,
        "ZHIXIN_BROKER_URL": "memory://",
        "ZHIXIN_PORT": str(port),
        "ZHIXIN_WEB_WORKERS": "2",
    }
    return Theatre(app, f"http://127.0.0.1:{port}", environment, folder / "server.log")


def _rule() -> CreditRule:
    return CreditRule(
        minutes_per_hour=Decimal(1), step=Decimal("0.5"), coverage_needed=Decimal("0.9"),
        pass_mark=Decimal("0.6"), attempts_allowed=None, yearly_total=Decimal(90),
        yearly_minimums={SubjectKind.PROFESSIONAL: Decimal(60)},
        verification=Verification(auto=True, sample_percent=Decimal(0)),
        # So seldom that none comes by itself in the middle of a test.
        presence=Presence(every_minutes=Decimal(240), answer_seconds=ANSWER_S),
    )  # fmt: skip


def _person(session: Any, name: str, shown: str, hashed: str, role: Role) -> Person:
    person = Person(sign_in_name=name, password_hash=hashed, name=shown, created_at=clock.now())
    session.add(person)
    session.flush()
    accounts.grant(session, person, role)
    return person


def _lecture(session: Any, app: Flask, owner_id: int, picture: str, length_s: int) -> Asset:
    """A real video through the real transcoder."""
    store: MediaStore = app.extensions["media_store"]
    now = clock.now()
    asset = Asset(
        owner_id=owner_id, file_name="讲座.mp4", source="", source_bytes=0, progress=0, tries=0,
        state=AssetState.UPLOADED, created_at=now,
    )  # fmt: skip
    session.add(asset)
    session.flush()
    source = store.source(asset.id)
    picture, sound = f"{picture}:d={length_s}", f"sine=330:d={length_s}"
    subprocess.run(
        [
            ffmpeg(), "-v", "error", "-f", "lavfi", "-i", picture, "-f", "lavfi", "-i", sound,
            "-c:v", "libx264", "-preset", "ultrafast", "-c:a", "aac", "-f", "mp4", str(source),
        ],
        check=True,
    )  # fmt: skip
    found = probe.probe(source)
    final = store.run(asset.id, "run")
    making = final.with_name("run.making")
    made = transcode.transcode(
        source, making, found, renditions.plan(found), on_progress=lambda _percent: None,
        timeout_s=300, cancelled=lambda: False,
    )  # fmt: skip
    transcode.publish(making, final)
    mark = assets.claim(session, asset.id, now)
    assert mark is not None
    asset.source, asset.source_bytes = store.relative(source), source.stat().st_size
    session.flush()
    assets.ready(session, asset.id, mark, made, store.relative(final), "", now)
    session.expire(asset)
    return asset


def _publish(session: Any, author_id: int, reviewer_id: int, asset: Asset) -> None:
    now = clock.now()
    facts = {
        "title": TITLE, "summary": "通风与照明的设计要点", "teacher": "陆工", "teacher_title": "高工",
        "field_code": "transport", "subject_kind": "professional", "level": "none",
        "declared_hours": Decimal(2),
    }  # fmt: skip
    draft = editing.create(session, owner_id=author_id, facts=facts, now=now)
    chapter = draft.chapters[0]
    video = editing.add_unit(session, draft, chapter.id, UnitKind.VIDEO, "第一讲", now)
    editing.update_unit(session, draft, video, title=video.title, body=None, asset_id=asset.id)
    video.chapter_marks = chaptering.read("0:00 引言\n1:00 通风方式\n2:00 照明")
    page = editing.add_unit(session, draft, chapter.id, UnitKind.PAGE, "讲义", now)
    editing.update_unit(session, draft, page, title=page.title, body="正文", asset_id=None)
    quiz = editing.add_unit(session, draft, chapter.id, UnitKind.QUIZ, QUIZ, now)
    conditions.lay_down(session, draft, quiz, required=False, after=[])
    drafting.save(session, quiz.paper_id or 0, author_id, PAPER, 0, now)
    captions.bring(session, asset, "zh-Hans", WORDS, now)
    version = submission.submit(session, draft, now)
    reviewing.approve(session, version, reviewer_id, now)
