"""How a simulated execution can end, and the platform's words for it.

Apart from ``NONE`` nobody could confirm the platform's errorType strings, so these are
plausible ones: the simulator's own law says what each of them means.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from monitor.model import NO_ERROR, Outcome


@dataclass(frozen=True, slots=True)
class Ending:
    """One way to end.

    Attributes:
        outcome: What it is, by the simulator's own law.
        error_type: Dimension ``errorType`` of aggregates.
        response_status: Dimension ``responseStatus``; None where no response came.
        segment_code: ``errorCode`` of the segment in a detail record; None for a success.
    """

    outcome: Outcome
    error_type: str
    response_status: str | None
    segment_code: str | None


ENDINGS: Final = (
    Ending(Outcome.SUCCESS, NO_ERROR, "200", None),
    Ending(Outcome.SUCCESS, NO_ERROR, "201", None),
    Ending(Outcome.TIMEOUT, "EXECUTION_TIMEOUT", None, "DATA_ACTION_TIMED_OUT"),
    Ending(Outcome.TIMEOUT, "REMOTE_SERVER_ERROR", "504", "DATA_ACTION_GATEWAY_TIMEOUT"),
    Ending(Outcome.ERROR, "REMOTE_SERVER_ERROR", "500", "DATA_ACTION_REMOTE_ERROR"),
    Ending(Outcome.ERROR, "REMOTE_CLIENT_ERROR", "400", "DATA_ACTION_REMOTE_ERROR"),
    Ending(
        Outcome.THROTTLED,
        "CONCURRENT_EXECUTIONS_EXCEEDED",
        "429",
        "DATA_ACTION_CONCURRENCY_LIMIT",
    ),
)

OK, CREATED, TIMED_OUT, GATEWAY_504, SERVER_500, CLIENT_400, THROTTLED = range(len(ENDINGS))
