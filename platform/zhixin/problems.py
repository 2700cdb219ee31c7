"""Errors at the edge: an RFC 9457 problem document under ``/api``, a page elsewhere."""

from __future__ import annotations

import errno
from typing import Any

import sqlalchemy as sa
import structlog
from flask import Flask, Response, g, json, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from pydantic import ValidationError
from sqlalchemy.exc import DataError, IntegrityError, OperationalError
from werkzeug.exceptions import HTTPException

from zhixin import access, db, error_codes
from zhixin.errors import Conflict, DomainError, Invalid, OutOfSpace

log = structlog.get_logger()

#: Werkzeug's own refusals, in the reader's language.
HTTP_TITLES = {
    400: "请求有误",
    404: "没有找到您要的内容",
    405: "不支持这种访问方式",
    413: "提交的内容过大",
    415: "不支持这种内容类型",
    429: "操作过于频繁，请稍后再试",
}


def problem(status: int, code: str, title: str, detail: str, **facts: Any) -> Response:
    """An ``application/problem+json`` response (RFC 9457)."""
    body = {
        "type": f"/docs/errors#{code}",
        "title": title,
        "status": status,
        "detail": detail,
        **facts,
    }
    return Response(json.dumps(body), status, mimetype="application/problem+json")


def wants_json() -> bool:
    return request.path.startswith("/api/")


def _find_reader_again() -> None:
    """A flush that failed has emptied the person who is signed in, and the page asks for them."""
    reader = sa.inspect(g.get("_login_user"), raiseerr=False)
    if reader is not None and reader.detached and reader.expired:
        del g._login_user  # Flask-Login looks them up once more


def _render(error: DomainError) -> Response:
    _find_reader_again()
    title, message = _(error.title), _(error.message) if error.message else ""
    if wants_json():
        response = problem(error.status, error.code, title, message, **error.facts)
    else:
        page = render_template(
            "errors/error.html", status=error.status, title=title, message=message
        )
        response = Response(page, error.status)
    if "retry_after_s" in error.facts:
        response.headers["Retry-After"] = str(error.facts["retry_after_s"])
    return response


def refuse_invalid(error: ValidationError) -> Response:
    """Pydantic's findings as one problem: where and what, never the value that was sent."""
    fields = [{"field": ".".join(map(str, e["loc"])), "problem": e["msg"]} for e in error.errors()]
    raise Invalid("提交的数据不符合接口要求，请检查标出的字段", code="invalid-data", fields=fields)


def _domain(error: DomainError) -> Response:
    db.finish(keep=False)
    return _render(error)


def _http(error: HTTPException) -> Response:
    if error.response is not None:
        return error.response  # type: ignore[return-value]
    db.finish(keep=False)
    status = error.code or 500
    title = HTTP_TITLES.get(status, error.name)
    refusal = DomainError(title, code=error.name.lower().replace(" ", "-"))
    refusal.status, refusal.title = status, title
    return _render(refusal)


def _integrity(error: IntegrityError) -> Response:
    # The database refused what Python had not foreseen: a race, lost by this request.
    log.warning("integrity refused", constraint=str(error.orig).split("\n")[0][:200])
    return _domain(Conflict())


def _out_of_range(error: DataError | OverflowError) -> Response:
    # A number or text that the column cannot hold: DataError on PostgreSQL; SQLite's driver
    # refuses numbers beyond 64 bits with an OverflowError.
    if isinstance(error, OverflowError) and "SQLite" not in str(error):
        return _unforeseen(error)
    return _domain(Invalid("提交的数字或文字超出了允许的范围", code="out-of-range"))


def _full_disk(error: OSError | OperationalError) -> Response:
    full = (
        error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
        if isinstance(error, OSError)
        else "disk is full" in str(error.orig) or "No space left" in str(error.orig)
    )
    return _domain(OutOfSpace()) if full else _unforeseen(error)


def _unforeseen(error: Exception) -> Response:
    db.finish(keep=False)
    log.error("unforeseen error", exc_info=error, endpoint=request.endpoint)
    failure = DomainError(
        "服务器出现意外错误，您的操作没有保存。请稍后重试，问题已记录。", code="internal"
    )
    failure.status, failure.title = 500, "服务器出现意外错误"
    return _render(failure)


@access.public
def codes() -> ResponseReturnValue:
    """What the ``type`` of a problem document points at."""
    return render_template("errors/codes.html", topics=error_codes.TOPICS)


def init_app(app: Flask) -> None:
    app.add_url_rule("/docs/errors", "error_codes", codes)
    app.register_error_handler(DomainError, _domain)
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(IntegrityError, _integrity)
    app.register_error_handler(DataError, _out_of_range)
    app.register_error_handler(OverflowError, _out_of_range)
    app.register_error_handler(OSError, _full_disk)
    app.register_error_handler(OperationalError, _full_disk)
    if not app.testing:  # tests want to see the traceback
        app.register_error_handler(Exception, _unforeseen)
