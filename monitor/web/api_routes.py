"""The routes of the API: JSON documents made from the current snapshot."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, TypeVar

import msgspec
from flask import request
from werkzeug.exceptions import BadRequest, NotFound

from monitor.diagnosis import Severity, Verdict
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
    from monitor.snapshot import SnapshotHolder

_Word = TypeVar("_Word", bound=StrEnum)


def add_api(app: Flask, holder: SnapshotHolder, clock: Clock) -> None:
    """Add ``/api/v1`` and all below it."""
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
                return json_response(single_action_document(one, found, snapshot.taken_at))
        org, _, action_id = address.partition("/")
        if meant:
            raise NotFound(f"{org} has no data action {action_id}: /api/v1/actions lists them.")
        raise NotFound(f"There is no org {org}: /api/v1/status lists them.")

    @app.get(CHANGES.flask_rule)
    def changes() -> Response:
        return json_response(changes_document(*snapshot_and_time(holder, clock)))


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
