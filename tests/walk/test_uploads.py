"""Sending files in a real browser: pausing, coming back, and what is there already."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest
import sqlalchemy as sa
from playwright.sync_api import Locator, Page, Request, Route, expect
from sqlalchemy.orm import Session

from courses import editing, fields
from courses.models import UnitKind
from media.models import Asset, AssetState, Upload
from tests.browsing import Site
from tests.walk.visitor import until
from zhixin import clock, jobs
from zhixin.people.models import Person, Role

pytestmark = [
    pytest.mark.browser,
    pytest.mark.parametrize("connection", ["sqlite"], indirect=True),
]
PIECE = 1024**2
LONG_BYTES = 5 * PIECE // 2


class Wire:
    """What a page sends of its files, and what its Content-Security-Policy forbade."""

    def __init__(self, page: Page) -> None:
        self.begun = 0
        self.sizes_asked = 0
        self.offsets: list[int] = []  # where each request with bytes begins
        self.forbidden: list[str] = []
        page.on("request", self._see)
        page.on(
            "console",
            lambda message: (
                self.forbidden.append(message.text)
                if "Content Security Policy" in message.text
                else None
            ),
        )

    def _see(self, request: Request) -> None:
        if request.method == "POST" and request.url.endswith("/api/v1/uploads"):
            self.begun += 1
        elif request.method == "PATCH":
            self.offsets.append(int(request.headers["upload-offset"]))
        elif "/api/v1/assets/same-size" in request.url:
            self.sizes_asked += 1


@pytest.fixture(autouse=True)
def _no_doorbell(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was sent stays as it came."""
    monkeypatch.setattr(jobs, "_ring", lambda _task, _ids: None)


@pytest.fixture
def author(create_person: Callable[..., Person]) -> Person:
    return create_person("author", Role.AUTHOR)


