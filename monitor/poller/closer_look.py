"""A closer look at what bands can't tell: successes just below the timeouts in force.

Only for actions whose verdict hangs on it, few requests an hour for an org, one after a poll that
went well, and none for a while where the platform wants fewer. A verdict takes up what was seen
when it is next made, which is when the next window has settled.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import structlog

from monitor.clock import Clock
from monitor.config import DIAGNOSED_SECONDS, OrgSettings, Settings
from monitor.contract import Contract
from monitor.diagnosis import OrgDiagnosis, Verdict
from monitor.errors import GenesysError, NotFoundError, PermissionDeniedError
from monitor.genesys import NEAR_AGGREGATES, Client, RequestBudget
from monitor.ledger import Ledger, NearLook
from monitor.near_edges import near_edges
from monitor.poller.source_availability import SourceAvailability
from monitor.sources import NearBandsSource, is_interval_too_long
from monitor.time_ranges import TimeRange, floor_to

log = structlog.get_logger()

HANGS_ON_IT = frozenset({Verdict.UNCLEAR, Verdict.SLOW_TAIL})
"""Verdicts that a closer look may change, or that rest on one."""

PERIOD_SECONDS = 6 * 3600
"""What is kept as one number a band. An action is looked at again when another one has passed: four
requests a day for all that share a timeout."""

MOST_ACTIONS = 50
"""In a question: with the hours of eight days it is as large as a deep read of two hours."""

REST_SECONDS = 3_600.0
"""After a failure, whatever it is: what was asked for is no more urgent than that."""

LONGEST_SECONDS = 20.0
"""What one question may take of a poll's time, with all its repetitions."""

_HOUR = 3_600.0


@dataclass(frozen=True, slots=True)
class Look:
    """One question.

    Attributes:
        timeout_ms: The timeout in force.
        time_range: The period, of whole ``PERIOD_SECONDS`` where it is that long.
        since: From when on each action is to be looked at; epoch seconds by action id.
    """

    timeout_ms: int
    time_range: TimeRange
    since: Mapping[str, int]


def next_look(
    verdicts: OrgDiagnosis,
    timeouts: Iterable[tuple[str, float, int | None]],
    looked_until: Mapping[tuple[str, int], int],
    settled_until: float,
    longest_seconds: int,
) -> Look | None:
    """Return what is most worth asking, None where nothing is.

    That is what was looked at least lately, and with it all that share its timeout.

    Args:
        verdicts: The newest.
        timeouts: Since when (epoch seconds) which timeout (ms) is in force, by action id and time.
        looked_until: By action id and timeout, up to where it was looked at.
        settled_until: Nothing newer is asked; epoch seconds.
        longest_seconds: No longer period is asked.
    """
    history: defaultdict[str, list[tuple[float, int | None]]] = defaultdict(list)
    for action_id, since, known_ms in sorted(timeouts, key=lambda row: row[:2]):
        history[action_id].append((since, known_ms))
    end = floor_to(settled_until, PERIOD_SECONDS)
    oldest = max(verdicts.time_range.start, settled_until - DIAGNOSED_SECONDS)
    needs: list[tuple[int, int, str]] = []
    for action_id, one in verdicts.diagnoses.items():
        known = history[action_id]
        timeout_ms = round(one.timeout_ms or 0)
        if one.verdict not in HANGS_ON_IT or not known or known[-1][1] != timeout_ms:
            continue
        # What was first seen may have been in force before; a change came when it was seen.
        begin = max(oldest, known[-1][0]) if len(known) > 1 else oldest
        begin = max(-floor_to(-begin, PERIOD_SECONDS), looked_until.get((action_id, timeout_ms), 0))
        if begin < end:
            needs.append((begin, timeout_ms, action_id))
    if not needs:
        return None
    needs.sort()
    begin, timeout_ms, _ = needs[0]
    chosen = [need for need in needs if need[1] == timeout_ms][:MOST_ACTIONS]
    return Look(
        timeout_ms,
        TimeRange(begin, min(end, begin + longest_seconds)),
        {action_id: since for since, _, action_id in chosen},
    )


