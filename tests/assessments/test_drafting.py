"""Writing papers."""

from __future__ import annotations

import hashlib
import json

import pytest
import sqlalchemy as sa

from assessments import drafting
from assessments.models import Paper, PaperVersion
from assessments.papers import InvalidPaper
from zhixin.errors import Conflict, NotFound

SINGLE = {
    "id": "s",
    "kind": "single",
    "stem": "一年至少多少学时？",
    "options": [{"id": "a", "text": "六十"}, {"id": "b", "text": "九十"}],
    "correct": ["b"],
}
TRUE_FALSE = {"id": "t", "kind": "true_false", "stem": "对不对？", "correct": ["true"]}


def ids(paper):
    return [each["id"] for each in drafting.questions_of(paper)]


@pytest.fixture
def paper(create_paper):
    return create_paper(SINGLE)


@pytest.fixture
def add(session, author, now):
    return lambda paper, *added: [
        drafting.add_question(session, paper.id, author.id, each, now) for each in added
    ]


def test_a_new_paper_has_no_questions(session, author, now):
    """A draft may be empty; only publishing asks for questions."""
    paper = drafting.create(session, owner_id=author.id, title=" 结业测验 ", now=now)
    assert paper.document["title"] == "结业测验"
    assert ids(paper) == []
    with pytest.raises(InvalidPaper, match="题目应有"):
        drafting.freeze(session, paper.id, now)


def test_a_paper_is_its_owners(session, author, create_person, create_paper, now):
    """Somebody else's paper is not there: not to read, not to write."""
    paper, stranger = create_paper(SINGLE), create_person("bieren").id
    for act in (
        lambda: drafting.get(session, paper.id, stranger),
        lambda: drafting.save(session, paper.id, stranger, paper.document, paper.revision, now),
        lambda: drafting.add_question(session, paper.id, stranger, TRUE_FALSE, now),
        lambda: drafting.delete_question(session, paper.id, stranger, "s", now),
        lambda: drafting.get(session, 10**6, author.id),
        lambda: drafting.freeze(session, 10**6, now),
    ):
        with pytest.raises(NotFound):
            act()
    assert ids(paper) == ["s"]


def test_a_lost_update_is_refused(session, author, paper, now):
    """Who saves what they read before another's change is told, and nothing is overwritten."""
    seen = paper.revision
    drafting.save(session, paper.id, author.id, paper.document | {"title": "甲"}, seen, now)
    with pytest.raises(Conflict):
        drafting.save(session, paper.id, author.id, paper.document | {"title": "乙"}, seen, now)
    assert paper.document["title"] == "甲"


def test_the_same_document_sent_twice_is_saved_once(session, author, paper, now):
    """A double submit is no conflict."""
    seen, document = paper.revision, paper.document | {"title": "甲"}
    drafting.save(session, paper.id, author.id, document, seen, now)
    drafting.save(session, paper.id, author.id, document, seen, now)
    assert paper.revision == seen + 1


def test_an_unsound_document_is_refused_with_all_that_is_wrong(session, author, paper, now):
    """All problems at once, in words; the paper stays as it was."""
    bad = paper.document | {"title": "", "questions": [SINGLE | {"correct": []}]}
    with pytest.raises(InvalidPaper) as refused:
        drafting.save(session, paper.id, author.id, bad, paper.revision, now)
    assert len(refused.value.facts["problems"]) == 2
    assert ids(paper) == ["s"]


def test_a_question_is_added_once(session, author, paper, add, now):
    """The same question sent twice is added once; another under its id is refused."""
    add(paper, TRUE_FALSE, TRUE_FALSE)
    assert ids(paper) == ["s", "t"]
    with pytest.raises(Conflict):
        add(paper, TRUE_FALSE | {"stem": "另一题"})


def test_a_question_is_changed_where_it_stands(session, author, paper, add, now):
    """Changing keeps the place; with a stale revision it is refused."""
    add(paper, TRUE_FALSE)
    seen, changed = paper.revision, SINGLE | {"stem": "改过"}
    drafting.update_question(session, paper.id, author.id, changed, seen, now)
    assert [each["stem"] for each in drafting.questions_of(paper)] == ["改过", "对不对？"]
    other, gone = SINGLE | {"stem": "再改"}, SINGLE | {"id": "nope"}
    with pytest.raises(Conflict):
        drafting.update_question(session, paper.id, author.id, other, seen, now)
    with pytest.raises(NotFound):
        drafting.update_question(session, paper.id, author.id, gone, paper.revision, now)


@pytest.mark.parametrize(("to", "order"), [(0, "cab"), (1, "acb"), (2, "abc"), (99, "abc")])
def test_a_question_is_moved_to_a_place(session, author, create_paper, now, to, order):
    """Asked for twice, it moves once."""
    paper = create_paper(*(SINGLE | {"id": each} for each in "abc"))
    for _twice in range(2):
        drafting.move_question(session, paper.id, author.id, "c", to, now)
    assert ids(paper) == list(order)


def test_a_question_is_deleted(session, author, paper, add, now):
    """Deleting what is gone already is no error."""
    add(paper, TRUE_FALSE)
    for _twice in range(2):
        drafting.delete_question(session, paper.id, author.id, "s", now)
    assert ids(paper) == ["t"]


def test_freezing_names_the_content(session, paper, now):
    """A version's hash is that of its canonical JSON; the same content is the same version."""
    version = drafting.freeze(session, paper.id, now)
    assert version.sha256 == hashlib.sha256(version.document.encode()).hexdigest()
    assert drafting.freeze(session, paper.id, now).id == version.id
    assert drafting.load(version).to_document() == json.loads(version.document) == paper.document


def test_a_later_edit_makes_another_version(session, author, paper, add, now):
    """What was frozen stays as it is; going back to old content finds the old version."""
    first = drafting.freeze(session, paper.id, now)
    add(paper, TRUE_FALSE)
    second = drafting.freeze(session, paper.id, now)
    assert second.id != first.id
    assert len(drafting.load(first).questions) == 1
    drafting.delete_question(session, paper.id, author.id, "t", now)
    assert drafting.freeze(session, paper.id, now).id == first.id
    count = sa.select(sa.func.count()).select_from(PaperVersion)
    assert session.scalar(count.where(PaperVersion.paper_id == paper.id)) == 2


def test_facts_above_the_questions(session, author, paper, now):
    """Title and pass mark change without touching the questions."""
    drafting.describe(
        session, paper.id, author.id, {"title": "新题", "pass_mark": "0.8"}, paper.revision, now
    )
    session.commit()
    stored = session.get(Paper, paper.id, populate_existing=True)
    assert stored.document["pass_mark"] == "0.8"
    assert ids(stored) == ["s"]
