"""What is counted for Prometheus."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from flask import Response, request
from prometheus_client import CONTENT_TYPE_LATEST, Counter, Histogram, generate_latest

from accounts.errors import ServiceError

_REQUESTS = Counter("flask_skp_requests", "Requests answered", ["method", "path", "status"])
_SECONDS = Histogram("flask_skp_request_seconds", "Seconds until the answer", ["method"])
_LOGINS = Counter("flask_skp_logins", "Logins by what became of them", ["outcome"])


@contextmanager
def count_login() -> Iterator[None]:
    """Count how a login ends: ok, or the status that it is refused with."""
    try:
        yield
    except ServiceError as error:
        _LOGINS.labels(str(error.status)).inc()
        raise
    _LOGINS.labels("ok").inc()


def count(response: Response, began: float) -> None:
    """Count a request; by the rule of its path, which has no names in it."""
    path = request.url_rule.rule if request.url_rule else "none"
    _REQUESTS.labels(request.method, path, str(response.status_code)).inc()
    _SECONDS.labels(request.method).observe(time.monotonic() - began)


def shown() -> Response:
    """Return all counts in Prometheus' form."""
    return Response(generate_latest(), content_type=CONTENT_TYPE_LATEST)
