"""How many requests the platform is asked in a minute for each org.

    .venv/bin/python -m benchmarks.requests                orgs that time out, and a calm one
    .venv/bin/python -m benchmarks.requests --actions 20   the same, of fewer actions

The pollers are the program's own, on a clock that is moved from poll to poll; what they ask is a
simulated platform over a socket, which counts what arrives. Each kind of request is counted over a
whole period of its own: polls, of which every tenth reads deeply, for an hour; the catalogue, which
is read each ten minutes and of which some parts are asked for each hour, each six hours or once a
day, for a day; the comparison of a day once. What a minute has of each, added up, is what a minute
of any day costs. The last two cost the same whatever times out: they are counted once, of an org
that is as large as the largest.
"""

from __future__ import annotations

import argparse
import json
import logging
import multiprocessing
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from urllib.request import urlopen

import structlog

from benchmarks.rows import DisagreementError, Row
from benchmarks.watched_orgs import WatchedOrgs, watch
from monitor.daemon import CATALOGUE_EVERY_SECONDS
from monitor.poller import RECONCILED_SECONDS, OrgPoller
from monitor.simulator import PUNCTUAL, Scenario, scaled

BEGIN = 1_795_435_200
"""2026-11-23 12:00 UTC, a Monday."""

MOST_A_MINUTE = 2.0
POLL_SECONDS = 60
WARM_MINUTES = 15
"""Until then polls read what is new to them; as long as windows are read near again."""

HOUR = 3_600
DAY = 24 * HOUR
PROCESSES = 2

Counts = dict[str, float]
"""Requests by endpoint."""


@dataclass(frozen=True, slots=True)
class Setting:
    """What is asked about.

    Attributes:
        name: In words.
        orgs: How many orgs.
        scenario: What happens in each.
    """

    name: str
    orgs: int
    scenario: Scenario


@dataclass(frozen=True, slots=True)
class Periods:
    """For how long each kind of request is counted; seconds.

    Attributes:
        polls: Polls.
        catalogue: Reads of the catalogue.
    """

    polls: int = HOUR
    catalogue: int = DAY


@dataclass(frozen=True, slots=True)
class Cost:
    """What it cost.

    Attributes:
        name: What was asked about, in words.
        a_minute: Requests a minute and org, by endpoint.
    """

    name: str
    a_minute: Counts

    def __add__(self, other: Cost) -> Cost:
        """Return what both cost together."""
        each = self.a_minute, other.a_minute
        names = {endpoint for one in each for endpoint in one}
        together = {name: sum(one.get(name, 0.0) for one in each) for name in names}
        return Cost(self.name, together)

    @property
    def total(self) -> float:
        """All requests of a minute and org."""
        return sum(self.a_minute.values())


def calm(actions: int) -> Scenario:
    """Return an org in which nothing fails."""
    plan = scaled(actions)
    quiet = tuple(
        replace(one, law=replace(one.law, never_share=0.0, error_share=0.0)) for one in plan.actions
    )
    return replace(plan, name="calm", actions=quiet)


def restless(actions: int) -> Scenario:
    """Return an org in which something times out in nearly every minute."""
    plan = scaled(actions)
    slow = tuple(replace(one, law=replace(one.law, never_share=0.02)) for one in plan.actions)
    return replace(plan, name="restless", actions=slow)


