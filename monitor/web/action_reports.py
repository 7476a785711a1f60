"""The report of the day, made once for each snapshot: what the API says of actions comes from it.

A program that asks every few seconds, of thousands of actions, costs nothing between two polls.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from monitor.diagnosis import Severity
from monitor.formats import iso_time
from monitor.render import (
    SingleActionDocument,
    action_document,
    change_document,
    curve_document,
    diagnosed_document,
    outside_document,
    report_document,
)

if TYPE_CHECKING:
    from monitor.diagnosis import Verdict
    from monitor.investigation import ActionTimeline
    from monitor.render import ActionDocument, ReportDocument
    from monitor.snapshot import OrgSnapshot, Snapshot
    from monitor.summary import ActionSummary


@dataclass(frozen=True, slots=True)
class ReportFilter:
    """Which actions are asked for; None and the least severity leave nothing out.

    Attributes:
        org: Those of this org.
        verdict: Those with this verdict.
        min_severity: Those at least so severe.
    """

    org: str | None = None
    verdict: Verdict | None = None
    min_severity: Severity = Severity.UNKNOWN

    def wants(self, action: ActionDocument) -> bool:
        """Return whether an action is asked for."""
        severity = action.severity or Severity.UNKNOWN
        return (
            (self.org is None or self.org == action.org)
            and (self.verdict is None or self.verdict is action.verdict)
            and severity.rank >= self.min_severity.rank
        )


EVERY_ACTION = ReportFilter()


@dataclass(frozen=True, slots=True)
class ActionReport:
    """The report of one snapshot.

    Attributes:
        document: The report itself.
        encoded: The same in JSON.
    """

    document: ReportDocument
    encoded: bytes

    @classmethod
    def of(cls, snapshot: Snapshot) -> ActionReport:
        """Return the report of the last settled day of every org."""
        days = [org_snapshot.day for org_snapshot in snapshot.orgs]
        document = report_document(days, snapshot.taken_at, snapshot.diagnoses)
        return cls(document, msgspec.json.encode(document))

    def filtered(self, by: ReportFilter) -> bytes:
        """Return the report in JSON with those actions and orgs alone that are asked for."""
        if by == EVERY_ACTION:
            return self.encoded
        chosen = msgspec.structs.replace(
            self.document,
            actions=[one for one in self.document.actions if by.wants(one)],
            orgs=[one for one in self.document.orgs if by.org in {None, one.org}],
        )
        return msgspec.json.encode(chosen)


class ActionReports:
    """Keeps the report of the newest snapshot that was asked for; safe to share."""

    def __init__(self) -> None:
        """Begin without any."""
        self._newest: tuple[Snapshot, ActionReport] | None = None
        self._making = threading.Lock()

    def of(self, snapshot: Snapshot) -> ActionReport:
        """Return the report of a snapshot: the one that was made, where it is of this very one."""
        newest = self._newest
        if newest is not None and newest[0] is snapshot:
            return newest[1]
        # Whoever asks at the same time waits for the one that is being made.
        with self._making:
            newest = self._newest
            if newest is None or newest[0] is not snapshot:
                newest = self._newest = snapshot, ActionReport.of(snapshot)
            return newest[1]


def single_action_document(
    org_snapshot: OrgSnapshot,
    action: ActionSummary,
    generated_at: float,
    timeline: ActionTimeline | None = None,
) -> SingleActionDocument:
    """Return all that the snapshot of an org shows of one of its actions, and what was told of it.

    Args:
        org_snapshot: The org.
        action: Its day.
        generated_at: When the snapshot was taken; epoch seconds.
        timeline: What was told of it over time; None where that is not known.
    """
    diagnosis = org_snapshot.diagnosis
    diagnoses = {} if diagnosis is None else {org_snapshot.org: diagnosis}
    found = diagnosis.diagnoses.get(action.action_id) if diagnosis else None
    day, done = org_snapshot.day.time_range, org_snapshot.remediation
    return SingleActionDocument(
        generated_at=iso_time(generated_at),
        from_=iso_time(day.start),
        to=iso_time(day.end),
        action=action_document(action, diagnoses, timeline),
        diagnosed=diagnosed_document(diagnosis),
        curve=None if found is None else curve_document(found.curve),
        changes=[change_document(one) for one in done.changes if one.action_id == action.action_id],
        outside=[
            outside_document(one) for one in done.outside if one.action_id == action.action_id
        ],
    )
