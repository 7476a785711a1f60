"""The collector that a registry asks at every scrape."""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING

from monitor import __version__
from monitor.exporter.actions import add_actions
from monitor.exporter.catalogue import BUILD_INFO, DATA_LAG, METRICS, STATE_WRITABLE
from monitor.exporter.collection import add_collection, add_data_lag
from monitor.exporter.families import Families
from monitor.exporter.remediation import add_remediation
from monitor.exporter.verdicts import add_verdicts

if TYPE_CHECKING:
    from collections.abc import Iterable

    from prometheus_client import Metric

    from monitor.clock import Clock
    from monitor.model import Classifier
    from monitor.snapshot import Snapshot, SnapshotHolder


class MetricsCollector:
    """Shows the current snapshot as metric families.

    Families are built once a snapshot and handed out again, the very same objects, until the
    snapshot is replaced: a scrape of thousands of actions costs no more than writing it down.
    Safe to share between threads.
    """

    def __init__(self, holder: SnapshotHolder, classifier: Classifier, clock: Clock) -> None:
        """Show what ``holder`` holds.

        Args:
            holder: Where the current snapshot is kept.
            classifier: Reads how executions ended.
            clock: Tells how old data is at the moment of a scrape.
        """
        self._holder = holder
        self._classifier = classifier
        self._clock = clock
        self._lock = Lock()
        self._built: tuple[Snapshot, tuple[Metric, ...]] | None = None

    def describe(self) -> Iterable[Metric]:
        """Every family without samples, so that a registry can refuse a second of that name."""
        return Families(METRICS).finished()

    def collect(self) -> Iterable[Metric]:
        """Every family, filled from one snapshot; not to be changed."""
        snapshot = self._holder.current
        lag = Families((DATA_LAG,))
        now = self._clock.now()
        for picture in snapshot.orgs:
            add_data_lag(lag, picture, now)
        (data_lag,) = lag.finished()
        return [
            data_lag if family.name == data_lag.name else family
            for family in self._families_of(snapshot)
        ]

    def _families_of(self, snapshot: Snapshot) -> tuple[Metric, ...]:
        # Under the lock, so that scrapes that come together build them once.
        with self._lock:
            if self._built is None or self._built[0] is not snapshot:
                self._built = (snapshot, _build(snapshot, self._classifier))
            return self._built[1]


def _build(snapshot: Snapshot, classifier: Classifier) -> tuple[Metric, ...]:
    families = Families(METRICS)
    families.add(BUILD_INFO, (__version__,), 1)
    families.add(STATE_WRITABLE, (), snapshot.state_writable)
    for picture in snapshot.orgs:
        add_actions(families, picture, classifier)
        add_verdicts(families, picture, snapshot.taken_at)
        add_collection(families, picture)
        add_remediation(families, picture)
    return families.finished()
