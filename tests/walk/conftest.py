"""A whole platform as an operator runs it: web server, worker and scheduler, real browser.

Once on the embedded default (SQLite, SQLite broker), once on real PostgreSQL and Redis.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar
from uuid import uuid4

import pytest

from tests.walk.theatre import Theatre, prepare, served, wait_for

PASSWORD = "walk the walk 2026"
PEOPLE = {
    "author": ("宋知远", "author"),
    "reviewer": ("季慎行", "reviewer"),
    "learner": ("欧阳明远", "learner"),
    "auditor": ("严明", "auditor"),
}
#: One minute of video makes one hour, every award is looked at by a person.
POLICY = {
    "title": "走查规则",
    "source": "测试：1 分钟折 1 学时",
    "effective_from": "2020-01-01",
    "rule": {
        "minutes_per_hour": "1",
        "step": "0.5",
        "rounding": "down",
        "coverage_needed": "0.9",
        "pass_mark": "0.6",
        "attempts_allowed": None,
        "yearly_total": "90",
        "yearly_minimums": {"general": "0", "professional": "60"},
        "verification": {"auto": False, "sample_percent": "0"},
    },
}


@dataclass
class Platform:
    """A running platform: where it answers, and how to run its command line."""

    url: str
    environment: dict[str, str]
    password: str = PASSWORD
    people: ClassVar[dict[str, str]] = {name: person[0] for name, person in PEOPLE.items()}

    def zhixin(
        self, *words: str, stdin: str = "", check: bool = True
    ) -> subprocess.CompletedProcess[str]:
        """Run ``zhixin WORDS`` beside the running processes."""
        return subprocess.run(
            [sys.executable, "-m", "zhixin", *words],
            env=self.environment,
            input=stdin,
            capture_output=True,
            text=True,
            check=check,
            timeout=120,
        )


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture(scope="module", params=["embedded", "services"])
def live(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Platform]:
    """The platform in its own processes, with one account for each role."""
    folder = tmp_path_factory.mktemp("live")
    port = _free_port()
    environment = {
        name: text for name, text in os.environ.items() if not name.startswith("ZHIXIN_")
    }
    environment |= {
        "ZHIXIN_DATA_DIR": str(folder / "var"),
        "ZHIXIN_PORT": str(port),
        "ZHIXIN_BASE_URL": f"http://127.0.0.1:{port}",
        "ZHIXIN_WEB_WORKERS": "1",
        "ZHIXIN_JOB_WORKERS": "1",
    }
    if request.param == "services":
        environment |= {
            "ZHIXIN_DATABASE_URL": _new_database(request.getfixturevalue("postgres_url")),
            "ZHIXIN_BROKER_URL": request.getfixturevalue("redis_url"),
        }
    platform = Platform(f"http://127.0.0.1:{port}", environment)
    platform.zhixin("upgrade")
    policy = folder / "policy.json"
    policy.write_text(json.dumps(POLICY))
    platform.zhixin("policy", "publish", str(policy))
    for sign_in_name, (name, role) in PEOPLE.items():
        platform.zhixin(
            "user", "create", sign_in_name, "--name", name, "--role", role, "--password-stdin",
            stdin=PASSWORD + "\n",
        )  # fmt: skip
    log = (folder / "processes.log").open("w")
    processes = [
        subprocess.Popen(
            [sys.executable, "-m", "zhixin", name],
            env=environment,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        for name in ("serve", "worker", "scheduler")
    ]
    try:
        wait_for(platform.url + "/healthz")
        yield platform
    finally:
        for process in processes:
            os.killpg(process.pid, signal.SIGTERM)
        for process in processes:
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        log.close()


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def theatre(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Theatre]:
    """A served platform with one lecture of three minutes, for what happens while it plays."""
    url = ""
    if request.param == "postgresql":
        url = _new_database(request.getfixturevalue("postgres_url"))
    with served(prepare(tmp_path_factory.mktemp("theatre"), _free_port(), url)) as place:
        yield place


def _new_database(postgres_url: str) -> str:
    """A database of its own: other tests of the run have theirs in the same server."""
    import sqlalchemy as sa

    url = sa.make_url(postgres_url)
    engine = sa.create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        name = f"walk_{uuid4().hex}"
        connection.execute(sa.text(f"CREATE DATABASE {name}"))
    engine.dispose()
    return url.set(database=name).render_as_string(hide_password=False)


@pytest.fixture(scope="session")
def lecture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A real video of 34 seconds, large enough to be uploaded in several pieces."""
    from media.binaries import ffmpeg

    target = tmp_path_factory.mktemp("video") / "讲座录像.mp4"
    subprocess.run(
        [
            ffmpeg(), "-v", "error", "-y",
            "-f", "lavfi", "-i", "testsrc2=s=640x360:r=25:d=34", "-f", "lavfi", "-i", "sine=330:d=34",
            "-c:v", "libx264", "-preset", "ultrafast", "-b:v", "7M", "-minrate", "7M", "-bufsize", "7M",
            "-x264-params", "nal-hrd=cbr", "-c:a", "aac", str(target),
        ],
        check=True,
    )  # fmt: skip
    return target
