"""What is exported of diagnoses: the verdict as a state set, and the timeout that is asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from monitor.diagnosis import Verdict
from monitor.exporter.catalogue import RECOMMENDED_TIMEOUT, VERDICT

if TYPE_CHECKING:
    from monitor.exporter.families import Families
    from monitor.snapshot import OrgSnapshot

LASTS_SECONDS = 3_600.0
"""A diagnosis is renewed with every window that settles; an older one is no news, but a mistake."""


def add_verdicts(families: Families, org_snapshot: OrgSnapshot, now: float) -> None:
    """Add the verdicts of one org's data actions, where they are not out of date.

    Args:
        families: What is being filled.
        org_snapshot: The org.
        now: When the snapshot was taken; epoch seconds.
    """
    known = org_snapshot.diagnosis
    if known is None or now - known.taken_at > LASTS_SECONDS:
        return
    for action_id, diagnosis in known.diagnoses.items():
        labels = (org_snapshot.org, action_id)
        for verdict in Verdict:
            families.add(VERDICT, (*labels, verdict.value), diagnosis.verdict is verdict)
        advice = diagnosis.recommendation
        if advice is not None:
            families.add(RECOMMENDED_TIMEOUT, (*labels, "raw"), advice.raw_ms / 1000)
            if advice.capped_ms is not None:
                families.add(RECOMMENDED_TIMEOUT, (*labels, "capped"), advice.capped_ms / 1000)
