"""The routes of the API: JSON documents made from the current snapshot."""

from __future__ import annotations

from typing import TYPE_CHECKING

from monitor.render import report_document
from monitor.web.documents import changes_document, status_document
from monitor.web.responses import json_response, snapshot_and_time

if TYPE_CHECKING:
    from flask import Flask, Response

    from monitor.clock import Clock
    from monitor.snapshot import SnapshotHolder


def add_api(app: Flask, holder: SnapshotHolder, clock: Clock) -> None:
    """Add ``/api/v1/...``."""

    @app.get("/api/v1/status")
    def status() -> Response:
        return json_response(status_document(*snapshot_and_time(holder, clock)))

    @app.get("/api/v1/actions")
    def actions() -> Response:
        snapshot = holder.current
        days = [org_snapshot.day for org_snapshot in snapshot.orgs]
        return json_response(report_document(days, snapshot.taken_at, snapshot.diagnoses))

    @app.get("/api/v1/changes")
    def changes() -> Response:
        return json_response(changes_document(*snapshot_and_time(holder, clock)))
