"""What is exported about changes of timeouts."""

from __future__ import annotations

from dataclasses import replace

import pytest

from monitor.exporter.catalogue import METRICS
from monitor.exporter.families import Families
from monitor.exporter.remediation import add_overdue_trials, add_remediation
from monitor.journal import ChangeState
from monitor.snapshot import RemediationSnapshot
from tests.exporter.snapshots import NOW, ORG, REMEDIATED, org_snapshot
from tests.remediation.guard_inputs import change


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


@pytest.mark.parametrize(
    ("state", "trial_seconds", "overdue"),
    [
        (ChangeState.WATCHING, 7_200.0, 1_800.0),
        (ChangeState.UNHELPFUL, 7_200.0, 1_800.0),
        (ChangeState.WATCHING, 10_000.0, 0.0),
        (ChangeState.WATCHING, 0.0, 0.0),
        (ChangeState.VERIFIED, 7_200.0, 0.0),
        (ChangeState.ROLLED_BACK, 7_200.0, 0.0),
    ],
)
def test_a_trial_that_is_over_and_not_set_back_is_told(
    state: ChangeState, trial_seconds: float, overdue: float
) -> None:
    """By how long ago it should have been; a change that is no trial has no end."""
    families = Families(METRICS)
    tried = change(state, sent_at=NOW - 9_000.0, trial_seconds=trial_seconds)
    younger = change(state, sent_at=NOW - 7_300.0, trial_seconds=trial_seconds)
    shown = replace(org_snapshot(), remediation=RemediationSnapshot(changes=(younger, tried)))
    add_overdue_trials(families, shown, NOW)
    [found] = [one for family in families.finished() for one in family.samples]
    assert found.name == "timeout_monitor_remediation_trial_overdue_seconds"
    assert (found.labels, found.value) == ({"org": ORG}, overdue)
