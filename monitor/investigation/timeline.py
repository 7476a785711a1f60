"""What was told of actions over a period, and when their timeouts were changed; from the state."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from monitor.ledger import Ledger, PastVerdict
    from monitor.time_ranges import TimeRange


@dataclass(frozen=True, slots=True)
class TimeoutStep:
    """Another timeout in force.

    Attributes:
        at: Since when; epoch seconds.
        from_ms: The one before; None where it is not known.
        to_ms: The one after; None likewise.
    """

    at: float
    from_ms: float | None
    to_ms: float | None


@dataclass(frozen=True, slots=True)
class ActionTimeline:
    """One action over a period.

    Attributes:
        verdicts: What was told of it, oldest first.
        steps: Changes of its timeout as the catalogue showed them, oldest first.
    """

    verdicts: tuple[PastVerdict, ...] = ()
    steps: tuple[TimeoutStep, ...] = ()

    @property
    def changes_told(self) -> tuple[tuple[PastVerdict, PastVerdict], ...]:
        """Where another verdict was told than before: that one, and the new one; oldest first.

        One that was told again, after a while in which nothing was, is no other one.
        """
        return tuple(
            (before, after)
            for before, after in pairwise(self.verdicts)
            if before.verdict != after.verdict
        )


def load_timelines(
    ledger: Ledger, org: str, time_range: TimeRange, action_id: str | None = None
) -> dict[str, ActionTimeline]:
    """Return what the state knows of a period, by action id; actions without anything are left out.

    Args:
        ledger: The state.
        org: The org's configured name.
        time_range: The period.
        action_id: The only action to return; None for all.

    Raises:
        LedgerError: The state can't be read.
    """
    verdicts: defaultdict[str, list[PastVerdict]] = defaultdict(list)
    for one in ledger.diagnoses.verdicts(org, time_range, action_id):
        verdicts[one.action_id].append(one)
    known: defaultdict[str, list[tuple[float, int | None]]] = defaultdict(list)
    for found_id, since, timeout_ms in ledger.timeouts_in_force(org):
        if action_id in {None, found_id}:
            known[found_id].append((since, timeout_ms))
    steps = {found_id: told_steps(told, time_range) for found_id, told in known.items()}
    return {
        found_id: ActionTimeline(tuple(verdicts[found_id]), steps.get(found_id, ()))
        for found_id in verdicts.keys() | {one for one, found in steps.items() if found}
    }


def told_steps(
    known: Sequence[tuple[float, int | None]], time_range: TimeRange
) -> tuple[TimeoutStep, ...]:
    """Return the changes of a timeout in a period as the catalogue dates them, oldest first.

    Args:
        known: Since when (epoch seconds) which timeout (ms) was seen in force; oldest first.
        time_range: The period.
    """
    return tuple(
        TimeoutStep(since, before, after)
        for (_, before), (since, after) in pairwise(known)
        if before != after and time_range.start < since < time_range.end
    )


UNTOLD = ActionTimeline()
"""Nothing was told, and no timeout changed."""

NO_TIMELINES: Mapping[str, Mapping[str, ActionTimeline]] = {}
"""By org and action id: nothing was told of any."""
