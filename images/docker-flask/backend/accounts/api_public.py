"""What anybody may ask: the key set, health, metrics, and the files of the API's page."""

from __future__ import annotations

from typing import Any

import swagger_ui_bundle
from flask import Blueprint, Response, jsonify, send_from_directory

from accounts import metrics
from accounts.service import current

BLUEPRINT = Blueprint("public", __name__)
# Answered without the database.
ALWAYS = {"public.live", "public.measured"}


@BLUEPRINT.get("/.well-known/jwks.json")
def key_set() -> Response:
    """Publish the keys that tokens are verified with (RFC 7517)."""
    service = current()
    with service.store.session() as session:
        response = jsonify(service.keys.published(session))
    response.headers["Cache-Control"] = "public, max-age=60"
    return response


@BLUEPRINT.get("/health")
def health() -> dict[str, Any]:
    """Say that all is well; without the database it is answered with 503."""
    return {"status": "ok"}


@BLUEPRINT.get("/health/live")
def live() -> dict[str, Any]:
    """Say that this process answers, with or without the database."""
    return {"status": "ok"}


@BLUEPRINT.get("/metrics")
def measured() -> Response:
    """Tell what was counted."""
    return metrics.shown()


@BLUEPRINT.get("/docs/ui/<path:name>")
def page_file(name: str) -> Response:
    """Send a file of the API's page, which is in the image: nothing is loaded from elsewhere."""
    response = send_from_directory(swagger_ui_bundle.swagger_ui_path, name)
    response.headers["Cache-Control"] = "public, max-age=86400"
    return response
