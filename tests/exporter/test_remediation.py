"""What is exported about changes of timeouts."""

from __future__ import annotations

from dataclasses import replace

import pytest

from monitor.exporter.catalogue import METRICS
from monitor.exporter.families import Families
from monitor.exporter.remediation import add_remediation
from monitor.snapshot import RemediationSnapshot
from tests.exporter.snapshots import ORG, REMEDIATED, org_snapshot


def samples(remediation: RemediationSnapshot) -> dict[tuple[str, ...], float]:
    """Every sample by its name without the common beginning, and the values of its labels."""
    families = Families(METRICS)
    add_remediation(families, replace(org_snapshot(), remediation=remediation))
    return {
        (
            sample.name.removeprefix("timeout_monitor_remediation_"),
            *(value for label, value in sample.labels.items() if label != "org"),
        ): sample.value
        for family in families.finished()
        for sample in family.samples
    }


def test_decisions_and_changes_are_counted() -> None:
    """Also those that did not happen yet, at 0; what is no end of a change is left out."""
    assert samples(REMEDIATED) == {
        ("decisions_total", "raise", "ok"): 2,
        ("decisions_total", "keep", "verdict"): 40,
        ("decisions_total", "keep", "paused"): 0,
        ("changes_total", "applied"): 2,
        ("changes_total", "verified"): 1,
        ("changes_total", "rolled_back"): 0,
        ("changes_total", "conflict"): 0,
        ("changes_total", "failed"): 0,
        ("set_back_total", "not_helped"): 0,
        ("set_back_total", "asked"): 1,
        ("set_back_total", "damage"): 0,
        ("mode",): 2,
        ("paused",): 1,
        ("tripped",): 0,
    }


@pytest.mark.parametrize(("mode", "value"), [("off", 0), ("recommend", 1), ("auto", 2)])
def test_the_mode_is_a_number(mode: str, value: int) -> None:
    """The larger, the more is written."""
    assert samples(RemediationSnapshot(mode=mode))[("mode",)] == value
    assert org_snapshot().org == ORG
