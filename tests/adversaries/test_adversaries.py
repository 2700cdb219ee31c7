"""Programs that want time they have not spent, each against a real running server."""

from __future__ import annotations

import pytest

from tests.adversaries import claims, deliveries, endpoints, prompts, sequences, sessions
from tests.adversaries.adversary import Adversary, Attempt

MODULES = (claims, sequences, sessions, deliveries, endpoints, prompts)
ALL = [
    each
    for module in MODULES
    for each in vars(module).values()
    if isinstance(each, type)
    and issubclass(each, Adversary)
    and each.__module__ == module.__name__
    and each is not prompts.Asked
]
CASES = [("sqlite_site", each) for each in ALL] + [
    ("postgresql_site", each) for each in ALL if each.books
]


@pytest.mark.parametrize(
    ("site", "adversary"), CASES, ids=[f"{s.partition('_')[0]}-{a.__name__}" for s, a in CASES]
)
def test_gains_nothing(
    site: str, adversary: type[Adversary], request: pytest.FixtureRequest
) -> None:
    """Credited time is at most that of an honest viewer in the same server time, nothing is
    completed, and the attempt can be seen afterwards."""
    at = Attempt(request.getfixturevalue(site), adversary.course)
    program = adversary()
    try:
        program.run(at.me, at)
        at.wait(1)
        found, honest = at.records(), at.site.records(at.honest_name)
    finally:
        at.close()
    assert honest.covered_ms >= 1000 * at.honest.watched_s - 1, "the measure itself"
    assert honest.refusals <= {"presence"}
    assert found.covered_ms <= honest.covered_ms
    if adversary.gains_nothing_at_all:
        assert found.covered_ms == 0
    found.never_faster_than_time()
    assert not found.completed
    assert not found.awards
    program.shows(found, at.refused())
