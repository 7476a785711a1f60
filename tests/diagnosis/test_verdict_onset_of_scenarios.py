"""Since when, held against what the simulator says really happened."""

from __future__ import annotations

import numpy as np
import pytest

from monitor.diagnosis import Diagnosis, Verdict
from monitor.diagnosis.action import diagnose
from monitor.diagnosis.evidence import ActionEvidence
from monitor.model import Outcome, band_of
from monitor.simulator import PUNCTUAL, Scenario, SimulatedOrg
from monitor.simulator.endings import ENDINGS
from monitor.simulator.scenarios import SHIPMENT_TRACKING, TAKE_PAYMENT
from tests.clocks import NOON, ManualClock
from tests.simulated_org import readable

DAYS = 3
WINDOW_SECONDS = 300
END = int(NOON)
BEGIN = END - DAYS * 86_400


@pytest.fixture(scope="module")
def org() -> SimulatedOrg:
    """A back end that is down every night, and one that never answers some calls."""
    scenario = Scenario("onsets", 11, (SHIPMENT_TRACKING, TAKE_PAYMENT), lateness=PUNCTUAL)
    return SimulatedOrg(scenario, ManualClock(NOON), world=readable())


def diagnosed(org: SimulatedOrg, until: int) -> list[Diagnosis]:
    """What is said of both at a moment, of all that ended before it."""
    rows = org.visible_executions(BEGIN * 1_000, until * 1_000, END * 1_000)
    outcome = np.array([ending.outcome for ending in ENDINGS])[rows.ending]
    window = (rows.end_ms // 1_000 - BEGIN) // WINDOW_SECONDS
    count = (until - BEGIN) // WINDOW_SECONDS
    found = []
    for position, action in enumerate(org.scenario.actions):
        assert action.timeout_seconds is not None
        timeout_ms = action.timeout_seconds * 1_000.0
        ok, late = (
            (rows.action == position) & (outcome == one)
            for one in (Outcome.SUCCESS, Outcome.TIMEOUT)
        )
        bands = np.zeros((count, 21))
        band = [band_of(float(one)) for one in rows.duration_ms[ok]]
        np.add.at(bands, (window[ok], band), 1)
        timeouts = np.bincount(window[late], minlength=count).astype(float)
        evidence = ActionEvidence.from_columns(
            start=BEGIN + WINDOW_SECONDS * np.arange(count),
            seconds=np.full(count, WINDOW_SECONDS),
            timeout_ms=np.full(count, timeout_ms),
            successes=bands.sum(axis=1),
            bands=bands,
            timeouts=timeouts,
            timeout_duration_ms=timeouts * timeout_ms,
            timeout_min_ms=np.where(timeouts > 0, timeout_ms, 0.0),
            timeout_max_ms=np.where(timeouts > 0, timeout_ms, 0.0),
        )
        found.append(diagnose(evidence))
    return found


def test_the_newest_outage_is_told_to_the_window(org: SimulatedOrg) -> None:
    """Of those of three nights, as the truth has it."""
    down, hangs = diagnosed(org, END)
    told = org.truth(BEGIN * 1_000, END * 1_000)["outages"]
    assert isinstance(told, list)
    assert len(told) == DAYS
    assert down.verdict is Verdict.OUTAGE
    assert down.period is not None
    assert down.period.until is not None
    assert down.period.since == pytest.approx(told[-1]["from"], abs=WINDOW_SECONDS)
    assert down.period.until == pytest.approx(told[-1]["to"], abs=WINDOW_SECONDS)
    assert hangs.verdict is Verdict.HANGS
    assert hangs.period is not None
    assert hangs.period.is_since_start
    assert hangs.period.is_ongoing


def test_in_the_middle_of_an_outage_it_goes_on(org: SimulatedOrg) -> None:
    """It began when the truth says, and has no end."""
    told = org.truth(BEGIN * 1_000, END * 1_000)["outages"]
    assert isinstance(told, list)
    down, _ = diagnosed(org, (int(told[-1]["from"]) + 1_500) // WINDOW_SECONDS * WINDOW_SECONDS)
    assert down.period is not None
    assert down.period.since == pytest.approx(told[-1]["from"], abs=WINDOW_SECONDS)
    assert down.period.is_ongoing
