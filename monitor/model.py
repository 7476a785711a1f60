"""The shared vocabulary: actions, outcomes, tallies and incidents.

Times are Unix epoch seconds in UTC; durations carry their unit in their name.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

import msgspec

BAND_EDGES_MS: tuple[int, ...] = (
    100, 250, 500, 750, 1_000, 1_500, 2_000, 2_500, 3_000, 3_500,
    4_000, 5_000, 6_000, 7_500, 10_000, 12_500, 15_000, 20_000, 25_000, 30_000,
)  # fmt: skip
"""Upper edges of the latency bands, in milliseconds; the last band is open.

Close together around the timeouts that are in use (1 to 10 s), because that is where a longer
timeout is decided; the 30 s cap is an edge of its own. Twenty, because the platform counts ten in
a query; thirty would make no verdict better. The ledger stores bands by position: changing an edge
is a change of its schema.
"""

COARSE_EDGES_MS: tuple[int, ...] = (
    250, 500, 1_000, 2_000, 3_000, 5_000, 7_500, 10_000, 20_000, 30_000,
)  # fmt: skip
"""Ten of the same edges: half of the series on ``/metrics``, the quantiles of a panel within the
width of a bucket, and as many as the platform counts in one query."""

COARSE_BANDS: tuple[range, ...] = tuple(
    range(lower, upper)
    for lower, upper in itertools.pairwise(
        (0, *(BAND_EDGES_MS.index(edge) + 1 for edge in COARSE_EDGES_MS), len(BAND_EDGES_MS) + 1)
    )
)
"""The bands between two coarse edges, for each; the open one last. An execution of which no more is
known counts in the last of them: below no edge that it may not lie below."""

Bands = tuple[int, ...]
"""Executions per latency band: band ``i`` counts ``edge[i-1] <= duration < edge[i]``, and
``len(Bands) == len(BAND_EDGES_MS) + 1``."""

NO_BANDS: Bands = (0,) * (len(BAND_EDGES_MS) + 1)

FLOW_ERRORS = ("FLOW_ERROR_DISCONNECT", "FLOW_ERROR_EXIT")
"""The exit reasons of a flow that lost its caller to an error of its own."""

BY_AGGREGATES = "aggregates"
"""Such callers as flow aggregates count them, perhaps in the window in which the flow began."""

NO_ERROR = "NONE"
"""The errorType of an execution that succeeded."""

SOLE_ACTION = "sole_action"
"""How a timeout is attributed that names no action, in a flow that has one data action alone."""

UNKNOWN_ACTION = "unknown"
"""The action id of a timeout whose action the platform does not name."""

CAP_MS = 30_000
"""No timeout above 30 s is ever recommended or set: a caller hears half a minute of silence, and a
back end that needs more wants an asynchronous call. Configuration may lower it, never raise it."""

PLATFORM_DEFAULT_TIMEOUT_MS = 60_000
"""What an integration action waits for when no timeout is set."""

FUNCTION_DEFAULT_TIMEOUT_MS = 15_000
"""What a function data action waits for when no timeout is set; it can be set to no more."""


UNKNOWN = "unknown"
"""Who changed a timeout, where nothing tells."""

AUDITS = "audits"
"""What the source of ``TimeoutEdit`` is called in the configuration and in metrics."""


FLOW_ERRORS_SOURCE = "flow-errors"


CONCURRENT_EXECUTIONS = "concurrent_executions"
EXECUTIONS_PER_MINUTE = "executions_per_minute"
FUNCTION_CONCURRENT_EXECUTIONS = "function_concurrent_executions"
"""The org's own limits on data actions, as metrics and documents call them."""

LIMITS: tuple[str, ...] = (
    CONCURRENT_EXECUTIONS,
    EXECUTIONS_PER_MINUTE,
    FUNCTION_CONCURRENT_EXECUTIONS,
)


class Outcome(StrEnum):
    """How an execution ended, as callers feel it."""

    SUCCESS = "success"
    TIMEOUT = "timeout"
    ERROR = "error"
    THROTTLED = "throttled"


class ActionKind(StrEnum):
    """What sort of data action it is, which decides where its timeout lives."""

    CUSTOM = "custom"
    STATIC = "static"
    FUNCTION = "function"
    AUTHENTICATION = "authentication"
    """A custom authentication action: it has no timeout to set."""
    FLOW = "flow"
    """A data action inside a flow document (contract ``flow``)."""
    UNDETERMINED = "undetermined"
    """Listed, but whether it is a function can't be told: its integration's type is not known."""
    UNKNOWN = "unknown"
    """Seen in the data, absent from the catalogue."""


