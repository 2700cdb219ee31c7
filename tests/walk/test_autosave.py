"""Answering in a real browser while the page and the network go and come back."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from playwright.sync_api import Browser, expect

from assessments import sheets
from assessments.models import Attempt
from tests.walk.theatre import QUIZ, TITLE, Theatre
from tests.walk.visitor import Visitor, until
from zhixin.people.models import Person

pytestmark = [pytest.mark.browser, pytest.mark.services]


def saved(theatre: Theatre, name: str) -> dict[str, tuple[str, ...]]:
    """What the server has of somebody's answers."""
    with theatre.look() as session:
        own = sa.select(Attempt.id).join(Person, Person.id == Attempt.person_id)
        attempt_id = session.scalars(own.where(Person.sign_in_name == name)).one()
        return {each.question: each.answer for each in sheets.of(session, attempt_id)}


@pytest.mark.parametrize("theatre", ["sqlite"], indirect=True)
def test_an_answer_survives_a_reload_and_a_lost_network(
    chromium: Browser, theatre: Theatre
) -> None:
    """It is saved as it is given and there after a reload. With the network gone the page says
    so, the answer waits in the browser, and it is sent by itself when the network is back."""
    visitor = Visitor(chromium, theatre, "learner7")
    with visitor as page:
        page.goto("/fields/transport")
        page.get_by_role("link", name=TITLE).first.click()
        page.get_by_role("button", name="报名学习").click()
        page.get_by_role("link", name=QUIZ).first.click()
        page.get_by_role("button", name="开始作答").click()
        status = page.locator("[data-save-status]")
        page.get_by_label("机械通风").check()
        expect(status).to_contain_text("已保存")
        page.reload()
        expect(page.get_by_label("机械通风")).to_be_checked()
        expect(page.locator("[data-answered]")).to_have_text("已答 1/2")
        before = saved(theatre, "learner7")
        assert list(before) == ["q1"]
        visitor.context.set_offline(True)
        page.get_by_label("第 1 空").fill("照度")
        expect(status).to_contain_text("无网络，答案保存在本机")
        page.wait_for_timeout(1000)  # longer than the page waits before it sends
        assert saved(theatre, "learner7") == before
        visitor.context.set_offline(False)
        until(page, lambda: saved(theatre, "learner7") == {**before, "q2": ("照度",)})
        expect(status).to_contain_text("已保存")


@pytest.mark.parametrize("theatre", ["sqlite"], indirect=True)
def test_what_was_answered_without_a_network_survives_closing_the_page(
    chromium: Browser, theatre: Theatre
) -> None:
    """Answered with the network gone, and the page closed before it is back: the answers stand
    in the attempt when it is opened again in this browser, and it sends them by itself."""
    first = Visitor(chromium, theatre, "learner8")
    page = first.page
    page.goto("/fields/transport")
    page.get_by_role("link", name=TITLE).first.click()
    page.get_by_role("button", name="报名学习").click()
    page.get_by_role("link", name=QUIZ).first.click()
    page.get_by_role("button", name="开始作答").click()
    expect(page.locator("[data-answered]")).to_have_text("已答 0/2")
    address = page.url
    first.context.set_offline(True)
    page.get_by_label("机械通风").check()
    page.get_by_label("第 1 空").fill("照度")
    expect(page.locator("[data-save-status]")).to_contain_text("无网络，答案保存在本机")
    page.close()
    assert not first.faults, first.faults
    again = Visitor(chromium, theatre, context=first.context)
    with again as page:
        again.context.set_offline(False)
        page.wait_for_timeout(1000)  # longer than the closed page would have waited
        assert saved(theatre, "learner8") == {}, "the server can't know of them yet"
        page.goto(address)
        expect(page.get_by_label("机械通风")).to_be_checked()
        expect(page.get_by_label("第 1 空")).to_have_value("照度")
        expect(page.locator("[data-answered]")).to_have_text("已答 2/2")
        until(page, lambda: saved(theatre, "learner8") == {"q1": ("a",), "q2": ("照度",)})
        expect(page.locator("[data-save-status]")).to_contain_text("已保存")
