"""Headers, CSRF and nonces: what every response carries."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Any, TypeVar
from urllib.parse import urlsplit

from flask import Flask, Response, current_app, g, request
from flask_wtf.csrf import CSRFError, CSRFProtect
from werkzeug.middleware.proxy_fix import ProxyFix

from zhixin.config import Settings
from zhixin.errors import DomainError, Invalid

csrf = CSRFProtect()
View = TypeVar("View", bound=Callable[..., Any])


class FormExpired(DomainError):
    """The CSRF token is missing or stale."""

    status = 400
    code = "form-expired"
    title = "页面已过期，请刷新后重新提交"


def csp_nonce() -> str:
    """This response's nonce for the few inline scripts."""
    if "csp_nonce" not in g:
        g.csp_nonce = secrets.token_urlsafe(16)
    nonce: str = g.csp_nonce
    return nonce


def _bucket() -> str:
    """The one other origin that a page may fetch from: the bucket that segments come from."""
    settings: Settings = current_app.extensions["settings"]
    if not (settings.media_s3_redirect and settings.media_s3_endpoint):
        return ""
    address = urlsplit(settings.media_s3_endpoint)
    return f" {address.scheme}://{address.netloc}"


def content_security_policy() -> str:
    """Nothing from another host, nothing inline without the nonce.

    ``blob:`` is for Media Source playback and its worker, ``data:`` for small SVG images.
    """
    nonce = f"'nonce-{csp_nonce()}'"
    return "; ".join(
        (
            "default-src 'none'",
            f"script-src 'self' {nonce}",
            f"style-src 'self' {nonce}",
            "img-src 'self' data: blob:",
            "font-src 'self' data:",
            "media-src 'self' blob:",
            "worker-src 'self' blob:",
            f"connect-src 'self'{_bucket()}",
            "manifest-src 'self'",
            "base-uri 'none'",
            "form-action 'self'",
            "frame-ancestors 'none'",
            *((f"frame-src {g.framed}",) if "framed" in g else ()),
        )
    )


def may_frame(address: str) -> None:
    """Let this response's page show a frame with what is at ``address``, a folder of ours."""
    g.framed = address


def streams(view: View) -> View:
    """Mark a view that reads its body as a stream and bounds it itself."""
    view.streams = True  # type: ignore[attr-defined]
    return view


def signs_itself(view: View) -> View:
    """Mark a view that believes signatures in its body and nobody's cookie: nothing to forge."""
    view.signs_itself = True  # type: ignore[attr-defined]
    return view


def admits(limit: Callable[[Settings], int]) -> Callable[[View], View]:
    """Mark a view whose form brings files: its body may have ``limit`` of the settings' bytes."""

    def mark(view: View) -> View:
        view.body_bytes = limit  # type: ignore[attr-defined]
        return view

    return mark


def _admit_bodies() -> None:
    # Before anything looks at the body: its length is judged at the first look.
    view = current_app.view_functions.get(request.endpoint or "")
    settings: Settings = current_app.extensions["settings"]
    if getattr(view, "streams", False):
        request.max_content_length = settings.max_upload_bytes
    elif (limit := getattr(view, "body_bytes", None)) is not None:
        request.max_content_length = limit(settings)


class Unprintable(Invalid):
    """U+0000 in what was sent: no person types it, and PostgreSQL cannot keep it."""

    code = "nul-character"
    title = "提交的内容含有无法保存的字符"


def _refuse_nul() -> None:
    """Once here instead of in every form."""
    if "\0" in request.path or any("\0" in value for value in request.args.values()):
        raise Unprintable
    if getattr(current_app.view_functions.get(request.endpoint or ""), "streams", False):
        return
    if any("\0" in value for values in request.form.listvalues() for value in values):
        raise Unprintable
    if request.is_json and b"\\u0000" in request.get_data(cache=True):
        raise Unprintable


def _check_csrf() -> None:
    # A bearer token is not sent by browsers on their own: no forgery to guard against. (The
    # cookie of such a request is not believed, see zhixin.people.)
    bearer = request.headers.get("Authorization", "").lower().startswith("bearer ")
    if getattr(current_app.view_functions.get(request.endpoint or ""), "signs_itself", False):
        return
    if request.method in ("POST", "PUT", "PATCH", "DELETE") and not bearer:
        try:
            csrf.protect()
        except CSRFError as error:
            raise FormExpired from error


def init_app(app: Flask, settings: Settings) -> None:
    app.config.update(
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=settings.https,
        SESSION_COOKIE_NAME="zhixin",
        WTF_CSRF_CHECK_DEFAULT=False,
        WTF_CSRF_TIME_LIMIT=None,  # as long as the session: a page left open loses nothing
        MAX_CONTENT_LENGTH=2 * 1024 * 1024,  # uploads stream past this, by their own limit
        MAX_FORM_PARTS=2000,
    )
    csrf.init_app(app)
    app.before_request(_admit_bodies)
    app.before_request(_check_csrf)
    app.before_request(_refuse_nul)
    app.jinja_env.globals["csp_nonce"] = csp_nonce
    if settings.trusted_proxies:
        n = settings.trusted_proxies
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=n, x_proto=n, x_host=n)  # type: ignore[method-assign]

    @app.after_request
    def _headers(response: Response) -> Response:
        headers = response.headers
        headers.setdefault("Content-Security-Policy", content_security_policy())
        headers.setdefault("X-Content-Type-Options", "nosniff")
        headers.setdefault("Referrer-Policy", "same-origin")
        headers.setdefault("Cross-Origin-Opener-Policy", "same-origin")
        headers.setdefault("Permissions-Policy", "camera=(), microphone=(), geolocation=()")
        if settings.https:
            headers.setdefault("Strict-Transport-Security", "max-age=31536000")
        if request.endpoint != "static":
            headers.setdefault("Cache-Control", "no-store")
        return response
