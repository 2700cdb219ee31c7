"""Pages of one question of a bank: its form, its versions, and what is like it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from pydantic import ValidationError

from assessments.banks import bringing, copies, writing
from assessments.banks.keeping import Held
from assessments.banks.models import BankQuestion
from assessments.banks.states import STEPS, QuestionStep
from assessments.banks.views import blueprint, both, held, to_question
from assessments.errors import PaperChanged
from assessments.forms import QuestionForm, kind_of
from assessments.papers import InvalidPaper, Question, QuestionKind, said
from zhixin import access, clock, db
from zhixin.errors import DomainError, NotFound
from zhixin.people.models import Role


@blueprint.get("/<int:bank_id>/questions/new")
@access.only(Role.AUTHOR)
def new_question(bank_id: int) -> ResponseReturnValue:
    """An empty form for a question of ``kind``."""
    kind = kind_of(request.args.get("kind", QuestionKind.SINGLE))
    return _form(_brings(bank_id), QuestionForm.blank(kind, 0), None)


@blueprint.post("/<int:bank_id>/questions")
@access.only(Role.AUTHOR)
def add_question(bank_id: int) -> ResponseReturnValue:
    """Put the question of the form into the bank, after showing what is like it."""
    return _save(_brings(bank_id), None)


@blueprint.get("/<int:bank_id>/questions/<int:question_id>")
@both
def question(bank_id: int, question_id: int) -> ResponseReturnValue:
    """A question with its key, its versions, what was decided, and what is like it."""
    session, found = db.session(), held(bank_id)
    asked = writing.get(session, found, question_id)
    versions = writing.versions(session, asked)
    number = request.args.get("version", asked.newest_number, type=int)
    version = next((each for each in versions if each.number == number), None)
    if version is None:
        raise NotFound
    kept = writing.document(version)
    shown = Question.model_validate(kept["question"])
    return render_template(
        "banks/question.html",
        held=found,
        asked=asked,
        version=version,
        versions=versions,
        reviews=writing.reviews(session, asked),
        question=shown.public() | shown.key(),
        passage=kept.get("passage"),
        alike=copies.of(session, bank_id, kept["question"], but=question_id),
        may=_steps(found, asked),
        levels=bringing.WORDS,
    )


@blueprint.route("/<int:bank_id>/questions/<int:question_id>/edit", methods=["GET", "POST"])
@access.only(Role.AUTHOR)
def edit_question(bank_id: int, question_id: int) -> ResponseReturnValue:
    """Write a question's next version."""
    session, found = db.session(), held(bank_id)
    asked = writing.get(session, found, question_id)
    if not found.may_edit(asked):
        raise NotFound
    if request.method == "POST":
        return _save(found, asked)
    version = writing.version(session, asked)
    kept = writing.document(version)
    form = replace(QuestionForm.of(kept["question"], asked.newest_number), passage="")
    facts = {"point": version.point, "difficulty": version.difficulty}
    return _form(found, form, asked, material=kept.get("passage") or "", **facts)


def _save(found: Held, asked: BankQuestion | None) -> ResponseReturnValue:
    session, sent = db.session(), request.form
    kind = QuestionKind(asked.kind) if asked else kind_of(sent.get("kind", ""))
    id = sent.get("id", "")
    if asked:
        id = writing.document(writing.version(session, asked))["question"]["id"]
    form = QuestionForm.read(sent, kind, id)
    typed: dict[str, Any] = {
        "point": sent.get("point", ""),
        "difficulty": sent.get("difficulty", 3, type=int),
        "material": sent.get("material", "").replace("\r\n", "\n"),
    }
    if "more" in sent:
        return _form(found, form.with_more_rows(), asked, **typed)
    if "preview" in sent:
        try:
            shown = Question.model_validate(form.document())
        except ValidationError as invalid:
            return _form(found, form, asked, missing=said(invalid), **typed)
        return _form(found, form, asked, shown=shown.public(), **typed)
    try:
        written = writing.checked(
            form.document(),
            point=typed["point"],
            difficulty=typed["difficulty"],
            passage=typed["material"].strip() or None,
        )
        but = asked.id if asked else None
        like = copies.of(session, found.bank.id, written.question, but=but)
        if like and "anyway" not in sent:
            return _form(found, form, asked, alike=like, **typed)
        if asked is None:
            (question_id,) = writing.add(session, found, [written], clock.now())
        else:
            question_id = asked.id
            writing.edit(session, found, question_id, written, form.revision, clock.now())
        if "propose" in sent:
            writing.step(session, found, [question_id], QuestionStep.PROPOSE, now=clock.now())
    except NotFound:
        raise
    except DomainError as error:
        return _form(found, form, asked, problems=_problems(error), **typed), error.status
    flash(_("题目已保存"), "success")
    if "another" in sent:
        address = url_for(
            "banks.new_question", bank_id=found.bank.id, kind=kind.value, point=written.point
        )
        return redirect(address, 303)
    return to_question(found.bank.id, question_id)


def _problems(error: DomainError) -> list[str]:
    if isinstance(error, InvalidPaper):
        return [
            each.removeprefix("题目第 1 项：").removeprefix("题目第 1 项")
            for each in error.facts["problems"]
        ]
    if isinstance(error, PaperChanged):
        return [_("题目已在别处修改。您填写的内容还在下面，核对后再次保存即可。")]
    return [_(error.message)]


def _form(found: Held, form: QuestionForm, asked: BankQuestion | None, **facts: object) -> str:
    bank_id = found.bank.id
    facts = {"point": request.args.get("point", ""), "difficulty": 3, "material": ""} | facts
    return render_template(
        "banks/form.html",
        form=form,
        new=asked is None,
        revision=asked.newest_number if asked else 0,
        home_title=found.bank.title,
        home_url=url_for("banks.question", bank_id=bank_id, question_id=asked.id)
        if asked
        else url_for("banks.bank", bank_id=bank_id),
        action=url_for("banks.edit_question", bank_id=bank_id, question_id=asked.id)
        if asked
        else url_for("banks.add_question", bank_id=bank_id),
        passages=(),
        back=None,
        bank_id=bank_id,
        levels=bringing.WORDS,
        **facts,
    )


def _steps(found: Held, asked: BankQuestion) -> list[QuestionStep]:
    """What this person may do with the question now."""
    return [
        step
        for state, step in STEPS
        if state == asked.state
        and (found.may_review(asked) if step in writing.REVIEWERS else found.may_edit(asked))
    ]


def _brings(bank_id: int) -> Held:
    found = held(bank_id)
    if not found.brings:
        raise NotFound
    return found
