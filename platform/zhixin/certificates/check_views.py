"""What strangers and judges of papers see: one certificate by its code, many by a table."""

from __future__ import annotations

import csv
import io

from flask import Response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from zhixin import access, clock, db, rates, spreadsheets
from zhixin.certificates import batch, verification
from zhixin.certificates.views import blueprint
from zhixin.errors import DomainError
from zhixin.people.sign_ins import network


def spend_look_up() -> None:
    """Count a look-up by code for the asker's network."""
    rates.spend(batch.LOOK_UPS, network(request.remote_addr or ""))


@blueprint.get("/verify")
@access.public
def verify_form() -> ResponseReturnValue:
    """Type a code from paper."""
    if code := request.args.get("code", "").strip():
        code = verification.normalise(code) or "-"
        return redirect(url_for("certificates.verify", code=code))
    return render_template("certificates/verify_form.html")


@blueprint.get("/v/<code>")
@access.public
def verify(code: str) -> ResponseReturnValue:
    """What was really certified, whatever a paper says."""
    spend_look_up()
    verdict = verification.look_up(db.session(), code)
    page = render_template(
        "certificates/verify.html", verdict=verdict, code=code[:40], checked_at=clock.now()
    )
    return page, 200 if verdict else 404


@blueprint.route("/certificates/check", methods=["GET", "POST"])
@access.only(*batch.ROLES)
def check() -> ResponseReturnValue:
    """Many certificates at once, from a file or from pasted lines."""
    if request.method == "GET":
        return _page()
    try:
        asked = batch.claims(_table())
        rows = batch.check(
            db.session(), asked, actor_id=access.person().id, address=request.remote_addr,
            now=clock.now(),
        )  # fmt: skip
    except DomainError as error:
        if error.status == 429:
            raise
        return _page(problem=_(error.message)), error.status
    if request.form.get("as") == "xlsx":
        download = Response(batch.workbook(rows), mimetype=spreadsheets.XLSX)
        download.headers.set("Content-Disposition", "attachment", filename="certificates.xlsx")
        return download
    return _page(rows=rows)


def _table() -> list[list[str]]:
    file = request.files.get("file")
    if file is not None and file.filename:
        return spreadsheets.read(file.read(), most_rows=batch.MOST_ROWS + 10)
    return [_columns(line) for line in request.form.get("lines", "")[:400_000].splitlines()]


def _columns(line: str) -> list[str]:
    """A pasted line: by tabs as from Excel, by commas, or by the first space."""
    for separator in ("\t", ",", "，"):
        if separator in line:
            return line.split(separator)
    return line.split(None, 1)


def _page(rows: list[batch.Row] | None = None, problem: str = "") -> str:
    return render_template(
        "certificates/check.html",
        rows=rows,
        lines=request.form.get("lines", "") if rows is None else _lines(rows),
        problem=problem,
        most=batch.MOST_ROWS,
        code_text=batch.code_text,
    )


def _lines(rows: list[batch.Row]) -> str:
    kept = io.StringIO()
    csv.writer(kept, delimiter="\t", lineterminator="\n").writerows(
        (row.claim.number, row.claim.name) for row in rows
    )
    return kept.getvalue()


def certificate_text(kind: str, year: int) -> str:
    """What a certificate is called."""
    words: dict[str, str] = {
        "course": _("继续教育学时证书"),
        "annual": _("%(y)d 年度学时证明", y=year),
        "class": _("培训班结业证书"),
        "extract": _("继续教育学时五年汇总"),
    }
    return words[kind]
