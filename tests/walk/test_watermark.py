"""A learner's masked name over the video, where the operator wants it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, FloatRect, Locator, expect

from tests.walk.conftest import _free_port
from tests.walk.test_offline import begin
from tests.walk.theatre import Theatre, prepare, served
from tests.walk.visitor import Visitor, until

pytestmark = [pytest.mark.browser, pytest.mark.services]


@pytest.fixture(scope="module")
def theatre(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Theatre]:
    """One whose operator has switched it on."""
    place = prepare(tmp_path_factory.mktemp("theatre"), _free_port(), "")
    place.environment["ZHIXIN_WATERMARK"] = "yes"
    with served(place):
        yield place


def _box(what: Locator) -> FloatRect:
    box = what.bounding_box()
    assert box is not None
    return box


def _is_within(inner: FloatRect, outer: FloatRect) -> bool:
    return (
        outer["x"] <= inner["x"]
        and outer["y"] <= inner["y"]
        and inner["x"] + inner["width"] <= outer["x"] + outer["width"]
        and inner["y"] + inner["height"] <= outer["y"] + outer["height"]
    )


def test_the_masked_name_moves_over_the_video(chromium: Browser, theatre: Theatre) -> None:
    """The learner's name, part of it starred out, stands over the picture and wanders to other
    places of it; the picture can't be taken out into a window where the name would be missing."""
    with Visitor(chromium, theatre, "learner9") as page:
        begin(page)
        video = page.locator("[data-player] video")
        mark = page.locator("[data-player] .watermark")
        expect(mark).to_be_visible()
        expect(mark).to_have_text("学*9")
        first = _box(mark)
        assert _is_within(first, _box(video))

        def wandered() -> bool:
            now = _box(mark)
            return abs(now["x"] - first["x"]) + abs(now["y"] - first["y"]) > 50

        until(page, wandered)
        assert _is_within(_box(mark), _box(video))
        expect(page.locator(".vjs-fullscreen-control")).to_be_visible()  # the bar is there
        expect(page.locator(".vjs-picture-in-picture-control:enabled")).to_have_count(0)
        assert page.evaluate("document.querySelector('video').disablePictureInPicture")
