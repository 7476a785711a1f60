"""What every source yields, whatever it asked the platform for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from monitor.model import Action, FlowErrorTally, Incident, Tally
from monitor.time_ranges import TimeRange


@dataclass(frozen=True, slots=True)
class Evidence:
    """One source's answer for one period.

    Attributes:
        tallies: Executions per action, ending and window; no key occurs twice.
        incidents: Timeouts that hit a conversation; a conversation's segment occurs once.
        names: Actions that were seen, as the answer names them, by action id.
        flow_errors: Callers lost, per flow, exit reason and window; no key occurs twice.
        flow_names: Flows that were seen, as the answer names them, by flow id.
        flow_error_basis: What ``flow_errors`` were counted from; empty where there are none.
        is_unreadable: Whether an answer held records and not one could be read: the period is
            still owed.
    """

    tallies: Sequence[Tally] = ()
    incidents: Sequence[Incident] = ()
    names: Mapping[str, Action] = field(default_factory=dict)
    flow_errors: Sequence[FlowErrorTally] = ()
    flow_names: Mapping[str, str] = field(default_factory=dict)
    flow_error_basis: str = ""
    is_unreadable: bool = False


class Source(Protocol):
    """Something on the platform that shows timeouts."""

    @property
    def name(self) -> str:
        """What it is called in settings, metrics and the ledger."""
        ...

    @property
    def slice_seconds(self) -> int:
        """The longest period it should be asked for at once; a multiple of every window."""
        ...

    @property
    def deep_only(self) -> bool:
        """Whether it is asked in deep polls alone."""
        ...

    @property
    def yields_to(self) -> str:
        """The source whose near read is left out of a poll that asks this one; empty for none."""
        ...

    def read(self, time_range: TimeRange, window_seconds: int, *, deep: bool) -> Evidence:
        """Ask for a period.

        Args:
            time_range: Begins on a window boundary; may end inside a window.
            window_seconds: The windows to count in.
            deep: Whether to look for stragglers too, at a higher cost.

        Raises:
            GenesysError: The platform did not answer, or not with this.
        """
        ...
