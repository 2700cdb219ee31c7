"""The paper editor, for a paper's author. Plain forms; each names what it changes."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from pydantic import ValidationError

from assessments import drafting
from assessments.errors import PaperChanged
from assessments.forms import QuestionForm, kind_of, percent, revision_from_form, whole
from assessments.models import Paper
from assessments.papers import InvalidPaper, Question, QuestionKind, said
from zhixin import access, clock, db
from zhixin.errors import DomainError, NotFound
from zhixin.people.models import Role

blueprint = Blueprint("assessments", __name__, url_prefix="/papers")

#: Where a finding is: of no use beside the form of that one question.
_WHERE = re.compile(r"^题目第 \d+ 项：?")


@blueprint.get("/<int:paper_id>")
@access.only(Role.AUTHOR)
def paper(paper_id: int) -> ResponseReturnValue:
    """The paper's title, rules and questions."""
    return _paper_page(_own(paper_id))


@blueprint.post("/<int:paper_id>")
@access.only(Role.AUTHOR)
def describe(paper_id: int) -> ResponseReturnValue:
    """Change the title, the pass mark and how multiple choices count."""
    form = request.form
    try:
        facts = {
            "title": form.get("title", ""),
            "pass_mark": percent(form.get("pass_mark", "")),
            "marking": form.get("marking", ""),
            "time_limit_minutes": whole(form.get("time_limit_minutes", ""), "答题时限", 1_440),
            "cooldown_minutes": whole(form.get("cooldown_minutes", ""), "作答间隔", 43_200),
            "attempts": whole(form.get("attempts", ""), "作答次数", 1_000),
            "double_marking": percent(form["double_marking"], _("双评允许的分差"))
            if form.get("double_marking")
            else None,
        }
        drafting.describe(
            db.session(), paper_id, _author(), facts, revision_from_form(form), clock.now()
        )
    except NotFound:
        raise
    except DomainError as error:
        return _paper_page(_own(paper_id), problems=_problems(error), sent=form), error.status
    flash(_("试卷设置已保存"), "success")
    return _to_paper(paper_id)


@blueprint.get("/<int:paper_id>/questions/new")
@access.only(Role.AUTHOR)
def new_question(paper_id: int) -> ResponseReturnValue:
    """An empty form for a question of ``kind``."""
    paper = _own(paper_id)
    kind = kind_of(request.args.get("kind", QuestionKind.SINGLE))
    return _question_page(paper, QuestionForm.blank(kind, paper.revision), new=True)


@blueprint.post("/<int:paper_id>/questions")
@access.only(Role.AUTHOR)
def add_question(paper_id: int) -> ResponseReturnValue:
    """Append the question of the form."""
    sent = request.form
    form = QuestionForm.read(sent, kind_of(sent.get("kind", "")), sent.get("id", ""))
    if "more" in sent:
        return _question_page(_own(paper_id), form.with_more_rows(), new=True)
    if "preview" in sent:
        return _preview_page(_own(paper_id), form, new=True)
    try:
        drafting.add_question(db.session(), paper_id, _author(), form.document(), clock.now())
    except NotFound:
        raise
    except DomainError as error:
        page = _question_page(_own(paper_id), form, new=True, problems=_problems(error))
        return page, error.status
    flash(_("题目已添加"), "success")
    if "another" in sent:
        return _to("new_question", paper_id, kind=form.kind.value)
    return _to_paper(paper_id, form.id)


@blueprint.get("/<int:paper_id>/questions/<question_id>")
@access.only(Role.AUTHOR)
def question(paper_id: int, question_id: str) -> ResponseReturnValue:
    """The form of one question."""
    paper = _own(paper_id)
    document = drafting.question_of(paper, question_id)
    return _question_page(paper, QuestionForm.of(document, paper.revision), new=False)


@blueprint.post("/<int:paper_id>/questions/<question_id>")
@access.only(Role.AUTHOR)
def update_question(paper_id: int, question_id: str) -> ResponseReturnValue:
    """Replace a question by the form's."""
    sent = request.form
    form = QuestionForm.read(sent, kind_of(sent.get("kind", "")), question_id)
    if "more" in sent:
        return _question_page(_own(paper_id), form.with_more_rows(), new=False)
    if "preview" in sent:
        return _preview_page(_own(paper_id), form, new=False)
    try:
        drafting.update_question(
            db.session(), paper_id, _author(), form.document(), form.revision, clock.now()
        )
    except NotFound:
        raise
    except DomainError as error:
        page = _question_page(_own(paper_id), form, new=False, problems=_problems(error))
        return page, error.status
    flash(_("题目已保存"), "success")
    return _to_paper(paper_id, question_id)


