"""What executions took together, bucket by bucket: how many were under way at a time.

It is summed part by part of the actions, and a diagnosis goes on from the sums of the one before.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from monitor.diagnosis.carried import CarriedOver
from monitor.diagnosis.model import Concurrency, Diagnosis
from monitor.diagnosis.org_evidence import OrgEvidence


class SpentTime:
    """What all executions that ended in each bucket took together.

    Attributes:
        us: Microseconds, by bucket.
        unmeasured: By action id, how long those without a duration were taken to have lasted.
    """

    def __init__(self) -> None:
        """Begin with no action."""
        self.us = np.zeros(0, dtype=np.int64)
        self.unmeasured = dict[str, float]()

    def add(
        self,
        evidence: OrgEvidence,
        before: CarriedOver | None,
        diagnoses: Mapping[str, Diagnosis],
    ) -> None:
        """Add what some actions took."""
        timeouts = {} if before is None else dict(before.unmeasured)
        timeouts |= _timeouts_ms(diagnoses)
        more, unmeasured = evidence.spent_us(timeouts)
        self._add(more)
        self.unmeasured |= unmeasured

    def go_on(
        self, before: CarriedOver, since: OrgEvidence, diagnoses: Mapping[str, Diagnosis]
    ) -> None:
        """Add what was known, and what came since."""
        self._add(np.frombuffer(before.spent_us, dtype=np.int64))
        self.unmeasured |= before.unmeasured
        self.add(since, before, diagnoses)

    def concurrency(
        self, read_seconds: float, bucket_seconds: int, limit: int | None
    ) -> Concurrency | None:
        """Return the executions at a time, without what recommended timeouts would add.

        Args:
            read_seconds: How much of the period was read.
            bucket_seconds: Length of a bucket.
            limit: The org's own limit; None where it was never read.

        Returns:
            How many, on average and in the busiest bucket; None where nothing was read.
        """
        if read_seconds <= 0:
            return None
        return Concurrency(
            mean=int(self.us.sum()) / 1e6 / read_seconds,
            busiest=int(self.us.max(initial=0)) / 1e6 / bucket_seconds,
            busiest_seconds=bucket_seconds,
            limit=limit,
            recommended=0.0,
        )

    def _add(self, more: npt.NDArray[np.int64]) -> None:
        longest = max(len(more), len(self.us))
        self.us = np.pad(self.us, (0, longest - len(self.us)))
        self.us[: len(more)] += more


def is_as_assumed(before: CarriedOver, diagnoses: Mapping[str, Diagnosis]) -> bool:
    """Return whether the timeouts of executions without a duration are those that were assumed."""
    timeouts = _timeouts_ms(diagnoses)
    return all(timeouts.get(key, was) == was for key, was in before.unmeasured.items())


def _timeouts_ms(diagnoses: Mapping[str, Diagnosis]) -> dict[str, float]:
    return {action_id: one.timeout_ms or 0.0 for action_id, one in diagnoses.items()}
