"""What a metric is, whichever it is."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """The types of metrics in use."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"
    SUMMARY = "summary"


@dataclass(frozen=True, slots=True)
class MetricSpec:
    """One metric family.

    Attributes:
        name: As it is queried; counters end in ``_total``.
        kind: Its type.
        labels: Names of its labels, without a histogram's ``le``.
        unit: What its value counts or measures.
        meaning: One line that says what it is, for people who have only the name.
    """

    name: str
    kind: Kind
    labels: tuple[str, ...]
    unit: str
    meaning: str
