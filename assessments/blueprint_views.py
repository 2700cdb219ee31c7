"""The editor of a paper's blueprint: lines, what the bank holds for each, and a draw to look at."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from pydantic import ValidationError
from werkzeug.datastructures import MultiDict

from assessments import blueprinting, drafting
from assessments.banks import listing
from assessments.banks.drawing import NotEnough
from assessments.banks.models import Bank
from assessments.blueprints import MOST_LINES, Blueprint
from assessments.errors import PaperChanged
from assessments.forms import revision_from_form
from assessments.models import Paper
from assessments.papers import InvalidPaper, QuestionKind, said
from assessments.views import back, blueprint
from zhixin import access, clock, db
from zhixin.errors import DomainError, Invalid, NotFound
from zhixin.people.models import Role

FIELDS = ("count", "point", "kind", "low", "high", "points")
EMPTY_ROWS = 3
#: A point in a form: "" is any, "=" none, "=X" that one.
OF = "="


@dataclass(frozen=True, slots=True)
class FormRow:
    """One line as it stands in the form."""

    values: Mapping[str, str]
    held: int | None = None

    @property
    def short(self) -> bool:
        count = self.values["count"]
        return self.held is not None and count.isdecimal() and int(count) > self.held


@blueprint.get("/<int:paper_id>/blueprint", endpoint="blueprint")
@access.only(Role.AUTHOR)
def show(paper_id: int) -> ResponseReturnValue:
    """The lines, how many questions the bank holds for each, and with ``draw`` an example."""
    return _page(_own(paper_id))


@blueprint.post("/<int:paper_id>/blueprint", endpoint="save_blueprint")
@access.only(Role.AUTHOR)
def save(paper_id: int) -> ResponseReturnValue:
    """Keep the lines of the form; those without a number are left out, none: no blueprint."""
    form, session = request.form, db.session()
    try:
        made = _read(form)
        blueprinting.put(
            session, paper_id, access.person(), made, revision_from_form(form), clock.now()
        )
    except NotFound:
        raise
    except ValidationError as invalid:
        return _page(_own(paper_id), said(invalid), form), 422
    except DomainError as error:
        return _page(_own(paper_id), _problems(error), form), error.status
    flash(_("抽题规则已保存") if made else _("已改为不抽题"), "success")
    return redirect(url_for("assessments.blueprint", paper_id=paper_id, back=back()), 303)


def _own(paper_id: int) -> Paper:
    return drafting.get(db.session(), paper_id, access.person().id)


def _problems(error: DomainError) -> list[str]:
    if isinstance(error, InvalidPaper):
        return list(error.facts["problems"])
    if isinstance(error, PaperChanged):
        return [_("试卷已在别处修改。您填写的内容还在下面，核对后再次保存即可。")]
    return [_(error.message)]


def _page(
    paper: Paper, problems: Sequence[str] = (), sent: MultiDict[str, str] | None = None
) -> str:
    session, person = db.session(), access.person()
    document = drafting.Draft.from_document(paper.document)
    kept = document.blueprint
    banks = blueprinting.banks(session, paper, person)
    wanted = (sent or request.args).get("bank", kept.bank if kept else None, type=int)
    bank = next((each for each in banks if wanted in (None, each.id)), None)
    if bank is None and "bank" in request.args:
        raise NotFound("没有这个题库，或您不能使用它")
    usable = kept is not None and bank is not None and kept.bank == bank.id
    shortages = blueprinting.problems(session, paper) if usable and sent is None else []
    drawn = None
    if "draw" in request.args and usable and not shortages:
        try:
            seed = request.args["draw"][:32] or secrets.token_hex(4)
            whole = blueprinting.example(session, paper, seed)
            drawn = [each.public() | each.key() for each in whole.questions]
        except NotEnough as error:
            shortages = [error.message]
    return render_template(
        "assessments/blueprint.html",
        paper=paper,
        document=document,
        banks=banks,
        bank=bank,
        points=listing.points(session, bank.id) if bank else (),
        kinds=list(QuestionKind),
        rows=_rows(paper, bank, kept, sent),
        kept=kept if usable else None,
        problems=problems,
        shortages=shortages,
        drawn=drawn,
        next_draw=secrets.token_hex(4),
        back=back(),
    )


def _rows(
    paper: Paper, bank: Bank | None, kept: Blueprint | None, sent: MultiDict[str, str] | None
) -> list[FormRow]:
    blank = dict.fromkeys(FIELDS, "") | {"low": "1", "high": "5", "points": "1"}
    if sent is not None:
        columns = [sent.getlist(name) for name in FIELDS]
        made = [
            FormRow(dict(zip(FIELDS, row, strict=True))) for row in zip(*columns, strict=False)
        ][:MOST_LINES]
    elif kept is not None and bank is not None:
        same = kept.model_copy(update={"bank": bank.id})
        made = [
            FormRow(
                {
                    "count": str(row.line.count),
                    "point": "" if row.line.point is None else OF + row.line.point,
                    "kind": row.line.kind.value if row.line.kind else "",
                    "low": str(row.line.low),
                    "high": str(row.line.high),
                    "points": f"{row.line.points.normalize():f}",
                },
                row.held,
            )
            for row in blueprinting.rows(db.session(), paper, same)
        ]
    else:
        made = []
    empty = sum(not row.values["count"].strip() for row in made)
    room = min(max(0, EMPTY_ROWS - empty), MOST_LINES - len(made))
    return made + [FormRow(blank)] * room


def _read(form: MultiDict[str, str]) -> Blueprint | None:
    """The blueprint of the form.

    Raises:
        ValidationError: a line or the bank is unsound. Invalid: parts of lines are missing.
    """
    columns = [form.getlist(name) for name in FIELDS]
    if len({len(each) for each in columns}) > 1:
        raise Invalid("抽题规则的各行不完整，请刷新后再填")
    lines = [
        {
            "count": count.strip(),
            "point": point.removeprefix(OF) if point.startswith(OF) else None,
            "kind": kind or None,
            "low": low,
            "high": high,
            "points": points.strip() or "1",
        }
        for count, point, kind, low, high, points in zip(*columns, strict=True)
        if count.strip() not in ("", "0")
    ]
    if not lines:
        return None
    return Blueprint.model_validate({"bank": form.get("bank", ""), "lines": lines})
