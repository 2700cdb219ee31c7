"""Reports of a real player that go wrong on their way to the server, while it plays on."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from media.models import Playback
from tests.walk.test_offline import (
    SLACK_S,
    begin,
    confirmed_s,
    pause,
    pending,
    position,
    shown_s,
)
from tests.walk.theatre import Theatre
from tests.walk.visitor import Visitor, until

pytestmark = [pytest.mark.browser, pytest.mark.services]


class Line:
    """The way of the reports to the server. One at a time goes wrong there, in the way that is
    ordered; the others pass."""

    def __init__(self, page: Page) -> None:
        self.next: Callable[[Route], None] | None = None
        self.lost: list[Any] = []
        self.doubled: list[Any] = []
        self.held: list[Route] = []
        page.route("**/api/v1/playbacks/*/beats", self._pass)

    def _pass(self, route: Route) -> None:
        # One that claims nothing has nothing to lose.
        if self.next is None or not _sent(route)["played"]:
            return route.continue_()
        wrong, self.next = self.next, None
        wrong(route)

    def lose(self, route: Route) -> None:
        """The server takes it, and its answer never arrives."""
        self.lost.append(route.fetch().json())
        route.abort()

    def double(self, route: Route) -> None:
        """It arrives twice, and the second answer is the one that comes back."""
        self.doubled.append(route.fetch().json())
        again = route.fetch()
        self.doubled.append(again.json())
        route.fulfill(response=again)

    def hold(self, route: Route) -> None:
        """It stays on its way until somebody lets it go."""
        self.held.append(route)


def _sent(route: Route) -> Any:
    return json.loads(route.request.post_data or "{}")


@pytest.mark.parametrize("theatre", ["sqlite"], indirect=True)
def test_reports_that_are_lost_doubled_or_late(chromium: Browser, theatre: Theatre) -> None:
    """An answer that is lost, a report that comes twice or late, and after later ones, and a
    change of speed on the way: confirmed is what was played, each moment once."""

    def confirmed() -> float:
        return confirmed_s(theatre, "learner14")

    with Visitor(chromium, theatre, "learner14") as page:
        line = Line(page)
        line.next = line.lose
        begin(page)
        told = page.locator("[data-message-text]")
        expect(told).to_contain_text("暂时连不上服务器")
        assert line.lost[0]["credited_ms"] > 0, "the server knows what the page does not"
        assert pending(page) != "0:00"

        line.next = line.double
        page.evaluate("document.querySelector('video').playbackRate = 0.75")
        until(page, lambda: len(line.doubled) == 2)
        first, second = line.doubled
        assert first["credited_ms"] > 0
        assert first["covered"] == second["covered"]
        expect(page.locator("[data-message]")).to_be_hidden()

        line.next = line.hold
        until(page, lambda: len(line.held) == 1)
        (held,) = line.held
        at = position(page)
        before = confirmed()
        until(page, lambda: position(page) > at + 0.75 * 3)  # three seconds, and it plays on
        assert confirmed() == before
        page.evaluate("void document.dispatchEvent(new Event('freeze'))")  # waits for no answer
        until(page, lambda: confirmed() > at + 1)
        overtook = confirmed()
        held.continue_()
        late = _sent(held)["seq"]
        until(page, lambda: late in {beat.seq for beat in theatre.beats("learner14")})
        assert confirmed() >= overtook

        assert page.evaluate("document.querySelector('video').playbackRate") == 0.75
        pause(page)
        until(page, lambda: pending(page) == "0:00")
        expect(page.locator("[data-message]")).to_be_hidden()
        shown = shown_s(page)
        assert shown - SLACK_S < confirmed() <= shown + 0.1
        coverage = theatre.coverage("learner14")
        assert coverage[0][0] < 1000 * SLACK_S
        assert len(coverage) <= 3, "nothing is missing in between"
        (playback,) = theatre.rows(Playback, "learner14")
        assert playback.booked_ms == round(1000 * confirmed()), "nothing was booked twice"
        arrived = sorted(theatre.beats("learner14"), key=lambda beat: beat.received_at)
        order = [beat.seq for beat in arrived]
        assert order.index(late) > order.index(late + 1), "it came after a later one"
