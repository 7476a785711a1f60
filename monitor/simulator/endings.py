"""How a simulated execution can end, and the platform's words for it.

Apart from ``NONE`` nobody could confirm the platform's errorType strings, so these are
plausible ones: the simulator's own law says what each of them means.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from monitor.model import NO_ERROR, Outcome

if TYPE_CHECKING:
    from monitor.simulator.world import World


@dataclass(frozen=True, slots=True)
class ExecutionEnding:
    """One way to end.

    Attributes:
        outcome: What it is, by the simulator's own law.
        error_type: Dimension ``errorType`` of aggregates, where the words are ``named``.
        response_status: Dimension ``responseStatus``; None where no response came.
        segment_code: ``errorCode`` of the segment in a detail record; None for a success.
    """

    outcome: Outcome
    error_type: str
    response_status: str | None
    segment_code: str | None


ENDINGS: Final = (
    ExecutionEnding(Outcome.SUCCESS, NO_ERROR, "200", None),
    ExecutionEnding(Outcome.SUCCESS, NO_ERROR, "201", None),
    ExecutionEnding(Outcome.TIMEOUT, "EXECUTION_TIMEOUT", None, "DATA_ACTION_TIMED_OUT"),
    ExecutionEnding(Outcome.TIMEOUT, "REMOTE_SERVER_ERROR", "504", "DATA_ACTION_GATEWAY_TIMEOUT"),
    ExecutionEnding(Outcome.ERROR, "REMOTE_SERVER_ERROR", "500", "DATA_ACTION_REMOTE_ERROR"),
    ExecutionEnding(Outcome.ERROR, "REMOTE_CLIENT_ERROR", "400", "DATA_ACTION_REMOTE_ERROR"),
    ExecutionEnding(
        Outcome.THROTTLED,
        "CONCURRENT_EXECUTIONS_EXCEEDED",
        "429",
        "DATA_ACTION_CONCURRENCY_LIMIT",
    ),
)

OK, CREATED, TIMED_OUT, GATEWAY_504, SERVER_500, CLIENT_400, THROTTLED = range(len(ENDINGS))

_SEEN: Final = {
    TIMED_OUT: ("ACTION.PROCESSING", None),
    GATEWAY_504: ("ACTION.REMOTE_ENDPOINT", "504"),
    SERVER_500: ("ACTION.REMOTE_ENDPOINT", "500"),
    CLIENT_400: ("TOO_MANY_REQUESTS_REMOTE", "429"),
    THROTTLED: ("TOO_MANY_REQUESTS", "429"),
}
_PROSE: Final = {
    TIMED_OUT: ("Request timed out", None),
    GATEWAY_504: ("Remote server error", "504"),
    SERVER_500: ("Remote server error", "500"),
    CLIENT_400: ("Remote client error", "429"),
    THROTTLED: ("Rate limit exceeded", "429"),
}


def words_in(world: World) -> tuple[tuple[str, str | None], ...]:
    """Return ``errorType`` and ``responseStatus`` of each ending, in the order of ``ENDINGS``.

    The remote's own refusal is a 429 where a world's words can tell it from the platform's.
    """
    other = {"seen": _SEEN, "prose": _PROSE}.get(world.error_words, {})
    words = [
        other.get(at, (ending.error_type, ending.response_status))
        for at, ending in enumerate(ENDINGS)
    ]
    if world.timeout_status != "none":
        words[TIMED_OUT] = (words[TIMED_OUT][0], world.timeout_status)
    return tuple(words)
