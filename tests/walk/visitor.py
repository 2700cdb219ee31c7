"""Somebody at a browser, and waiting for what a page does."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Page, expect


class Visitor:
    """Somebody at a browser of their own."""

    def __init__(
        self,
        chromium: Browser,
        live: Any,
        sign_in_name: str | None = None,
        context: BrowserContext | None = None,
    ) -> None:
        self.context = context or chromium.new_context(
            base_url=live.url,
            locale="zh-CN",
            viewport={"width": 1280, "height": 900},
            accept_downloads=True,
        )
        self.context.set_default_timeout(20_000)
        self.page = self.context.new_page()
        self.faults: list[str] = []
        self.page.on("pageerror", lambda error: self.faults.append(str(error)))
        self.page.on(
            "console",
            lambda message: (
                self.faults.append(message.text)
                if "Content Security Policy" in message.text
                else None
            ),
        )
        if sign_in_name:
            self.page.goto(f"{live.url}/sign-in")
            self.page.get_by_label("登录名").fill(sign_in_name)
            self.page.get_by_label("密码").fill(live.password)
            self.page.get_by_role("main").get_by_role("button", name="登录").click()
            expect(self.page.get_by_text(live.people[sign_in_name])).to_be_visible()

    def confirm(self) -> None:
        """Say yes in the page's own dialog."""
        self.page.get_by_role("dialog").get_by_role("button", name="确定").click()

    def __enter__(self) -> Page:
        return self.page

    def __exit__(self, kind: type[BaseException] | None, *_details: object) -> None:
        if kind is not None:  # what the visitor saw when it went wrong
            folder = Path("test-results")
            folder.mkdir(exist_ok=True)
            self.page.screenshot(path=folder / "walk.png", full_page=True)
        self.context.close()
        if kind is None:
            assert not self.faults, self.faults


def played_to(page: Page, seconds: float) -> None:
    """Until the video stands there. (Playwright's own waiting would need eval, which our CSP forbids.)"""
    until(
        page,
        lambda: float(page.evaluate("document.querySelector('video')?.currentTime ?? 0")) > seconds,
    )


def until(page: Page, holds: Callable[[], bool], patience_s: float = 45) -> None:
    deadline = time.monotonic() + patience_s
    while not holds():
        assert time.monotonic() < deadline, "waited in vain"
        page.wait_for_timeout(250)
