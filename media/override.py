"""tus 1.0: who can send neither PATCH nor DELETE, sends POST and names the method in a header."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from flask import Flask

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

PLACE = "/api/v1/uploads"
#: Never from a method that changes nothing to one that does.
METHODS = ("PATCH", "DELETE", "HEAD", "OPTIONS")


class MethodOverride:
    """WSGI: uploads by the method that is meant, before anything asks for it."""

    def __init__(self, inner: WSGIApplication) -> None:
        self._inner = inner

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        meant = environ.get("HTTP_X_HTTP_METHOD_OVERRIDE", "").upper()
        if (
            meant in METHODS
            and environ["REQUEST_METHOD"] == "POST"
            and environ["PATH_INFO"].startswith(PLACE)
        ):
            environ["REQUEST_METHOD"] = meant
        return self._inner(environ, start_response)


def init_app(app: Flask) -> None:
    app.wsgi_app = MethodOverride(app.wsgi_app)  # type: ignore[method-assign]
