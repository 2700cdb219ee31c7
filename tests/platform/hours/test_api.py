"""A person's own hours for machines."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from zhixin.hours.rules import Cap, Per

from .conftest import make_policy


def test_my_year(give, alice, sign_in):
    """What counts, what is asked, what is missing; hours as decimal strings."""
    give(id=1, hours=Decimal("4.5"))
    give(id=2, hours=Decimal(2), flags=("overlap",))
    found = sign_in(alice).get("/api/v1/me/years/2026").json
    assert found["total"] == {
        "earned": "4.5",
        "counted": "4.5",
        "spilled": "0.0",
        "required": "90",
        "missing": "85.5",
    }
    assert found["kinds"]["general"]["missing"] == "30"
    assert (found["pending"], found["met"]) == ("2", False)
    assert {award["state"] for award in found["awards"]} == {"earned", "verified"}


def test_my_year_with_caps(session, give, alice, sign_in, now):
    """Earned 12, counted 8, cap 8: in all, for each award, and for the cap."""
    make_policy(session, now, caps=(Cap(hours=Decimal(8), per=Per.YEAR),))
    first = give(id=1, hours=Decimal(6))
    second = give(id=2, hours=Decimal(6))
    found = sign_in(alice).get("/api/v1/me/years/2026").json
    assert (found["total"]["earned"], found["total"]["counted"]) == ("12", "8")
    assert found["total"]["missing"] == "82"
    assert [(each["award"], each["counted"]) for each in found["counted"]] == [
        (first.id, "6"),
        (second.id, "2"),
    ]
    cut = {"cap": "全部学时一年最多计 8 学时", "hours": "4"}
    assert found["counted"][1]["cuts"] == [cut]
    assert found["caps"] == [
        {"cap": cut["cap"], "limit": "8", "day": None, "counted": "8", "spilled": "4"}
    ]


def test_my_awards_of_all_years(give, alice, create_person, sign_in):
    """The newest first, and nobody else's."""
    give(id=1, at=datetime(2025, 3, 1, tzinfo=UTC))
    give(id=2)
    give(id=3, to=create_person("bob"))
    found = sign_in(alice).get("/api/v1/me/awards").json["awards"]
    assert [(award["year"], award["hours"]) for award in found] == [(2026, "4.5"), (2025, "4.5")]


@pytest.mark.parametrize("path", ["me/years/2026", "me/awards"])
def test_nobody_has_no_hours(app, path):
    """401 as a problem document."""
    response = app.test_client().get(f"/api/v1/{path}")
    assert response.status_code == 401
    assert response.content_type == "application/problem+json"


@pytest.mark.parametrize(("year", "status"), [("1999", 422), ("2101", 422), ("2015", 404)])
def test_an_impossible_year_is_refused(policy, alice, sign_in, year, status):
    """Out of range, or before every policy."""
    assert sign_in(alice).get(f"/api/v1/me/years/{year}").status_code == status
