"""What every adversary is: a small program that wants time it has not spent."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, ClassVar

from tests.adversaries.browser import Browser
from tests.adversaries.site import Records, Site
from tests.adversaries.viewer import Honest, Viewer


class Attempt:
    """The place of one attempt: the site, an honest person who began just before, and time."""

    def __init__(self, site: Site, course: str) -> None:
        self.site, self.course = site, course
        self.name, self.honest_name = site.arrive(), site.arrive()
        self.me = site.viewer(self.name, course)
        self.honest: Honest = site.honest(self.honest_name, course)
        self.browsers = [self.me.browser, self.honest.browser]
        self.before = site.refused()
        self.honest.begin()
        site.playing.append(self.honest)

    def wait(self, seconds: float) -> None:
        """Let time pass, for everybody."""
        self.site.wait(seconds)

    def leap(self, seconds: float) -> None:
        """Let time pass without anybody watching: the honest person has gone before."""
        self.honest.stop()
        self.site.clock.forward(seconds)

    def tab(self) -> Viewer:
        """Another tab of my browser."""
        tab = self.me.tab()
        self.browsers.append(tab.browser)
        return tab

    def device(self, words: str = "Mozilla/5.0 (Linux; Android 16) Chrome/150.0") -> Viewer:
        """Another device where I signed in as well."""
        browser = self.site.browser(self.name, words)
        self.browsers.append(browser)
        return Viewer(browser, self.site.clock, self.me.enrolment)

    def stranger(self) -> Browser:
        """A browser where nobody signed in."""
        browser = Browser(self.site.port)
        self.browsers.append(browser)
        return browser

    def records(self) -> Records:
        return self.site.records(self.name)

    def refused(self) -> Counter[tuple[str, int]]:
        """What was refused since the beginning, by endpoint and status."""
        return self.site.refused() - self.before

    def close(self) -> None:
        self.site.playing.remove(self.honest)
        for browser in self.browsers:
            browser.close()


class Adversary:
    """A technique. The docstring says what it tries.

    ``run`` acts; ``shows`` says where the attempt is seen afterwards: in the evidence where
    it got that far, in the server's count of refused requests where it did not.
    """

    course: ClassVar[str] = "plain"
    #: Worth trying on both databases: it is about booking time.
    books: ClassVar[bool] = True
    #: May the server have credited anything at all?
    gains_nothing_at_all: ClassVar[bool] = False

    def run(self, me: Viewer, at: Attempt) -> None:
        raise NotImplementedError

    def shows(self, found: Records, refused: Counter[tuple[str, int]]) -> None:
        raise NotImplementedError


BEAT = "learning_api.beat"


def at_once(*acts: Callable[[], Any]) -> list[Any]:
    """All in threads of their own, together."""
    with ThreadPoolExecutor(len(acts)) as pool:
        return [each.result() for each in [pool.submit(act) for act in acts]]
