"""A course whose papers are drawn: out with the questions of its banks, and in as a bank of one's
own; keys go only to whom may read the bank."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from assessments import blueprinting, drafting, papers
from assessments.banks import keeping
from assessments.banks import writing as bank_writing
from assessments.banks.models import Bank, BankKind, BankQuestion
from assessments.banks.states import QuestionState, QuestionStep
from assessments.models import Paper
from courses import authors, duplicating, editing
from courses.models import AuthorRole, Course, CourseVersion, UnitKind
from courses.packages import document as documents
from courses.packages import making, reading, running, writing
from courses.packages.parts import MOST_BANKED
from media import pictures
from media.file_models import Picture
from tests.assessments import banked
from tests.assessments.conftest import single
from tests.courses.packages.conftest import picture
from tests.courses.packages.test_archive import (
    BOUNDS,
    QUESTIONS,
    TITLES,
    bring_in,
    packed,
    put_out,
    units,
)
from tests.courses.packages.test_package_views import work
from zhixin import archives
from zhixin.errors import Conflict, DomainError, NotAllowed
from zhixin.people.models import Person, Role, RoleGrant

LINES = [
    {"count": 3, "point": "甲", "points": "2"},
    {"count": 1, "kind": "essay", "points": "10"},
    {"count": 1, "point": "", "low": 4},
]


@pytest.fixture
def drawn(
    session: Session,
    create_course: Callable[..., Course],
    create_person: Callable[..., Person],
    place: running.Place,
    writer: Person,
    now: datetime,
) -> SimpleNamespace:
    """A course with a quiz of one own question and five drawn; its bank has what is accepted,
    waiting, returned, retired, and what no line asks for."""
    course, other = create_course(), create_person("tongshi", Role.AUTHOR)
    held = banked.bank(session, writer, other, now)
    shown = [
        pictures.import_bytes(
            session, place.store, other.id, picture(colour), max_bytes=10**6, now=now
        )
        for colour in ((9, 9, 200), (200, 9, 9))
    ]
    hotspot = {
        "id": "h", "kind": "hotspot", "stem": "指出", "picture": shown[0].id, "alt": "图",
        "areas": [{"shape": "circle", "x": 500, "y": 500, "r": 100}],
    }  # fmt: skip
    essay = {
        "id": "e", "kind": "essay", "stem": "论述", "points": "3",
        "rubric": [{"id": "r1", "text": "要点", "points": "3"}],
    }  # fmt: skip
    text = f"材料 {pictures.markdown(shown[1], '部件')}"
    banked.add(session, held, banked.stems(1), now, point="甲", difficulty=2, passage=text)
    banked.add(session, held, [hotspot, *banked.stems(2)], now, point="甲", difficulty=5)
    banked.add(session, held, [essay], now, point="乙")
    banked.add(session, held, banked.stems(3), now, difficulty=4)
    banked.add(session, held, banked.stems(4, 2), now, accepted=False, point="甲")  # one is there
    returned = banked.add(session, held, banked.stems(5), now, accepted=False, point="甲")
    bank_writing.step(session, held[0], returned, QuestionStep.PROPOSE, now=now)
    bank_writing.step(session, held[1], returned, QuestionStep.RETURN, reason="错", now=now)
    retired = banked.add(session, held, banked.stems(6), now, point="甲")
    bank_writing.step(session, held[0], retired, QuestionStep.RETIRE, now=now)
    banked.add(session, held, banked.stems(7), now, point="丁")
    quiz = next(u for chapter in course.chapters for u in chapter.units if u.kind == UnitKind.QUIZ)
    paper = session.get_one(Paper, quiz.paper_id)
    plan = {"blueprint": {"bank": held[0].bank.id, "lines": LINES}}
    drafting.describe(session, paper.id, writer.id, plan, paper.revision, now)
    session.commit()
    return SimpleNamespace(course=course, held=held, other=other, paper=paper)


def _banked(document: documents.PackagedCourse, file: Path) -> list[dict[str, Any]]:
    with archives.open(file, reading.limits(file.stat().st_size, BOUNDS)) as archive:
        told: list[dict[str, Any]] = json.loads(archive.read(document.banks[0].member))["questions"]
    return told


def _new_bank(session: Session, owner: Person) -> tuple[Bank, Sequence[BankQuestion]]:
    bank = session.scalars(sa.select(Bank).where(Bank.owner_id == owner.id)).one()
    query = sa.select(BankQuestion).where(BankQuestion.bank_id == bank.id)
    return bank, session.scalars(query.order_by(BankQuestion.id)).all()


def test_a_drawn_course_comes_back_the_same(
    session: Session,
    drawn: SimpleNamespace,
    create_person: Callable[..., Person],
    reviewer: Person,
    place: running.Place,
    tmp_path: Path,
    now: datetime,
) -> None:
    """What the lines can draw and what waits for its review goes along, in the same bytes each
    time; it comes in as drafts of a new bank, and is drawn when a second person has accepted it."""
    first = put_out(session, place, drawn.course, tmp_path / "a.zip")
    put_out(session, place, drawn.course, tmp_path / "again.zip")
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "again.zip").read_bytes()
    told = _banked(first, tmp_path / "a.zip")
    stems = [each["question"]["stem"] for each in told]
    assert stems == ["第 1 问？", "指出", "第 2 问？", "论述", "第 3 问？", "第 4 问？"]
    assert told[0]["question"]["explanation"] == "解析 1"
    assert told[0]["passage"].startswith("材料 ![部件](picture:0000")
    assert (told[0]["point"], told[0]["difficulty"], told[3]["point"]) == ("甲", 2, "乙")

    owner = create_person("bieren", Role.AUTHOR)
    made = bring_in(session, place, tmp_path / "a.zip", owner, now, tmp_path / "in")
    session.commit()
    bank, questions = _new_bank(session, owner)
    assert (bank.title, bank.kind, bank.field_code) == ("能源题库", BankKind.OWN, "bim")
    assert {each.state for each in questions} == {QuestionState.DRAFT}
    owners = session.scalars(sa.select(Picture.owner_id)).all()
    assert owners.count(owner.id) == 2
    second = put_out(session, place, editing.get(session, made.id, owner.id), tmp_path / "b.zip")
    assert second.to_bytes() == first.to_bytes()
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()

    paper = session.get_one(Paper, made.chapters[0].units[1].paper_id)
    assert paper.document["blueprint"]["bank"] == bank.id
    assert "只有 0 题，需要 3 题" in blueprinting.problems(session, paper)[0]
    ids = [each.id for each in questions]
    bank_writing.step(
        session, keeping.get(session, bank.id, owner), ids, QuestionStep.PROPOSE, now=now
    )
    bank_writing.step(
        session, keeping.get(session, bank.id, reviewer), ids, QuestionStep.ACCEPT, now=now
    )
    assert blueprinting.problems(session, paper) == []
    assert drafting.freeze(session, paper.id, now).id
    assert len(session.scalars(sa.select(Bank)).all()) == 2


def test_a_version_goes_with_the_questions_that_it_was_frozen_with(
    session: Session,
    drawn: SimpleNamespace,
    submit: Callable[..., CourseVersion],
    place: running.Place,
    writer: Person,
    tmp_path: Path,
    now: datetime,
) -> None:
    """Whatever became of the bank since: changed, retired and new questions make no difference."""
    version = submit(drawn.course)
    gathered = writing.gather(session, place.store, drawn.course.id, writer.id, version.number)
    writing.write(gathered, tmp_path / "then.zip")
    told = _banked(gathered.document, tmp_path / "then.zip")
    assert [each["question"]["stem"] for each in told][-1] == "第 3 问？"  # what waits is not in it
    session.commit()
    every = sa.select(BankQuestion).where(BankQuestion.state == QuestionState.ACCEPTED)
    questions = session.scalars(every.order_by(BankQuestion.id)).all()
    first, *rest = [each.id for each in questions]
    changed = bank_writing.checked(banked.stems(99)[0], point="别的")
    bank_writing.edit(session, drawn.held[0], first, changed, 1, now)
    bank_writing.step(session, drawn.held[0], rest, QuestionStep.RETIRE, now=now)
    session.commit()
    gathered = writing.gather(session, place.store, drawn.course.id, writer.id, version.number)
    writing.write(gathered, tmp_path / "now.zip")
    assert (tmp_path / "then.zip").read_bytes() == (tmp_path / "now.zip").read_bytes()
    with pytest.raises(Conflict, match="“小测”的抽题规则：第 2 行"):  # of the draft: not enough
        writing.gather(session, place.store, drawn.course.id, writer.id, None)


def test_keys_go_only_to_whom_may_read_the_bank(
    session: Session,
    drawn: SimpleNamespace,
    submit: Callable[..., CourseVersion],
    create_person: Callable[..., Person],
    place: running.Place,
    writer: Person,
    now: datetime,
) -> None:
    """A co-author of the course who is not let into the bank is refused, of the draft and of a
    version; of a shared bank they have what was accepted, not what somebody is writing."""
    co_author = create_person("hezuo", Role.AUTHOR)
    version = submit(drawn.course)
    authors.invite(session, drawn.course, writer.id, "hezuo", AuthorRole.CO_AUTHOR, now)
    for number in (None, version.number):
        with pytest.raises(Conflict, match="您不能查看这个题库") as refused:
            writing.gather(session, place.store, drawn.course.id, co_author.id, number)
        assert refused.value.code == "paper-drawn"
    drawn.held[0].bank.kind = BankKind.SHARED
    session.flush()
    theirs = writing.gather(session, place.store, drawn.course.id, co_author.id, None)
    mine = writing.gather(session, place.store, drawn.course.id, writer.id, None)
    assert (theirs.document.banks[0].questions, mine.document.banks[0].questions) == (5, 6)


def test_who_is_no_author_any_more_gets_no_bank(
    session: Session,
    drawn: SimpleNamespace,
    create_person: Callable[..., Person],
    place: running.Place,
    tmp_path: Path,
    now: datetime,
) -> None:
    """All or nothing: no bank without questions stays, and no course."""
    put_out(session, place, drawn.course, tmp_path / "a.zip")
    owner = create_person("bieren", Role.AUTHOR)
    session.execute(sa.delete(RoleGrant).where(RoleGrant.person_id == owner.id))
    session.commit()
    session.expire_all()
    with pytest.raises(NotAllowed):
        bring_in(session, place, tmp_path / "a.zip", owner, now, tmp_path / "in")
    session.rollback()
    for table in (Course, Bank):
        assert not session.scalars(sa.select(table).where(table.owner_id == owner.id)).all()


def test_a_copy_says_whose_bank_it_cannot_draw_from(
    session: Session,
    drawn: SimpleNamespace,
    create_person: Callable[..., Person],
    writer: Person,
    now: datetime,
) -> None:
    """A course duplicated by its author draws from the same bank; one duplicated by a co-author
    without the bank keeps the lines, is told so, and cannot be submitted."""
    mine = duplicating.duplicate(session, drawn.course, writer.id, now)
    assert duplicating.undrawable(session, mine) == []
    co_author = create_person("hezuo", Role.AUTHOR)
    authors.invite(session, drawn.course, writer.id, "hezuo", AuthorRole.CO_AUTHOR, now)
    theirs = duplicating.duplicate(session, drawn.course, co_author.id, now)
    assert duplicating.undrawable(session, theirs) == ["小测"]
    paper = session.get_one(Paper, theirs.chapters[0].units[1].paper_id)
    assert paper.document["blueprint"] == drawn.paper.document["blueprint"]
    assert blueprinting.problems(session, paper) == ["抽题的题库不存在，或作者不能使用它"]


def test_the_pages_say_what_becomes_of_a_bank(
    session: Session,
    drawn: SimpleNamespace,
    create_person: Callable[..., Person],
    sign_in: Callable[[Person], FlaskClient],
    place: running.Place,
    writer: Person,
    tmp_path: Path,
    now: datetime,
) -> None:
    """Before the import and after it; whoever copies a course is told which quiz lacks its bank."""
    put_out(session, place, drawn.course, tmp_path / "a.zip")
    owner, course_id = create_person("bieren", Role.AUTHOR), drawn.course.id
    authors.invite(session, drawn.course, writer.id, "bieren", AuthorRole.CO_AUTHOR, now)
    package = running.begin(
        session, running.receive(place, owner.id, tmp_path / "a.zip", "a.zip", now)
    )
    work(session)
    client, address = sign_in(owner), f"/studio/packages/{package.id}"
    page = client.get(address).text
    assert "题库：能源题库（6 题）" in page
    assert "另从“能源题库”抽 5 题" in page
    assert "由另一个人通过后才能抽题" in page
    assert client.post(address, data={"field_code": "bim"}).status_code == 303
    work(session)
    assert "新建的题库：能源题库（6 题）" in client.get(address).text
    copied = client.post(f"/studio/courses/{course_id}/duplicate", follow_redirects=True)
    assert "您不能使用抽题的题库，请改用自己的题库或请维护人添加您：小测" in copied.text
    asked = client.post(f"/studio/courses/{course_id}/export", data={"version": ""})
    work(session)
    assert "您不能查看这个题库" in client.get(asked.location).text


# --- whatever there is


@st.composite
def drawn_courses(draw: st.DrawFn) -> tuple[dict[str, Any], list[list[dict[str, Any]]]]:
    """Quizzes that draw from one or two banks, each line one that can be filled."""
    banks = []
    for _bank in range(draw(st.integers(1, 2))):
        asked = draw(st.lists(QUESTIONS, min_size=1, max_size=5, unique_by=lambda q: q["stem"]))
        banks.append([
            {
                "question": {"id": f"q{at}", **each},
                "point": draw(st.sampled_from(["", "甲", "乙"])),
                "difficulty": draw(st.integers(1, 5)),
            }
            for at, each in enumerate(asked)
        ])  # fmt: skip
    made = []
    for at, bank in enumerate(banks * draw(st.integers(1, 2)), 1):
        lines = [{"count": draw(st.integers(1, len(bank))), "points": draw(st.sampled_from("12"))}]
        plan = {"bank": (at - 1) % len(banks) + 1, "lines": lines}
        paper = {"title": draw(TITLES), "questions": [], "blueprint": plan}
        made.append({"id": f"u{at}", "kind": "quiz", "title": draw(TITLES), "paper": paper})
    told = units(*made, course={"title": draw(TITLES), "field_code": "bim"})
    named = [
        {"title": draw(TITLES), "questions": len(bank), "member": f"banks/{at}.json"}
        for at, bank in enumerate(banks, 1)
    ]
    return {**told, "banks": named}, banks


def archived(told: Mapping[str, Any], *banks: Any) -> bytes:
    members = {f"banks/{at}.json": json.dumps(bank).encode() for at, bank in enumerate(banks, 1)}
    return packed({"course.json": json.dumps(told).encode(), **members})


@settings(
    max_examples=20,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(drawn_courses())
def test_whatever_is_drawn_comes_back_the_same(
    session: Session,
    place: running.Place,
    writer: Person,
    create_field: Callable[..., Any],
    tmp_path_factory: pytest.TempPathFactory,
    now: datetime,
    made: tuple[dict[str, Any], list[list[dict[str, Any]]]],
) -> None:
    """In, out, in and out: the same bytes from the first export on."""
    create_field("bim")
    told, banks = made
    folder = tmp_path_factory.mktemp("rounds")
    (folder / "0.zip").write_bytes(archived(told, *({"questions": each} for each in banks)))
    for at in range(2):
        course = bring_in(session, place, folder / f"{at}.zip", writer, now, folder / f"in{at}")
        put_out(session, place, course, folder / f"{at + 1}.zip")
    assert (folder / "1.zip").read_bytes() == (folder / "2.zip").read_bytes()


# --- what is refused

BANK = {"title": "库", "questions": 2, "member": "banks/1.json"}
TWO = {"questions": [{"question": single("a")}, {"question": single("b", stem="另一题？")}]}


def _quiz(plan: Any, id: str = "u1") -> dict[str, Any]:
    paper = {"title": "卷", "questions": [], "blueprint": plan}
    return {"id": id, "kind": "quiz", "title": "测", "paper": paper}


def _plan(**changes: Any) -> dict[str, Any]:
    return {"bank": 1, "lines": [{"count": 1}]} | changes


def _told(plan: Any, **bank: Any) -> dict[str, Any]:
    return units(_quiz(plan), banks=[BANK | bank])


ONE = TWO["questions"][0]
HOSTILE: dict[str, tuple[bytes, str]] = {
    "a bank of ours": (archived(units(_quiz(_plan(bank=7)))), "题库不在包中"),
    "another bank": (archived(_told(_plan(bank=2)), TWO), "题库不在包中"),
    "a bank by words": (archived(_told(_plan(bank="1")), TWO), "题库不在包中"),
    "a bank in a list": (archived(_told(_plan(bank=[1])), TWO), "题库不在包中"),
    "a pool of ours": (archived(_told(_plan(pool="0" * 64)), TWO), "才固定"),
    "no lines": (archived(_told(_plan(lines=[])), TWO), "试题有误"),
    "a blueprint that is none": (archived(_told(7), TWO), "题库不在包中"),
    "a bank for nobody": (archived(units({"id": "u1", "kind": "page", "title": "页"}, banks=[BANK]), TWO), "没有试卷从中抽题"),
    "ten million": (archived(_told(_plan(lines=[{"count": 10_000_000}])), TWO), "试题有误"),
    "more than there are": (archived(_told(_plan(lines=[{"count": 3}])), TWO), "只有 2 题，需要 3 题"),
    "more together": (archived(_told(_plan(lines=[{"count": 2}, {"count": 1}])), TWO), "合起来只有 2 题"),
    "of another point": (archived(_told(_plan(lines=[{"count": 1, "point": "没有"}])), TWO), "“测”的抽题规则"),
    "a pool said to be huge": (archived(_told(_plan(), questions=10**9), TWO), "questions|格式有误"),
    "pools that are huge together": (
        archived(units(_quiz(_plan()), _quiz(_plan(bank=2), "u2"),
                       banks=[BANK | {"questions": MOST_BANKED}, BANK | {"member": "banks/2.json"}]), TWO, TWO), "合起来最多",
    ),
    "too many drawn papers": (archived(units(*(_quiz(_plan(), f"u{n}") for n in range(100)), banks=[BANK]) | {
        "chapters": [{"title": "章", "units": [_quiz(_plan(), f"u{c}-{n}") for n in range(100)]} for c in range(3)],
    }, TWO), "份试卷按题库抽题"),
    "another number": (archived(_told(_plan(), questions=1), TWO), "应有 1 题，包中是 2 题"),
    "a pool that is huge": (archived(_told(_plan()), {"questions": [ONE] * (MOST_BANKED + 1)}), "题库“库”有误"),
    "the same twice": (archived(_told(_plan()), {"questions": [ONE, ONE]}), "第 2 题与前面的一题完全相同"),
    "no questions": (archived(_told(_plan()), {"questions": []}), "题库“库”有误"),
    "a list": (archived(_told(_plan()), []), "题库“库”有误"),
    "deep": (packed({"course.json": json.dumps(_told(_plan())).encode(), "banks/1.json": b"[" * 100_000}), "banks/1.json"),
    "nul": (archived(_told(_plan()), {"questions": [ONE | {"passage": "a\0"}, ONE]}), "U\\+0000"),
    "a number for a question": (archived(_told(_plan()), {"questions": [{"question": 1}, ONE]}), "题库“库”有误"),
    "no key": (
        archived(_told(_plan()), {"questions": [{"question": {**single(), "correct": []}}, ONE]}), "题库“库”第 1 题有误",
    ),
    "unknown kind": (archived(_told(_plan()), {"questions": [{"question": {**single(), "kind": "x"}}, ONE]}), "第 1 题有误"),
    "unknown field": (archived(_told(_plan()), {"questions": [ONE | {"state": "accepted"}, ONE]}), "无法识别"),
    "no such difficulty": (archived(_told(_plan()), {"questions": [ONE | {"difficulty": 9}, ONE]}), "难度|difficulty"),
    "difficulty by words": (archived(_told(_plan()), {"questions": [ONE | {"difficulty": "5"}, ONE]}), "题库“库”有误"),
    "a long point": (archived(_told(_plan()), {"questions": [ONE | {"point": "长" * 61}, ONE]}), "知识点"),
    "foreign picture": (
        archived(_told(_plan()), {"questions": [{"question": single(stem=f"![a](picture:{'a' * 32})")}, ONE]}), "第 1 题中的图片不在包中",
    ),
    "foreign picture in a text": (
        archived(_told(_plan()), {"questions": [ONE | {"passage": f"![a](picture:{'a' * 32})"}, ONE]}), "第 1 题中的图片不在包中",
    ),
    "a title of nothing": (archived(_told(_plan(), title=" "), TWO), "标题"),
    "a title with a bell": (archived(_told(_plan(), title="a\7b"), TWO), "题库名称"),
    "absent": (packed({"course.json": json.dumps(_told(_plan())).encode()}), "不在压缩包中"),
    "a film for a bank": (
        packed({"course.json": json.dumps(_told(_plan())).encode(), "banks/1.json": b"\x00\x00film"}), "不是 UTF-8",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_what_is_not_sound_is_refused_in_words(name: str) -> None:
    """Whatever is wrong with a bank or a blueprint, it is said, and nothing of it is taken."""
    content, words = HOSTILE[name]
    with (
        pytest.raises(DomainError, match=words),
        archives.open(content, reading.limits(len(content), BOUNDS)) as archive,
    ):
        reading.read(archive, BOUNDS)


def test_a_bank_of_many_questions_is_read(tmp_path: Path) -> None:
    """As many as there may be: nothing in it takes longer than the number of questions."""
    asked = [{"question": single(f"q{n}", stem=f"第 {n} 题")} for n in range(2_000)]
    content = archived(_told(_plan(), questions=len(asked)), {"questions": asked})
    with archives.open(content, reading.limits(len(content), BOUNDS)) as archive:
        found = reading.read(archive, BOUNDS)
        unpacked = making.unpack(archive, found.document, tmp_path)
    assert len(unpacked.banks[0]) == len(asked)
    assert papers.Paper.from_document(next(found.document.units()).paper or {}).asks == 1
