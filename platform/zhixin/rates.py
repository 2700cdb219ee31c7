"""How often somebody may ask: counted by the library ``limits``.

Counts are shared by all processes where the broker is Redis; embedded, each process counts for
itself, so that the real limit is the number of processes times higher.
"""

from __future__ import annotations

import structlog
from flask import Flask, current_app
from limits import RateLimitItem
from limits.errors import StorageError
from limits.storage import storage_from_string
from limits.strategies import FixedWindowRateLimiter

from zhixin.config import Settings
from zhixin.errors import TooManyRequests

log = structlog.get_logger()

#: How long Redis may take to connect and to answer.
PATIENCE_S = 1


def spend(limit: RateLimitItem, who: int | str, cost: int = 1) -> None:
    """Count ``cost`` for ``who``.

    Raises:
        TooManyRequests: it is more than ``limit`` allows; ``retry_after_s`` says when to come back.
    """
    limiter: FixedWindowRateLimiter = current_app.extensions["rates"]
    namespace = str(limit.namespace)
    try:
        if limiter.hit(limit, namespace, str(who), cost=cost):
            return
        wait_s = limiter.get_window_stats(limit, namespace, str(who)).reset_time
    except StorageError as error:
        # Nobody is turned away because a counter is out of reach.
        log.warning("rate limits out of reach", error=type(error).__name__)
        return
    from zhixin import clock

    raise TooManyRequests(retry_after_s=max(1, round(wait_s - clock.now().timestamp())))


def are_shared(settings: Settings) -> bool:
    """Do all processes count together?"""
    return settings.broker.startswith("redis")


def init_app(app: Flask, settings: Settings) -> None:
    storage = storage_from_string("memory://")
    if are_shared(settings):
        storage = storage_from_string(
            settings.broker,
            wrap_exceptions=True,
            socket_connect_timeout=PATIENCE_S,
            socket_timeout=PATIENCE_S,
        )
    app.extensions["rates"] = FixedWindowRateLimiter(storage)