@dataclass(frozen=True, slots=True)
class Action:
    """A data action as the catalogue knows it.

    Attributes:
        action_id: The platform's id.
        name: The name its author gave it.
        integration_id: The integration it belongs to; empty where unknown.
        integration_name: That integration's name; empty where unknown.
        category: The platform's category: free text, from which nothing follows.
        kind: Where its timeout lives.
        configured_timeout_ms: The timeout its author set; None where none is set.
    """

    action_id: str
    name: str
    integration_id: str = ""
    integration_name: str = ""
    category: str = ""
    kind: ActionKind = ActionKind.CUSTOM
    configured_timeout_ms: int | None = None

    @property
    def timeout_ms(self) -> int | None:
        """The timeout in force, in milliseconds; None where it can't be known."""
        if self.configured_timeout_ms is not None:
            return self.configured_timeout_ms
        if self.kind is ActionKind.FUNCTION:
            return FUNCTION_DEFAULT_TIMEOUT_MS
        if self.kind is ActionKind.CUSTOM:
            return PLATFORM_DEFAULT_TIMEOUT_MS
        return None


@dataclass(frozen=True, slots=True)
class Execution:
    """One execution of an action, as the platform shows it on demand; it is never stored.

    Attributes:
        correlation_id: The platform's id of it; empty where the platform names none.
        error_type: The platform's errorType; ``NONE`` for a success.
        response_status: The HTTP status as text; empty where there was none.
        at: Start of the period in which it was counted; epoch seconds.
        duration_ms: How long it took.
        is_exact: False where more than two came under one id: the platform gives the shortest,
            the longest and the sum of their durations, and this is the mean of the others.
    """

    correlation_id: str
    error_type: str
    response_status: str
    at: int
    duration_ms: float
    is_exact: bool = True


class Truncation(StrEnum):
    """Why not every execution of a period was read."""

    ROWS = "rows"
    """There are more than may be read."""
    TIME = "time"
    """Reading them took too long."""
    INTERRUPTED = "interrupted"
    """The user did not want to wait."""


@dataclass(frozen=True, slots=True)
class ExecutionList:
    """Single executions of one action, in the platform's own order.

    Attributes:
        executions: What was read.
        granularity_seconds: Length of the periods that ``Execution.at`` begins.
        truncation: Why there may be more; None where this is all.
    """

    executions: tuple[Execution, ...]
    granularity_seconds: int
    truncation: Truncation | None = None


class Incident(msgspec.Struct, frozen=True, gc=False):
    """One timeout that hit one conversation, from its detail record.

    ``conversation_id`` and ``segment_start_ms`` together name it: pages may repeat it.

    Attributes:
        conversation_id: The conversation that was hit.
        segment_start_ms: Start of the segment that failed; epoch milliseconds.
        at: When it failed (the end of the segment, else its start); epoch seconds.
        action_id: The action that timed out, or ``unknown``.
        action_name: Its name where the record gives one.
        flow_id: The flow that called it; empty where unknown.
        flow_name: That flow's name; empty where unknown.
        error_type: The segment's errorCode.
        attributed: How its action is known where the record does not name it: ``sole_action``;
            else empty.
    """

    conversation_id: str
    segment_start_ms: int
    at: float
    action_id: str
    action_name: str
    flow_id: str
    flow_name: str
    error_type: str
    attributed: str = ""


@dataclass(frozen=True, slots=True)
class FlowErrorTally:
    """Callers whom one flow lost one way in one window; none of them is a timeout.

    Attributes:
        flow_id: The flow.
        exit_reason: How it ended, in the platform's word, for example ``FLOW_ERROR_DISCONNECT``.
        window_start: Start of the window.
        callers: How many.
    """

    flow_id: str
    exit_reason: str
    window_start: int
    callers: int


def band_of(duration_ms: float) -> int:
    """Return the index of the latency band that a duration falls into."""
    for index, edge in enumerate(BAND_EDGES_MS):
        if duration_ms < edge:
            return index
    return len(BAND_EDGES_MS)


LONGEST_WORD = 200
"""Characters of a word that are matched: what a pattern takes may grow with their cube."""


