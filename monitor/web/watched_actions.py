"""Every action of a snapshot as the overview sorts and filters it: what goes wrong now comes first.

Taken from the snapshot alone, once; the words of a row are made when it is drawn.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from monitor.diagnosis import CRITICAL_SHARE, Severity, Verdict, severity_of
from monitor.model import UNKNOWN_ACTION

if TYPE_CHECKING:
    from collections.abc import Mapping

    from monitor.diagnosis import Diagnosis
    from monitor.snapshot import OrgSnapshot, Snapshot
    from monitor.summary import ActionSummary

_BURSTING_TIMEOUTS = 5
"""Below so many timeouts in an hour, one in twenty of a quiet action's calls is chance."""

_LOUD = frozenset({Severity.WARNING, Severity.CRITICAL})


@dataclass(frozen=True, slots=True)
class WatchedAction:
    """One action.

    Attributes:
        day: Its last 24 settled hours.
        hour: Its last settled hour; None where that does not know it.
        found: Its diagnosis; None before the first.
        severity: How much its verdict matters.
        needs_attention: Whether it is shown without asking.
        is_ongoing: Whether what is wrong goes on.
    """

    day: ActionSummary
    hour: ActionSummary | None
    found: Diagnosis | None
    severity: Severity
    needs_attention: bool
    is_ongoing: bool

    @property
    def name(self) -> str:
        """Its name, its id where it has none."""
        return self.day.action_name or self.day.action_id

    @property
    def verdict(self) -> Verdict | None:
        """Its verdict; None before the first diagnosis."""
        return self.found.verdict if self.found else None

    @property
    def is_named(self) -> bool:
        """Whether it is a data action; not what records put down to none that they name."""
        return self.day.action_id != UNKNOWN_ACTION

    @property
    def calls_hit(self) -> int:
        """Calls of the day that timed out or were not let run."""
        return _calls_hit(self.day)

    @property
    def order(self) -> tuple[object, ...]:
        """The worst first: what goes on, then how much it matters, then how many calls it hit."""
        is_bursting = self.needs_attention and self.severity is Severity.GOOD
        rank = Severity.CRITICAL.rank if is_bursting else self.severity.rank
        return not self.is_ongoing, -rank, -self.calls_hit, self.name, self.day.action_id


def watched_actions(snapshot: Snapshot) -> tuple[WatchedAction, ...]:
    """Return every action of every org, the worst first."""
    found = [one for org_snapshot in snapshot.orgs for one in _of_org(org_snapshot)]
    return tuple(sorted(found, key=lambda one: one.order))


def _of_org(org_snapshot: OrgSnapshot) -> list[WatchedAction]:
    hours = {one.action_id: one for one in org_snapshot.hour.actions}
    known = org_snapshot.diagnosis
    diagnoses: Mapping[str, Diagnosis] = known.diagnoses if known else {}
    end = known.time_range.end if known else 0
    return [
        _watched(action, hours.get(action.action_id), diagnoses.get(action.action_id), end)
        for action in org_snapshot.day.actions
    ]


def _watched(
    day: ActionSummary, hour: ActionSummary | None, found: Diagnosis | None, end: int
) -> WatchedAction:
    severity = severity_of(found, end) if found else Severity.UNKNOWN
    is_hit_now = hour is not None and _calls_hit(hour) > 0
    if severity is Severity.GOOD:
        is_bursting = hour is not None and _is_bursting(hour)
        return WatchedAction(day, hour, found, severity, is_bursting, is_bursting)
    period = found.period if found else None
    return WatchedAction(
        day=day,
        hour=hour,
        found=found,
        severity=severity,
        # Too little data for a verdict is no reason to hide what timed out.
        needs_attention=severity in _LOUD or _calls_hit(day) > 0,
        is_ongoing=is_hit_now if period is None else period.is_ongoing,
    )


def _is_bursting(hour: ActionSummary) -> bool:
    """Whether so much times out now that a verdict on all that was seen comes too late."""
    share = hour.timeout_share
    return hour.timeouts >= _BURSTING_TIMEOUTS and share is not None and share >= CRITICAL_SHARE


def _calls_hit(action: ActionSummary) -> int:
    return action.timeouts + (action.throttled or 0)
