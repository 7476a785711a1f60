"""What a source is, what it yields, and what a refused question says about the question."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

from monitor.counts import Tally
from monitor.errors import BadRequestError, GenesysError, TooMuchAskedError
from monitor.model import Action, FlowErrorTally, Incident
from monitor.time_ranges import TimeRange

_INTERVAL: Final = re.compile(r"(?i)interval")
_GRANULARITY: Final = re.compile(r"(?i)granularity")
_PAGE_SIZE: Final = re.compile(r"(?i)page.?size")

COARSER_WINDOWS_SECONDS = (900, 1800, 3600)
"""Windows to fall back to where the platform refuses finer ones."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """One source's answer for one period.

    Attributes:
        tallies: Executions per action, ending and window; no key occurs twice.
        incidents: Timeouts that hit a conversation; a conversation's segment occurs once, but for
            one that a page repeats long after the page that had it.
        names: Actions that were seen, as the answer names them, by action id.
        flow_errors: Callers lost, per flow, exit reason and window; no key occurs twice.
        flow_names: Flows that were seen, as the answer names them, by flow id.
        flow_error_basis: What ``flow_errors`` were counted from; empty where there are none.
        is_unreadable: Whether an answer held records and not one could be read: the period is
            still owed.
        torn_from: The oldest window whose counts were left out, in epoch seconds, because
            executions came to light while it was asked in parts, and these did not agree: from
            there on something is still owed. None where all agreed.
    """

    tallies: Sequence[Tally] = ()
    incidents: Sequence[Incident] = ()
    names: Mapping[str, Action] = field(default_factory=dict)
    flow_errors: Sequence[FlowErrorTally] = ()
    flow_names: Mapping[str, str] = field(default_factory=dict)
    flow_error_basis: str = ""
    is_unreadable: bool = False
    torn_from: int | None = None


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
    def near_is_coarse(self) -> bool:
        """Whether a near read tells less of each execution than a deep one."""
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


def is_interval_too_long(error: GenesysError) -> bool:
    """Whether a shorter time range may be answered: the answer was too large, or words say so."""
    return isinstance(error, TooMuchAskedError) or _names(error, _INTERVAL)


def is_granularity_too_fine(error: GenesysError) -> bool:
    """Return whether the words of a refusal are about granularity."""
    return _names(error, _GRANULARITY)


def coarser_window(window_seconds: int, error: GenesysError) -> int | None:
    """Return the next coarser window to try where the platform refused one; None for none.

    Args:
        window_seconds: What was asked for.
        error: The refusal; one about anything else asks for no other window.
    """
    coarser = [seconds for seconds in COARSER_WINDOWS_SECONDS if seconds > window_seconds]
    return coarser[0] if coarser and is_granularity_too_fine(error) else None


def is_page_size_refused(error: GenesysError) -> bool:
    """Return whether the words of a refusal are about the size of a page."""
    return _names(error, _PAGE_SIZE)


def _names(error: GenesysError, words: re.Pattern[str]) -> bool:
    said = isinstance(error, BadRequestError) and words.search(f"{error.code} {error.detail}")
    return bool(said)
