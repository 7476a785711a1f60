"""How many requests the platform is asked in a minute for each org, and by a backfill.

    .venv/bin/python -m benchmarks.requests                orgs that time out, and a calm one
    .venv/bin/python -m benchmarks.requests --hours 24     a whole day, with its comparison

The pollers are the program's own, on a clock that is moved from poll to poll; what they ask is a
simulated platform over a socket, which counts what arrives. The catalogue is read every ten
minutes, as the daemon does.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace

from benchmarks.rows import DisagreementError, Row
from benchmarks.watched_orgs import watch
from monitor.daemon import CATALOGUE_EVERY_SECONDS
from monitor.model import Outcome
from monitor.poller import RECONCILED_SECONDS, OrgPoller
from monitor.simulator import Scenario, scaled
from monitor.time_ranges import TimeRange

BEGIN = 1_795_435_200
"""2026-11-23 12:00 UTC, a Monday."""

MOST_A_MINUTE = 2.0
POLL_SECONDS = 60
HOUR = 3_600
DAY = 24 * HOUR
MOST_A_DAY = 4.0
BACKFILL_DAYS = 31


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
class Cost:
    """What it cost.

    Attributes:
        setting: What was asked about.
        requests: Requests by endpoint, of all orgs together.
        minutes: In how many minutes.
        executions: How many executions were counted.
        timeouts: How many of them timed out.
    """

    setting: Setting
    requests: Counter[str]
    minutes: int
    executions: int
    timeouts: int

    @property
    def a_minute(self) -> float:
        """Requests a minute and org."""
        return self.requests.total() / self.minutes / self.setting.orgs


def calm(actions: int) -> Scenario:
    """Return an org in which nothing fails."""
    plan = scaled(actions)
    quiet = tuple(
        replace(one, law=replace(one.law, never_share=0.0, error_share=0.0)) for one in plan.actions
    )
    return replace(plan, name="calm", actions=quiet)


def cost_of(setting: Setting, *, warm_minutes: int, minutes: int) -> Cost:
    """Return what a platform is asked once everything was looked up for the first time.

    Args:
        setting: The orgs.
        warm_minutes: Minutes that are not counted.
        minutes: Minutes that are.
    """
    with watch(setting.scenario, orgs=setting.orgs, at=BEGIN + 3.0) as watched:
        clock, pollers = watched.clock, watched.pollers
        before: Counter[str] = Counter()
        for minute in range(warm_minutes + minutes):
            if minute == warm_minutes:
                before = asked(pollers)
            clock.at += POLL_SECONDS
            for poller in pollers:
                poller.poll()
                if minute and minute * POLL_SECONDS % CATALOGUE_EVERY_SECONDS == 0:
                    poller.refresh_catalogue()
                if minute and minute * POLL_SECONDS % HOUR == 0 and poller.is_reconcile_due:
                    poller.reconcile(RECONCILED_SECONDS)
        requests = asked(pollers) - before
        totals = watched.ledger.state(pollers[0].name).totals
        classifier = watched.settings.classify.classifier()
        return Cost(
            setting,
            requests,
            minutes,
            sum(one.count for one in totals.values()),
            sum(
                one.count
                for key, one in totals.items()
                if classifier.outcome(key.error_type, key.response_status) is Outcome.TIMEOUT
            ),
        )


def asked(pollers: Iterable[OrgPoller]) -> Counter[str]:
    """Return the requests so far by endpoint."""
    found: Counter[str] = Counter()
    for poller in pollers:
        for (endpoint, _), count in poller.snapshot.health.api_requests.items():
            found[endpoint] += count
    return found


def restless(actions: int) -> Scenario:
    """Return an org in which something times out in nearly every minute."""
    plan = scaled(actions)
    slow = tuple(replace(one, law=replace(one.law, never_share=0.02)) for one in plan.actions)
    return replace(plan, name="restless", actions=slow)


def settings_of(actions: int, orgs: int) -> tuple[Setting, ...]:
    """Return what is asked about, with so many actions in each org."""
    return (
        Setting("one org in which nothing times out", 1, calm(actions)),
        Setting("one org in which now and then something times out", 1, scaled(actions)),
        Setting("one org in which something times out each minute", 1, restless(actions)),
        Setting(f"{orgs} orgs in which now and then something times out", orgs, scaled(actions)),
    )


def rows(*, quick: bool) -> list[Row]:
    """Return what a minute costs an org, of each setting.

    Args:
        quick: Of a few actions and polls alone; all that was counted is the truth there, too.
    """
    if quick:
        settings, warm_minutes, minutes = settings_of(6, 2)[1:2], 2, 6
    else:
        settings, warm_minutes, minutes = settings_of(200, 10), 90, 120
    days = 1 if quick else BACKFILL_DAYS
    backfill = backfill_cost(scaled(3 if quick else 200), days)
    row = Row(
        f"requests a day of history of a backfill of {days} days",
        f"{backfill:.1f}",
        "",
        f"at most {MOST_A_DAY:g}",
        holds=backfill <= MOST_A_DAY,
    )
    return [
        row,
        *(
            Row(
                f"requests a minute and org, catalogue included: {cost.setting.name}",
                f"{cost.a_minute:.2f}",
                "",
                f"at most {MOST_A_MINUTE:g}",
                holds=cost.a_minute <= MOST_A_MINUTE,
            )
            for cost in (
                cost_of(one, warm_minutes=warm_minutes, minutes=minutes) for one in settings
            )
        ),
    ]


def backfill_cost(scenario: Scenario, days: int) -> float:
    """Return the requests that a day of history costs.

    Raises:
        DisagreementError: What was counted is not what happened.
    """
    period = TimeRange(BEGIN - days * DAY, BEGIN - HOUR)
    plan = replace(scenario, history_start=float(period.start - HOUR))
    with watch(plan, at=float(BEGIN)) as watched:
        (poller,) = watched.pollers
        report = poller.backfill(period)
        counted = sum(one.count for one in watched.ledger.state(poller.name).totals.values())
        happened = watched.platform.truth(period.start * 1_000, period.end * 1_000)["executions"]
    if counted != happened:
        raise DisagreementError(f"{counted} executions were counted of {happened}")
    return report.requests / days


def main() -> None:
    """Print the cost of each setting, by endpoint."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--actions", type=int, default=200)
    parser.add_argument("--orgs", type=int, default=10)
    parser.add_argument("--hours", type=float, default=2.0)
    given = parser.parse_args()
    for setting in settings_of(given.actions, given.orgs):
        cost = cost_of(setting, warm_minutes=90, minutes=round(given.hours * 60))
        print(f"{setting.name}: {cost.a_minute:.2f} requests a minute and org")
        print(f"  {cost.executions} executions, {cost.timeouts} timeouts")
        for endpoint, count in cost.requests.most_common():
            print(f"  {count / cost.minutes / setting.orgs:6.3f}  {endpoint}")


if __name__ == "__main__":
    main()
