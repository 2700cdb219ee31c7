"""The learner's year as a page."""

from __future__ import annotations

import json
import re
from decimal import Decimal

import pytest

from zhixin.hours import awards
from zhixin.hours.rules import Cap, Per
from zhixin.hours.states import Transition

from .conftest import make_policy


def test_my_year_shows_my_hours(give, alice, sign_in, now):
    """Counted, pending, each award with its state, and the numbers of the plot as a table."""
    give(id=1, title="数字化转型", hours=Decimal("4.5"))
    give(id=2, title="等待核验的课", hours=Decimal(2), flags=("overlap",))
    page = sign_in(alice).get("/my/year/2026")
    assert page.status_code == 200
    for text in ("2026 年度学时", "数字化转型", "等待核验的课", "已核验", "待核验", "示例规则"):
        assert text in page.text
    chart = json.loads(re.search(r"data-chart><script[^>]*>(.*?)</script>", page.text)[1])
    assert sum(chart["series"][0]["values"]) == 4.5
    assert '<td class="number">4.5</td>' in page.text


def test_my_year_shows_what_spilled_over(session, give, alice, sign_in, now):
    """Earned 12, counted 8, cap 8: on top, in the drawing, and beside the award, with why."""
    make_policy(session, now, caps=(Cap(hours=Decimal(8), per=Per.YEAR),))
    give(id=1, hours=Decimal(6))
    give(id=2, hours=Decimal(6))
    page = sign_in(alice).get("/my/year/2026").text
    assert "获得 12 学时，计入 8 学时，超出上限 4 学时" in page
    assert "超出 4：全部学时一年最多计 8 学时" in page
    assert 'class="hours-bar__spilled"' in page
    assert "已计入 8 / 8" in page


def test_my_year_is_nobody_elses(give, create_person, sign_in):
    """The person comes from the sign-in: another learner sees an empty year."""
    give(id=1, title="数字化转型")
    page = sign_in(create_person("bob")).get("/my/year/2026")
    assert page.status_code == 200
    assert "数字化转型" not in page.text
    assert "还没有学时" in page.text


def test_my_year_says_why_an_award_was_rejected(give, alice, auditors, sign_in, session, now):
    """The auditor's reason, as it was written, and harmless as HTML."""
    awards.decide(
        session, give(id=1, flags=("overlap",)), Transition.REJECT, actor_id=auditors[0].id,
        reason="<b>时间不符</b>", now=now,
    )  # fmt: skip
    session.commit()
    page = sign_in(alice).get("/my/year/2026").text
    assert "&lt;b&gt;时间不符&lt;/b&gt;" in page
    assert "未通过" in page


def test_nobody_is_asked_to_sign_in(app):
    """A stranger is led to the sign-in page."""
    response = app.test_client().get("/my/year/2026")
    assert response.status_code == 302
    assert "next=/my/year/2026" in response.location


@pytest.mark.parametrize("year", ["1999", "2999", "99999999999999999999", "x"])
def test_an_impossible_year_is_not_found(policy, alice, sign_in, year):
    """Neither the past before the platform nor the future."""
    assert sign_in(alice).get(f"/my/year/{year}").status_code == 404


def test_a_year_before_every_policy_is_not_found(policy, alice, sign_in):
    """Without a rule there is nothing to hold hours against."""
    assert sign_in(alice).get("/my/year/2015").status_code == 404
