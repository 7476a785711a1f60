"""The routes that machines ask: metrics, and whether the program lives and can be relied on."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

from flask import Response, request

from monitor.render import AliveDocument
from monitor.web.api_description import HEALTH, METRICS, READINESS
from monitor.web.documents import readiness_document
from monitor.web.exposition import Exposition, ExpositionFormat
from monitor.web.responses import json_response, snapshot_and_time

if TYPE_CHECKING:
    from collections.abc import Iterable

    from flask import Flask
    from prometheus_client import CollectorRegistry

    from monitor.clock import Clock
    from monitor.snapshot import SnapshotHolder

_GZIP_LEVEL = 1
"""Metrics shrink to a few percent at the fastest level already, and the scraper is near."""

_GZIP_WINDOW = zlib.MAX_WBITS + 16
"""The largest window, in the envelope of gzip."""


def add_metrics(app: Flask, registry: CollectorRegistry) -> None:
    """Add ``/metrics``."""
    exposition = Exposition(registry)

    @app.get(METRICS.flask_rule)
    def metrics() -> Response:
        form = _wanted_format()
        response = Response(content_type=form.value)
        response.vary.update(("Accept", "Accept-Encoding"))
        if request.accept_encodings["gzip"] > 0:
            response.data = _compressed(exposition.parts(form))
            response.content_encoding = "gzip"
        else:
            response.data = exposition.render(form)
        return response


def _compressed(parts: Iterable[bytes]) -> bytes:
    """Compress piece by piece: the whole text is many times what is sent of it."""
    packer = zlib.compressobj(_GZIP_LEVEL, wbits=_GZIP_WINDOW)
    return b"".join((*map(packer.compress, parts), packer.flush()))


def _wanted_format() -> ExpositionFormat:
    """OpenMetrics where the client likes it best, else text: a scraper without a wish gets text."""
    for accepted, quality in request.accept_mimetypes:
        media_type = accepted.partition(";")[0].strip().lower()
        if quality > 0 and media_type == "application/openmetrics-text":
            return ExpositionFormat.OPENMETRICS
        if quality > 0 and media_type in {"text/plain", "text/*", "*/*"}:
            return ExpositionFormat.TEXT
    return ExpositionFormat.TEXT


def add_health(app: Flask, holder: SnapshotHolder, clock: Clock) -> None:
    """Add ``/healthz`` and ``/readyz``."""

    @app.get(HEALTH.flask_rule)
    def healthz() -> Response:
        return json_response(AliveDocument(alive=True))

    @app.get(READINESS.flask_rule)
    def readyz() -> Response:
        document = readiness_document(*snapshot_and_time(holder, clock))
        return json_response(document, status=200 if document.ready else 503)
