"""The route of the page of changes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import request

from monitor.web.changes_page import ChangeFilters, changes_page
from monitor.web.responses import snapshot_and_time

if TYPE_CHECKING:
    from flask import Flask, Response

    from monitor.clock import Clock
    from monitor.snapshot import SnapshotHolder
    from monitor.web.changes_page import TrailReader
    from monitor.web.state_turns import StateTurns


def add_changes(
    app: Flask,
    holder: SnapshotHolder,
    clock: Clock,
    reader: TrailReader | None,
    turns: StateTurns,
) -> None:
    """Add ``/changes``."""

    @app.get("/changes")
    def changes_of_timeouts() -> Response:
        snapshot, now = snapshot_and_time(holder, clock)
        return changes_page(snapshot, now, ChangeFilters.of(request.args), reader, turns)
