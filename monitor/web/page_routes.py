"""The routes of the pages that people look at."""

from __future__ import annotations

from typing import TYPE_CHECKING

from monitor.web.page import overview_page
from monitor.web.responses import snapshot_and_time

if TYPE_CHECKING:
    from flask import Flask, Response

    from monitor.clock import Clock
    from monitor.snapshot import SnapshotHolder


def add_pages(app: Flask, holder: SnapshotHolder, clock: Clock) -> None:
    """Add ``/``."""

    @app.get("/")
    def overview() -> Response:
        return overview_page(*snapshot_and_time(holder, clock))
