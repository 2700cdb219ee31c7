"""Background jobs on Celery. The database is the truth, the broker a doorbell.

A job is enqueued after the commit that made it needed, carries ids only, may be lost,
doubled or killed half way, and must then be found by a sweeper and done once.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from time import monotonic
from typing import Any, ParamSpec

import structlog
from celery import Celery, Task
from celery.schedules import schedule
from flask import Flask
from kombu.exceptions import OperationalError
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from zhixin import db
from zhixin.config import Settings
from zhixin.observe import JOBS

log = structlog.get_logger()
celery = Celery("zhixin")
P = ParamSpec("P")

#: How long Redis may take to connect and to answer; a bell tries twice.
PATIENCE_S = 2
#: How long a broker that was out of reach is left alone: one request waits for it, not all.
QUIET_S = 5
_quiet_until = 0.0


def job(
    *, name: str, time_limit_s: int, every_s: float | None = None
) -> Callable[[Callable[P, None]], Task]:
    """Declare a job: runs in an application context and in one transaction of its own.

    Args:
        name: ``domain.verb``.
        time_limit_s: killed after this long; its sweeper finds it again.
        every_s: also run on this beat, without arguments (sweepers).
    """

    def declare(function: Callable[P, None]) -> Task:
        @wraps(function)
        def run(*args: P.args, **kwargs: P.kwargs) -> None:
            with celery.flask_app.app_context():
                try:
                    function(*args, **kwargs)
                    db.finish(keep=True)
                except BaseException:
                    JOBS.labels(name, "failed").inc()
                    raise
                JOBS.labels(name, "done").inc()

        task = celery.task(
            run,
            name=name,
            acks_late=True,
            reject_on_worker_lost=True,
            ignore_result=True,
            time_limit=time_limit_s,
            soft_time_limit=max(1, time_limit_s - 5),
        )
        if every_s is not None:
            celery.conf.beat_schedule[name] = {
                "task": name,
                "schedule": schedule(every_s),
                # A beat that nobody took is worth nothing when the next one comes.
                "options": {"expires": every_s},
            }
        return task

    return declare


def enqueue(session: Session, task: Task, *ids: int | str) -> None:
    """Ring for ``task(*ids)`` once ``session`` has committed."""
    db.after_commit(session, lambda: _ring(task, ids))


def _ring(task: Task, ids: tuple[int | str, ...]) -> None:
    global _quiet_until
    if monotonic() < _quiet_until:
        return
    try:
        task.apply_async(ids)
    except (OperationalError, SQLAlchemyError, OSError) as error:
        # The sweeper will find the row; the person's request must not fail for a doorbell.
        _quiet_until = monotonic() + QUIET_S
        log.warning("broker unreachable", job=task.name, error=type(error).__name__)


def init_app(app: Flask, settings: Settings, *, eager: bool = False) -> None:
    """Bind jobs to ``app``. ``eager`` runs them in the caller, for tests."""
    global _quiet_until
    _quiet_until = 0.0
    celery.flask_app = app
    transport: dict[str, Any] = {}
    if settings.broker.startswith("redis"):
        transport = {
            "visibility_timeout": 4 * 3600,
            "socket_connect_timeout": PATIENCE_S,
            "socket_timeout": PATIENCE_S,
        }
    celery.conf.update(
        broker_url=settings.broker,
        broker_connection_retry_on_startup=True,
        broker_transport_options=transport,
        # At once: for a connection that went stale, not for a broker that has to come back.
        task_publish_retry_policy={"max_retries": 1, "interval_start": 0},
        task_always_eager=eager,
        task_eager_propagates=eager,
        task_serializer="json",
        accept_content=["json"],
        worker_prefetch_multiplier=1,
        worker_hijack_root_logger=False,
        worker_concurrency=settings.job_workers,
        beat_schedule_filename=str(settings.data_dir / "beat-schedule"),
        timezone="Asia/Shanghai",
    )
