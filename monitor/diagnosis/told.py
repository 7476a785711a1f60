"""What was last said of each action: a diagnosis knows it, so as not to waver without a reason.

Needs no numpy: it is kept in the state, and read by whoever shows it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from monitor.diagnosis.model import Diagnosis, OrgDiagnosis, Verdict


@dataclass(frozen=True, slots=True)
class ToldVerdict:
    """The verdict that was told of an action before it is judged again.

    To have been told what one says changes nothing: evidence that led to a verdict and a value
    leads to the same ones where these were told before. Else a diagnosis that goes on from an
    earlier one would not say what one of everything says.

    Attributes:
        verdict: What was said last.
        since: When it was first said without a break; epoch seconds.
        recommended_ms: The timeout that was advised with it last (``capped_ms``); None where none
            was.
    """

    verdict: Verdict
    since: float
    recommended_ms: float | None = None


NOTHING_TOLD: Mapping[str, ToldVerdict] = {}


def advised_ms(found: Diagnosis) -> float | None:
    """Return the timeout that a diagnosis advises; None where it advises none."""
    capped_ms = found.recommendation.capped_ms if found.recommendation is not None else None
    return None if capped_ms is None else float(capped_ms)


def told_after(before: ToldVerdict | None, found: Diagnosis, at: float) -> ToldVerdict:
    """Return what was told of an action once a diagnosis of it is told.

    Args:
        before: What was told until then; None where nothing was.
        found: The diagnosis.
        at: When it is told; epoch seconds.
    """
    advised = advised_ms(found)
    if before is None or before.verdict is not found.verdict:
        return ToldVerdict(found.verdict, float(at), advised)
    return replace(before, recommended_ms=advised)


def all_told_after(
    before: Mapping[str, ToldVerdict], found: OrgDiagnosis
) -> dict[str, ToldVerdict]:
    """Return what was told of every action, by id, once a diagnosis of the org is told.

    Args:
        before: What was told until then.
        found: The whole diagnosis.
    """
    return {
        action_id: told_after(before.get(action_id), one, found.taken_at)
        for action_id, one in found.diagnoses.items()
    }
