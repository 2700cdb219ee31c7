"""A regrade's pages in a real browser: what is typed stays while the forecast is made."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace

import pytest
from flask import Flask
from playwright.sync_api import expect
from sqlalchemy.orm import Session

from assessments import regrading
from assessments.regrade_models import RegradeStep
from courses import forecasts, regrades
from tests.browsing import Site, faults
from tests.courses.learning import test_forecasts
from zhixin import clock, db
from zhixin.people.models import Person, Role

pytestmark = pytest.mark.browser
world = test_forecasts.world


@pytest.fixture
def reviewer(create_person: Callable[..., Person]) -> Person:
    return create_person("shenhe", Role.REVIEWER)


def _foresee(session: Session, world: SimpleNamespace) -> None:
    forecast = forecasts.of(session, world.correction)
    assert forecast is not None
    forecasts.run(db.database(), forecast.id, clock.now)
    session.expire_all()


def _confirm(session: Session, world: SimpleNamespace, reviewer: Person) -> None:
    regrading.decide(
        session, world.correction, RegradeStep.CONFIRM, person_id=reviewer.id, reason="",
        now=clock.now(),
    )  # fmt: skip
    session.commit()


def test_a_reason_outlasts_the_forecast(
    session: Session, world: SimpleNamespace, reviewer: Person, site: Site
) -> None:
    """While the forecast is made there is nothing to confirm; when it is over its figures and the
    button come by themselves, and what was typed, with the place of the cursor, is still there."""
    page = site.open(reviewer)
    page.goto(f"/regrades/{world.correction.id}")
    expect(page.get_by_text("正在等待预估开始")).to_be_visible()
    expect(page.get_by_role("button", name="确认改判")).to_have_count(0)
    reason = page.get_by_label("不改判的理由")
    reason.fill("写了一半")
    reason.focus()
    with site.lock:
        _foresee(session, world)
    expect(page.get_by_role("button", name="确认改判")).to_be_visible()
    expect(page.get_by_role("cell", name="未通过 → 通过").first).to_be_visible()
    expect(reason).to_have_value("写了一半")
    expect(reason).to_be_focused()


def test_a_running_regrade_shows_its_end(
    session: Session, world: SimpleNamespace, reviewer: Person, site: Site
) -> None:
    """Its page says by itself that it is done, and what changed."""
    _confirm(session, world, reviewer)
    page = site.open(reviewer)
    page.goto(f"/regrades/{world.correction.id}")
    expect(page.get_by_text("正在重新评分：")).to_be_visible()
    with site.lock:
        regrades.run(db.database(), world.correction.id, "s", clock.now)
        session.expire_all()
    expect(page.get_by_text("已重新评分")).to_be_visible()
    expect(page.get_by_role("heading", name="已改变")).to_be_visible()
    expect(page.get_by_text("正在重新评分：")).to_have_count(0)


@pytest.mark.parametrize(("width", "dark"), [(390, False), (1280, True)])
def test_everybody_can_read_them(
    session: Session,
    world: SimpleNamespace,
    author: Person,
    reviewer: Person,
    english: Flask,
    site: Site,
    width: int,
    dark: bool,
) -> None:
    """axe finds nothing to complain of before, with and after the forecast, nor on the way to it."""
    for person in (author, reviewer):
        person.locale = "en"
    session.commit()
    correction = world.correction
    writes, decides = (site.open(each, width=width, dark=dark) for each in (author, reviewer))
    for address in ("/regrades", f"/regrades/papers/{correction.paper_id}"):
        writes.goto(address)
        assert faults(writes) == []
    decides.goto(f"/regrades/{correction.id}")
    assert faults(decides) == []
    with site.lock:
        _foresee(session, world)
    decides.reload()
    assert faults(decides) == []
    with site.lock:
        _confirm(session, world, reviewer)
    decides.reload()
    assert faults(decides) == []
    with site.lock:
        regrades.run(db.database(), correction.id, "s", clock.now)
        session.expire_all()
    decides.reload()
    assert faults(decides) == []
