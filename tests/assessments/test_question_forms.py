"""Every kind of question as the plain form that its author fills in, and as a learner sees it."""

from __future__ import annotations

from decimal import Decimal
from html.parser import HTMLParser

import pytest
from flask import render_template
from werkzeug.datastructures import MultiDict

from assessments import attempts, drafting, part_forms
from assessments.forms import QuestionForm, answers_from_form
from assessments.models import Paper
from assessments.papers import Question, QuestionKind
from tests.assessments import kinds


class Controls(HTMLParser):
    """What a browser would send of a page's named controls."""

    TYPED = (None, "text", "hidden")

    def __init__(self, page: str):
        super().__init__()
        self.sent: list[tuple[str, str]] = []
        self._select: str | None = None
        self._text: str | None = None
        self._chosen = ""
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        facts = dict(attrs)
        name = facts.get("name")
        if tag == "textarea":
            self._text, self._chosen = name, ""
        elif tag == "select":
            self._select, self._chosen = name, None
        elif tag == "option" and self._select:
            if self._chosen is None or "selected" in facts:
                self._chosen = facts.get("value", "")
        elif tag == "input" and name and (facts.get("type") in self.TYPED or "checked" in facts):
            self.sent.append((name, facts.get("value", "") or ""))

    def handle_data(self, data):
        if self._text:
            self._chosen += data

    def handle_endtag(self, tag):
        if tag in ("textarea", "select") and (self._text or self._select):
            self.sent.append((self._text or self._select, self._chosen))
            self._text = self._select = None


def document_of(kind, **changes):
    return Question.model_validate(kinds.of_kind(kind, **changes)).model_dump(mode="json")


@pytest.mark.parametrize("kind", kinds.KINDS)
def test_a_form_sent_back_unchanged_is_the_same_question(
    sign_in, author, session, create_paper, kind
):
    """Read, shown, sent by a browser without JavaScript and stored: nothing is lost on the way."""
    paper = create_paper(document_of(kind))
    client = sign_in(author)
    page = client.get(f"/papers/{paper.id}/questions/{kind}").text
    form = page[page.index('<form class="form" data-question-form') :].split("</form>")[0]
    sent = MultiDict(Controls(form).sent)
    answer = client.post(f"/papers/{paper.id}/questions/{kind}", data=sent)
    assert answer.status_code == 303
    stored = session.get(Paper, paper.id, populate_existing=True)
    assert drafting.questions_of(stored) == [document_of(kind)]
    assert kind in client.get(f"/papers/{paper.id}").text


@pytest.mark.parametrize("kind", list(QuestionKind))
def test_a_new_form_of_every_kind_can_be_shown_and_previewed(sign_in, author, create_paper, kind):
    """An empty form is no fault: the preview says what is missing."""
    paper = create_paper(document_of("single"))
    client = sign_in(author)
    page = client.get(f"/papers/{paper.id}/questions/new?kind={kind}").text
    form = page[page.index('<form class="form" data-question-form') :].split("</form>")[0]
    sent = MultiDict([*Controls(form).sent, ("preview", "1")])
    preview = client.post(f"/papers/{paper.id}/questions", data=sent)
    assert preview.status_code == 200
    assert 'data-pictures="/api/v1/pictures"' in page, "there is a way to send a picture"
    assert "题干" in preview.text.split("data-question-preview")[1]


def test_the_preview_shows_what_learners_see(sign_in, author, create_paper):
    """Formulas, code and pictures are rendered, the key is not there."""
    paper = create_paper(document_of("single"))
    stem = "求 $x^2$ ![电路](picture:" + kinds.PICTURE + ") `code` {{1}} {{2}}"
    form = QuestionForm.of(document_of("blanks", stem=stem), paper.revision)
    sent = MultiDict(
        [("kind", "blanks"), ("id", "n"), ("stem", stem), ("points", "1"), ("preview", "1")]
        + [(column, row[column]) for row in form.parts for column in row]
    )
    page = sign_in(author).post(f"/papers/{paper.id}/questions", data=sent).text
    shown = page.split("data-question-preview")[1]
    assert '<span class="math inline">x^2</span>' in shown
    assert f'<img src="/pictures/{kinds.PICTURE}" alt="电路"' in shown
    assert shown.count('name="q-n"') == 2
    assert "燕京" not in shown


