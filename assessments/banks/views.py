"""Pages of banks: the shelf, a bank with its filters, its settings, files in and out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Blueprint, current_app, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from assessments import import_pages, importing
from assessments.banks import bringing, keeping, listing, papers, taking, writing
from assessments.banks.keeping import Held
from assessments.banks.models import BankKind
from assessments.banks.states import QuestionState, QuestionStep
from assessments.exchange.base import MOST_QUESTIONS, Problem
from assessments.exchange.formats import FORMATS
from assessments.import_models import ImportState, QuestionImport
from assessments.import_views import download
from assessments.questions import QuestionKind
from assessments.tasks import pictures, take_questions
from zhixin import access, clock, db, jobs
from zhixin.errors import DomainError, Invalid, NotFound
from zhixin.people.models import Role
from zhixin.security import admits

blueprint = Blueprint("banks", __name__, url_prefix="/banks")

#: Who comes in at all; which banks are theirs is ``keeping``'s to say.
both = access.only(Role.AUTHOR, Role.REVIEWER)


def fields() -> Mapping[str, str]:
    """Names of the fields in force by code: whoever composes the application says so."""
    found: Mapping[str, str] = current_app.extensions.get("bank_fields", dict)()
    return found


def held(bank_id: int) -> Held:
    return keeping.get(db.session(), bank_id, access.person())


@blueprint.get("/")
@both
def index() -> ResponseReturnValue:
    """All banks that this person may read."""
    return _index()


@blueprint.post("/")
@access.only(Role.AUTHOR)
def create() -> ResponseReturnValue:
    """A new bank."""
    form = request.form
    try:
        bank = keeping.create(
            db.session(),
            owner_id=access.person().id,
            title=form.get("title", ""),
            kind=form.get("kind", ""),
            field_code=form.get("field_code", ""),
            fields=fields(),
            now=clock.now(),
        )
    except Invalid as invalid:
        return _index(problems=[_(invalid.message)], sent=form), invalid.status
    flash(_("题库已创建，可以添加或导入题目"), "success")
    return to_bank(bank.id)


@blueprint.get("/<int:bank_id>")
@both
def bank(bank_id: int) -> ResponseReturnValue:
    """A page of a bank's questions under a filter."""
    return bank_page(held(bank_id))


@blueprint.route("/<int:bank_id>/settings", methods=["GET", "POST"])
@access.only(Role.AUTHOR)
def settings(bank_id: int) -> ResponseReturnValue:
    """What the bank is called, its field, and who keeps it."""
    found = held(bank_id)
    if not found.keeps:
        raise NotFound
    if request.method == "GET":
        return _settings(found)
    form = request.form
    try:
        keeping.describe(
            db.session(),
            found,
            title=form.get("title", ""),
            kind=form.get("kind", ""),
            field_code=form.get("field_code", ""),
            fields=fields(),
        )
    except Invalid as invalid:
        return _settings(found, problems=[_(invalid.message)], sent=form), invalid.status
    flash(_("题库设置已保存"), "success")
    return to_bank(bank_id)


@blueprint.post("/<int:bank_id>/editors")
@access.only(Role.AUTHOR)
def let_in(bank_id: int) -> ResponseReturnValue:
    """Let another author keep the bank."""
    found = held(bank_id)
    try:
        keeping.let_in(db.session(), found, request.form.get("name", ""))
    except Invalid as invalid:
        return _settings(found, problems=[_(invalid.message)]), invalid.status
    return redirect(url_for("banks.settings", bank_id=bank_id), 303)


@blueprint.post("/<int:bank_id>/editors/<int:person_id>/remove")
@access.only(Role.AUTHOR)
def take_out(bank_id: int, person_id: int) -> ResponseReturnValue:
    """Take an editor out, or go."""
    keeping.take_out(db.session(), held(bank_id), person_id)
    return redirect(url_for("banks.index"), 303)


@blueprint.post("/<int:bank_id>/steps")
@both
def steps(bank_id: int) -> ResponseReturnValue:
    """Take a step with the chosen questions, or with all of the filter."""
    found, form = held(bank_id), request.form
    named = form.getlist("question", type=int)
    try:
        taken = QuestionStep(form.get("step", ""))
    except ValueError:
        raise NotFound from None
    try:
        if taken is QuestionStep.ACCEPT and "number" not in form:
            return _accept(found)
        count = writing.step(
            db.session(),
            found,
            _chosen(found),
            taken,
            reason=form.get("reason", ""),
            number=form.get("number", type=int),
            now=clock.now(),
        )
    except NotFound:
        raise
    except DomainError as error:
        db.session().rollback()
        return bank_page(held(bank_id), problems=[_(error.message)]), error.status
    flash(_("已处理 %(n)s 道题", n=count), "success")
    if len(named) == 1 and "one" in form:
        return to_question(bank_id, named[0])
    return to_bank(bank_id, listing.Filter.read(form).address)


