"""A server that is killed takes nothing with it that it had acknowledged."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from tests.adversaries.site import serving
from tests.adversaries.viewer import Viewer


def test_a_killed_server_loses_nothing_acknowledged(tmp_path: Path) -> None:
    """Killed in the middle of a video and started again: what was confirmed stays, segments sent
    in the last moment still count, and the same playback goes on without a gap."""
    with serving(tmp_path) as site:
        name = site.arrive()
        viewer = site.viewer(name, "plain")
        viewer.open("u1")
        for until in range(15, 301, 15):
            viewer.fetch(until - 15, until)
            site.clock.forward(15)
            confirmed = viewer.beat([(until - 15, until)]).json["covered"]
        assert confirmed == [[0, 300]]
        viewer.fetch(300, 420)  # sent, and perhaps known to a journal only
        viewer.browser.close()
        site.kill()
        site.clock.forward(60)  # the player goes on with what it has
        site.start_again()
        # As the player does: what is refused until the new processes have read the old ones'
        # journals is claimed again.
        deadline = time.monotonic() + 60
        while (reply := _resent(viewer))["covered"] != [[0, 360]]:
            assert (reply["ended"], time.monotonic() < deadline) == (None, True), reply
            time.sleep(0.5)
        site.clock.forward(60)
        assert viewer.beat([(360, 420)]).json["covered"] == [[0, 420]]
        viewer.browser.close()
        records = site.records(name)
        records.never_faster_than_time()
        assert (records.covered_ms, len(records.playbacks)) == (420_000, 1)


def _resent(viewer: Viewer) -> Any:
    """The answer to the pending claim, or nothing while the server cannot be reached."""
    try:
        return viewer.beat([(300, 360)]).json
    except OSError:
        return {"covered": None, "ended": None}
