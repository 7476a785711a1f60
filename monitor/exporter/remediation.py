"""What is exported about changes of timeouts."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from monitor.exporter.own_metrics import (
    REMEDIATION_CHANGES,
    REMEDIATION_DECISIONS,
    REMEDIATION_MODE,
    REMEDIATION_PAUSED,
    REMEDIATION_SET_BACK,
    REMEDIATION_TRIPPED,
    TRIAL_OVERDUE,
)

if TYPE_CHECKING:
    from monitor.exporter.families import Families
    from monitor.snapshot import OrgSnapshot

CHANGE_RESULTS: tuple[str, ...] = ("applied", "verified", "rolled_back", "conflict", "failed")
"""How far a change can come; each has a series from the first scrape."""

WHY_SET_BACK: tuple[str, ...] = ("not_helped", "asked", "damage")
"""Why a change can be set back; each has a series from the first scrape."""

MODES: tuple[str, ...] = ("off", "recommend", "auto")
"""A mode's place is its value."""


def results_over_time(
    events: Iterable[tuple[str, float]], times: Sequence[int]
) -> dict[str, list[int]]:
    """How often changes had come so far at each of some moments, by result.

    Args:
        events: Events of the audit trail and when they happened; epoch seconds.
        times: The moments; epoch seconds.
    """
    known: dict[str, list[float]] = {result: [] for result in CHANGE_RESULTS}
    for event, at in events:
        if event in known:
            known[event].append(at)
    for happened in known.values():
        happened.sort()
    return {
        result: [bisect_right(happened, at) for at in times] for result, happened in known.items()
    }


def add_remediation(families: Families, org_snapshot: OrgSnapshot) -> None:
    """Add what was decided and changed in one org."""
    seen = org_snapshot.remediation
    for (decision, reason), count in sorted(seen.decisions.items()):
        families.add(REMEDIATION_DECISIONS, (org_snapshot.org, decision, reason), count)
    for result in CHANGE_RESULTS:
        families.add(REMEDIATION_CHANGES, (org_snapshot.org, result), seen.results.get(result, 0))
    for why in WHY_SET_BACK:
        families.add(REMEDIATION_SET_BACK, (org_snapshot.org, why), seen.set_back.get(why, 0))
    families.add(REMEDIATION_MODE, (org_snapshot.org,), MODES.index(seen.mode))
    families.add(REMEDIATION_PAUSED, (org_snapshot.org,), seen.paused)
    families.add(REMEDIATION_TRIPPED, (org_snapshot.org,), seen.tripped)


def add_overdue_trials(families: Families, org_snapshot: OrgSnapshot, now: float) -> None:
    """Add by how much a trial is past its end that nobody has kept or set back; epoch seconds.

    A pause and the mode ``off`` hold that up, and so does a daemon that is not there.
    """
    ends = [
        one.trial_ends_at
        for one in org_snapshot.remediation.changes
        if one.is_open and one.trial_ends_at is not None
    ]
    families.add(TRIAL_OVERDUE, (org_snapshot.org,), max(0.0, now - min(ends, default=now)))