def _accept(found: Held) -> ResponseReturnValue:
    """Accept the chosen questions, at the versions that stood on the page; the others are named."""
    chosen, shown = _chosen(found), _on_page()
    seen = {id: shown[id] for id in chosen if id in shown}
    if not seen:
        raise Invalid("只能通过本页上显示的题目，请刷新页面后再试")
    newer = writing.accept(db.session(), found, seen, clock.now())
    if count := len(seen) - len(newer):
        flash(_("已处理 %(n)s 道题", n=count), "success")
    if newer:
        ids = "、".join(map(str, newer))
        flash(_("这些题目已有新的版本，没有通过，请看过之后再处理：%(ids)s", ids=ids), "warning")
    if unseen := len(chosen) - len(seen):
        flash(_("另有 %(n)s 道题不在本页上，没有通过，请逐页查看后通过", n=unseen), "warning")
    return to_bank(found.bank.id, listing.Filter.read(request.form).address)


def _on_page() -> dict[int, int]:
    """The versions of the page's questions, by id, as the form carries them."""
    pairs = (each.partition(":") for each in request.form.getlist("shown"))
    return {
        int(id): int(number)
        for id, _colon, number in pairs
        if id.isdecimal() and number.isdecimal() and len(id) < 19 and len(number) < 10
    }


@blueprint.post("/<int:bank_id>/copy")
@access.only(Role.AUTHOR)
def copy(bank_id: int) -> ResponseReturnValue:
    """Copy the chosen questions into a paper of this person's."""
    found = held(bank_id)
    paper_id = request.form.get("paper", 0, type=int)
    try:
        count = writing.copy_to_paper(
            db.session(), found, _chosen(found), paper_id=paper_id, now=clock.now()
        )
    except NotFound:
        raise
    except DomainError as error:
        return bank_page(found, problems=[_(error.message)]), error.status
    flash(_("已把 %(n)s 道题复制到试卷", n=count), "success")
    return redirect(url_for("assessments.paper", paper_id=paper_id), 303)


@blueprint.get("/<int:bank_id>/export")
@both
def export(bank_id: int) -> ResponseReturnValue:
    """The formats there are; with ``format``, the questions of the filter as a file."""
    found, wanted = held(bank_id), listing.Filter.read(request.args)
    chosen, refusal = FORMATS.get(request.args.get("format", "")), ""
    problems: tuple[Problem, ...] = ()
    if chosen:
        try:
            asked = bringing.questions(db.session(), found, wanted, MOST_QUESTIONS)
        except Invalid as invalid:
            refusal = _(invalid.message)
        else:
            made = chosen.write(asked, pictures()(access.person().id))
            if not made.problems or "anyway" in request.args:
                name = f"{found.bank.title[:60]}{chosen.suffix}"
                return download(made.content, chosen.media_type, name)
            problems = made.problems
    page = render_template(
        "banks/export.html",
        held=found,
        formats=FORMATS.values(),
        chosen=chosen,
        problems=problems,
        refusal=refusal,
        wanted=wanted,
    )
    return page, 422 if refusal else 200


@blueprint.get("/<int:bank_id>/import")
@access.only(Role.AUTHOR)
def import_form(bank_id: int) -> ResponseReturnValue:
    """Where a file is chosen or text is pasted."""
    return import_pages.form(_to(_brings(bank_id)))


@blueprint.post("/<int:bank_id>/import")
@access.only(Role.AUTHOR)
@admits(lambda settings: import_pages.MOST_BYTES + 64 * 1024)
def send(bank_id: int) -> ResponseReturnValue:
    """Keep the file and read it: a small one at once."""
    to = _to(_brings(bank_id))
    return import_pages.send(
        to, lambda id: url_for("banks.show_import", bank_id=bank_id, import_id=id)
    )


@blueprint.get("/<int:bank_id>/imports/<int:import_id>")
@access.only(Role.AUTHOR)
def show_import(bank_id: int, import_id: int) -> ResponseReturnValue:
    """How far the reading is; then what was understood and what is alike."""
    found = _brings(bank_id)
    return _show(found, _import(found, import_id))


@blueprint.get("/<int:bank_id>/imports/<int:import_id>/progress")
@access.only(Role.AUTHOR)
def import_progress(bank_id: int, import_id: int) -> ResponseReturnValue:
    """The same for a page that asks again."""
    made = _import(_brings(bank_id), import_id, whole=False)
    return import_pages.progress(made, _progress(bank_id, import_id))


