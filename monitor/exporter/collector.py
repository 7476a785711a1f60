"""The collector that a registry asks at every scrape."""

from __future__ import annotations

from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING

from monitor import __version__
from monitor.config import HistogramDetail
from monitor.exporter.actions import (
    add_actions,
    add_org_limits,
    add_verdicts,
    are_verdicts_fresh,
)
from monitor.exporter.catalogue import ACTION_METRICS, METRICS
from monitor.exporter.collection import add_ages, add_collection, add_readings
from monitor.exporter.families import Families, WrittenFamily
from monitor.exporter.own_metrics import (
    BUILD_INFO,
    CATALOGUE_AGE,
    CLOCK_STEPS,
    DATA_LAG,
    DIAGNOSIS_AGE,
    ORG_LEASED,
    POLL_AGE,
    POLL_INTERVAL,
    SOURCE_AGE,
    STATE_WRITABLE,
    TRIAL_OVERDUE,
)
from monitor.exporter.remediation import add_overdue_trials, add_remediation
from monitor.exporter.series import OrgSeries

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from prometheus_client import Metric

    from monitor.clock import Clock
    from monitor.model import Classifier
    from monitor.snapshot import OrgSnapshot, Snapshot, SnapshotHolder


_OF_THE_MOMENT = (
    DATA_LAG,
    SOURCE_AGE,
    POLL_AGE,
    CATALOGUE_AGE,
    DIAGNOSIS_AGE,
    TRIAL_OVERDUE,
)
"""What grows between two snapshots: a daemon that hangs must not look as it did."""

CLOCK_STEPS_FOUND: tuple[str, ...] = ("ahead", "back", "state")
"""How a wrong clock is found; each has a series from the first scrape."""


class MetricsCollector:
    """Shows the current snapshot as metric families.

    Families are built once a snapshot and handed out again, the very same objects, until the
    snapshot is replaced; the series of an org's actions are drawn anew where that org was read.
    Safe to share between threads.
    """

    def __init__(
        self,
        holder: SnapshotHolder,
        classifier: Classifier,
        clock: Clock,
        histogram: HistogramDetail = HistogramDetail.COARSE,
    ) -> None:
        """Show what ``holder`` holds.

        Args:
            holder: Where the current snapshot is kept.
            classifier: Reads how executions ended.
            clock: Tells how old data is at the moment of a scrape.
            histogram: Which buckets durations are shown in.
        """
        self._holder = holder
        self._clock = clock
        self._drawings = _Drawings(classifier, histogram)
        self._lock = Lock()
        self._built: tuple[Snapshot, tuple[Metric, ...]] | None = None

    def describe(self) -> Iterable[Metric]:
        """Every family without samples, so that a registry can refuse a second of that name."""
        return Families(METRICS).finished()

    def collect(self) -> Iterable[Metric]:
        """Every family, filled from one snapshot; not to be changed."""
        snapshot = self._holder.current
        ages = Families(_OF_THE_MOMENT)
        now = snapshot.moment(self._clock)
        for org_snapshot in snapshot.read_here:
            add_ages(ages, org_snapshot, now)
            if org_snapshot.is_counted_here:
                add_overdue_trials(ages, org_snapshot, now)
        fresh = {family.name: family for family in ages.finished()}
        return [fresh.get(family.name, family) for family in self._families_of(snapshot)]

    def _families_of(self, snapshot: Snapshot) -> tuple[Metric, ...]:
        # Under the lock, so that scrapes that come together build them once.
        with self._lock:
            if self._built is None or self._built[0] is not snapshot:
                self._built = (snapshot, _build(snapshot, self._drawings))
            return self._built[1]


@dataclass(frozen=True, slots=True)
class _Drawing:
    """The series of one org's actions as text.

    Attributes:
        org_snapshot: What they were drawn of.
        judged: Whether verdicts are among them.
        lines: By the name of the metric.
    """

    org_snapshot: OrgSnapshot
    judged: bool
    lines: Mapping[str, bytes]

    def is_of(self, org_snapshot: OrgSnapshot, *, judged: bool) -> bool:
        """Whether they would be the same of another snapshot, as far as that is seen at once."""
        # A snapshot of all orgs has new ones of each; the parts that are drawn are kept.
        mine = self.org_snapshot
        return (
            judged is self.judged
            and mine.contract is org_snapshot.contract
            and mine.state is org_snapshot.state
            and mine.hour is org_snapshot.hour
            and mine.diagnosis is org_snapshot.diagnosis
        )


class _Drawings:
    """The series of each org's actions as text, drawn anew where the org was read or judged."""

    def __init__(self, classifier: Classifier, histogram: HistogramDetail) -> None:
        self._classifier = classifier
        self._histogram = histogram
        self._series: dict[str, OrgSeries] = {}
        self._drawn: dict[str, _Drawing] = {}

    def of(self, snapshot: Snapshot) -> list[Mapping[str, bytes]]:
        """Return the lines by metric, of each org that is counted here."""
        shown = [one for one in snapshot.read_here if one.is_counted_here]
        drawn = {one.org: self._draw(one, snapshot.taken_at) for one in shown}
        # What was drawn of an org that another program reads by now is let go.
        self._series = {org: series for org, series in self._series.items() if org in drawn}
        self._drawn = drawn
        return [one.lines for one in drawn.values()]

    def _draw(self, org_snapshot: OrgSnapshot, now: float) -> _Drawing:
        judged = are_verdicts_fresh(org_snapshot, now)
        known = self._drawn.get(org_snapshot.org)
        if known is not None and known.is_of(org_snapshot, judged=judged):
            return known
        series = self._series.setdefault(org_snapshot.org, OrgSeries(ACTION_METRICS))
        series.begin()
        add_actions(series, org_snapshot, self._classifier, self._histogram)
        if judged:
            add_verdicts(series, org_snapshot)
        return _Drawing(org_snapshot, judged, series.finished())


def _build(snapshot: Snapshot, drawings: _Drawings) -> tuple[Metric, ...]:
    families = Families(METRICS)
    families.add(BUILD_INFO, (__version__,), 1)
    families.add(STATE_WRITABLE, (), snapshot.state_writable)
    families.add(POLL_INTERVAL, (), snapshot.interval_seconds)
    steps = {
        **snapshot.clock_steps,
        "state": sum(one.health.voided + one.remediation.voided for one in snapshot.orgs),
    }
    for found in CLOCK_STEPS_FOUND:
        families.add(CLOCK_STEPS, (found,), steps.get(found, 0))
    for org_snapshot in snapshot.orgs:
        families.add(ORG_LEASED, (org_snapshot.org,), org_snapshot.is_leased)
    for org_snapshot in snapshot.read_here:
        add_collection(families, org_snapshot)
        # What another program counts, or may by now: a sum over both would count it twice.
        if not org_snapshot.is_counted_here:
            continue
        add_readings(families, org_snapshot)
        add_org_limits(families, org_snapshot)
        add_remediation(families, org_snapshot)
    drawn = drawings.of(snapshot)
    written = {
        family.name: family
        for spec in ACTION_METRICS
        for family in (WrittenFamily(spec, [lines[spec.name] for lines in drawn]),)
    }
    return tuple(written.get(family.name, family) for family in families.finished())