@dataclass(frozen=True, slots=True)
class Classifier:
    """Reads the platform's words for how an execution ended; the one rule of it.

    Only ``NONE`` is certain; every other word is matched against configured patterns, and what
    matches none stays an error under its own name. The ledger keeps the words, not the reading,
    so that a better pattern mends the past too.

    Attributes:
        timeout_error_types: A word in which one is found says that time ran out.
        timeout_statuses: Statuses that say so where no word does.
        throttle_error_types: A word in which one is found says that the platform refused to run it.
        throttle_statuses: Statuses that say so where no word does.
        remote_error_types: A word in which one is found speaks of the back end: its own refusals
            are errors, and only its being late is a timeout.
        telephony_error_codes: A word in which one is found is the media tier's, whatever else it
            says: a station that does not answer is no data action.
    """

    timeout_error_types: tuple[re.Pattern[str], ...]
    timeout_statuses: frozenset[str]
    throttle_error_types: tuple[re.Pattern[str], ...]
    throttle_statuses: frozenset[str] = frozenset()
    remote_error_types: tuple[re.Pattern[str], ...] = ()
    telephony_error_codes: tuple[re.Pattern[str], ...] = ()

    @classmethod
    def from_patterns(  # noqa: PLR0913, PLR0917 - one for each key
        cls,
        timeout_error_types: Iterable[str],
        timeout_statuses: Iterable[str],
        throttle_error_types: Iterable[str],
        throttle_statuses: Iterable[str] = (),
        remote_error_types: Iterable[str] = (),
        telephony_error_codes: Iterable[str] = (),
    ) -> Classifier:
        """Compile the patterns of ``[classify]``.

        Raises:
            re.error: A pattern is not a regular expression.
        """
        return cls(
            _compiled(timeout_error_types),
            frozenset(timeout_statuses),
            _compiled(throttle_error_types),
            frozenset(throttle_statuses),
            _compiled(remote_error_types),
            _compiled(telephony_error_codes),
        )

    def outcome(self, error_type: str, response_status: str) -> Outcome:
        """Return how an execution with this errorType and responseStatus ended.

        Where the word speaks of the back end, neither its 429 nor its "too many" is the
        platform's. A word says more than a status, which may be the back end's too.
        """
        if error_type == NO_ERROR:
            return Outcome.SUCCESS
        if _found(self.telephony_error_codes, error_type):
            return Outcome.ERROR
        remote = _found(self.remote_error_types, error_type)
        if not remote and _found(self.throttle_error_types, error_type):
            return Outcome.THROTTLED
        if _found(self.timeout_error_types, error_type):
            return Outcome.TIMEOUT
        if not remote and response_status in self.throttle_statuses:
            return Outcome.THROTTLED
        return Outcome.TIMEOUT if response_status in self.timeout_statuses else Outcome.ERROR

    def is_timeout(self, error_type: str) -> bool:
        """Return whether this word alone says that time ran out; a detail record has no status."""
        return self.outcome(error_type, "") is Outcome.TIMEOUT


def _compiled(patterns: Iterable[str]) -> tuple[re.Pattern[str], ...]:
    return tuple(re.compile(pattern) for pattern in patterns)


def _found(patterns: Iterable[re.Pattern[str]], word: str) -> bool:
    return any(pattern.search(word, 0, LONGEST_WORD) for pattern in patterns)


@dataclass(frozen=True, slots=True)
class TimeoutEdit:
    """An entry of the platform's audit log: somebody saved a data action.

    Attributes:
        edit_id: The entry's own id.
        at: When it was saved; epoch seconds, by the platform's clock.
        action_id: The action.
        user_id: The user who did; empty for a client.
        user_name: Their name; empty where the platform does not show it.
        client_id: The OAuth client that did; empty for a person in the platform's pages.
        from_ms: The timeout in force before; None where the entry does not tell.
        to_ms: The timeout in force after; None where the entry does not tell.
        change_id: The change of ours that it is the write of; None where it is none.
    """

    edit_id: str
    at: float
    action_id: str
    user_id: str = ""
    user_name: str = ""
    client_id: str = ""
    from_ms: int | None = None
    to_ms: int | None = None
    change_id: int | None = None

    @property
    def who(self) -> str:
        """Who saved it, by the best name that is known."""
        if self.user_name or self.user_id:
            return self.user_name or f"user {self.user_id}"
        return f"client {self.client_id}" if self.client_id else UNKNOWN
