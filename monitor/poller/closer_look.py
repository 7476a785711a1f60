"""A closer look at what bands can't tell: successes just below the timeouts in force.

Only for actions whose verdict hangs on it, few requests an hour for an org, one after a poll that
went well, and none for a while where the platform wants fewer. A verdict takes up what was seen
when it is next made, which is when the next window has settled.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection
from dataclasses import replace

import structlog

from monitor.clock import Clock, is_in_future
from monitor.config import DIAGNOSED_SECONDS, OrgSettings, Settings
from monitor.contract import Contract
from monitor.diagnosis import OrgDiagnosis
from monitor.errors import (
    BudgetSpentError,
    GenesysError,
    NotFoundError,
    NotLeasedError,
    PermissionDeniedError,
    RequestTimeoutError,
    TimeoutMonitorError,
    UnforeseenError,
)
from monitor.genesys import NEAR_AGGREGATES, Client, RequestBudget
from monitor.ledger import Ledger, NearLook
from monitor.near_edges import near_edges
from monitor.poller.look_choice import HANGS_ON_IT, PERIOD_SECONDS, RESTS_ON_IT, Look, next_look
from monitor.poller.look_rests import LookRests
from monitor.poller.source_availability import SourceAvailability
from monitor.sources import NearBandsSource, is_interval_too_long
from monitor.time_ranges import floor_to

log = structlog.get_logger()

REST_SECONDS = 3_600.0
"""After a failure, whatever it is: what was asked for is no more urgent than that."""

LONGEST_SECONDS = 20.0
"""What one question may take of a poll's time, with all its repetitions."""

_HOUR = 3_600.0


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
        self._rests = LookRests(clock)
        self._sent = deque[float]()
        self._rests_until = 0.0
        self._settled: int | None = None
        self._done = frozenset[tuple[str, float | None]]()
        self.requests = 0

    def run(
        self, verdicts: OrgDiagnosis | None, budget: RequestBudget, gone: Collection[str] = ()
    ) -> None:
        """Ask once, where anything is worth asking and it may be asked.

        What goes wrong is logged, and costs nothing but the look: what was read counts.

        Args:
            verdicts: The newest; None before there are any.
            budget: What the poll has left.
            gone: Ids of actions that are listed no more: nothing is asked of them.

        Raises:
            NotLeasedError: Another program reads the org.
        """
        try:
            self._look(verdicts, budget, gone)
        except NotLeasedError:
            raise
        except Exception as error:  # noqa: BLE001 - a poll is good without it, whatever it is
            self._rest(error)

    def _look(
        self, verdicts: OrgDiagnosis | None, budget: RequestBudget, gone: Collection[str]
    ) -> None:
        if verdicts is None or self._org.contract is not Contract.PLATFORM or not self._per_hour:
            return
        now = self._clock.now()
        settled_until = now - self._lookback_seconds
        self._begin_period(settled_until)
        if self._is_resting() or budget.is_half_spent:
            return
        diagnoses = {
            action_id: one
            for action_id, one in verdicts.diagnoses.items()
            if one.verdict in HANGS_ON_IT | RESTS_ON_IT and action_id not in gone
        }
        needed = frozenset((action_id, one.timeout_ms) for action_id, one in diagnoses.items())
        if not needed or needed == self._done:
            return
        asked_at = self._asked_at(now)
        left = self._per_hour - max(len(self._sent), len(asked_at))
        if left <= 0:
            return
        look = next_look(
            replace(verdicts, diagnoses=diagnoses),
            self._ledger.timeouts_in_force(self._org.name),
            self._looked_until(now),
            settled_until,
            self._rests.size,
            self._rests.resting,
        )
        if look is not None:
            before = self.requests
            try:
                self._ask(look, left, now)
            finally:
                asked_at += [now] * (self.requests - before)
                self._ledger.near_looks.note_asked(self._org.name, asked_at)
        elif not self._rests.resting:
            self._done = needed

    def _begin_period(self, settled_until: float) -> None:
        """Ask anew where another period has settled, be it by a clock that was set."""
        settled = floor_to(settled_until, PERIOD_SECONDS)
        if settled == self._settled:
            return
        voided = self._ledger.near_looks.void_future(self._org.name, settled_until)
        self._settled, self._done = settled, frozenset()
        if voided:
            log.warning(
                "future_looks_void",
                org=self._org.name,
                looks=voided,
                hint="The clock of this machine, or of another one that shares the state, was "
                "wrong. What was asked about then is asked again.",
            )

    def _looked_until(self, now: float) -> dict[tuple[str, int], int]:
        until: dict[tuple[str, int], int] = {}
        for one in self._ledger.near_looks.since(self._org.name, now - DIAGNOSED_SECONDS):
            key = (one.action_id, one.timeout_ms)
            until[key] = max(until.get(key, 0), one.time_range.end)
        return until

    def _asked_at(self, now: float) -> list[float]:
        """When requests were sent within the last hour, by whatever program; epoch seconds."""
        asked_at = self._ledger.near_looks.asked_at(self._org.name)
        return [at for at in asked_at if now - at < _HOUR and not is_in_future(at, now)]

    def _is_resting(self) -> bool:
        monotonic = self._clock.monotonic()
        # Beside what the state tells: by a clock that nobody sets.
        while self._sent and monotonic - self._sent[0] >= _HOUR:
            self._sent.popleft()
        return monotonic < self._rests_until or self._availability.is_backing_off(self._source.name)

    def _ask(self, look: Look, left: int, now: float) -> None:
        before = self._requests()
        budget = RequestBudget(LONGEST_SECONDS, left)
        try:
            with self._client.within(budget):
                counts = self._source.read(
                    sorted(look.since), look.timeout_ms, look.time_range, PERIOD_SECONDS
                )
        except Exception as error:  # noqa: BLE001 - the others are asked, whatever it is
            # Time that is over asks for a smaller question; requests that are used up do not.
            took_too_long = isinstance(error, RequestTimeoutError | BudgetSpentError) and (
                budget.remaining_requests > 0
            )
            self._note_failure(look, error, took_too_long=took_too_long)
            return
        finally:
            sent = self._requests() - before
            self.requests += sent
            self._sent.extend([self._clock.monotonic()] * sent)
        self._availability.note_answer(self._source.name)
        self._rests.note_answer(look)
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

    def _note_failure(self, look: Look, error: Exception, *, took_too_long: bool) -> None:
        if isinstance(error, PermissionDeniedError | NotFoundError):
            self._availability.note_refusal(self._source.name, error)
            return
        is_too_large = isinstance(error, GenesysError) and is_interval_too_long(error)
        is_halved = (is_too_large or took_too_long) and self._rests.halve(look)
        if is_halved and is_too_large:
            return
        if not is_halved:
            self._rests.note_failure(look)
        self._rest(error)

    def _rest(self, error: Exception) -> None:
        told = error if isinstance(error, TimeoutMonitorError) else UnforeseenError.of(error)
        self._rests_until = self._clock.monotonic() + REST_SECONDS
        log.warning(
            "closer_look_failed",
            org=self._org.name,
            why=told.message,
            hint=told.hint,
            again_after_seconds=REST_SECONDS,
            correlation_id=told.correlation_id if isinstance(told, GenesysError) else "",
        )

    def _requests(self) -> int:
        requests = self._client.stats().requests
        return sum(n for (label, _), n in requests.items() if label == NEAR_AGGREGATES.label)
