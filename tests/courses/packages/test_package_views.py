"""A course out and in through the studio's pages, its jobs lost and found."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from click.testing import CliRunner
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from courses import authors, editing
from courses.models import Course
from courses.packages import running, tasks
from courses.packages.models import CoursePackage, PackageState
from zhixin import clock, db
from zhixin.people.models import Person, Role


@pytest.fixture
def client(sign_in: Callable[[Person], FlaskClient], writer: Person) -> FlaskClient:
    return sign_in(writer)


def work(session: Session) -> None:
    """What the sweeper would find, done by the job."""
    session.commit()
    for package_id in running.stranded(session, clock.now()):
        running.run(db.database(), tasks.place(), package_id, clock.now)
    session.expire_all()


def test_out_and_in(
    session: Session, rich_course: Course, client: FlaskClient, writer: Person
) -> None:
    """Export, download, upload, preview, accept: a new draft, the first untouched."""
    desk = client.get(f"/studio/courses/{rich_course.id}").text
    assert f"/studio/courses/{rich_course.id}/export" in desk
    assert "导出哪一版" in client.get(f"/studio/courses/{rich_course.id}/export").text
    asked = client.post(f"/studio/courses/{rich_course.id}/export", data={"version": ""})
    assert asked.status_code == 303
    work(session)
    assert "课程包已生成" in client.get(asked.location).text
    got = client.get(f"{asked.location}/download", buffered=True)
    assert got.headers["Content-Disposition"].startswith("attachment")
    assert client.get(f"{asked.location}/progress").headers["HX-Refresh"] == "true"

    sent = {"file": (io.BytesIO(got.data), "../课程 一.zip")}
    came = client.post("/studio/import", data=sent, content_type="multipart/form-data")
    assert came.status_code == 303
    work(session)
    page = client.get(came.location).text
    assert "样样都有" in page
    assert "讲课.MP4" in page
    assert "课程 一.zip" in page
    assert client.post(came.location, data={"field_code": "nothing"}).status_code == 422
    assert client.post(came.location, data={"field_code": "bim"}).status_code == 303
    assert client.post(came.location, data={"field_code": "bim"}).status_code == 409  # once
    work(session)
    assert "已导入为一门新的草稿" in client.get(came.location).text
    made = [
        course for course in editing.of_owner(session, writer.id) if course.id != rich_course.id
    ]
    assert [course.title for course in made] == ["样样都有"]
    assert "样样都有" in client.get(f"/studio/courses/{made[0].id}").text
    listed = client.get("/studio/import").text
    assert listed.count("课程 一.zip") == 1


def test_what_is_no_package_is_refused_at_the_door_or_after_reading(
    session: Session, client: FlaskClient, writer: Person, place: running.Place
) -> None:
    """No zip: at once. A zip of something else: when it is read. Either time in words."""

    def send(content: bytes) -> Any:
        sent = {"file": (io.BytesIO(content), "a.zip")}
        return client.post("/studio/import", data=sent, content_type="multipart/form-data")

    refused = send(b"no zip")
    assert refused.status_code == 422
    assert "不是 zip" in refused.text
    assert client.post("/studio/import").status_code == 422
    import zipfile

    into = io.BytesIO()
    with zipfile.ZipFile(into, "w") as archive:
        archive.writestr("readme.txt", "x")
    came = send(into.getvalue())
    work(session)
    page = client.get(came.location).text
    assert "没有导入任何内容" in page
    assert "course.json" in page
    assert client.post(came.location, data={"field_code": "bim"}).status_code in (409, 422)


def test_who_may_only_read_gets_no_keys(
    session: Session,
    rich_course: Course,
    create_person: Callable[..., Person],
    sign_in: Callable[[Person], FlaskClient],
    writer: Person,
    now: datetime,
) -> None:
    """An archive holds the answers: a viewer may not have it, a stranger learns of nothing."""
    viewer, stranger = create_person("viewer", Role.AUTHOR), create_person("fremd", Role.AUTHOR)
    authors.invite(session, rich_course, writer.id, "viewer", "viewer", now)
    session.commit()
    address = f"/studio/courses/{rich_course.id}/export"
    for person, status in ((viewer, 403), (stranger, 404)):
        assert sign_in(person).post(address, data={}).status_code == status
        assert sign_in(person).get(address).status_code == status


def test_a_dead_job_is_found_and_done_once(
    session: Session, rich_course: Course, writer: Person, place: running.Place, now: datetime
) -> None:
    """A worker that died leaves its claim; after a while another does the work, and the first,
    if it lives after all, changes nothing."""
    package = running.export(session, place, rich_course.id, writer.id, None, now)
    session.commit()
    taken = {"state": PackageState.WORKING, "claim": "dead", "beat_at": now, "tries": 1}
    session.execute(sa.update(CoursePackage).values(**taken))
    session.commit()
    assert running.stranded(session, now + timedelta(minutes=1)) == []
    later = now + timedelta(minutes=3)
    assert running.stranded(session, later) == [package.id]
    running.run(db.database(), place, package.id, lambda: later)
    session.expire_all()
    found = running.get(session, package.id, writer.id)
    assert found.state == PackageState.READY
    assert place.store.vault.size(found.key) == found.size_bytes
    late = running._Keeper(db.database(), package.id, "dead", lambda: later)
    assert not late.end(state=PackageState.FAILED, failure="x")
    running.run(db.database(), place, package.id, lambda: later)  # rung twice
    session.expire_all()
    assert running.get(session, package.id, writer.id).tries == 2
    late_at = now + place.keep + timedelta(seconds=1)
    for state in (PackageState.WAITING, PackageState.WORKING):
        session.execute(sa.update(CoursePackage).values(state=state))
        running.forget(session, place, late_at)
        db.commit(session)
        assert place.store.vault.size(found.key), "somebody works on it"
    session.execute(sa.update(CoursePackage).values(state=PackageState.READY))
    running.forget(session, place, late_at)
    db.commit(session)
    assert session.scalar(sa.select(sa.func.count()).select_from(CoursePackage)) == 0
    with pytest.raises(FileNotFoundError):
        place.store.vault.size(found.key)


def test_an_author_has_few_at_work(
    session: Session, rich_course: Course, writer: Person, place: running.Place, now: datetime
) -> None:
    """Nobody fills the workers with packages of their own."""
    for _each in range(running.MOST_WAITING):
        running.export(session, place, rich_course.id, writer.id, None, now)
    with pytest.raises(running.TooManyPackages):
        running.export(session, place, rich_course.id, writer.id, None, now)


def test_the_command_line(
    app: Flask,
    session: Session,
    rich_course: Course,
    writer: Person,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """``zhixin course export`` and ``import``: the same without a browser."""
    from courses.commands import course
    from zhixin import command

    monkeypatch.setattr(command, "make_app", lambda: app)
    into, run = str(tmp_path / "out.zip"), CliRunner()
    done = run.invoke(course, ["export", str(rich_course.id), into])
    assert done.exit_code == 0, done.output
    tried = run.invoke(course, ["import", into, "--author", "bianxie", "--dry-run"])
    assert tried.exit_code == 0, tried.output
    assert "2 章 7 节" in tried.output
    assert len(editing.of_owner(session, writer.id)) == 1
    done = run.invoke(course, ["import", into, "--author", "bianxie"])
    assert done.exit_code == 0, done.output
    with app.app_context():
        assert len(editing.of_owner(db.session(), writer.id)) == 2
    assert run.invoke(course, ["import", into, "--author", "nobody"]).exit_code == 1


def test_a_slow_vault_loses_no_claim(
    session: Session,
    rich_course: Course,
    writer: Person,
    place: running.Place,
    now: datetime,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """While a large archive is on its way to a bucket, nothing is reported; the job is alive all
    the same, and nobody else begins anew."""
    monkeypatch.setattr(running, "_BEAT_EVERY_S", 0.01)
    package = running.export(session, place, rich_course.id, writer.id, None, now)
    session.commit()
    beaten, put, end = threading.Event(), place.store.vault.put, running._Keeper.end

    def told(self: running._Keeper, **values: Any) -> bool:
        if threading.current_thread() is threading.main_thread():
            return end(self, **values)
        beaten.set()  # not in the database: tests have one connection
        return True

    def slowly(key: str, path: Path) -> None:
        assert beaten.wait(30)
        put(key, path)

    monkeypatch.setattr(running._Keeper, "end", told)
    monkeypatch.setattr(place.store.vault, "put", slowly)
    running.run(db.database(), place, package.id, lambda: now)
    session.expire_all()
    assert running.get(session, package.id, writer.id).state == PackageState.READY
