"""Banks: whose they are, versions that stay, a second person's word, and places without a hole."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openpyxl import Workbook
from sqlalchemy.orm import Session

from assessments import drafting, importing
from assessments.banks import bringing, copies, keeping, listing, places, taking, writing
from assessments.banks.keeping import Held
from assessments.banks.models import (
    Bank,
    BankCell,
    BankKind,
    BankQuestion,
    BankReview,
    BankVersion,
)
from assessments.banks.places import SameQuestion
from assessments.banks.states import STEPS, IllegalQuestionStep, QuestionState, QuestionStep
from assessments.errors import PaperChanged
from assessments.exchange import excel
from assessments.exchange.base import NoPictures
from assessments.import_models import ImportState, QuestionImport
from assessments.models import Paper
from tests.assessments import banked
from tests.assessments.conftest import single
from tests.locks import wait_for_a_lock
from zhixin import clock, db, jobs
from zhixin.errors import DomainError, Invalid, NotAllowed, NotFound
from zhixin.people import accounts
from zhixin.people.models import Person, Role

FIELDS = {"energy": "能源"}


@pytest.fixture
def other(create_person: Callable[..., Person]) -> Person:
    return create_person("tongshi", Role.AUTHOR)


@pytest.fixture
def bank(session: Session, author: Person, other: Person, now: datetime) -> Bank:
    made = keeping.create(
        session, owner_id=author.id, title="能源题库", kind="own", field_code="energy",
        fields=FIELDS, now=now,
    )  # fmt: skip
    keeping.let_in(session, keeping.get(session, made.id, author), other.sign_in_name)
    session.commit()
    return made


@pytest.fixture
def mine(session: Session, bank: Bank, author: Person) -> Held:
    return keeping.get(session, bank.id, author)


@pytest.fixture
def theirs(session: Session, bank: Bank, other: Person) -> Held:
    return keeping.get(session, bank.id, other)


def _add(session: Session, held: Held, now: datetime, stem: str, **facts: Any) -> int:
    written = writing.checked(single("", stem=stem), **facts)
    (id,) = writing.add(session, held, [written], now)
    return id


def _accept(session: Session, mine: Held, theirs: Held, id: int, now: datetime) -> None:
    writing.step(session, mine, [id], QuestionStep.PROPOSE, now=now)
    writing.step(session, theirs, [id], QuestionStep.ACCEPT, now=now)


def test_whose_a_bank_is(
    session: Session, bank: Bank, create_person: Callable[..., Person], now: datetime
) -> None:
    """An own bank does not exist for other authors; a shared one takes their questions, which
    alone they may change; reviewers read all and write nothing."""
    stranger, reviewer = create_person("a", Role.AUTHOR), create_person("b", Role.REVIEWER)
    with pytest.raises(NotFound):
        keeping.get(session, bank.id, stranger)
    assert bank not in keeping.of_person(session, stranger)
    reads = keeping.get(session, bank.id, reviewer)
    assert (reads.keeps, reads.brings, reads.reviews) == (False, False, True)
    with pytest.raises(NotAllowed):
        _add(session, reads, now, "题")
    bank.kind = BankKind.SHARED
    session.flush()
    held = keeping.get(session, bank.id, stranger)
    assert (held.keeps, held.brings, held.reviews) == (False, True, False)
    own = session.get_one(BankQuestion, _add(session, held, now, "我的题"))
    owner = keeping.get(session, bank.id, session.get_one(Person, bank.owner_id))
    foreign = session.get_one(BankQuestion, _add(session, owner, now, "别人的题"))
    assert held.may_edit(own)
    assert not held.may_edit(foreign)
    with pytest.raises(NotAllowed):
        keeping.let_in(session, held, "zuozhe")


def test_nobody_accepts_what_they_wrote(
    session: Session, mine: Held, theirs: Held, now: datetime
) -> None:
    """The owner's own question waits for another person."""
    id = _add(session, mine, now, "题目")
    writing.step(session, mine, [id], QuestionStep.PROPOSE, now=now)
    with pytest.raises(NotAllowed):
        writing.step(session, mine, [id], QuestionStep.ACCEPT, now=now)
    with pytest.raises(Invalid):
        writing.step(session, theirs, [id], QuestionStep.RETURN, now=now)
    writing.step(session, theirs, [id], QuestionStep.RETURN, reason="选项不清", now=now)
    assert session.get_one(BankQuestion, id).reason == "选项不清"


