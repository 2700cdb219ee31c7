"""How the log grew: what was signed by the end of each day or month on the city's clock."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from zhixin.ledger import growth, log


def test_an_empty_log_has_not_grown(session, now):
    """Nothing to draw."""
    assert growth.growth(session, now) == []


def test_a_young_log_is_drawn_by_days(session, submit, signer, now):
    """A day ends at midnight in Shanghai."""
    before_midnight = datetime(2026, 11, 21, 15, 59, tzinfo=UTC)
    submit([1])
    log.append_waiting(session, signer, before_midnight)
    submit([2, 3])
    log.append_waiting(session, signer, before_midnight + timedelta(minutes=2))
    found = growth.growth(session, now)
    assert len(found) == growth.DAYS
    assert found[-4:] == [("11-20", 0), ("11-21", 1), ("11-22", 3), ("11-23", 3)]


def test_an_old_log_is_drawn_by_months(session, submit, signer, now):
    """Twelve of them; what was there before is where the line begins."""
    submit([1])
    log.append_waiting(session, signer, now - timedelta(days=800))
    submit([2])
    log.append_waiting(session, signer, datetime(2026, 9, 30, 16, 0, tzinfo=UTC))  # 1 October
    found = dict(growth.growth(session, now))
    assert list(found) == [f"2025-{m}" for m in (12,)] + [f"2026-{m:02}" for m in range(1, 12)]
    assert (found["2025-12"], found["2026-09"], found["2026-10"], found["2026-11"]) == (1, 1, 2, 2)
