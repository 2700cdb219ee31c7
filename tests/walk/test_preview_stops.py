"""An author's preview stops where the learner's video does, and keeps nothing."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from playwright.sync_api import Browser, expect

from courses.stops.models import StopAnswer
from media.models import Coverage
from tests.walk.test_offline import position
from tests.walk.test_presence import stopping
from tests.walk.theatre import Theatre
from tests.walk.visitor import Visitor, until
from zhixin.people.models import Person

pytestmark = [
    pytest.mark.browser,
    pytest.mark.services,
    pytest.mark.parametrize("theatre", ["sqlite"], indirect=True),
]


def test_a_preview_stops_as_for_learners(chromium: Browser, theatre: Theatre) -> None:
    """The question has the focus, a wrong choice is followed by another, the right one by why and
    the way on; no answer and no time of the author's is written."""
    course_id = stopping(theatre)
    with Visitor(chromium, theatre, "author") as page:
        page.goto(f"/studio/courses/{course_id}/preview")
        page.locator(".vjs-big-play-button").click()
        box = page.locator("[data-stop]")
        expect(box).to_contain_text("风从哪边来？", timeout=60_000)
        expect(box).to_be_focused()
        stood = position(page)
        assert 4 <= stood < 10
        box.get_by_role("button", name="左边").click()
        expect(box).to_contain_text("选择不正确，请再选一次")
        box.get_by_role("button", name="右边").click()
        expect(box).to_contain_text("看箭头的方向")
        expect(page.locator("[data-stops-list]")).to_contain_text("已答对")
        box.get_by_role("button", name="继续播放").click()
        until(page, lambda: position(page) > stood + 1)
    with theatre.look() as session:
        mine = sa.select(Person.id).where(Person.sign_in_name == "author").scalar_subquery()
        for kept in (StopAnswer, Coverage):
            query = sa.select(sa.func.count()).where(kept.person_id == mine)
            assert session.scalar(query) == 0