def test_versions_stay_and_the_accepted_one_is_drawn(
    session: Session, mine: Held, theirs: Held, now: datetime
) -> None:
    """Editing makes a version; what was accepted stays drawn until the next one is."""
    id = _add(session, mine, now, "一年至少多少？", point="学时", difficulty=2)
    _accept(session, mine, theirs, id, now)
    question = session.get_one(BankQuestion, id)
    first = writing.version(session, question)
    changed = writing.checked(
        {**writing.document(first)["question"], "stem": "每年至少多少？"},
        point="年度",
        difficulty=4,
    )
    writing.edit(session, mine, id, changed, 1, now)
    writing.edit(session, mine, id, changed, 1, now)  # sent twice: once
    assert (question.state, question.newest_number, question.accepted_number) == ("draft", 2, 1)
    with pytest.raises(PaperChanged):
        writing.edit(session, mine, id, writing.checked(single("", stem="又改")), 1, now)
    _accept(session, mine, theirs, id, now)
    assert question.accepted_number == 2
    cells = session.execute(
        sa.select(BankCell.point, BankCell.difficulty, BankCell.count).order_by(BankCell.id)
    ).all()
    assert cells == [("学时", 2, 0), ("年度", 4, 1)]
    with pytest.raises(sa.exc.IntegrityError), session.begin_nested():
        session.execute(sa.update(BankVersion).values(document="{}"))


def test_the_very_same_is_accepted_once(
    session: Session, mine: Held, theirs: Held, now: datetime
) -> None:
    """Two questions that show the same could both come into one paper: the second is refused.
    About different texts the same words are different questions."""
    ids = [_add(session, mine, now, "同一道题") for _ in range(2)]
    _accept(session, mine, theirs, ids[0], now)
    writing.step(session, mine, [ids[1]], QuestionStep.PROPOSE, now=now)
    with pytest.raises(SameQuestion):
        writing.step(session, theirs, [ids[1]], QuestionStep.ACCEPT, now=now)
    third = _add(session, mine, now, "同一道题", passage="另一篇材料")
    _accept(session, mine, theirs, third, now)


