"""The door of an express lane: what is asked of a request before it may go past Flask.

Writes that come hundreds of times a second are answered by lanes (``courses.express``,
``courses.answer_lane``, ``courses.hand_in_lane``). A lane takes only the ordinary request;
whatever else there is, a refusal included, goes on to the ordinary route, which decides by the
same rule. So a lane may give up at any point before it writes, and its door is rather too
narrow than too wide.

Forgery from another site is kept out as the ordinary route does, by what such a site cannot
send: a header of our own with a JSON body. That header's value is checked there and not here.
"""

from __future__ import annotations

import re
import time
from abc import ABC, abstractmethod
from collections.abc import Iterable
from functools import lru_cache
from io import BytesIO
from typing import TYPE_CHECKING

from flask import Flask
from itsdangerous import BadSignature
from pydantic import ValidationError
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.http import parse_cookie

from zhixin.config import Settings
from zhixin.errors import DomainError
from zhixin.lean import Lean
from zhixin.observe import REQUESTS, SECONDS
from zhixin.people.secrets import token_digest
from zhixin.places import Places

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

MOST_BYTES = 64 * 1024
#: How many cookies a process remembers the sign-ins of.
_REMEMBERED = 20_000
_HEADERS = (
    ("Content-Type", "application/json"),
    ("Cache-Control", "no-store"),
    ("X-Content-Type-Options", "nosniff"),
)


class Lane(ABC):
    """WSGI: a browser's ordinary JSON requests here, everything else to ``inner``.

    Attributes:
        endpoint, method: the ordinary route that it stands before, by which it is counted.
        ending: how all its addresses end: most requests are told apart by that alone.
        address: its addresses, with one group: what they name.
    """

    endpoint: str
    method: str
    ending: str
    address: re.Pattern[str]

    def __init__(self, inner: WSGIApplication, app: Flask) -> None:
        self._inner = inner
        self._settings: Settings = app.extensions["settings"]
        self._lean = Lean(self._settings.database, most=self._settings.web_threads)
        # What is no lean statement takes its turn with all that Flask answers.
        self._turns: Places = app.extensions["gate"].ordinary
        self._cookie = app.config["SESSION_COOKIE_NAME"]
        self._serializer = app.session_interface.get_signing_serializer(app)  # type: ignore[attr-defined]
        self._digest_of = lru_cache(maxsize=_REMEMBERED)(self._read_cookies)
        self._answered = REQUESTS.labels(self.endpoint, self.method, 200)
        self._seconds = SECONDS.labels(self.endpoint)
        # What this database's driver raises: a double, a lost connection, a busy database.
        self._unusual = (
            BadSignature, ValidationError, DomainError, SQLAlchemyError,
            self._lean.engine.dialect.loaded_dbapi.Error,
        )  # fmt: skip

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if environ["REQUEST_METHOD"] == self.method and environ["PATH_INFO"].endswith(self.ending):
            started = time.perf_counter()
            reply = self._answer(environ)
            if reply is not None:
                start_response("200 OK", [*_HEADERS, ("Content-Length", str(len(reply)))])
                self._answered.inc()
                self._seconds.observe(time.perf_counter() - started)
                return [reply]
        return self._inner(environ, start_response)

    @abstractmethod
    def answer(self, named: str, body: bytes, digest: bytes) -> bytes | None:
        """The answer to an ordinary request, which then is written down; None: not one.

        Args:
            named: what the address names.
            digest: of the token in a signed cookie. Only the signature was judged: whether
                the sign-in is open is for the lane to ask.

        Raises:
            BadSignature, ValidationError, DomainError, SQLAlchemyError, the driver's: not an
                ordinary one either.
        """

    def _answer(self, environ: WSGIEnvironment) -> bytes | None:
        address = self.address.fullmatch(environ["PATH_INFO"])
        length = environ.get("CONTENT_LENGTH") or ""
        if (
            address is None
            or "HTTP_AUTHORIZATION" in environ
            or "HTTP_X_CSRFTOKEN" not in environ
            or not environ.get("CONTENT_TYPE", "").startswith("application/json")
            or not (length.isdecimal() and int(length) <= MOST_BYTES)
        ):
            return None
        body = environ["wsgi.input"].read(int(length))
        environ["wsgi.input"] = BytesIO(body)  # for the ordinary route
        try:
            digest = self._digest_of(environ.get("HTTP_COOKIE", ""))
            return self.answer(address[1], body, digest)
        except self._unusual:
            return None

    def _read_cookies(self, header: str) -> bytes:
        """The digest of the sign-in's token in a signed cookie; it may be remembered, for
        nothing but the signature is judged."""
        session = self._serializer.loads(parse_cookie(header).get(self._cookie, ""))
        return token_digest(str(session.get("_user_id", "")))
