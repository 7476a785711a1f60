"""The routes of the pages that people look at."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Response

from monitor.web.page import PageStyle, render_page
from monitor.web.responses import SCRIPTLESS, snapshot_and_time

if TYPE_CHECKING:
    from flask import Flask

    from monitor.clock import Clock
    from monitor.snapshot import SnapshotHolder


def add_pages(app: Flask, holder: SnapshotHolder, clock: Clock) -> None:
    """Add ``/``."""
    style = PageStyle.load()

    @app.get("/")
    def page() -> Response:
        response = Response(
            render_page(*snapshot_and_time(holder, clock), style),
            content_type="text/html; charset=utf-8",
        )
        response.headers["Content-Security-Policy"] = (
            f"{SCRIPTLESS}; style-src '{style.digest}'; img-src data:"
        )
        return response
