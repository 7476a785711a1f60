"""What every route answers with: JSON, and what is shown at the moment of a request."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from flask import Response

if TYPE_CHECKING:
    from monitor.clock import Clock
    from monitor.render import Document
    from monitor.snapshot import Snapshot, SnapshotHolder

SCRIPTLESS = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
"""The Content-Security-Policy of what is no page: a browser loads and runs nothing for it."""


def json_response(document: Document, status: int = 200) -> Response:
    """Return a document as JSON."""
    return encoded_response(msgspec.json.encode(document), status)


def encoded_response(body: bytes, status: int = 200) -> Response:
    """Return a document that is JSON already."""
    return Response(body, status=status, content_type="application/json")


def snapshot_and_time(holder: SnapshotHolder, clock: Clock) -> tuple[Snapshot, float]:
    """Return what is shown, and the time by the clock that it was taken by."""
    snapshot = holder.current
    return snapshot, snapshot.moment(clock)
