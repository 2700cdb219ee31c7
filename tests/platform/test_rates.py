"""How often somebody may ask."""

from __future__ import annotations

import pytest
from flask import Flask
from limits import RateLimitItemPerHour

from zhixin import rates
from zhixin.errors import TooManyRequests


def test_each_has_their_own_count(app: Flask) -> None:
    """One who asks too often is told when to come back; others are not in their way."""
    limit = RateLimitItemPerHour(3, namespace="test")
    with app.app_context():
        rates.spend(limit, "alice", 2)
        rates.spend(limit, "bob", 3)
        with pytest.raises(TooManyRequests) as refused:
            rates.spend(limit, "alice", 2)
    assert 1 <= refused.value.facts["retry_after_s"] <= 3600


def test_counts_are_shared_through_redis(settings, redis_url: str, sqlite_engine) -> None:
    """Where there is a Redis, all processes count together."""
    from dataclasses import replace

    limit = RateLimitItemPerHour(3, namespace="test-shared")
    processes = [Flask("one"), Flask("two")]
    for process in processes:
        rates.init_app(process, replace(settings, broker_url=redis_url))
    with processes[0].app_context():
        rates.spend(limit, "alice", 3)
    with processes[1].app_context(), pytest.raises(TooManyRequests):
        rates.spend(limit, "alice")


def test_nobody_is_turned_away_because_redis_is_gone(settings) -> None:
    """A counter out of reach stops no work."""
    from dataclasses import replace

    process = Flask("lonely")
    rates.init_app(process, replace(settings, broker_url="redis://127.0.0.1:1/0"))
    with process.app_context():
        rates.spend(RateLimitItemPerHour(1, namespace="test"), "alice", 5)


@pytest.mark.parametrize(
    ("broker", "processes", "told"),
    [
        ("redis://127.0.0.1/0", 3, "由 Redis 统一计数"),
        ("memory://", 1, "在本进程中计数"),
        ("memory://", 3, "实际上限是规定次数的 3 倍"),
    ],
)
def test_the_operator_is_told_who_counts(settings, broker: str, processes: int, told: str) -> None:
    """Several processes without Redis let through several times as much: ``zhixin doctor`` says
    so, and that Redis mends it."""
    from dataclasses import replace

    from zhixin import operating

    ok, detail = operating._check_rates(replace(settings, broker_url=broker, web_workers=processes))
    assert ok
    assert told in detail
