"""From what the state keeps of closer looks to the evidence of an action."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from monitor.diagnosis.evidence import ActionEvidence
from monitor.diagnosis.near_bands import NearEvidence
from monitor.ledger import Ledger, NearLook


def looks_by_action(ledger: Ledger, org: str, since: float) -> dict[str, tuple[NearLook, ...]]:
    """Return what was seen closely since a moment, by action id; oldest first.

    Raises:
        LedgerError: The ledger can't be read.
    """
    found: defaultdict[str, list[NearLook]] = defaultdict(list)
    for look in ledger.near_looks.since(org, since):
        found[look.action_id].append(look)
    return {action_id: tuple(looks) for action_id, looks in found.items()}


def with_looks(evidence: ActionEvidence, looks: Iterable[NearLook]) -> ActionEvidence:
    """Return evidence with what was seen closely under the timeout in force.

    A period in which any window was under another timeout is left out: its counts are of both.

    Args:
        evidence: Of one action.
        looks: Of the same one, under any timeout; oldest first.
    """
    timeout_ms = evidence.current_timeout_ms
    chosen = [look for look in looks if look.timeout_ms == timeout_ms]
    if not chosen:
        return evidence
    near = NearEvidence.of(
        timeout_ms,
        [look.time_range.start for look in chosen],
        [look.time_range.end for look in chosen],
        [look.counts for look in chosen],
    )
    return evidence.with_near(near.without(evidence.start[evidence.timeout_ms != timeout_ms]))
