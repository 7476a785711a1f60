"""The routes of the API: JSON documents made from the current snapshot."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Protocol, TypeVar

import msgspec
import structlog
from flask import request
from werkzeug.exceptions import BadRequest, NotFound

from monitor.diagnosis import Severity, Verdict
from monitor.errors import LedgerError
from monitor.time_ranges import TimeRange
from monitor.web.action_reports import ActionReports, ReportFilter, single_action_document
from monitor.web.api_description import (
    ACTION,
    ACTIONS,
    CHANGES,
    DESCRIPTION,
    INDEX,
    STATUS,
    index_document,
    openapi_document,
)
from monitor.web.documents import changes_document, status_document
from monitor.web.responses import encoded_response, json_response, snapshot_and_time

if TYPE_CHECKING:
    from flask import Flask, Response

    from monitor.clock import Clock
    from monitor.investigation import ActionTimeline
    from monitor.snapshot import SnapshotHolder
    from monitor.web.state_turns import StateTurns

log = structlog.get_logger()

TIMELINE_SECONDS = 90 * 86_400
"""How much of what was told of an action is answered."""

_Word = TypeVar("_Word", bound=StrEnum)


class TimelineReader(Protocol):
    """Reads from the state what was told of an action over time."""

    def __call__(self, org: str, action_id: str, time_range: TimeRange) -> ActionTimeline:
        """Return what the state knows of one action over a period.

        Args:
            org: The org's name.
            action_id: The action.
            time_range: The period.

        Raises:
            LedgerError: The state can't be read.
        """
        ...


def add_api(
    app: Flask,
    holder: SnapshotHolder,
    clock: Clock,
    read_timeline: TimelineReader | None,
    turns: StateTurns,
) -> None:
    """Add ``/api/v1`` and all below it.

    Args:
        app: The application.
        holder: Where the current snapshot is kept.
        clock: Tells how old data is at the moment of a request.
        read_timeline: Reads what was told of an action over time; untold where None.
        turns: How many requests read the state at a time.
    """
    reports = ActionReports()
    description = msgspec.json.encode(openapi_document())

    @app.get(INDEX.flask_rule)
    def index() -> Response:
        return json_response(index_document())

    @app.get(DESCRIPTION.flask_rule)
    def openapi() -> Response:
        return encoded_response(description)

    @app.get(STATUS.flask_rule)
    def status() -> Response:
        return json_response(status_document(*snapshot_and_time(holder, clock)))

    @app.get(ACTIONS.flask_rule)
    def actions() -> Response:
        snapshot = holder.current
        chosen = _chosen({one.org for one in snapshot.orgs})
        return encoded_response(reports.of(snapshot).filtered(chosen))

    @app.get(ACTION.flask_rule)
    def action(address: str) -> Response:
        snapshot = holder.current
        meant = [one for one in snapshot.orgs if address.startswith(f"{one.org}/")]
        for one in meant:
            action_id = address.removeprefix(f"{one.org}/")
            found = next((each for each in one.day.actions if each.action_id == action_id), None)
            if found is not None:
                until = int(snapshot.taken_at)
                told = _timeline(read_timeline, turns, one.org, action_id, until)
                return json_response(single_action_document(one, found, snapshot.taken_at, told))
        org, _, action_id = address.partition("/")
        if meant:
            raise NotFound(f"{org} has no data action {action_id}: /api/v1/actions lists them.")
        raise NotFound(f"There is no org {org}: /api/v1/status lists them.")

    @app.get(CHANGES.flask_rule)
    def changes() -> Response:
        return json_response(changes_document(*snapshot_and_time(holder, clock)))


def _timeline(
    read: TimelineReader | None, turns: StateTurns, org: str, action_id: str, until: int
) -> ActionTimeline | None:
    """Return what was told of an action; None where that can't be read now."""
    if read is None:
        return None
    try:
        with turns.turn():
            return read(org, action_id, TimeRange(until - TIMELINE_SECONDS, until))
    except LedgerError as error:
        log.warning("timeline_not_read", org=org, why=error.message)
        return None


def _chosen(orgs: set[str]) -> ReportFilter:
    """Return which actions are asked for.

    Raises:
        BadRequest: An org or a word that there is not.
    """
    org = request.args.get("org") or None
    if org is not None and org not in orgs:
        raise BadRequest(f"There is no org {org}: /api/v1/status lists them.")
    severity = _word("min_severity", Severity)
    return ReportFilter(org, _word("verdict", Verdict), severity or Severity.UNKNOWN)


def _word(name: str, words: type[_Word]) -> _Word | None:
    given = request.args.get(name)
    if not given:
        return None
    try:
        return words(given)
    except ValueError:
        known = ", ".join(words)
        raise BadRequest(f"There is no {name} {given}: it is one of {known}.") from None
