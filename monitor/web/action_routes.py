"""The route of the pages of actions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import structlog
from flask import Response, request
from werkzeug.routing import BaseConverter

from monitor.errors import LedgerError
from monitor.render import RAISE_COLUMNS
from monitor.web.action_page import (
    DEFAULT_PERIOD,
    PERIODS,
    ShownPeriod,
    action_page,
    known_action,
)
from monitor.web.pages import page_response
from monitor.web.responses import snapshot_and_time

if TYPE_CHECKING:
    from flask import Flask

    from monitor.clock import Clock
    from monitor.investigation import ActionHistory
    from monitor.snapshot import OrgSnapshot, Snapshot, SnapshotHolder
    from monitor.summary import ActionSummary
    from monitor.time_ranges import TimeRange
    from monitor.web.state_turns import StateTurns

log = structlog.get_logger()

_NOT_READ = "The state can't be read now, so there are no pictures, flows and conversations"
_WINDOW_SECONDS = 300
"""How long windows are taken to be before any was read."""


class ActionReader(Protocol):
    """Reads from the state what the page of an action shows."""

    def __call__(
        self, org_snapshot: OrgSnapshot, action_id: str, time_range: TimeRange
    ) -> ActionHistory:
        """Return what the state knows of one action over a period.

        Args:
            org_snapshot: Its org.
            action_id: The action.
            time_range: The period, which ends now.

        Raises:
            LedgerError: The state can't be read.
        """
        ...


class _AnyText(BaseConverter):
    """The rest of a path as it is: names and ids may hold slashes, at their ends too."""

    regex = ".+"
    part_isolating = False


def add_action_pages(
    app: Flask,
    holder: SnapshotHolder,
    clock: Clock,
    read_action: ActionReader | None,
    turns: StateTurns,
) -> None:
    """Add ``/actions/<org>/<id>``.

    Args:
        app: The application.
        holder: Where the current snapshot is kept.
        clock: Tells how old data is at the moment of a request.
        read_action: Reads the state; without one a page shows what the snapshot knows.
        turns: How many pages read the state at a time.
    """
    app.url_map.converters["any_text"] = _AnyText
    app.url_map.merge_slashes = False

    @app.get("/actions/<any_text:address>")
    def page_of_action(address: str) -> Response:
        snapshot, now = snapshot_and_time(holder, clock)
        org_snapshot, day = _find(snapshot, address)
        if org_snapshot is None or day is None:
            return _unknown(snapshot, now, org_snapshot, address)
        asked = request.args.get("since", DEFAULT_PERIOD)
        period = asked if asked in PERIODS else DEFAULT_PERIOD
        state = org_snapshot.state
        window_seconds = state.window_seconds(org_snapshot.required_source, _WINDOW_SECONDS)
        shown = ShownPeriod.of(period, snapshot.taken_at, window_seconds)
        history, problem = None, ""
        if read_action is not None:
            try:
                with turns.turn():
                    history = read_action(org_snapshot, day.action_id, shown.time_range)
            except LedgerError as error:
                log.warning("action_not_read", org=org_snapshot.org, why=error.message)
                problem = f"{_NOT_READ}: {error.message.rstrip('.')}."
        page = action_page(org_snapshot, day, shown, history, problem)
        response = page_response(
            "action.html", snapshot, now, action=page, raise_columns=RAISE_COLUMNS
        )
        response.status_code = 503 if problem else 200
        return response


def _find(snapshot: Snapshot, address: str) -> tuple[OrgSnapshot | None, ActionSummary | None]:
    """Return the org and the action that an address names; an org's name may hold slashes too."""
    meant = None
    for org_snapshot in snapshot.orgs:
        if address.startswith(f"{org_snapshot.org}/"):
            meant = org_snapshot
            day = known_action(org_snapshot, address.removeprefix(f"{org_snapshot.org}/"))
            if day is not None:
                return org_snapshot, day
    return meant, None


def _unknown(
    snapshot: Snapshot, now: float, org_snapshot: OrgSnapshot | None, address: str
) -> Response:
    org, _, action_id = address.partition("/")
    if org_snapshot is not None:
        org, action_id = org_snapshot.org, address.removeprefix(f"{org_snapshot.org}/")
    response = page_response(
        "action_unknown.html",
        snapshot,
        now,
        org=org,
        action_id=action_id,
        is_org_known=org_snapshot is not None,
    )
    response.status_code = 404
    return response