@pytest.mark.parametrize(
    ("row", "gap"),
    [
        (
            {"gap-kind": "number", "gap-text": "2", "gap-tolerance": "5%", "gap-units": "m；cm=0.01"},
            {"kind": "number", "value": "2", "tolerance": "0.05", "relative": True,
             "units": [{"name": "m", "factor": "1"}, {"name": "cm", "factor": "0.01"}]},
        ),
        (
            {"gap-kind": "text", "gap-text": "甲\n 乙 \n\n", "gap-compare": "case"},
            {"kind": "text", "accepted": ["甲", "乙"], "case_matters": True, "ignore_spaces": False},
        ),
        (
            {"gap-kind": "choice", "gap-text": "知\n*学"},
            {"kind": "choice", "correct": "1",
             "options": [{"id": "0", "text": "知"}, {"id": "1", "text": "学"}]},
        ),
    ],
)  # fmt: skip
def test_a_gap_as_it_is_typed(row, gap):
    empty = dict.fromkeys(part_forms.COLUMNS[QuestionKind.CLOZE], "")
    made = part_forms.document(QuestionKind.CLOZE, [empty | row, empty], {})
    assert made["gaps"] == [gap]


def test_a_passage_is_written_and_taken_away(sign_in, author, session, create_paper):
    """Its questions stay when it goes."""
    paper = create_paper(document_of("single"))
    client = sign_in(author)
    at = f"/papers/{paper.id}/passages/p1"
    assert client.post(at, data={"text": "一段材料", "revision": paper.revision}).status_code == 303
    stored = session.get(Paper, paper.id, populate_existing=True)
    asked = [{**drafting.questions_of(stored)[0], "passage": "p1"}]
    document = stored.document | {"questions": asked}
    drafting.save(session, paper.id, author.id, document, stored.revision, stored.updated_at)
    session.commit()
    assert "一段材料" in client.get(f"/papers/{paper.id}").text
    assert client.post(at, data={"text": " ", "revision": stored.revision}).status_code == 303
    stored = session.get(Paper, paper.id, populate_existing=True)
    assert "passages" not in stored.document
    assert drafting.questions_of(stored) == [document_of("single")]
    assert client.post(at, data={"text": "旧", "revision": 0}).status_code == 409


@pytest.fixture
def opened(session, create_person, create_version, now):
    """An attempt at a paper with one question of every kind, and its learner."""
    learner = create_person("xueyuan")
    questions = [document_of(kind, passage="p") for kind in kinds.KINDS]
    version = create_version(*questions, passages=[{"id": "p", "text": "共同的材料"}])
    attempt = attempts.open(
        session, person_id=learner.id, scope="version:1", paper_version_id=version.id,
        pass_mark=Decimal("0.6"), attempts_allowed=None, now=now,
    )  # fmt: skip
    return attempt, version


def test_a_sheet_survives_the_page(app, session, opened):
    """What was saved stands in the page's fields, and what these send is the same sheet."""
    attempt, version = opened
    right = {}
    for question in drafting.load(version).questions:
        right[question.id] = list(getattr(question, "correct", ()))
    gap = drafting.load(version).questions[4].gaps[0]
    right |= {
        "blanks": ["京", ""], "cloze": [gap.correct, "为"], "hotspot": ["100,120"],
        "short": ["一\n二"], "essay": ["三 < 四"],
    }  # fmt: skip
    with app.test_request_context():
        view = attempts.view(session, attempt) | {"answers": right}
        page = render_template("assessments/_attempt.html", attempt=view, autosave_url="/x")
        empty = render_template("assessments/_attempt.html", attempt=view | {"answers": {}})
    sent = answers_from_form(MultiDict(Controls(page).sent))
    assert sent | {"multiple": sorted(sent["multiple"])} == right
    assert not any(answers_from_form(MultiDict(Controls(empty).sent)).values())
    assert page.count("共同的材料") == 1
    for secret in ("秘密", "燕京", "101.325", "0.001", 'r="50"', "correct", "rubric"):
        assert secret not in page
