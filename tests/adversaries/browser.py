"""What any program can do over HTTP: a connection, cookies, forms, JSON. Nothing of the server."""

from __future__ import annotations

import contextlib
import http.client
import json
import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

_TOKEN = re.compile(rb'name="csrf_token"[^>]*value="([^"]+)"')


@dataclass(frozen=True)
class Answer:
    """An answer of the server."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def code(self) -> str:
        """A problem document's stable code."""
        return str(self.json["type"].rpartition("#")[2])


class Browser:
    """One kept connection with its cookies; ``twin`` opens another tab of the same browser."""

    def __init__(self, port: int, device: str = "Mozilla/5.0 (Windows NT 10.0) Firefox/140.0"):
        self.port, self.device = port, device
        self.cookies: dict[str, str] = {}
        self.csrf = ""
        self._line = http.client.HTTPConnection("127.0.0.1", port, timeout=120)

    def twin(self) -> Browser:
        tab = Browser(self.port, self.device)
        tab.cookies, tab.csrf = dict(self.cookies), self.csrf
        return tab

    def close(self) -> None:
        self._line.close()

    def send(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        headers: dict[str, str] | None = None,
    ) -> Answer:
        sent = {"User-Agent": self.device}
        if self.cookies:
            sent["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        sent |= headers or {}
        try:
            answer = self._once(method, path, body, sent)
        except (http.client.RemoteDisconnected, ConnectionError):
            self._line.close()  # a kept connection that the server gave up meanwhile
            answer = self._once(method, path, body, sent)
        for cookie in answer.headers.get_all("Set-Cookie") or ():
            name, _, rest = cookie.partition("=")
            self.cookies[name] = rest.partition(";")[0]
        return answer

    def _once(self, method: str, path: str, body: bytes | None, sent: dict[str, str]) -> Answer:
        self._line.request(method, path, body, sent)
        response = self._line.getresponse()
        return Answer(response.status, response.headers, response.read())

    def get(self, path: str, **headers: str) -> Answer:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.send("GET", path, headers=named)

    def form(self, path: str, **fields: str) -> Answer:
        """A form of a page, with its CSRF token."""
        body = urlencode({"csrf_token": self.csrf, **fields}).encode()
        return self.send("POST", path, body, {"Content-Type": "application/x-www-form-urlencoded"})

    def call(self, path: str, body: Any = None, method: str = "POST", **headers: str) -> Answer:
        """JSON as the site's own scripts send it. ``body``: bytes are sent as they are."""
        raw = body if isinstance(body, bytes) else json.dumps(body or {}).encode()
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        sent = {"Content-Type": "application/json", "X-CSRFToken": self.csrf, **named}
        return self.send(method, path, raw, sent)

    def sign_in(self, name: str, password: str) -> None:
        """By the form, as a person does."""
        self._read_token(self.get("/sign-in"))
        answer = self.form("/sign-in", sign_in_name=name, password=password)
        assert answer.status == 303, answer.body.decode()[:2000]
        self._read_token(self.get("/account"))

    def _read_token(self, page: Answer) -> None:
        found = _TOKEN.search(page.body)
        assert found is not None, page.body.decode()[:2000]
        self.csrf = found[1].decode()


@contextlib.contextmanager
def closing(*browsers: Browser) -> Any:
    try:
        yield
    finally:
        for browser in browsers:
            browser.close()