def cost_of_polls(setting: Setting, seconds: int) -> Cost:
    """Return what polls of so many seconds ask, once what is new to them was read.

    Raises:
        DisagreementError: What was counted is not what happened.
    """
    with _watched(setting) as watched:
        poll(watched, WARM_MINUTES)
        before = asked(watched)
        poll(watched, seconds // POLL_SECONDS)
        return _cost(setting, asked(watched) - before, seconds)


def cost_of_a_day(setting: Setting, catalogue_seconds: int) -> Cost:
    """Return what is asked besides: the catalogue for so many seconds, the comparison of a day.

    Raises:
        DisagreementError: What was counted is not what the platform shows.
    """
    with _watched(setting) as watched:
        poll(watched, WARM_MINUTES)
        before = asked(watched)
        compare(watched)
        between = asked(watched)
        read_catalogue(watched, catalogue_seconds)
        after = asked(watched)
    catalogue = _cost(setting, after - between, catalogue_seconds)
    return catalogue + _cost(setting, between - before, DAY)


def _watched(setting: Setting) -> AbstractContextManager[WatchedOrgs]:
    # The platform shows what has happened at once, so that it can be compared.
    plan = replace(setting.scenario, lateness=PUNCTUAL)
    return watch(plan, orgs=setting.orgs, at=BEGIN + 3.0)


def _cost(setting: Setting, requests: Counter[str], seconds: int) -> Cost:
    minutes = setting.orgs * seconds / 60
    return Cost(setting.name, {name: count / minutes for name, count in requests.items()})


def poll(watched: WatchedOrgs, minutes: int) -> None:
    """Poll every org each minute.

    Raises:
        DisagreementError: What was counted meanwhile is not what happened.
    """
    clock, pollers = watched.clock, watched.pollers
    begin, before = int(clock.at), _counted(pollers)
    if not before:
        # The first one counts what was before it, too.
        for poller in pollers:
            poller.poll()
        before = _counted(pollers)
    for _ in range(minutes):
        clock.at += POLL_SECONDS
        for poller in pollers:
            poller.poll()
    rows = watched.platform.visible_executions(*_minutes_ms(begin, int(clock.at)))
    happened, counted = len(rows.end_ms) * len(pollers), _counted(pollers) - before
    if counted != happened:
        raise DisagreementError(f"{counted} executions were counted of {happened}")


def _minutes_ms(begin: int, end: int) -> tuple[int, int, int]:
    """Return from when to when a poll reads that was made at the end, and what it is shown of."""
    begin, end = (at // 60 * 60_000 for at in (begin, end))
    return begin, end, end


def _counted(pollers: Sequence[OrgPoller]) -> int:
    return sum(one.count for each in pollers for one in each.snapshot.state.totals.values())


def compare(watched: WatchedOrgs) -> None:
    """Compare what was counted with the platform, as a daemon does once a day.

    Raises:
        DisagreementError: Something else was counted.
    """
    for poller in watched.pollers:
        found = poller.reconcile(RECONCILED_SECONDS)
        if found.missing or found.surplus:
            raise DisagreementError(f"{found.missing} were missing, {found.surplus} too many")


def read_catalogue(watched: WatchedOrgs, seconds: int) -> None:
    """Read the catalogue of every org as often as a daemon does in so many seconds."""
    for _ in range(seconds // CATALOGUE_EVERY_SECONDS):
        watched.clock.at += CATALOGUE_EVERY_SECONDS
        for poller in watched.pollers:
            poller.refresh_catalogue()


def asked(watched: WatchedOrgs) -> Counter[str]:
    """Return the requests that have come so far, by endpoint."""
    with urlopen(f"{watched.settings.org[0].api_url}/simulator/requests") as answer:  # noqa: S310 - of our own simulator
        found: dict[str, int] = json.load(answer)
    return Counter({name: count for name, count in found.items() if "/api/v2/" in name})


def settings_of(actions: int, orgs: int) -> tuple[Setting, ...]:
    """Return what is asked about.

    Args:
        actions: How many actions an org has that is watched alone.
        orgs: How many orgs are watched together, of a tenth of that.
    """
    few = max(actions // 10, 1)
    return (
        Setting(f"{orgs} orgs of {few} in which something times out", orgs, restless(few)),
        Setting("one org in which something times out each minute", 1, restless(actions)),
        Setting("one org in which now and then something times out", 1, scaled(actions)),
        Setting("one org in which nothing times out", 1, calm(actions)),
    )


def costs(settings: Sequence[Setting], periods: Periods) -> Iterator[Cost]:
    """Yield the cost of each setting; requests are counted, so they may run side by side."""
    spawn = multiprocessing.get_context("spawn")
    largest = settings[-1]
    with ProcessPoolExecutor(PROCESSES, spawn, initializer=_log_nothing) as processes:
        of_a_day = processes.submit(cost_of_a_day, largest, periods.catalogue)
        of_polls = processes.map(cost_of_polls, settings, [periods.polls] * len(settings))
        for cost in of_polls:
            yield cost + of_a_day.result()


def _log_nothing() -> None:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))


def rows(*, quick: bool) -> Iterator[Row]:
    """Yield what a minute costs an org, of each setting.

    Args:
        quick: Of a few actions and polls alone; all that was counted is the truth there, too.

    Raises:
        DisagreementError: What was counted is not what happened.
    """
    settings, periods = settings_of(200, 10), Periods()
    if quick:
        settings, periods = settings_of(20, 2)[:2], Periods(600, HOUR)
    for cost in costs(settings, periods):
        yield Row(
            f"requests a minute and org, catalogue included: {cost.name}",
            f"{cost.total:.2f}",
            "",
            f"at most {MOST_A_MINUTE:g}",
            holds=cost.total <= MOST_A_MINUTE,
        )


def main() -> None:
    """Print the cost of each setting, by endpoint."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--actions", type=int, default=200)
    parser.add_argument("--orgs", type=int, default=10)
    given = parser.parse_args()
    for cost in costs(settings_of(given.actions, given.orgs), Periods()):
        print(f"{cost.name}: {cost.total:.2f} requests a minute and org")
        for endpoint, count in sorted(cost.a_minute.items(), key=lambda one: -one[1]):
            print(f"  {count:6.3f}  {endpoint}")


if __name__ == "__main__":
    main()
