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

from benchmarks.rows import DisagreementError, Row
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

MOST_SERIES = 26
"""Series of an action, as the aim has it."""

_NOW = 1_790_000_100
_HOUR = TimeRange(_NOW - 3_600, _NOW)


@dataclass(frozen=True, slots=True)
class Cost:
    """What scrapes of one kind take; CPU seconds."""

    what: str
    seconds: float
    joined: float
    library: float

    @property
    def ratio(self) -> float:
        """So many times what joining takes."""
        return self.seconds / self.joined


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


def measure(what: str, drawn: Sequence[Snapshot]) -> Cost:
    """Return what a scrape costs of each snapshot after the first, and what the rivals take.

    Raises:
        DisagreementError: A rival's samples are not those of the scrape.
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
            raise DisagreementError("The library writes other samples than the scrape has.")
    median = statistics.median
    return Cost(what, median(ours), median(joined), median(library))


class _Given(Collector):
    """Stands in for a registry that collects what it was given."""

    def __init__(self, families: Sequence[Metric]) -> None:
        self._families = families

    def collect(self) -> Sequence[Metric]:
        return self._families


def _one_org(actions: int) -> Cost:
    one = [Snapshot(_NOW, (made_org("acme", actions, seed),)) for seed in range(RUNS + 1)]
    return measure(f"scrape of {actions:,} actions of one org, after a poll", one)


def _fleets(orgs: int) -> list[Snapshot]:
    """Return snapshots of many orgs, one of which was polled between any two."""
    fleet = [made_org(f"org-{number}", 200, number) for number in range(orgs)]
    shown = [Snapshot(_NOW, tuple(fleet))]
    for seed in range(RUNS):
        fleet[seed % orgs] = made_org(f"org-{seed % orgs}", 200, 1_000 + seed)
        shown.append(Snapshot(_NOW, tuple(fleet)))
    return shown


def _cost_of_all(shown: Sequence[Snapshot]) -> Cost:
    orgs = len(shown[0].orgs)
    return measure(f"scrape of {orgs} orgs of 200 actions, after a poll of one", shown)


@dataclass(frozen=True, slots=True)
class Size:
    """A scrape of many orgs.

    Attributes:
        samples: How many there are.
        text_bytes: How long it is.
        packing_seconds: CPU time of compressing it.
    """

    samples: int
    text_bytes: int
    packing_seconds: float


def _size(snapshot: Snapshot) -> Size:
    registry = CollectorRegistry()
    holder, classifier = SnapshotHolder(snapshot), ClassifySettings().classifier()
    registry.register(MetricsCollector(holder, classifier, SystemClock()))
    text = Exposition(registry).render(ExpositionFormat.TEXT)
    samples = sum(not line.startswith(b"#") for line in text.splitlines())
    return Size(samples, len(text), cpu_seconds(lambda: gzip.compress(text, 1)))


def rows(*, quick: bool) -> list[Row]:
    """Return what scrapes cost beside joining, and how many series they have.

    Args:
        quick: Measure little; the results are compared all the same.

    Raises:
        DisagreementError: A rival writes other samples.
    """
    one = _one_org(50 if quick else 2_000)
    shown = _fleets(2 if quick else 50)
    every, size = _cost_of_all(shown), _size(shown[-1])
    an_action = size.samples / (200 * len(shown[-1].orgs))
    rival = "joining heads kept as bytes"
    found = [
        Row(
            cost.what,
            f"{cost.seconds * 1e3:.0f} ms",
            f"{rival}: {cost.joined * 1e3:.0f} ms",
            f"at most {MOST_RATIO:g} x",
            cost.ratio <= MOST_RATIO,
            cost.ratio,
        )
        for cost in (one, every)
    ]
    found.append(
        Row(
            "series an action in a scrape, by default",
            f"{an_action:.1f}",
            "",
            f"at most {MOST_SERIES}",
            an_action <= MOST_SERIES,
        )
    )
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; 1 where the aim does not hold."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--actions", type=int, default=2_000)
    parser.add_argument("--orgs", type=int, default=50)
    given = parser.parse_args(arguments)
    shown = _fleets(given.orgs)
    one, every = _one_org(given.actions), _cost_of_all(shown)
    print(f"{'':54} {'CPU':>8} {'joining':>8} {'ratio':>6} {'library':>8} {'ratio':>6}")
    for cost in (one, every):
        print(
            f"{cost.what:54} {cost.seconds * 1e3:5.0f} ms {cost.joined * 1e3:5.0f} ms "
            f"{cost.ratio:6.2f} {cost.library * 1e3:5.0f} ms {cost.seconds / cost.library:6.2f}"
        )
    size = _size(shown[-1])
    print(
        f"the latter: {size.samples:,} series, {size.text_bytes / 1e6:.1f} MB, "
        f"{size.samples / (given.orgs * 200):.1f} series an action; "
        f"compressed in {size.packing_seconds * 1e3:.0f} ms"
    )
    holds = one.ratio <= MOST_RATIO
    print(
        f"at most {MOST_RATIO:g} times what joining takes: {'holds' if holds else 'does not hold'}"
    )
    return 0 if holds else 1


if __name__ == "__main__":
    raise SystemExit(main())
