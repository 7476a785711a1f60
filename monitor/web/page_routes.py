"""The routes of the pages that people look at."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import request

from monitor.web.overview import Overview
from monitor.web.overview_filters import OverviewFilters
from monitor.web.pages import html_response
from monitor.web.responses import snapshot_and_time

if TYPE_CHECKING:
    from flask import Flask, Response

    from monitor.clock import Clock
    from monitor.snapshot import SnapshotHolder


def add_pages(app: Flask, holder: SnapshotHolder, clock: Clock) -> None:
    """Add ``/``."""
    drawn = Overview()

    @app.get("/")
    def overview() -> Response:
        snapshot, now = snapshot_and_time(holder, clock)
        html = drawn.html(snapshot, now, OverviewFilters.of(request.args))
        return html_response(html, now)
