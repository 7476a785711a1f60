"""The routes of the API: JSON documents made from the current snapshot."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, TypeVar

import msgspec
from flask import request
from werkzeug.exceptions import BadRequest, NotFound

from monitor.diagnosis import Severity, Verdict
from monitor.web.action_reports import ActionFilter, ActionReports, single_action_document
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
    from monitor.snapshot import SnapshotHolder

_Word = TypeVar("_Word", bound=StrEnum)


def add_api(app: Flask, holder: SnapshotHolder, clock: Clock) -> None:
    """Add ``/api/v1`` and all below it."""
    reports = ActionReports()
    description = msgspec.json.encode(openapi_document())

    @app.get(INDEX.rule)
    def index() -> Response:
        return json_response(index_document())

    @app.get(DESCRIPTION.rule)
    def openapi() -> Response:
        return encoded_response(description)

    @app.get(STATUS.rule)
    def status() -> Response:
        return json_response(status_document(*snapshot_and_time(holder, clock)))

    @app.get(ACTIONS.rule)
    def actions() -> Response:
        snapshot = holder.current
        wanted = _wanted({one.org for one in snapshot.orgs})
        return encoded_response(reports.of(snapshot).filtered(wanted))

    @app.get(ACTION.rule)
    def action(org: str, action_id: str) -> Response:
        snapshot = holder.current
        found = reports.of(snapshot).by_id.get((org, action_id))
        org_snapshot = next((one for one in snapshot.orgs if one.org == org), None)
        if org_snapshot is None:
            raise NotFound(f"There is no org {org}: /api/v1/status lists them.")
        if found is None:
            raise NotFound(f"{org} has no data action {action_id}: /api/v1/actions lists them.")
        return json_response(single_action_document(org_snapshot, found, snapshot.taken_at))

    @app.get(CHANGES.rule)
    def changes() -> Response:
        return json_response(changes_document(*snapshot_and_time(holder, clock)))


def _wanted(orgs: set[str]) -> ActionFilter:
    """Return which actions are asked for.

    Raises:
        BadRequest: An org or a word that there is not.
    """
    org = request.args.get("org") or None
    if org is not None and org not in orgs:
        raise BadRequest(f"There is no org {org}: /api/v1/status lists them.")
    severity = _word("min_severity", Severity)
    return ActionFilter(org, _word("verdict", Verdict), severity or Severity.UNKNOWN)


def _word(name: str, words: type[_Word]) -> _Word | None:
    given = request.args.get(name)
    if not given:
        return None
    try:
        return words(given)
    except ValueError:
        known = ", ".join(words)
        raise BadRequest(f"There is no {name} {given}: it is one of {known}.") from None
