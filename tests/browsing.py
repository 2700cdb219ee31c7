"""A test's own application at a port, and people at real browsers before it."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from playwright.sync_api import Browser, BrowserContext, BrowserType, Page, StorageState
from werkzeug.serving import WSGIRequestHandler, make_server

from zhixin.people.models import Person

AXE = Path(__file__).parents[1] / "node_modules" / "axe-core" / "axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


def launch(browsers: BrowserType, *more: str) -> Browser:
    """The machine's Chromium, or the one that TEST_CHROMIUM names; ``more``: its arguments."""
    return browsers.launch(
        executable_path=os.environ.get("TEST_CHROMIUM", "/usr/bin/chromium"),
        args=["--no-sandbox", "--autoplay-policy=no-user-gesture-required", *more],
    )


class _Quiet(WSGIRequestHandler):
    def log_request(self, *_details: object) -> None:
        """Requests are not what the tests are about."""


class Site:
    """Where the application answers.

    Attributes:
        lock: held while a request is answered. The test has one connection to the database: who
            works on it while a page may ask by itself holds this lock too.
    """

    def __init__(self, app: Flask, chromium: Browser, sign_in: Callable[[Person], FlaskClient]):
        self.app, self.chromium, self.sign_in = app, chromium, sign_in
        self.lock = threading.Lock()
        self.server = make_server("127.0.0.1", 0, self._answer, True, request_handler=_Quiet)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.contexts: list[BrowserContext] = []
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def _answer(self, environ: Any, start_response: Any) -> Iterable[bytes]:
        with self.lock:
            answer = self.app.wsgi_app(environ, start_response)
            try:
                return list(answer)
            finally:
                if hasattr(answer, "close"):
                    answer.close()

    def open(
        self,
        person: Person | None = None,
        *,
        width: int = 1280,
        dark: bool = False,
        scripts: bool = True,
        kept: StorageState | None = None,
    ) -> Page:
        """A browser of this person's own, in the language of their account. ``kept``: what it had
        stored when it was closed."""
        context = self.chromium.new_context(
            base_url=self.url, locale="zh-CN", viewport={"width": width, "height": 844},
            color_scheme="dark" if dark else "light", java_script_enabled=scripts,
            storage_state=kept,
            reduced_motion="reduce",  # what has the focus is in the window at once
        )  # fmt: skip
        context.set_default_timeout(20_000)
        self.contexts.append(context)
        if person is not None:
            name = self.app.config["SESSION_COOKIE_NAME"]
            cookie = self.sign_in(person).get_cookie(name)
            assert cookie is not None
            context.add_cookies([{"name": name, "value": cookie.value, "url": self.url}])
        return context.new_page()

    def close(self) -> None:
        for context in self.contexts:
            context.close()
        self.server.shutdown()
        self.server.server_close()


@contextmanager
def site(app: Flask, chromium: Browser, sign_in: Callable[[Person], FlaskClient]) -> Iterator[Site]:
    made = Site(app, chromium, sign_in)
    try:
        yield made
    finally:
        made.close()


def faults(page: Page) -> list[str]:
    """What axe finds on the page, and whether it is wider than its window."""
    page.evaluate(AXE.read_text())
    found = page.evaluate(
        "rules => axe.run(document, {runOnly: rules}).then(r => r.violations.map("
        "v => v.id + ': ' + v.nodes.map(n => n.target.join(' ')).join(', ')))",
        RULES,
    )
    wide = page.evaluate(
        "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    )
    return [*found, *([f"{wide} px wider than the window"] if wide > 0 else [])]


def focus(page: Page) -> str:
    """What has the focus, in words: its tag, its name or id, its text."""
    return str(
        page.evaluate(
            "(() => { const e = document.activeElement; return [e.tagName.toLowerCase(),"
            " e.getAttribute('name') || e.id, e.textContent.trim().slice(0, 40)].join('|') })()"
        )
    )
