"""Structured logs without personal data, ``/healthz`` and Prometheus ``/metrics``."""

from __future__ import annotations

import ipaddress
import logging
import os
import sys
import time

import sqlalchemy as sa
import structlog
from flask import Flask, Response, g, jsonify, request
from flask.typing import ResponseReturnValue
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Histogram,
    generate_latest,
    multiprocess,
)

from zhixin import access, db
from zhixin.config import Settings
from zhixin.errors import NotFound

REQUESTS = Counter("zhixin_requests_total", "Requests answered.", ["endpoint", "method", "status"])
SECONDS = Histogram(
    "zhixin_request_seconds",
    "Time to answer a request.",
    ["endpoint"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5),
)
BEATS = Counter("zhixin_beats_total", "Beats accepted, by what became of them.", ["outcome"])
AWARDS = Counter("zhixin_awards_total", "Awards by the transition they made.", ["transition"])
EVIDENCE_CHECKS = Counter(
    "zhixin_evidence_checks_total", "Awards rebuilt from their raw records.", ["outcome"]
)
HOURS_DIFFERING = Counter(
    "zhixin_hours_differing_total", "Awards found to differ from the log, each night anew."
)
JOBS = Counter("zhixin_jobs_total", "Jobs by name and outcome.", ["job", "outcome"])

log = structlog.get_logger("zhixin.request")


def configure_logging(settings: Settings) -> None:
    """JSON lines on stderr. Whoever logs passes ids of things, never of people or their data."""
    logging.basicConfig(
        level=settings.log_level, stream=sys.stderr, format="%(message)s", force=True
    )
    logging.getLogger("alembic.runtime.plugins").setLevel(logging.WARNING)  # a dozen lines a start
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(
            logging.getLevelNamesMapping()[settings.log_level]
        ),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )


def _start() -> None:
    g.started = time.perf_counter()


def _finish(response: Response) -> Response:
    endpoint = request.endpoint or "none"
    seconds = time.perf_counter() - g.get("started", time.perf_counter())
    REQUESTS.labels(endpoint, request.method, response.status_code).inc()
    SECONDS.labels(endpoint).observe(seconds)
    # The route, not the address: addresses may carry names of things people look at.
    log.debug(
        "request",
        endpoint=endpoint,
        method=request.method,
        status=response.status_code,
        ms=round(seconds * 1000, 1),
    )
    return response


@access.public
def healthz() -> ResponseReturnValue:
    """200 when the database answers: for load balancers."""
    try:
        db.session().execute(sa.text("SELECT 1"))
    except sa.exc.SQLAlchemyError:
        return jsonify(status="database-unreachable"), 503
    return jsonify(status="ok")


@access.public
def metrics() -> ResponseReturnValue:
    """Prometheus text, for this machine and administrators' tokens only."""
    local = (
        request.remote_addr is not None and ipaddress.ip_address(request.remote_addr).is_loopback
    )
    if not local and not access.has_role("administrator"):
        raise NotFound
    if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
        registry = CollectorRegistry()
        multiprocess.MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
        return Response(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)
    return Response(generate_latest(), content_type=CONTENT_TYPE_LATEST)


def init_app(app: Flask) -> None:
    app.before_request(_start)
    app.after_request(_finish)
    app.add_url_rule("/healthz", view_func=healthz)
    app.add_url_rule("/metrics", view_func=metrics)
