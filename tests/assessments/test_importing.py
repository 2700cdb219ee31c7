"""Questions into a paper: shown first, then all or nothing, or the good ones; once."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from io import BytesIO

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from assessments import drafting, importing
from assessments.exchange import excel
from assessments.exchange.base import NoPictures
from assessments.import_models import ImportState, QuestionImport
from assessments.models import Paper
from zhixin import db
from zhixin.errors import Conflict, Invalid, NotFound
from zhixin.people.models import Person

PAGE = "1. 一加一？\nA. 二\nB. 三\n答案：A\n2. 没有答案\nA. 甲\nB. 乙\n"


def _read(
    session: Session, paper: Paper, content: bytes, now: datetime, name: str = ""
) -> QuestionImport:
    made = importing.start(
        session, owner_id=paper.owner_id, target=f"paper:{paper.id}", content=content, file_name=name, now=now
    )  # fmt: skip
    session.commit()
    importing.run(db.database(), made.id, lambda _owner_id: NoPictures(), lambda: now)
    return importing.get(session, made.id, paper.owner_id, f"paper:{paper.id}")


@pytest.fixture
def paper(create_paper: Callable[..., Paper], session: Session) -> Paper:
    made = create_paper()
    session.commit()
    return made


def test_nothing_or_all_or_the_good_ones(session: Session, paper: Paper, now: datetime) -> None:
    """With a fault, all means none; the good ones come behind those there are, once."""
    before = drafting.questions_of(paper)
    made = _read(session, paper, PAGE.encode(), now)
    assert made.state == ImportState.READY
    with pytest.raises(Invalid):
        importing.take(session, made, paper_id=paper.id, everything=True, now=now)
    session.rollback()
    assert drafting.questions_of(drafting.get(session, paper.id, paper.owner_id)) == before
    assert importing.take(session, made, paper_id=paper.id, everything=False, now=now) == 1
    session.commit()
    after = drafting.questions_of(drafting.get(session, paper.id, paper.owner_id))
    assert after[: len(before)] == before
    assert [each["stem"] for each in after[len(before) :]] == ["一加一？"]
    again = importing.get(session, made.id, paper.owner_id, f"paper:{paper.id}")
    with pytest.raises(Conflict):
        importing.take(session, again, paper_id=paper.id, everything=False, now=now)
    session.rollback()
    assert drafting.questions_of(drafting.get(session, paper.id, paper.owner_id)) == after


def test_a_paper_that_would_be_too_long_takes_nothing(
    session: Session, paper: Paper, now: datetime
) -> None:
    """A paper has at most 500 questions; the refusal changes nothing."""
    page = "".join(f"{n}. 问{n}\n答案：正确\n" for n in range(1, 502))
    made = _read(session, paper, page.encode(), now)
    with pytest.raises(Invalid, match="500"):
        importing.take(session, made, paper_id=paper.id, everything=True, now=now)
    session.rollback()
    assert made.state == ImportState.READY


def test_a_dead_reader_is_found_and_a_file_that_kills_is_given_up(
    session: Session, paper: Paper, now: datetime
) -> None:
    """The row is the truth: whoever reads tells that it lives; thrice dead is enough."""
    made = importing.start(
        session, owner_id=paper.owner_id, target=f"paper:{paper.id}", content=PAGE.encode(), file_name="", now=now
    )  # fmt: skip
    made.state, made.claim, made.tries = ImportState.READING, "dead", importing.MOST_TRIES
    session.commit()
    assert made.id not in importing.stranded(session, now)
    later = now + importing.DEAD_AFTER + timedelta(seconds=1)
    assert made.id in importing.stranded(session, later)
    session.rollback()
    importing.run(db.database(), made.id, lambda _owner_id: NoPictures(), lambda: later)
    session.refresh(made)
    assert made.state == ImportState.FAILED
    assert made.failure


def test_a_damaged_file_fails_in_words(session: Session, paper: Paper, now: datetime) -> None:
    """A workbook that is none is told so; the file is not kept."""
    made = _read(session, paper, b"\xd0\xcf\x11\xe0" + b"\0" * 2000, now, "题.xls")
    assert made.state == ImportState.FAILED
    assert "损坏" in str(made.failure)
    assert (
        session.scalar(sa.select(QuestionImport.content).where(QuestionImport.id == made.id))
        is None
    )


def test_what_nobody_took_is_forgotten(session: Session, paper: Paper, now: datetime) -> None:
    """Files hold keys: they do not stay."""
    made = _read(session, paper, PAGE.encode(), now)
    importing.forget(session, now + importing.FORGOTTEN_AFTER + timedelta(seconds=1))
    session.commit()
    session.expunge_all()
    with pytest.raises(NotFound):
        importing.get(session, made.id, paper.owner_id, f"paper:{paper.id}")


def test_an_author_waits_for_files_to_be_read(
    session: Session, paper: Paper, now: datetime
) -> None:
    """Nobody fills the queue."""
    for _ in range(importing.MOST_WAITING):
        importing.start(
            session, owner_id=paper.owner_id, target="x", content=b"1. a", file_name="", now=now
        )
    with pytest.raises(importing.TooManyImports):
        importing.start(
            session, owner_id=paper.owner_id, target="x", content=b"1. a", file_name="", now=now
        )
    session.rollback()


def test_the_page_shows_places_and_imports(
    session: Session, paper: Paper, author: Person, sign_in: Callable[[Person], object]
) -> None:
    """Upload, look, decide: and the Excel template is one that may be sent."""
    browser = sign_in(author)
    address = f"/papers/{paper.id}/import"
    sent = browser.post(address, data={"text": PAGE})  # type: ignore[attr-defined]
    assert sent.status_code == 303
    page = browser.get(sent.location).get_data(as_text=True)  # type: ignore[attr-defined]
    assert "第 5 行" in page
    assert "一加一？" in page
    refused = browser.post(sent.location, data={"mode": "all"})  # type: ignore[attr-defined]
    assert refused.status_code == 422
    template = browser.get("/papers/import-template.xlsx").data  # type: ignore[attr-defined]
    sent = browser.post(address, data={"file": (BytesIO(template), "模板.xlsx")})  # type: ignore[attr-defined]
    page = browser.get(sent.location).get_data(as_text=True)  # type: ignore[attr-defined]
    assert f"识别出 {len(excel.read(template).found)} 道题" in page
    taken = browser.post(sent.location, data={})  # type: ignore[attr-defined]
    assert taken.status_code == 303
    shown = browser.get(f"/papers/{paper.id}/export?format=aiken").get_data(as_text=True)  # type: ignore[attr-defined]
    assert "Aiken 不能写入多选题" in shown
    file = browser.get(f"/papers/{paper.id}/export?format=excel")  # type: ignore[attr-defined]
    assert len(excel.read(file.data).found) >= 10
