"""Who may open a route: declared on every view, checked before it runs.

A view without a declaration is a programming error and is refused (a test finds it
before that). Whether the *object* in the address belongs to the person is the view's
question; whether the *role* may come in at all is answered here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from flask import Flask, current_app, g, redirect, request, url_for
from flask_login import current_user
from werkzeug.wrappers import Response

from zhixin.errors import DomainError, NotAllowed

if TYPE_CHECKING:
    from zhixin.people.models import Person

View = TypeVar("View", bound=Callable[..., Any])

PUBLIC = "public"
SIGNED_IN = "signed-in"


class SignInNeeded(DomainError):
    """Nobody is signed in, or the sign-in has ended."""

    status = 401
    code = "sign-in-needed"
    title = "请先登录"

    def __init__(self) -> None:
        super().__init__("登录已失效或尚未登录，请登录后重试")


def public(view: View) -> View:
    """Anyone may open this."""
    return _declare(view, PUBLIC)


def signed_in(view: View) -> View:
    """Any signed-in person may open this."""
    return _declare(view, SIGNED_IN)


def only(*roles: str) -> Callable[[View], View]:
    """Only people who hold one of ``roles``."""
    return lambda view: _declare(view, frozenset(map(str, roles)))


def _declare(view: View, access: str | frozenset[str]) -> View:
    view.access = access  # type: ignore[attr-defined]
    return view


def declared(view: Callable[..., Any]) -> str | frozenset[str] | None:
    """What ``view`` declares; None if nothing."""
    access: str | frozenset[str] | None = getattr(view, "access", None)
    return access


def has_role(*roles: str) -> bool:
    """Does the signed-in person hold one of ``roles``? For templates: ``can('author')``."""
    return bool(current_user.is_authenticated and set(roles) & set(map(str, current_user.roles)))


def person() -> Person:
    """The signed-in person of this request."""
    if not current_user.is_authenticated:
        raise SignInNeeded
    signed: Person = current_user._get_current_object()
    return signed


def check() -> Response | None:
    """Before each request: refuse what the view's declaration does not allow."""
    if request.endpoint is None:
        return None  # no such route: Flask answers 404 or 405
    if request.endpoint == "static":
        return None
    access = declared(current_app.view_functions[request.endpoint])
    if access is None:
        raise RuntimeError(f"{request.endpoint} declares no access")
    if access == PUBLIC:
        return None
    if not current_user.is_authenticated:
        if request.path.startswith("/api/") or request.method != "GET":
            raise SignInNeeded
        return redirect(url_for("people.sign_in", next=request.full_path.rstrip("?")))
    if isinstance(access, frozenset) and not has_role(*access):
        raise NotAllowed
    return None


def check_again() -> None:
    """Within a request that lasts: whoever sends it is seen again, and may still be here.

    Raises:
        SignInNeeded: the sign-in has ended meanwhile. NotAllowed: they lost the role.
    """
    g.pop("_login_user", None)  # Flask-Login looks them up once more
    check()


def init_app(app: Flask) -> None:
    app.before_request(check)
    app.jinja_env.globals["can"] = has_role
