"""Ten minutes without network in a real browser, in time-lapse.

While the network is cut nobody can ask the server anything. So the page's clock and its video run
several times faster meanwhile, and before the network is back the server's clock is set forward by
as much as the page's has gained. All else is as it is: the buffer, its end, the player, the server.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from media import intervals
from media.models import Playback
from tests.adversaries.clocked import PLACE, Clock
from tests.walk.conftest import _free_port
from tests.walk.test_offline import (
    PAUSE_S,
    SLACK_S,
    begin,
    buffered,
    confirmed_s,
    pause,
    pending,
    position,
    shown_s,
)
from tests.walk.theatre import Theatre, prepare, served
from tests.walk.visitor import Visitor, until
from zhixin.config import Settings
from zhixin.serving import server_command

pytestmark = [pytest.mark.browser, pytest.mark.services]
ROOT = Path(__file__).resolve().parents[2]
SPEED = 8
#: From here on the player may fetch all of its ten minutes ahead (BUFFER_S and what was played).
FROM_S = 490
LECTURE_S = 1140
#: What the player has fetched ahead once it rests: ten minutes, less a segment that is due.
AHEAD_S = 590

#: ``lapse(n)``: from now on all goes n times as fast, while scripts are told the usual rate;
#: ``gained()``: by how much (s) the page's clock is ahead of the real one.
LAPSE = """(() => {
  const real = performance.now.bind(performance);
  let speed = 1, since = real(), told = since;
  performance.now = () => told + (real() - since) * speed;
  const media = HTMLMediaElement.prototype;
  const rate = Object.getOwnPropertyDescriptor(media, "playbackRate");
  Object.defineProperty(media, "playbackRate", {
    ...rate,
    get() { return rate.get.call(this) / speed; },
    set(asked) { rate.set.call(this, asked * speed); },
  });
  window.lapse = faster => {
    const video = document.querySelector("video"), asked = video.playbackRate;
    told = performance.now();
    since = real();
    speed = faster;
    video.playbackRate = asked;
  };
  window.gained = () => (performance.now() - real()) / 1000;
})()"""


@dataclass
class Lapsing:
    theatre: Theatre
    clock: Clock


@pytest.fixture(scope="module")
def lapsing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lapsing]:
    """A served platform under a test clock, with a lecture of nineteen minutes."""
    folder = tmp_path_factory.mktemp("lapsing")
    theatre = prepare(folder, _free_port(), "", "160x90", LECTURE_S, frames=2)
    theatre.environment |= {
        "PYTHONPATH": os.pathsep.join([str(ROOT), *filter(None, sys.path)]),
        PLACE: str(folder / "clock"),
    }
    settings: Settings = theatre.app.extensions["settings"]
    its = replace(settings, port=int(theatre.environment["ZHIXIN_PORT"]), web_workers=2)
    words = server_command(its, "tests.adversaries.clocked:create_app")
    theatre.serve = (sys.executable, *words)
    with served(theatre):
        yield Lapsing(theatre, Clock(folder / "clock"))


def test_ten_minutes_without_network(chromium: Browser, lapsing: Lapsing) -> None:
    """All that the player had fetched is played without network, to the last picture, and is
    confirmed when the network is back: what was shown and nothing else, by the same playback."""
    theatre = lapsing.theatre
    visitor = Visitor(chromium, theatre, "learner0")
    visitor.context.add_init_script(LAPSE)
    with visitor as page:
        begin(page)
        page.evaluate(f"document.querySelector('video').currentTime = {FROM_S}")
        until(page, lambda: buffered(page) - position(page) > AHEAD_S, patience_s=180)
        until(page, lambda: confirmed_s(theatre, "learner0") > 5)
        visitor.context.set_offline(True)
        cut_at, reach, before = position(page), buffered(page), confirmed_s(theatre, "learner0")
        page.evaluate(f"lapse({SPEED})")
        until(page, lambda: position(page) > reach - 1, patience_s=360)
        page.evaluate("lapse(1)")
        expect(page.locator("[data-message-text]")).to_contain_text("暂时连不上服务器")
        pause(page)
        assert reach - cut_at > AHEAD_S - 10
        assert confirmed_s(theatre, "learner0") < before + 15, "cut off it was"
        lapsing.clock.forward(page.evaluate("gained()"))
        visitor.context.set_offline(False)
        until(page, lambda: pending(page) == "0:00")
        expect(page.locator("[data-message]")).to_be_hidden()
        shown = shown_s(page)
        assert shown - SLACK_S - SPEED * PAUSE_S < confirmed_s(theatre, "learner0") <= shown + 0.1
        skipped = intervals.clip(theatre.coverage("learner0"), 60_000, 1000 * (FROM_S - 1))
        assert skipped == ()
        assert len(theatre.rows(Playback, "learner0")) == 1, "the same playback went on"
