"""How long executions held their slots, also where the platform shows no duration for them."""

from __future__ import annotations

from monitor.ledger import WindowLoad
from monitor.model import Classifier, Outcome


def slot_time_ms(load: WindowLoad, classifier: Classifier, timeout_ms: float | None) -> float:
    """Return the time that some executions took together.

    One that timed out held its slot for as long as the timeout in force; where its row shows no
    duration at all, that stands for it.

    Args:
        load: The executions, all of one ending.
        classifier: Reads how they ended.
        timeout_ms: The timeout in force; None where nobody knows it.
    """
    if load.max_ms > 0 or load.duration_ms > 0 or not timeout_ms:
        return load.duration_ms
    outcome = classifier.outcome(load.error_type, load.response_status)
    return load.count * timeout_ms if outcome is Outcome.TIMEOUT else 0.0
