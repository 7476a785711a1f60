"""Writes metric families down in the formats that Prometheus reads, each family once."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from threading import Lock
from typing import TYPE_CHECKING

from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4, Metric, generate_latest
from prometheus_client.openmetrics import exposition as openmetrics

from monitor.exporter import WrittenFamily

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from prometheus_client import CollectorRegistry

_END_OF_OPENMETRICS = b"# EOF\n"


class ExpositionFormat(Enum):
    """The exposition formats; the value is the content type."""

    TEXT = CONTENT_TYPE_PLAIN_0_0_4
    OPENMETRICS = openmetrics.CONTENT_TYPE_LATEST


class Exposition:
    """Writes down what a registry collects, and remembers how each family was written.

    Writing is by far the largest part of a scrape. A collector that hands out the same family
    objects again (see ``MetricsCollector``) has them written once; the registry is still asked
    at every scrape, and families that are new objects are written anew. Safe to share between
    threads.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        """Write down what ``registry`` collects."""
        self._registry = registry
        self._lock = Lock()
        self._written: dict[ExpositionFormat, dict[int, tuple[Metric, tuple[bytes, ...]]]] = {}

    def render(self, form: ExpositionFormat) -> bytes:
        """One whole scrape in this format, UTF-8."""
        return b"".join(self.parts(form))

    def parts(self, form: ExpositionFormat) -> Iterator[bytes]:
        """Yield a scrape in this format piece by piece: whole, it is large where orgs are many."""
        families = list(self._registry.collect())
        # Under the lock, so that scrapes that come together write a new snapshot once.
        with self._lock:
            known = self._written.get(form, {})
            fresh: dict[int, tuple[Metric, tuple[bytes, ...]]] = {}
            for family in families:
                # By identity: the entry keeps the object alive, so its id can't be taken over.
                number = id(family)
                fresh[number] = known.get(number) or (family, _write(family, form))
            # What another format wrote of families that are gone is let go with them.
            self._written = {
                other: {number: kept for number, kept in texts.items() if number in fresh}
                for other, texts in self._written.items()
            } | {form: fresh}
        for _, parts in fresh.values():
            yield from parts
        if form is ExpositionFormat.OPENMETRICS:
            yield _END_OF_OPENMETRICS


@dataclass(frozen=True, slots=True)
class _Only:
    """Stands in for a registry that collects one family."""

    family: Metric

    def collect(self) -> Iterable[Metric]:
        return (self.family,)


def _write(family: Metric, form: ExpositionFormat) -> tuple[bytes, ...]:
    if isinstance(family, WrittenFamily):
        head = Metric(family.name, family.documentation, family.type)
        # Those of each org as they are, not joined: they are kept once, in both formats.
        return (*_write(head, form), *family.written)
    if form is ExpositionFormat.TEXT:
        return (generate_latest(_Only(family)),)
    text: bytes = openmetrics.generate_latest(_Only(family))  # type: ignore[no-untyped-call]
    return (text.removesuffix(_END_OF_OPENMETRICS),)