@blueprint.post("/<int:bank_id>/imports/<int:import_id>")
@access.only(Role.AUTHOR)
def take(bank_id: int, import_id: int) -> ResponseReturnValue:
    """Put the questions into the bank: all or none, or those that are sound; many by a job."""
    found, form, session = _brings(bank_id), request.form, db.session()
    made = _import(found, import_id)
    try:
        count = taking.accept(
            session,
            made,
            everything=form.get("mode") != "good",
            skip="skip" in form,
            propose="propose" in form,
            now=clock.now(),
        )
    except NotFound:
        raise
    except DomainError as error:
        return _show(found, made, refusal=_(error.message)), error.status
    if count <= taking.AT_ONCE:
        db.finish(keep=True)
        taking.run(db.database(), import_id, clock.now)
    else:
        jobs.enqueue(session, take_questions, import_id)
    return redirect(url_for("banks.show_import", bank_id=bank_id, import_id=import_id), 303)


def bank_page(found: Held, **facts: object) -> str:
    """A page of the bank; after a refusal under the same filter."""
    session, wanted = db.session(), listing.Filter.read(request.values)
    return render_template(
        "banks/bank.html",
        held=found,
        wanted=wanted,
        page=listing.page(session, found.bank.id, wanted),
        points=listing.points(session, found.bank.id),
        kinds=list(QuestionKind),
        states=list(QuestionState),
        levels=bringing.WORDS,
        field=_field_names().get(found.bank.field_code, found.bank.field_code),
        papers=papers.of_person(session, access.person().id) if found.brings else (),
        paper=request.values.get("paper", 0, type=int),
        **facts,
    )


def to_bank(bank_id: int, filter: Mapping[str, Any] | None = None) -> ResponseReturnValue:
    return redirect(url_for("banks.bank", bank_id=bank_id, **(filter or {})), 303)


def to_question(bank_id: int, question_id: int) -> ResponseReturnValue:
    return redirect(url_for("banks.question", bank_id=bank_id, question_id=question_id), 303)


def _field_names() -> Mapping[str, str]:
    found: Mapping[str, str] = current_app.extensions.get("bank_field_names", dict)()
    return found


def _index(**facts: object) -> str:
    session = db.session()
    number = request.args.get("page", 1, type=int)
    found = keeping.of_person(session, access.person(), number)
    return render_template(
        "banks/index.html",
        banks=found,
        counts=listing.counts(session, [each.id for each in found]),
        fields=fields(),
        names=_field_names(),
        kinds=list(BankKind),
        **facts,
    )


def _settings(found: Held, **facts: object) -> str:
    return render_template(
        "banks/settings.html",
        held=found,
        editors=keeping.editors(db.session(), found.bank),
        fields={found.bank.field_code: _field_names().get(found.bank.field_code, ""), **fields()},
        me=access.person().id,
        **facts,
    )


def _chosen(found: Held) -> list[int]:
    """The ids that were ticked, or all of the filter."""
    form = request.form
    if "all" in form:
        wanted = listing.Filter.read(form)
        return list(listing.ids(db.session(), found.bank.id, wanted, writing.MOST_AT_ONCE))
    chosen = form.getlist("question", type=int)
    if not chosen:
        raise Invalid("请先选择题目")
    return chosen


def _brings(bank_id: int) -> Held:
    found = held(bank_id)
    if not found.brings:
        raise NotFound
    return found


def _to(found: Held) -> import_pages.Destination:
    return import_pages.Destination(
        target=f"{taking.TARGET}{found.bank.id}",
        title=found.bank.title,
        home=url_for("banks.bank", bank_id=found.bank.id),
        form=url_for("banks.import_form", bank_id=found.bank.id),
        button=_("导入题库"),
        bank=True,
    )


def _import(found: Held, import_id: int, *, whole: bool = True) -> QuestionImport:
    target = f"{taking.TARGET}{found.bank.id}"
    return importing.get(db.session(), import_id, found.person_id, target, whole=whole)


def _progress(bank_id: int, import_id: int) -> str:
    return url_for("banks.import_progress", bank_id=bank_id, import_id=import_id)


def _show(found: Held, made: QuestionImport, refusal: str = "") -> str:
    told: Mapping[int, list[str]] = {}
    if made.state == ImportState.READY:
        reading = importing.reading_of(made)
        told = bringing.alike(db.session(), found.bank.id, reading, import_pages.SHOWN)
    return import_pages.result(
        _to(found),
        made,
        take=url_for("banks.take", bank_id=found.bank.id, import_id=made.id),
        progress_url=_progress(found.bank.id, made.id),
        alike=told,
        refusal=refusal,
    )


# It adds its routes.
from assessments.banks import question_views  # noqa: E402, F401