@settings(
    deadline=None,
    max_examples=10,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(st.lists(st.tuples(st.integers(0, 5), st.sampled_from(list(QuestionStep))), max_size=25))
def test_places_have_no_hole_whatever_happens(
    session: Session, mine: Held, theirs: Held, now: datetime, acts: list[tuple[int, QuestionStep]]
) -> None:
    """After any steps, a cell's questions have the places 0 to count - 1."""
    nested = session.begin_nested()
    ids = [_add(session, mine, now, f"题 {n}", difficulty=n % 2 + 1) for n in range(6)]
    for n in range(4):
        _accept(session, mine, theirs, ids[n], now)
    for at, step in acts:
        question = session.get_one(BankQuestion, ids[at])
        before, legal = question.state, (question.state, step) in STEPS
        try:
            if step is QuestionStep.EDIT:
                kept = writing.document(writing.version(session, question))["question"]
                number = question.newest_number
                stem = f"题 {at}（{number}）"
                written = writing.checked({**kept, "stem": stem}, difficulty=number % 3 + 1)
                writing.edit(session, mine, question.id, written, number, now)
            else:
                who = theirs if step in writing.REVIEWERS else mine
                writing.step(session, who, [question.id], step, reason="因", now=now)
        except IllegalQuestionStep:
            assert not legal
            assert question.state == before
        else:
            assert legal
    session.expire_all()
    for cell in session.scalars(sa.select(BankCell)):
        query = sa.select(BankQuestion.place).where(BankQuestion.cell_id == cell.id)
        assert sorted(session.scalars(query)) == list(range(cell.count))  # type: ignore[type-var]
    drawn = session.scalar(
        sa.select(sa.func.count()).where(BankQuestion.accepted_number.is_not(None))
    )
    assert session.scalar(sa.select(sa.func.coalesce(sa.func.sum(BankCell.count), 0))) == drawn
    nested.rollback()


def test_alike_is_found_by_the_database(session: Session, mine: Held, now: datetime) -> None:
    """While a question is saved, near copies in this bank are told, likest first, never itself."""
    near = _add(session, mine, now, "专业技术人员每年参加继续教育的时间累计应不少于多少学时？")
    _add(session, mine, now, "下列哪种灭火器适用于电气设备火灾？")
    asked = single("", stem="专业技术人员，每年参加继续教育的时间累计应当不少于多少学时")
    found = copies.of(session, mine.bank.id, asked)
    assert [each.question_id for each in found] == [near]
    assert found[0].percent >= 90
    assert copies.of(session, mine.bank.id, asked, but=near) == []


def _workbook(rows: list[dict[str, str]]) -> bytes:
    book, kept = Workbook(), io.BytesIO()
    sheet = book.active
    assert sheet is not None
    sheet.append(list(excel.COLUMNS))
    for row in rows:
        sheet.append([row.get(name, "") for name in excel.COLUMNS])
    book.save(kept)
    return kept.getvalue()


def _sent(session: Session, mine: Held, content: bytes, now: datetime) -> QuestionImport:
    made = importing.start(
        session, owner_id=mine.person_id, target=f"bank:{mine.bank.id}", content=content,
        file_name="题.xlsx", now=now,
    )  # fmt: skip
    session.commit()
    importing.run(db.database(), made.id, lambda _owner_id: NoPictures(), lambda: now)
    return importing.get(session, made.id, mine.person_id, f"bank:{mine.bank.id}")


def test_a_workbook_brings_point_and_difficulty_and_goes_out_again(
    session: Session, mine: Held, now: datetime
) -> None:
    """知识点 and 难度 come with the rows; near copies are left out; what is exported comes back."""
    row = {"选项A": "六十", "选项B": "九十", "答案": "B"}
    content = _workbook(
        [
            {"题干": "每年至少学习多少学时才算合格？", "知识点": "学时", "难度": "较难", **row},
            {"题干": "每年至少学习多少学时，才算合格", "知识点": "学时", "难度": "2", **row},
            {"题干": "电气设备着火时首先应做什么？", "知识点": "安全", "难度": "0.9", **row},
        ]
    )
    made = _sent(session, mine, content, now)
    told = bringing.alike(session, mine.bank.id, importing.reading_of(made), 200)
    assert list(told) == [1]
    assert taking.accept(session, made, everything=True, skip=True, propose=True, now=now) == 3
    session.commit()
    taking.run(db.database(), made.id, lambda: now)
    session.refresh(made)
    assert made.taking == {"skip": True, "propose": True, "added": 2, "skipped": 1}
    reviews = session.scalars(sa.select(BankReview)).all()
    assert [(each.number, each.state) for each in reviews] == [(1, QuestionState.PROPOSED)] * 2
    page = listing.page(session, mine.bank.id, listing.Filter(state=QuestionState.PROPOSED))
    assert [(each.point, each.difficulty) for each in page.questions] == [("安全", 1), ("学时", 4)]
    asked = bringing.questions(session, mine, listing.Filter(), 10)
    again = excel.read(excel.write(asked).content)
    assert [each.notes for each in again.found] == [
        {"知识点": "学时", "难度": "较难"}, {"知识点": "安全", "难度": "易"},
    ]  # fmt: skip


def test_many_questions_are_taken_by_a_job_once(
    session: Session,
    mine: Held,
    author: Person,
    sign_in: Callable[[Person], FlaskClient],
    monkeypatch: pytest.MonkeyPatch,
    now: datetime,
) -> None:
    """More than a request should do: the page says how far it is, a job that was lost or died is
    found, and however often it runs the questions are there once."""
    monkeypatch.setattr(jobs, "enqueue", lambda *_given: None)  # a doorbell that nobody hears
    rows = [
        {"题干": f"{chr(0x4E00 + 7 * n) * 9}第 {n} 问？", "选项A": "一", "选项B": "二", "答案": "A"}
        for n in range(taking.AT_ONCE + 1)
    ]
    made = _sent(session, mine, _workbook(rows), now)
    client, address = sign_in(author), f"/banks/{mine.bank.id}/imports/{made.id}"
    bank_id, import_id = mine.bank.id, made.id
    accepted = client.post(address, data={"skip": "1", "propose": "1"})
    assert (accepted.status_code, accepted.location) == (303, address)
    assert "正在导入题库" in client.get(address).text
    assert "HX-Refresh" not in client.get(f"{address}/progress").headers
    assert client.post(address, data={}).status_code == 409  # once
    count = sa.select(sa.func.count()).where(BankQuestion.bank_id == bank_id)
    assert session.scalar(count) == 0
    session.rollback()
    moment = clock.now()
    assert taking.stranded(session, moment) == [import_id]
    session.execute(
        sa.update(QuestionImport).values(state=ImportState.TAKING, claim="dead", beat_at=moment)
    )
    session.commit()
    taking.run(db.database(), import_id, lambda: moment)
    assert session.scalar(count) == 0  # another has it
    session.rollback()
    later = moment + importing.DEAD_AFTER + timedelta(seconds=1)
    for _ in range(2):
        taking.run(db.database(), import_id, lambda: later)
    assert session.scalar(count) == len(rows)
    session.rollback()
    assert client.get(f"{address}/progress").headers["HX-Refresh"] == "true"
    assert f"已导入 {len(rows)} 道题，跳过相似的 0 道" in client.get(address).text


def test_who_may_bring_nothing_any_more_is_told_and_nothing_is_there(
    session: Session, mine: Held, theirs: Held, other: Person, now: datetime
) -> None:
    """Between the decision and the job an editor was taken out; the file waits for another."""
    row = {"题干": "问？", "选项A": "一", "选项B": "二", "答案": "A"}
    made = _sent(session, theirs, _workbook([row]), now)
    taking.accept(session, made, everything=True, skip=True, propose=False, now=now)
    keeping.take_out(session, mine, other.id)
    session.commit()
    taking.run(db.database(), made.id, lambda: now)
    session.refresh(made)
    assert made.state == ImportState.READY
    assert made.failure == "您不能向这个题库添加题目"
    assert session.scalar(sa.select(sa.func.count()).select_from(BankQuestion)) == 0


def test_a_copy_in_a_paper_is_the_papers_own(
    session: Session, mine: Held, create_paper: Callable[..., Paper], now: datetime
) -> None:
    """Copied twice it stands there twice; what the bank does later changes nothing."""
    id = _add(session, mine, now, "题", passage="材料")
    paper = create_paper()
    for _ in range(2):
        writing.copy_to_paper(session, mine, [id], paper_id=paper.id, now=now)
    before = drafting.questions_of(paper)
    assert len({each["id"] for each in before}) == 2
    assert [each["text"] for each in paper.document["passages"]] == ["材料"]
    written = writing.checked({**before[0], "stem": "改"}, passage="材料")
    writing.edit(session, mine, id, written, 1, now)
    assert drafting.questions_of(paper) == before


def test_pages_follow_one_another_without_gap_or_double(
    session: Session, mine: Held, now: datetime
) -> None:
    """The newest first; each question stands on one page; the number is the filter's."""
    writing.add(
        session, mine, [writing.checked(single("", stem=f"题 {n}")) for n in range(120)], now
    )
    seen: list[int] = []
    wanted = listing.Filter()
    while True:
        page = listing.page(session, mine.bank.id, wanted)
        assert page.total == 120
        seen += [each.id for each in page.questions]
        if page.next is None:
            break
        wanted = listing.Filter(before=page.next)
    assert len(seen) == len(set(seen)) == 120
    assert seen == sorted(seen, reverse=True)


def test_a_near_copy_is_shown_before_it_is_saved(
    session: Session, sign_in: Callable[[Person], Any], author: Person, mine: Held, now: datetime
) -> None:
    """The form comes back with 相似; ticked 仍然保存 it is kept. A stranger finds no bank."""
    id = _add(session, mine, now, "一年至少多少学时才算合格？")
    session.commit()
    client = sign_in(author)
    form = {
        "kind": "single", "id": "", "stem": "一年至少多少学时，才算合格", "option-id": ["a", "b"],
        "option": ["六十", "九十"], "correct": "b", "points": "1", "difficulty": "3",
    }  # fmt: skip
    address = f"/banks/{mine.bank.id}/questions"
    shown = client.post(address, data=form)
    assert shown.status_code == 200
    assert f"和第 {id} 题相似" in shown.text
    assert client.post(address, data={**form, "anyway": "1"}).status_code == 303
    assert listing.page(session, mine.bank.id, listing.Filter()).total == 2


def test_refusals_leave_nothing(session: Session, mine: Held, theirs: Held, now: datetime) -> None:
    """Of several questions in one step, all or none."""
    ids = [_add(session, mine, now, f"题 {n}") for n in range(2)]
    writing.step(session, mine, ids[:1], QuestionStep.PROPOSE, now=now)
    session.commit()
    with pytest.raises(DomainError):
        writing.step(session, theirs, ids, QuestionStep.ACCEPT, now=now)
    session.rollback()
    assert session.get_one(BankQuestion, ids[0]).state == QuestionState.PROPOSED


def test_nobody_accepts_what_they_did_not_read(
    session: Session, bank: Bank, mine: Held, other: Person, sign_in: Any, now: datetime
) -> None:
    """Who reads a question while its author writes the next version decides on neither."""
    id = _add(session, mine, now, "原来的题")
    writing.step(session, mine, [id], QuestionStep.PROPOSE, now=now)
    session.commit()
    client = sign_in(other)
    assert 'name="number" value="1"' in client.get(f"/banks/{bank.id}/questions/{id}").text
    writing.edit(session, mine, id, writing.checked(single("", stem="别的题")), 1, now)
    writing.step(session, mine, [id], QuestionStep.PROPOSE, now=now)
    session.commit()
    sent = {"question": id, "one": "1", "step": "accept"}
    assert client.post(f"/banks/{bank.id}/steps", data=sent | {"number": "1"}).status_code == 409
    assert client.post(f"/banks/{bank.id}/steps", data=sent | {"number": "2"}).status_code == 303


def test_many_are_accepted_as_they_stood_on_the_page(
    session: Session, bank: Bank, mine: Held, other: Person, sign_in: Any, now: datetime
) -> None:
    """A version that came after, or a question of another page, is not: both are told."""
    ids = [_add(session, mine, now, f"题 {n}") for n in range(3)]
    writing.step(session, mine, ids, QuestionStep.PROPOSE, now=now)
    session.commit()
    client = sign_in(other)
    page = client.get(f"/banks/{bank.id}").text
    shown = re.findall(r'name="shown" value="([^"]+)"', page)
    assert sorted(shown) == [f"{id}:1" for id in ids]
    writing.edit(session, mine, ids[1], writing.checked(single("", stem="别的题")), 1, now)
    writing.step(session, mine, [ids[1]], QuestionStep.PROPOSE, now=now)
    session.commit()
    sent = {"all": "1", "step": "accept", "shown": [f"{ids[0]}:1", f"{ids[1]}:1", "x:1", "1:"]}
    after = client.post(f"/banks/{bank.id}/steps", data=sent, follow_redirects=True).text
    assert f"请看过之后再处理：{ids[1]}" in after
    assert "另有 1 道题不在本页上" in after
    session.expire_all()
    states = [session.get_one(BankQuestion, id).state for id in ids]
    assert states == [QuestionState.ACCEPTED, QuestionState.PROPOSED, QuestionState.PROPOSED]
    unseen = client.post(f"/banks/{bank.id}/steps", data={"step": "accept", "question": ids[2]})
    assert unseen.status_code == 422
    assert "只能通过本页上显示的题目" in unseen.text


def test_a_weird_step_is_no_failure(
    session: Session, bank: Bank, mine: Held, author: Person, sign_in: Any, now: datetime
) -> None:
    """A step with all of the filter that also names something which is no question."""
    _add(session, mine, now, "一题")
    session.commit()
    sent = {"all": "1", "one": "1", "question": "x", "step": "propose"}
    assert sign_in(author).post(f"/banks/{bank.id}/steps", data=sent).status_code == 303


def test_writing_and_deciding_cross_without_deadlock(own_engine: sa.Engine, now: datetime) -> None:
    """One takes a step with a question while its author writes on: one waits, none fails."""
    if own_engine.dialect.name == "sqlite":
        return  # one writer at a time anyway
    with Session(own_engine) as session:
        people = [
            Person(sign_in_name=name, password_hash="x", name=name, created_at=now)
            for name in ("zuozhe", "tongshi")
        ]
        session.add_all(people)
        session.flush()
        for person in people:
            accounts.grant(session, person, Role.AUTHOR)
        held = banked.bank(session, *people, now)
        (id,) = banked.add(session, held, banked.stems(1), now)
        bank_id, ids = held[0].bank.id, [person.id for person in people]
        session.commit()

    def edit() -> None:
        with Session(own_engine) as session:
            mine = keeping.get(session, bank_id, session.get_one(Person, ids[0]))
            written = writing.checked(single("", stem="改过的题"))
            writing.edit(session, mine, id, written, 1, now)
            session.commit()

    with Session(own_engine) as session, ThreadPoolExecutor(1) as pool:
        theirs = keeping.get(session, bank_id, session.get_one(Person, ids[1]))
        places.hold(session, bank_id)  # as a step begins
        writing_on = pool.submit(edit)
        wait_for_a_lock(own_engine)
        writing.step(session, theirs, [id], QuestionStep.RETIRE, now=now)
        session.commit()
        with pytest.raises(IllegalQuestionStep):
            writing_on.result(60)
