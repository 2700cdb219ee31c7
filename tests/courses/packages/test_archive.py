"""A course out and in again is the same course; what is not sound comes in not at all."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import io
import json
import stat
import zipfile
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from assessments.models import Paper
from courses import editing
from courses.models import Course, CourseVersion, UnitKind
from courses.packages import document as documents
from courses.packages import making, reading, running, writing
from courses.packages.document import BadPackage, PackagedCourse
from courses.registers import attaching
from courses.registers.entries import REGISTERS
from courses.registers.models import Textbook
from courses.registers.states import EntryState
from media import captions, cues
from media.cues import Cue
from media.file_models import Attachment, Picture
from media.models import Asset
from tests.courses.packages.conftest import picture
from zhixin import archives
from zhixin.errors import DomainError
from zhixin.people.models import Person, Role

BOUNDS = reading.Bounds(10**7, 10**6, 10**6)


def bring_in(
    session: Session, place: running.Place, file: Path, owner: Person, now: datetime, folder: Path
) -> Course:
    folder.mkdir()
    with archives.open(file, reading.limits(file.stat().st_size, BOUNDS)) as archive:
        found = reading.read(archive, BOUNDS)
        unpacked = making.unpack(archive, found.document, folder)
        maker = making.Maker(place.store, owner.id, "bim", BOUNDS)
        brought = making.bring(maker, found.document, unpacked, now)
        return making.make(session, maker, found.document, brought, now)


def put_out(session: Session, place: running.Place, course: Course, into: Path) -> PackagedCourse:
    gathered = writing.gather(session, place.store, course.id, course.owner_id, None)
    writing.write(gathered, into)
    return gathered.document


def test_a_course_of_every_kind_comes_back_the_same(
    session: Session,
    rich_course: Course,
    place: running.Place,
    create_person: Callable[..., Person],
    tmp_path: Path,
    now: datetime,
) -> None:
    """Out, in as another author's, and out again: the same text, the same bytes where nothing is
    encoded anew; the first course and its author keep all that is theirs."""
    other = create_person("other", Role.AUTHOR)
    first = put_out(session, place, rich_course, tmp_path / "a.zip")
    made = bring_in(session, place, tmp_path / "a.zip", other, now, tmp_path / "in")
    session.commit()
    second = put_out(session, place, editing.get(session, made.id, other.id), tmp_path / "b.zip")
    assert second.to_bytes() == first.to_bytes()
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()
    assert made.id != rich_course.id
    for table in (Asset, Attachment, Paper):
        owners = session.scalars(sa.select(table.owner_id)).all()
        assert owners.count(other.id) == owners.count(rich_course.owner_id)
    assert {p.owner_id for p in session.scalars(sa.select(Picture))} == {
        other.id,
        rich_course.owner_id,
    }
    units = {unit.kind: unit for chapter in made.chapters for unit in chapter.units}
    assert set(units) == set(UnitKind)
    assert len(units[UnitKind.QUIZ].waits) == 2
    video = session.get_one(Asset, units[UnitKind.VIDEO].asset_id)
    assert place.store.path(video.source).read_bytes().startswith(b"not really")
    assert video.state == "uploaded"  # in the queue, like every upload
    tracks = captions.of_asset(session, video.id)
    assert [(each.language, each.label, each.origin) for each in tracks] == [
        ("zh-Hans", "简体中文", "upload"),
        ("en", "English (auto)", "speech"),
    ]
    assert cues.unnamed(tracks[0].cues)[0] == Cue(0, 1500, "第一行 <b>\n& 第二行")
    assert [attaching.ids(session, each, made.id) for each in REGISTERS.values()] == [
        attaching.ids(session, each, rich_course.id) for each in REGISTERS.values()
    ]


def test_whom_another_installation_does_not_know_stays_as_text(
    session: Session,
    rich_course: Course,
    place: running.Place,
    writer: Person,
    tmp_path: Path,
    now: datetime,
) -> None:
    """An expert of another unit and a book that was retired: kept in words, and said."""
    gathered = writing.gather(session, place.store, rich_course.id, writer.id, None)
    told = gathered.document
    other = told.teachers[0].model_copy(update={"unit": "外地大学"})
    told = told.model_copy(update={"teachers": (other,)})
    writing.write(dataclasses.replace(gathered, document=told), tmp_path / "a.zip")
    book = session.scalars(sa.select(Textbook)).one()
    book.state = EntryState.RETIRED
    with archives.open(tmp_path / "a.zip", reading.limits(10**6, BOUNDS)) as archive:
        found = reading.read(archive, BOUNDS)
        unpacked = making.unpack(archive, found.document, tmp_path)
        maker, said = making.Maker(place.store, writer.id, "bim", BOUNDS), list[str]()
        brought = making.bring(maker, found.document, unpacked, now)
    made = making.make(session, maker, found.document, brought, now, remarks=said)
    assert made.teacher.endswith("李教授")
    assert "教材：《结构力学》，龙驭球，高教社，ISBN 9780306406157" in made.summary
    assert ["外地大学" in each for each in said] == [True, False]
    assert [attaching.ids(session, each, made.id) for each in REGISTERS.values()] == [[], []]


def test_the_captions_of_a_version_go_with_it(
    session: Session,
    published_course: Callable[..., CourseVersion],
    create_course: Callable[..., Course],
    submit: Callable[..., CourseVersion],
    place: running.Place,
    writer: Person,
    now: datetime,
) -> None:
    """As they were frozen, whatever they became since."""
    course = create_course()
    unit = next(unit for chapter in course.chapters for unit in chapter.units if unit.asset_id)
    asset = session.get_one(Asset, unit.asset_id)
    source = place.store.root / asset.source
    source.parent.mkdir(parents=True, exist_ok=True)
    source.write_bytes(b"film")
    captions.bring(session, asset, "en", [Cue(0, 1000, "then")], now)
    version = submit(course)
    captions.bring(session, asset, "en", [Cue(0, 1000, "now")], now)
    session.commit()
    gathered = writing.of_version(session, place.store, version, writer)
    (told,) = next(each for each in gathered.document.units() if each.video).captions
    assert b"then" in gathered.sources[told.member][0]().read()


def test_a_version_is_exported_as_it_was_published(
    session: Session,
    published_course: Callable[..., CourseVersion],
    place: running.Place,
    tmp_path: Path,
) -> None:
    """What the draft became since is not in it; a video whose source is gone is named."""
    version = published_course()
    course = session.get_one(Course, version.course_id)
    course.title = "后来改了"
    session.commit()
    gathered = writing.gather(session, place.store, course.id, course.owner_id, version.number)
    assert gathered.document.course.title == "建筑信息模型入门"
    assert gathered.remarks == ["“第一讲”的原始视频文件已不在，没有放入课程包"]
    kinds = [unit.kind for unit in gathered.document.units()]
    assert kinds == ["video", "quiz", "page"]


TITLES = st.text(
    st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=1, max_size=20
)
BODIES = st.text(st.characters(codec="utf-8", exclude_characters="\0\r"), max_size=60).map(
    str.strip
)
QUESTIONS = st.one_of(
    st.builds(
        lambda stem, options, right: {
            "kind": "single", "stem": stem,
            "options": [{"id": f"o{at}", "text": text} for at, text in enumerate(options)],
            "correct": [f"o{right % len(options)}"],
        },
        TITLES, st.lists(TITLES, min_size=2, max_size=5, unique=True), st.integers(0, 9),
    ),
    st.builds(
        lambda stem, items: {
            "kind": "ordering", "stem": stem,
            "items": [{"id": f"i{at}", "text": text} for at, text in enumerate(items)],
            "correct": [f"i{at}" for at in range(len(items))],
        },
        TITLES, st.lists(TITLES, min_size=2, max_size=5, unique=True),
    ),
    st.builds(lambda stem, sample: {"kind": "essay", "stem": stem, "sample": sample}, TITLES, TITLES),
)  # fmt: skip


@st.composite
def courses(draw: st.DrawFn) -> dict[str, Any]:
    """Outlines with texts, questions and conditions that point back."""
    chapters, ids = [], []
    for title in draw(st.lists(TITLES, max_size=3)):
        units = []
        for _each in range(draw(st.integers(0, 4))):
            kind = draw(st.sampled_from(["page", "quiz", "practice", "video", "file"]))
            unit: dict[str, Any] = {"id": f"u{len(ids) + 1}", "kind": kind, "title": draw(TITLES)}
            able = [id for id, earlier in ids if earlier != "practice"]
            unit["after"] = sorted(draw(st.sets(st.sampled_from(able), max_size=2))) if able else []
            unit["required"] = kind != "practice" and draw(st.booleans())
            if kind in ("page", "file"):
                unit["body"] = draw(BODIES)
            if kind in ("quiz", "practice"):
                asked = draw(st.lists(QUESTIONS, max_size=3))
                named = [{"id": f"q{at}", **each} for at, each in enumerate(asked)]
                unit["paper"] = {"title": draw(TITLES), "questions": named}
            ids.append((unit["id"], kind))
            units.append(unit)
        chapters.append({"title": title, "units": units})
    hours = draw(st.decimals(0, 200, places=2))
    return {
        "course": {"title": draw(TITLES), "field_code": "bim", "declared_hours": str(hours)},
        "chapters": chapters,
    }


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(told=courses())
def test_whatever_course_there_is_comes_back_the_same(
    session: Session,
    place: running.Place,
    writer: Person,
    create_field: Callable[..., Any],
    tmp_path_factory: pytest.TempPathFactory,
    now: datetime,
    told: dict[str, Any],
) -> None:
    """course.json → course → course.json, and once more."""
    create_field("bim")
    folder = tmp_path_factory.mktemp("rounds")
    document = documents.checked(told)
    nothing = making.Unpacked({}, {})
    maker = making.Maker(place.store, writer.id, "bim", BOUNDS)
    brought = making.bring(maker, document, nothing, now)
    made = making.make(session, maker, document, brought, now)
    first = put_out(session, place, made, folder / "1.zip")
    assert first.to_bytes() == document.to_bytes()
    again = bring_in(session, place, folder / "1.zip", writer, now, folder / "in")
    second = put_out(session, place, again, folder / "2.zip")
    assert second.to_bytes() == first.to_bytes()
    assert (folder / "1.zip").read_bytes() == (folder / "2.zip").read_bytes()


# --- what is refused


SOUND = {
    "format": "zhixin-course", "version": 1, "course": {"title": "课"},
    "chapters": [{"title": "章", "units": [{"id": "u1", "kind": "page", "title": "页", "body": "文"}]}],
}  # fmt: skip


def packed(members: dict[str, bytes], *, sums: dict[str, str] | None = None) -> bytes:
    """An archive with right checksums, unless told others."""
    listed = {name: hashlib.sha256(content).hexdigest() for name, content in members.items()}
    lines = "".join(f"{sha}  {name}\n" for name, sha in (listed | (sums or {})).items())
    into = io.BytesIO()
    with zipfile.ZipFile(into, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in {**members, writing.SUMS: lines.encode()}.items():
            archive.writestr(name, content)
    return into.getvalue()


def with_json(told: Any, **members: bytes) -> bytes:
    return packed({"course.json": json.dumps(told).encode(), **members})


def units(*units: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {**SOUND, "chapters": [{"title": "章", "units": list(units)}], **more}


def linked() -> bytes:
    into = io.BytesIO(packed({"course.json": json.dumps(SOUND).encode()}))
    with zipfile.ZipFile(into, "a") as archive:
        info = zipfile.ZipInfo("files/1.pdf")
        info.create_system, info.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
        archive.writestr(info, "/etc/passwd")
    return into.getvalue()


PAGE = {"id": "u1", "kind": "page", "title": "页"}
FILE = {
    "id": "u1",
    "kind": "file",
    "title": "文件",
    "file": {"member": "files/1.pdf", "name": "a.pdf"},
}
CAPTIONED: dict[str, Any] = {
    "id": "u1", "kind": "video", "title": "讲", "video": {"member": "videos/1.mp4"},
    "captions": [{"language": "en", "member": "captions/1.vtt"}],
}  # fmt: skip
HOSTILE = {
    "no course": (packed({"readme.txt": b"x"}), "course.json"),
    "not json": (packed({"course.json": b"{"}), "不是 UTF-8 的 JSON"),
    "deep": (packed({"course.json": b"[" * 100_000}), "course.json"),
    "other format": (with_json({**SOUND, "format": "other"}), "format 应为"),
    "later version": (with_json({**SOUND, "version": 2}), "先升级平台"),
    "unknown field": (with_json({**SOUND, "owner_id": 1}), "无法识别"),
    "nul": (with_json(units({**PAGE, "body": "a\0b"})), "U\\+0000"),
    "half a character": (with_json(units({**PAGE, "body": "\ud800"})), "UTF-8"),
    "asset of ours": (with_json(units({**PAGE, "asset_id": 1})), "无法识别"),
    "not its kind": (with_json(units({**PAGE, "paper": {"title": "a", "questions": []}})), "测验和练习"),
    "circle": (with_json(units({**PAGE, "after": ["u2"]}, {**PAGE, "id": "u2", "after": ["u1"]})), "互相等待"),
    "waits for nothing": (with_json(units({**PAGE, "after": ["u9"]})), "不存在"),
    "script address": (with_json(units({"id": "u1", "kind": "live", "title": "播", "address": "javascript:alert(1)"})), "https"),
    "foreign picture": (with_json(units({**PAGE, "body": f"![a](picture:{'a' * 32})"})), "图片不在包中"),
    "bad question": (
        with_json(units({"id": "u1", "kind": "quiz", "title": "测",
                         "paper": {"title": "卷", "questions": [{"id": "q", "kind": "single", "stem": "?"}]}})),
        "试题有误",
    ),
    "wrong checksum": (
        packed({"course.json": json.dumps(SOUND).encode()}, sums={"course.json": "0" * 64}), "校验值不符",
    ),
    "unlisted member": (with_json(SOUND, **{"files/1.pdf": b"%PDF-"}), "没有被课程用到"),
    "absent member": (with_json(units(FILE)), "不在压缩包中"),
    "program": (
        with_json(units({**FILE, "file": {"member": "files/1.pdf", "name": "a.exe"}}), **{"files/1.pdf": b"MZ"}), "不接受这种文件",
    ),
    "disguised": (with_json(units(FILE), **{"files/1.pdf": b"MZ program"}), "扩展名不符"),
    "svg": (
        with_json({**SOUND, "pictures": [{"id": "1" * 32, "member": "pictures/1.png"}]}, **{"pictures/1.png": b"<svg/>"}), "PNG",
    ),
    "climbing": (packed({"course.json": json.dumps(SOUND).encode(), "../../etc/cron.d/x": b"x"}), "指向包外"),
    "absolute": (packed({"course.json": json.dumps(SOUND).encode(), "/etc/x": b"x"}), "绝对路径"),
    "link": (linked(), "链接"),
    "bomb": (packed({"course.json": json.dumps(SOUND).encode(), "files/1.txt": b"0" * 50_000_000}), "巨大|MiB"),
    "no captions": (with_json(units(CAPTIONED), **{"videos/1.mp4": b"x", "captions/1.vtt": b"WEBVTT"}), "没有在文件中找到字幕"),
    "captions of no video": (
        with_json(units({**CAPTIONED, "video": None}), **{"captions/1.vtt": b"WEBVTT"}), "没有视频的小节",
    ),
    "two captions of a language": (with_json(units({**CAPTIONED, "captions": CAPTIONED["captions"] * 2})), "两份字幕"),
    "captions of an unknown language": (
        with_json(units({**CAPTIONED, "captions": [{"language": "xx", "member": "captions/1.vtt"}]})), "不支持“xx”",
    ),
    "other captions of the same video": (
        with_json(units(CAPTIONED, {**CAPTIONED, "id": "u2", "captions": []})), "不同的字幕",
    ),
    "bad book": (with_json({**SOUND, "textbooks": [{"title": "书", "isbn": "123"}]}), "ISBN"),
    "no zip": (b"PK\x03\x04 nothing", "已损坏"),
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_what_is_not_sound_is_refused_in_words(name: str) -> None:
    """Whatever is wrong with an archive, it is said, and nothing of it is taken."""
    content, words = HOSTILE[name]
    with (
        pytest.raises(DomainError, match=words) as refused,
        archives.open(content, reading.limits(len(content), BOUNDS)) as archive,
    ):
        reading.read(archive, BOUNDS)
    assert refused.value.status == 422 or isinstance(refused.value, BadPackage)


@settings(max_examples=150, deadline=None)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
        lambda inner: st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["course", "chapters", "units", "title", "id", "kind", "paper", "video", "after", "pictures", "x"]),
            inner, max_size=4,
        ),
        max_leaves=12,
    )
)  # fmt: skip
def test_no_json_breaks_the_reader(told: Any) -> None:
    """Arbitrary JSON in the right frame: taken or refused in words."""
    frame = {"format": "zhixin-course", "version": 1}
    content = json.dumps(
        {**frame, **told} if isinstance(told, dict) else {**frame, "chapters": told}
    )
    with contextlib.suppress(DomainError):
        read = documents.read(content.encode())
        assert documents.read(read.to_bytes()) == read


def test_nothing_stays_of_a_course_that_could_not_be_made(
    session: Session,
    place: running.Place,
    writer: Person,
    create_field: Callable[..., Any],
    tmp_path: Path,
    now: datetime,
) -> None:
    """A file that changed its mind after the preview: no course, no picture, no paper."""
    create_field("bim")
    session.commit()
    told = documents.checked({
        "course": {"title": "课"},
        "chapters": [{"title": "章", "units": [{**PAGE, "body": f"![a](picture:{1:032x})"}, {**FILE, "id": "u2"}]}],
        "pictures": [{"id": f"{1:032x}", "member": "pictures/1.png"}],
    })  # fmt: skip
    content = packed(
        {"course.json": b"{}", "pictures/1.png": picture(), "files/1.pdf": b"MZ not a pdf"}
    )
    with archives.open(content) as archive:
        unpacked = making.unpack(archive, told, tmp_path)
    with pytest.raises(DomainError, match="扩展名不符"):
        making.bring(making.Maker(place.store, writer.id, "bim", BOUNDS), told, unpacked, now)
    for table in (Course, Picture, Attachment):
        assert session.scalar(sa.select(sa.func.count()).select_from(table)) == 0