class CloserLook:
    """Looks closely at one org's actions, as often as it may.

    Attributes:
        requests: How many requests it has sent.
    """

    def __init__(
        self, org: OrgSettings, settings: Settings, *, client: Client, ledger: Ledger, clock: Clock
    ) -> None:
        """Ask nothing yet.

        Args:
            org: The org.
            settings: Everything else.
            client: Asks.
            ledger: Where what was seen is kept.
            clock: The time of the data.
        """
        self._org = org
        self._per_hour = settings.collect.closer_look_requests_per_hour
        self._lookback_seconds = settings.collect.lookback
        self._client = client
        self._source = NearBandsSource(client, settings.classify.classifier())
        self._ledger = ledger
        self._clock = clock
        self._availability = SourceAvailability(org.name, clock)
        self._longest_seconds = int(DIAGNOSED_SECONDS)
        self._sent = deque[float]()
        self._rests_until = 0.0
        self._done: tuple[int, frozenset[tuple[str, float | None]]] | None = None
        self.requests = 0

    def run(self, verdicts: OrgDiagnosis | None, budget: RequestBudget) -> None:
        """Ask once, where anything is worth asking and it may be asked.

        What goes wrong is logged, and costs nothing but the look.

        Args:
            verdicts: The newest; None before there are any.
            budget: What the poll has left.

        Raises:
            LedgerError: The state can't be read or written.
        """
        left = self._left()
        if (
            verdicts is None
            or self._org.contract is not Contract.PLATFORM
            or left <= 0
            or budget.is_half_spent
        ):
            return
        now = self._clock.now()
        settled_until = now - self._lookback_seconds
        needed = (
            floor_to(settled_until, PERIOD_SECONDS),
            frozenset(
                (action_id, one.timeout_ms)
                for action_id, one in verdicts.diagnoses.items()
                if one.verdict in HANGS_ON_IT
            ),
        )
        if not needed[1] or needed == self._done:
            return
        look = next_look(
            verdicts,
            self._ledger.timeouts_in_force(self._org.name),
            self._looked_until(now),
            settled_until,
            self._longest_seconds,
        )
        if look is None:
            self._done = needed
        else:
            self._ask(look, left, now)

    def _looked_until(self, now: float) -> dict[tuple[str, int], int]:
        until: dict[tuple[str, int], int] = {}
        for one in self._ledger.near_looks.since(self._org.name, now - DIAGNOSED_SECONDS):
            key = (one.action_id, one.timeout_ms)
            until[key] = max(until.get(key, 0), one.time_range.end)
        return until

    def _left(self) -> int:
        """Return how many requests may be sent now."""
        monotonic = self._clock.monotonic()
        while self._sent and monotonic - self._sent[0] >= _HOUR:
            self._sent.popleft()
        resting = monotonic < self._rests_until or self._availability.is_backing_off(
            self._source.name
        )
        return 0 if resting else self._per_hour - len(self._sent)

    def _ask(self, look: Look, left: int, now: float) -> None:
        before = self._requests()
        try:
            with self._client.within(RequestBudget(LONGEST_SECONDS, left)):
                counts = self._source.read(
                    sorted(look.since), look.timeout_ms, look.time_range, PERIOD_SECONDS
                )
        except GenesysError as error:
            self._note_failure(error)
            return
        finally:
            sent = self._requests() - before
            self.requests += sent
            self._sent.extend([self._clock.monotonic()] * sent)
        self._availability.note_answer(self._source.name)
        nothing = (0,) * len(near_edges(look.timeout_ms))
        looks = [
            NearLook(
                action_id, look.timeout_ms, period, counts.get((action_id, period.start), nothing)
            )
            for period in look.time_range.slices(PERIOD_SECONDS)
            for action_id, since in look.since.items()
            if period.start >= since
        ]
        self._ledger.near_looks.save(self._org.name, looks, int(now - DIAGNOSED_SECONDS))
        log.info(
            "closer_look",
            org=self._org.name,
            actions=len(look.since),
            timeout_ms=look.timeout_ms,
            seconds=look.time_range.seconds,
            executions=sum(map(sum, counts.values())),
            requests=sent,
        )

    def _note_failure(self, error: GenesysError) -> None:
        if isinstance(error, PermissionDeniedError | NotFoundError):
            self._availability.note_refusal(self._source.name, error)
            return
        if is_interval_too_long(error) and self._longest_seconds > PERIOD_SECONDS:
            self._longest_seconds = max(
                PERIOD_SECONDS, floor_to(self._longest_seconds / 2, PERIOD_SECONDS)
            )
            return
        self._rests_until = self._clock.monotonic() + REST_SECONDS
        log.warning(
            "closer_look_failed",
            org=self._org.name,
            why=error.message,
            hint=error.hint,
            again_after_seconds=REST_SECONDS,
            correlation_id=error.correlation_id,
        )

    def _requests(self) -> int:
        requests = self._client.stats().requests
        return sum(n for (label, _), n in requests.items() if label == NEAR_AGGREGATES.label)
