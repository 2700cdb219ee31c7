"""The catalogue in a real browser: courses first on a phone, filters at hand, without a script too."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import pytest
from playwright.sync_api import expect

from courses.models import CourseVersion
from tests.browsing import Site, faults

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("scripts", [True, False])
def test_filters_are_folded_on_a_phone(
    published_course: Callable[..., CourseVersion], site: Site, scripts: bool
) -> None:
    """The first course is on the first screen; the filters say how many are chosen and unfold."""
    published_course(title="桥梁", level="senior", declared_hours=Decimal(2))
    page = site.open(width=390, scripts=scripts)
    page.goto("/courses?level=senior&hours=medium")
    box = page.get_by_role("article").first.bounding_box()
    assert box is not None
    assert box["y"] < 844
    facets = page.get_by_role("navigation", name="筛选")
    expect(facets).to_be_hidden()
    if scripts:
        assert faults(page) == []
    page.get_by_text("筛选（已选 2 项）").click()
    expect(facets).to_be_visible()
    if scripts:
        assert faults(page) == []


def test_filters_stand_beside_the_courses_in_a_wide_window(
    published_course: Callable[..., CourseVersion], site: Site
) -> None:
    """There is room: nothing to unfold."""
    published_course(title="桥梁")
    page = site.open()
    page.goto("/courses")
    expect(page.get_by_role("navigation", name="筛选")).to_be_visible()
    expect(page.locator("details.fold")).to_be_hidden()
    assert faults(page) == []