@blueprint.post("/<int:paper_id>/passages/<passage_id>")
@access.only(Role.AUTHOR)
def put_passage(paper_id: int, passage_id: str) -> ResponseReturnValue:
    """Write a text or case that several questions ask about; without text it goes."""
    form = request.form
    try:
        drafting.put_passage(
            db.session(),
            paper_id,
            _author(),
            passage_id,
            form.get("text", "").replace("\r\n", "\n"),
            revision_from_form(form),
            clock.now(),
        )
    except NotFound:
        raise
    except DomainError as error:
        return _paper_page(_own(paper_id), problems=_problems(error), written=form), error.status
    flash(_("材料已保存"), "success")
    return _to("paper", paper_id, _anchor="passages")


@blueprint.post("/<int:paper_id>/questions/<question_id>/move")
@access.only(Role.AUTHOR)
def move_question(paper_id: int, question_id: str) -> ResponseReturnValue:
    """Put a question at place ``to``, counted from 0."""
    to = request.form.get("to", 0, type=int)
    drafting.move_question(db.session(), paper_id, _author(), question_id, to, clock.now())
    return _to_paper(paper_id, question_id)


@blueprint.post("/<int:paper_id>/questions/<question_id>/delete")
@access.only(Role.AUTHOR)
def delete_question(paper_id: int, question_id: str) -> ResponseReturnValue:
    """Take a question out."""
    drafting.delete_question(db.session(), paper_id, _author(), question_id, clock.now())
    flash(_("题目已删除"), "success")
    return _to_paper(paper_id)


def back() -> str | None:
    """The page to return to: the ``back`` parameter if it is a path on this site."""
    path = request.values.get("back", "")
    if not path.startswith("/") or re.search(r"[\\\s\x00-\x1f]", path):
        return None
    parts = urlsplit(path)
    return None if parts.scheme or parts.netloc or path.startswith("//") else path


def _author() -> int:
    return access.person().id


def _own(paper_id: int) -> Paper:
    return drafting.get(db.session(), paper_id, _author())


def _problems(error: DomainError) -> list[str]:
    if isinstance(error, InvalidPaper):
        return [_WHERE.sub("", problem) for problem in error.facts["problems"]]
    if isinstance(error, PaperChanged):
        return [_("试卷已在别处修改。您填写的内容还在下面，核对后再次保存即可。")]
    return [_(error.message)]


def _preview_page(paper: Paper, form: QuestionForm, *, new: bool) -> str:
    """The form again, with the question as learners will see it or what is still missing."""
    try:
        asked = Question.model_validate(form.document())
    except ValidationError as invalid:
        return _question_page(paper, form, new=new, missing=said(invalid))
    return _question_page(paper, form, new=new, shown=asked.public())


def _paper_page(paper: Paper, **facts: object) -> str:
    questions = [each.public() | each.key() for each in drafting.written(paper)]
    return render_template(
        "assessments/paper.html",
        paper=paper,
        document=paper.document,
        questions=questions,
        whole=drafting.Draft.from_document(paper.document),
        kinds=list(QuestionKind),
        passage_id=drafting.question_id(),
        back=back(),
        **facts,
    )


def _question_page(paper: Paper, form: QuestionForm, *, new: bool, **facts: object) -> str:
    return render_template(
        "assessments/question.html",
        form=form,
        new=new,
        revision=paper.revision,
        home_title=paper.document["title"],
        home_url=url_for("assessments.paper", paper_id=paper.id, back=back()),
        action=url_for("assessments.add_question", paper_id=paper.id)
        if new
        else url_for("assessments.update_question", paper_id=paper.id, question_id=form.id),
        passages=paper.document.get("passages", []),
        back=back(),
        **facts,
    )


def _to_paper(paper_id: int, question_id: str | None = None) -> ResponseReturnValue:
    return _to("paper", paper_id, _anchor=question_id and f"question-{question_id}")


def _to(endpoint: str, paper_id: int, **values: Any) -> ResponseReturnValue:
    url = url_for(f"assessments.{endpoint}", paper_id=paper_id, back=back(), **values)
    return redirect(url, 303)
