"""What one scrape costs after a poll, beside what the same text costs with its heads at hand.

    .venv/bin/python -m benchmarks.scraping                       2,000 actions; fifty orgs of 200
    .venv/bin/python -m benchmarks.scraping --actions 200 --orgs 5

Two rivals write the very same samples in the same run: one that has every head as bytes and the
values as numbers, and so does nothing but join; and prometheus-client's own writer. User CPU time,
the median of five; every run is of a snapshot that was never drawn before.
"""

from __future__ import annotations

import argparse
import gzip
import random
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, Metric, generate_latest
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector

from monitor.clock import SystemClock
from monitor.config import ClassifySettings
from monitor.contract import Contract
from monitor.counts import Counts, SeriesKey
from monitor.exporter import MetricsCollector
from monitor.ledger import OrgState
from monitor.model import BAND_EDGES_MS, Action, ActionKind
from monitor.snapshot import OrgSnapshot, PollHealth, Snapshot, SnapshotHolder
from monitor.summary import empty_summary
from monitor.time_ranges import TimeRange
from monitor.web.exposition import Exposition, ExpositionFormat

RUNS = 5
MOST_RATIO = 2.0
"""As the aim has it: so many times what it takes to join heads and values."""

_NOW = 1_790_000_100
_HOUR = TimeRange(_NOW - 3_600, _NOW)


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the result; CPU seconds."""

    what: str
    seconds: float
    joined: float
    library: float


def made_org(name: str, actions: int, seed: int) -> OrgSnapshot:
    """Return an org whose counts are random, and whose names are the same for every seed."""
    rng = random.Random(seed)  # noqa: S311 - counts, not secrets
    known = tuple(
        Action(
            f"custom_-_{number:06d}",
            f"Action {number}",
            f"integration-{number % 20}",
            f"Integration {number % 20}",
            "Web Services",
            ActionKind.CUSTOM,
            3_000,
        )
        for number in range(actions)
    )
    totals: dict[SeriesKey, Counts] = {}
    for action in known:
        for words in (("NONE", "200"), ("request.timeout", "504")):
            bands = tuple(rng.randrange(100) for _ in range(len(BAND_EDGES_MS) + 1))
            counts = Counts(sum(bands), 900.5 * sum(bands), bands=bands)
            totals[SeriesKey(action.action_id, *words)] = counts
    state = OrgState(
        name,
        actions=known,
        totals=totals,
        flow_use=frozenset((action.action_id, "flow") for action in known),
        flow_names={"flow": "Main flow"},
    )
    empty = empty_summary(name, Contract.PLATFORM, _HOUR)
    return OrgSnapshot(
        org=name,
        contract=Contract.PLATFORM,
        state=state,
        day=empty,
        hour=empty,
        limits=(),
        health=PollHealth(polls={"ok": 1}),
    )


def cpu_seconds(work: Callable[[], object]) -> float:
    """Return what some work takes of a processor."""
    began = time.process_time()
    work()
    return time.process_time() - began


def measure(what: str, drawn: Sequence[Snapshot]) -> Row:
    """Return what a scrape costs of each snapshot after the first, and what the rivals take.

    Raises:
        SystemExit: A rival's samples are not those of the scrape.
    """
    holder = SnapshotHolder(drawn[0])
    registry = CollectorRegistry()
    registry.register(MetricsCollector(holder, ClassifySettings().classifier(), SystemClock()))
    exposition = Exposition(registry)
    exposition.render(ExpositionFormat.TEXT)
    ours, joined, library = [], [], []
    for snapshot in drawn[1:]:
        holder.swap(snapshot)
        text = b""

        def scrape() -> None:
            nonlocal text
            text = exposition.render(ExpositionFormat.TEXT)

        ours.append(cpu_seconds(scrape))
        lines = [line for line in text.split(b"\n") if line and not line.startswith(b"#")]
        heads, values = zip(*(line.rsplit(b" ", 1) for line in lines), strict=True)
        numbers = [*map(float, values)]
        joined.append(
            cpu_seconds(
                lambda heads=heads, numbers=numbers: b"".join(  # type: ignore[misc]
                    [b"%s %d\n" % pair for pair in zip(heads, numbers, strict=True)]
                )
            )
        )
        families = [*text_string_to_metric_families(text.decode())]
        given = _Given(families)
        library.append(cpu_seconds(lambda given=given: generate_latest(given)))  # type: ignore[misc]
        again = [*text_string_to_metric_families(generate_latest(given).decode())]
        if [one.samples for one in again] != [one.samples for one in families]:
            raise SystemExit("The library writes other samples than the scrape has.")
    median = statistics.median
    return Row(what, median(ours), median(joined), median(library))


class _Given(Collector):
    """Stands in for a registry that collects what it was given."""

    def __init__(self, families: Sequence[Metric]) -> None:
        self._families = families

    def collect(self) -> Sequence[Metric]:
        return self._families


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; 1 where the aim does not hold."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--actions", type=int, default=2_000)
    parser.add_argument("--orgs", type=int, default=50)
    given = parser.parse_args(arguments)
    one = [Snapshot(_NOW, (made_org("acme", given.actions, seed),)) for seed in range(RUNS + 1)]
    rows = [measure(f"one org of {given.actions:,} actions, after a poll", one)]
    fleet = [made_org(f"org-{number}", 200, number) for number in range(given.orgs)]
    shown = [Snapshot(_NOW, tuple(fleet))]
    for seed in range(RUNS):
        fleet[seed % len(fleet)] = made_org(f"org-{seed % len(fleet)}", 200, 1_000 + seed)
        shown.append(Snapshot(_NOW, tuple(fleet)))
    rows.append(measure(f"{given.orgs} orgs of 200 actions, after a poll of one", shown))
    print(f"{'scrape of':48} {'CPU':>8} {'joining':>8} {'ratio':>6} {'library':>8} {'ratio':>6}")
    for row in rows:
        print(
            f"{row.what:48} {row.seconds * 1e3:5.0f} ms {row.joined * 1e3:5.0f} ms "
            f"{row.seconds / row.joined:6.2f} {row.library * 1e3:5.0f} ms "
            f"{row.seconds / row.library:6.2f}"
        )
    holder = SnapshotHolder(shown[-1])
    registry = CollectorRegistry()
    registry.register(MetricsCollector(holder, ClassifySettings().classifier(), SystemClock()))
    text = Exposition(registry).render(ExpositionFormat.TEXT)
    samples = sum(not line.startswith(b"#") for line in text.splitlines())
    packing = cpu_seconds(lambda: gzip.compress(text, 1))
    print(
        f"the latter: {samples:,} series, {len(text) / 1e6:.1f} MB, "
        f"{samples / (given.orgs * 200):.1f} series an action; compressed in {packing * 1e3:.0f} ms"
    )
    holds = rows[0].seconds <= MOST_RATIO * rows[0].joined
    print(
        f"at most {MOST_RATIO:g} times what joining takes: {'holds' if holds else 'does not hold'}"
    )
    return 0 if holds else 1


if __name__ == "__main__":
    raise SystemExit(main())
