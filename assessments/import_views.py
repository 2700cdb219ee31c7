"""Questions into a paper and out of it, in the formats of ``exchange.formats``."""

from __future__ import annotations

from flask import Blueprint, Response, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from assessments import drafting, import_pages, importing
from assessments.exchange import excel
from assessments.exchange.base import Questions
from assessments.exchange.formats import FORMATS
from assessments.import_models import QuestionImport
from assessments.models import Paper
from assessments.tasks import pictures
from assessments.views import back
from zhixin import access, clock, db, spreadsheets
from zhixin.errors import DomainError, NotFound
from zhixin.people.models import Role
from zhixin.security import admits

blueprint = Blueprint("question_imports", __name__, url_prefix="/papers")


@blueprint.get("/<int:paper_id>/import")
@access.only(Role.AUTHOR)
def form(paper_id: int) -> ResponseReturnValue:
    """Where a file is chosen or text is pasted."""
    return import_pages.form(_to(_own(paper_id)))


@blueprint.post("/<int:paper_id>/import")
@access.only(Role.AUTHOR)
@admits(lambda settings: import_pages.MOST_BYTES + 64 * 1024)
def send(paper_id: int) -> ResponseReturnValue:
    """Keep the file and read it: a small one at once."""
    to, where = _to(_own(paper_id)), back()
    return import_pages.send(
        to,
        lambda id: url_for("question_imports.show", paper_id=paper_id, import_id=id, back=where),
    )


@blueprint.get("/<int:paper_id>/imports/<int:import_id>")
@access.only(Role.AUTHOR)
def show(paper_id: int, import_id: int) -> ResponseReturnValue:
    """How far the reading is; then what was understood."""
    return _show(_own(paper_id), _import(paper_id, import_id))


@blueprint.get("/<int:paper_id>/imports/<int:import_id>/progress")
@access.only(Role.AUTHOR)
def progress(paper_id: int, import_id: int) -> ResponseReturnValue:
    """The same for a page that asks again; tells it to load anew when it is done."""
    made = importing.get(db.session(), import_id, _author(), _target(_own(paper_id)), whole=False)
    return import_pages.progress(made, _progress(paper_id, import_id))


@blueprint.post("/<int:paper_id>/imports/<int:import_id>")
@access.only(Role.AUTHOR)
def take(paper_id: int, import_id: int) -> ResponseReturnValue:
    """Append the questions: all or none, or those that are sound."""
    made = _import(paper_id, import_id)
    everything = request.form.get("mode") != "good"
    try:
        count = importing.take(
            db.session(), made, paper_id=paper_id, everything=everything, now=clock.now()
        )
    except NotFound:
        raise
    except DomainError as error:
        return _show(_own(paper_id), made, refusal=_(error.message)), error.status
    flash(_("已导入 %(n)s 道题", n=count), "success")
    return redirect(url_for("assessments.paper", paper_id=paper_id, back=back()), 303)


@blueprint.get("/import-template.xlsx")
@access.only(Role.AUTHOR)
def template() -> ResponseReturnValue:
    """The workbook to fill in."""
    return download(excel.template(), spreadsheets.XLSX, "试题模板.xlsx")


@blueprint.get("/<int:paper_id>/export")
@access.only(Role.AUTHOR)
def export(paper_id: int) -> ResponseReturnValue:
    """The formats there are; with ``format``, what of the paper it cannot hold."""
    paper = _own(paper_id)
    chosen = FORMATS.get(request.args.get("format", ""))
    written = chosen.write(_questions(paper), pictures()(_author())) if chosen else None
    if chosen and written and (not written.problems or "anyway" in request.args):
        return download(
            written.content, chosen.media_type, f"{paper.document['title'][:60]}{chosen.suffix}"
        )
    return render_template(
        "assessments/export.html",
        paper=paper,
        formats=FORMATS.values(),
        chosen=chosen,
        problems=written.problems if written else (),
        back=back(),
    )


def _questions(paper: Paper) -> Questions:
    whole = drafting.Draft.from_document(paper.document)
    passages = {passage.id: passage.text for passage in whole.passages}
    return Questions(whole.title, whole.questions, passages)


def download(content: bytes, media_type: str, name: str) -> Response:
    """A file that nobody keeps on the way."""
    made = Response(content, mimetype=media_type)
    made.headers.set("Content-Disposition", "attachment", filename=name)
    made.headers["Cache-Control"] = "no-store"
    return made


def _author() -> int:
    return access.person().id


def _own(paper_id: int) -> Paper:
    return drafting.get(db.session(), paper_id, _author())


def _target(paper: Paper) -> str:
    return f"paper:{paper.id}"


def _to(paper: Paper) -> import_pages.Destination:
    where = back()
    return import_pages.Destination(
        target=_target(paper),
        title=paper.document["title"],
        home=url_for("assessments.paper", paper_id=paper.id, back=where),
        form=url_for("question_imports.form", paper_id=paper.id, back=where),
        button=_("导入试卷"),
        hidden={"back": where} if where else {},
    )


def _progress(paper_id: int, import_id: int) -> str:
    return url_for("question_imports.progress", paper_id=paper_id, import_id=import_id)


def _import(paper_id: int, import_id: int) -> QuestionImport:
    return importing.get(db.session(), import_id, _author(), _target(_own(paper_id)))


def _show(paper: Paper, made: QuestionImport, refusal: str = "") -> str:
    return import_pages.result(
        _to(paper),
        made,
        take=url_for("question_imports.take", paper_id=paper.id, import_id=made.id),
        progress_url=_progress(paper.id, made.id),
        refusal=refusal,
    )