@pytest.fixture
def short(tmp_path: Path) -> Path:
    return _file(tmp_path / "短讲座.mp4", 3 * PIECE // 4)


@pytest.fixture
def long(tmp_path: Path) -> Path:
    return _file(tmp_path / "长讲座.mp4", LONG_BYTES)


def _file(path: Path, size: int) -> Path:
    """Nothing here looks into it."""
    path.write_bytes(os.urandom(size))
    return path


def _open(page: Page, address: str) -> Wire:
    """Open a page, and send pieces of 1 MiB instead of 1 GiB."""

    def smaller(route: Route) -> None:
        script = route.fetch().text().replace("chunkSize:1024*1024*1024", f"chunkSize:{PIECE}")
        route.fulfill(body=script, content_type="text/javascript")

    page.route("**/*.js", smaller)
    page.goto(address)
    page.wait_for_load_state("networkidle")
    page.unroute("**/*.js")
    return Wire(page)


def _hold_second_pieces(page: Page) -> None:
    """They wait on the line; the first ones arrive."""

    def hold(route: Route) -> None:
        if int(route.request.headers.get("upload-offset", "0")) == 0:
            route.continue_()

    page.route("**/api/v1/uploads/*", hold)


def _row(page: Page, file: Path) -> Locator:
    return page.locator(".sending", has_text=file.name)


@pytest.mark.parametrize("comes_back_in", ["same browser", "another browser"])
def test_a_paused_upload_goes_on_where_it_was(
    session: Session, site: Site, author: Person, short: Path, long: Path, comes_back_in: str
) -> None:
    """Two files at once: one arrives, the other is paused after its first piece and its browser
    closed. Chosen again it goes on from that piece: the same browser knows by itself, in another
    one the page lists what is unfinished."""
    page = site.open(author)
    wire = _open(page, "/studio/media")
    _hold_second_pieces(page)
    page.set_input_files("#media-files", [short, long])
    expect(_row(page, short)).to_contain_text("上传完成")
    until(page, lambda: PIECE in wire.offsets)
    _row(page, long).get_by_role("button", name="暂停").click()
    expect(_row(page, long)).to_contain_text("已暂停")
    same = comes_back_in == "same browser"
    kept = page.context.storage_state()
    page.context.close()

    page = site.open(None, kept=kept) if same else site.open(author)
    wire = _open(page, "/studio/media")
    row = page.locator("[data-unfinished]", has_text=long.name)
    expect(row).to_contain_text("1.0 MB / 2.6 MB")
    if same:
        page.set_input_files("#media-files", long)
    else:
        row.locator("[data-again]").set_input_files(long)
    expect(_row(page, long)).to_contain_text("上传完成")
    assert wire.begun == 0, "it began anew"
    assert wire.offsets == [PIECE, 2 * PIECE], "what had come was sent again"
    assert wire.forbidden == []
    expect(row).to_have_count(0)  # the page loads anew
    with site.lock:
        brought = session.scalars(sa.select(Asset).where(Asset.file_name == long.name)).one()
        stored = site.app.extensions["media_store"].vault.path(brought.source)
        assert stored.read_bytes() == long.read_bytes()


def test_paused_before_it_is_sent_it_is_sent_once(site: Site, author: Person, long: Path) -> None:
    """Paused, resumed and paused again while the page still asks whether it is here: nothing
    goes until it is resumed, and then only once."""
    page = site.open(author)
    wire = _open(page, "/studio/media")
    asked: list[Route] = []
    page.route("**/api/v1/assets/same-size*", lambda route: asked.append(route))
    page.set_input_files("#media-files", long)
    until(page, lambda: bool(asked))
    for name in ("暂停", "继续", "暂停"):
        _row(page, long).get_by_role("button", name=name).click()
    asked[0].continue_()
    page.wait_for_timeout(500)
    assert wire.begun == 0
    _row(page, long).get_by_role("button", name="继续").click()
    expect(_row(page, long)).to_contain_text("上传完成")
    assert (wire.sizes_asked, wire.begun, wire.offsets) == (1, 1, [0, PIECE, 2 * PIECE])


def _is_here(session: Session, author: Person, file: Path) -> Asset:
    """Sent, transcoded and ready."""
    content = file.read_bytes()
    asset = Asset(
        owner_id=author.id, file_name=file.name, source="sources/1/source",
        source_bytes=len(content), source_sha256=hashlib.sha256(content).hexdigest(),
        state=AssetState.READY, duration_ms=60_000, width=640, height=360, folder="assets/1/a",
        progress=100, tries=1, created_at=clock.now(),
    )  # fmt: skip
    session.add(asset)
    session.commit()
    return asset


def test_what_is_there_is_recognised_and_not_sent(
    session: Session, site: Site, author: Person, short: Path, tmp_path: Path
) -> None:
    """By its content, whatever it is called. A file of the same size and other content is sent."""
    _is_here(session, author, short)
    renamed, twin = tmp_path / "换了名字.mp4", tmp_path / "同样大小.mp4"
    renamed.write_bytes(short.read_bytes())
    twin.write_bytes(short.read_bytes()[:-1] + b"x")
    page = site.open(author)
    wire = _open(page, "/studio/media")
    page.set_input_files("#media-files", renamed)
    expect(_row(page, renamed)).to_contain_text("已有相同的视频，无需再次上传")
    assert (wire.sizes_asked, wire.begun, wire.offsets) == (1, 1, [])
    wire = _open(page, "/studio/media")
    page.set_input_files("#media-files", twin)
    expect(_row(page, twin)).to_contain_text("上传完成")
    assert (wire.sizes_asked, wire.begun, wire.offsets) == (1, 1, [0])
    assert wire.forbidden == []


def test_a_unit_takes_what_is_there(
    session: Session, site: Site, author: Person, short: Path
) -> None:
    """On a unit's page too: it has the video at once, and no byte of it was sent."""
    asset = _is_here(session, author, short)
    fields.ensure_shipped(session)
    facts = {
        "title": "桥梁监测", "summary": "", "teacher": "", "teacher_title": "", "level": "none",
        "field_code": "transport", "subject_kind": "professional", "declared_hours": Decimal(1),
    }  # fmt: skip
    draft = editing.create(session, owner_id=author.id, facts=facts, now=clock.now())
    unit = editing.add_unit(
        session, draft, draft.chapters[0].id, UnitKind.VIDEO, "第一讲", clock.now()
    )
    session.commit()
    asset_id, unit_id = asset.id, unit.id
    page = site.open(author)
    wire = _open(page, f"/studio/units/{unit_id}")
    page.set_input_files("#video-file", short)
    expect(page.locator("[data-video-state=ready]")).to_contain_text(short.name)
    assert (wire.sizes_asked, wire.begun, wire.offsets) == (1, 1, [])
    assert wire.forbidden == []
    with site.lock:
        session.expire_all()
        assert session.get_one(type(unit), unit_id).asset_id == asset_id
        assert session.scalars(sa.select(Upload.asset_id)).all() == [asset_id]


#: A drag that brings files with these names and sizes over the zone and lets them go there; whether
#: the zone takes files at all (or the browser would open them instead of the page).
DROP = """([zone, files]) => {
    const dataTransfer = new DataTransfer();
    for (const [name, size] of files)
        dataTransfer.items.add(new File([new Uint8Array(size)], name, {type: "video/mp4"}));
    const happens = {dataTransfer, bubbles: true, cancelable: true};
    const takes = !zone.dispatchEvent(new DragEvent("dragover", happens));
    return takes && !zone.dispatchEvent(new DragEvent("drop", happens));
}"""


def _bytes(text: str) -> float:
    """How many "1.5 MB" are."""
    number, unit = text.split()
    return float(number) * {"kB": 1e3, "MB": 1e6}[unit]


def test_dropped_files_are_sent_and_show_their_speed(
    session: Session, site: Site, author: Person
) -> None:
    """Two files are dropped onto the page at once: both are sent. While one is on its way its row
    says how much of it has gone, how fast, and how long the rest will take at this speed."""
    page = site.open(author)
    wire = _open(page, "/studio/media")
    held: list[Route] = []

    def hold(route: Route) -> None:
        if route.request.headers.get("upload-offset") in (str(PIECE), str(2 * PIECE)):
            held.append(route)
        else:
            route.continue_()

    page.route("**/api/v1/uploads/*", hold)
    sizes = {"短录像.mp4": PIECE // 2, "长录像.mp4": 5 * PIECE}
    zone = page.locator("[data-drop]").element_handle()
    assert page.evaluate(DROP, [zone, list(sizes.items())])
    short, long = (page.locator(".sending", has_text=name) for name in sizes)
    expect(short).to_contain_text("上传完成")
    until(page, lambda: len(held) == 1)
    page.wait_for_timeout(2000)
    held[0].continue_()  # two pieces in more than two seconds
    until(page, lambda: len(held) == 2)
    says = re.compile(r"(\S+ [kM]B) / (\S+ [kM]B)，每秒 (\S+ [kM]B)，剩余 (\d+):(\d\d)")
    line = long.locator(".progress-line span").first
    expect(line).to_have_text(says)
    found = says.fullmatch(line.text_content() or "")
    assert found is not None
    sent, total, speed = map(_bytes, found.groups()[:3])
    left_s = 60 * int(found[4]) + int(found[5])
    assert (sent, total) == (2.1e6, 5.2e6)
    assert 0 < speed <= PIECE
    assert abs(left_s - (total - sent) / speed) < 1.5
    held[1].continue_()
    expect(long).to_contain_text("上传完成")
    assert wire.begun == 2
    assert wire.forbidden == []
    with site.lock:
        brought = session.execute(sa.select(Asset.file_name, Asset.source_bytes)).all()
        assert dict(brought) == sizes
