"""The learner's year and the administrator's policies, as pages."""

from __future__ import annotations

import json
import re
from decimal import Decimal

import pytest
import sqlalchemy as sa

from zhixin.hours import awards, policies
from zhixin.hours.models import Policy
from zhixin.hours.rules import Cap, Per
from zhixin.hours.states import Transition
from zhixin.people.models import Role

from .conftest import make_policy

FORM = {
    "title": "本市 2027 年度规则",
    "source": "某人社发〔2026〕1 号第三条",
    "effective_from": "2027-01-01",
    "minutes_per_hour": "45",
    "step": "0.50",
    "coverage_needed": "95",
    "pass_mark": "60",
    "attempts_allowed": "",
    "yearly_total": "90",
    "general": "30",
    "professional": "60",
    "auto": "y",
    "sample_percent": "12.5",
}


def published(session):
    """How many policies there are."""
    count = session.scalar(sa.select(sa.func.count()).select_from(Policy))
    session.close()
    return count


@pytest.fixture
def administrator(create_person, sign_in):
    return sign_in(create_person("root", Role.ADMINISTRATOR))


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


@pytest.mark.parametrize("role", [Role.LEARNER, Role.AUTHOR, Role.REVIEWER, Role.AUDITOR])
def test_policies_are_the_administrators(policy, create_person, sign_in, role):
    """Nobody else reads or publishes here."""
    client = sign_in(create_person("somebody", role))
    assert client.get("/admin/policies").status_code == 403
    assert client.post("/admin/policies", data=FORM).status_code == 403


def test_the_policy_page_shows_what_is_in_force(policy, administrator):
    """With its source, its numbers in the form for the next one, and the history."""
    page = administrator.get("/admin/policies")
    assert page.status_code == 200
    assert "示例规则" in page.text
    assert 'name="sample_percent"' in page.text
    assert re.search(r'name="coverage_needed"[^>]* value="95"', page.text)


def test_an_administrator_publishes(policy, administrator, session):
    """A new policy from its effective date; the one in force stays until then."""
    response = administrator.post("/admin/policies", data=FORM)
    assert response.status_code == 303
    newest = session.scalars(sa.select(Policy).order_by(Policy.id.desc())).first()
    rule = policies.rule(newest)
    assert (rule.coverage_needed, rule.pass_mark) == (Decimal("0.95"), Decimal("0.6"))
    assert (rule.attempts_allowed, rule.step) == (None, Decimal("0.5"))
    assert rule.verification.sample_percent == Decimal("12.5")
    assert newest.document["step"] == "0.5"  # as short as people would write it
    assert newest.published_by_id is not None


def test_presence_is_a_part_of_the_policy(policy, administrator, session):
    """On with its numbers, off without; the page says which, and proposes what is in force."""
    assert "不确认在场" in administrator.get("/admin/policies").text
    asked = FORM | {"presence": "y", "every_minutes": "12.5", "answer_seconds": "90"}
    assert administrator.post("/admin/policies", data=asked).status_code == 303
    newest = session.scalars(sa.select(Policy).order_by(Policy.id.desc())).first()
    assert newest.document["presence"] == {"every_minutes": "12.5", "answer_seconds": 90}
    assert (
        "平均每 12.5 分钟视频确认在场一次，90 秒内回答" in administrator.get("/admin/policies").text
    )
    assert administrator.post("/admin/policies", data=FORM).status_code == 303
    last = session.scalars(sa.select(Policy).order_by(Policy.id.desc())).first()
    assert "presence" not in last.document


def test_the_first_policy_can_be_published(administrator, session):
    """An installation without any policy says so and still has the form."""
    assert "还没有生效的学时规则" in administrator.get("/admin/policies").text
    assert administrator.post("/admin/policies", data=FORM).status_code == 303


@pytest.mark.parametrize(
    "changes",
    [
        {"title": ""},
        {"source": " "},
        {"effective_from": "2027-02-30"},
        {"minutes_per_hour": "0"},
        {"minutes_per_hour": "NaN"},
        {"minutes_per_hour": "sNaN"},
        {"yearly_total": "Infinity"},
        {"yearly_total": "-1"},
        {"yearly_total": "1e999999"},
        {"step": "0.001"},
        {"step": "1e-99999"},
        {"coverage_needed": "101"},
        {"coverage_needed": "33.333333"},
        {"pass_mark": "NaN"},
        {"sample_percent": "100.1"},
        {"attempts_allowed": "0"},
        {"attempts_allowed": "1" * 30},
        {"general": "31"},
        {"presence": "y", "every_minutes": "", "answer_seconds": "60"},
        {"presence": "y", "every_minutes": "15", "answer_seconds": ""},
        {"presence": "y", "every_minutes": "0.5", "answer_seconds": "60"},
        {"presence": "y", "every_minutes": "15", "answer_seconds": "19"},
        {"presence": "y", "every_minutes": "NaN", "answer_seconds": "60"},
    ],
)
def test_impossible_numbers_are_refused(policy, administrator, session, changes):
    """422, the form again with the reason at the field, and nothing published."""
    response = administrator.post("/admin/policies", data=FORM | changes)
    assert response.status_code == 422
    assert "field__error" in response.text
    assert published(session) == 1


def test_publishing_needs_the_forms_token(policy, administrator, session):
    """A forged post from elsewhere publishes nothing."""
    del administrator.environ_base["HTTP_X_CSRFTOKEN"]
    assert administrator.post("/admin/policies", data=FORM).status_code == 400
    assert published(session) == 1
