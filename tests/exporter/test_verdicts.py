"""What a scrape says of verdicts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from monitor.diagnosis import VerdictPeriod
from tests.diagnosis.diagnoses import advised, healthy, slow_tail
from tests.exporter.snapshots import CRM, NOW, ORG, PAYMENT, Scrape, diagnosed, org_snapshot

Scraper = Callable[..., Scrape]

VERDICT = "genesys_data_action_verdict"
SINCE = "genesys_data_action_verdict_since_timestamp_seconds"
RECOMMENDED = "genesys_data_action_recommended_timeout_seconds"


def test_every_action_has_its_current_verdict(scrape: Scraper) -> None:
    """One series an action, which is 1."""
    verdicts = {CRM.action_id: slow_tail(), PAYMENT.action_id: healthy()}
    series = scrape(org_snapshot(diagnosis=diagnosed(verdicts))).series(VERDICT)

    assert series == {
        (CRM.action_id, ORG, "slow_tail"): 1,
        (PAYMENT.action_id, ORG, "healthy"): 1,
    }


def test_a_recommendation_is_there_raw_and_capped(scrape: Scraper) -> None:
    """What the data ask for, and what the guards allow."""
    found = advised(raw_ms=44_500.0, capped_ms=30_000.0)
    scraped = scrape(org_snapshot(diagnosis=diagnosed({CRM.action_id: found})))

    labels = {"org": ORG, "action_id": CRM.action_id}
    assert scraped.value(RECOMMENDED, **labels, kind="raw") == 44.5
    assert scraped.value(RECOMMENDED, **labels, kind="capped") == 30.0


@pytest.mark.parametrize(
    ("found", "kinds"),
    [
        pytest.param(healthy(), set(), id="nothing is recommended"),
        pytest.param(advised(capped_ms=None), {"raw"}, id="above the cap"),
        pytest.param(replace(slow_tail(), recommendation=None), set(), id="not settled"),
    ],
)
def test_what_is_not_recommended_has_no_series(
    scrape: Scraper, found: object, kinds: set[str]
) -> None:
    """Neither 0 nor NaN: a panel shows nothing where there is nothing to say."""
    scraped = scrape(org_snapshot(diagnosis=diagnosed({CRM.action_id: found})))  # type: ignore[dict-item]

    assert {labels[1] for labels in scraped.series(RECOMMENDED)} == kinds


def test_a_verdict_tells_since_when_it_is_so(scrape: Scraper) -> None:
    """Those that speak of no time in particular have no series."""
    period = VerdictPeriod(since=NOW - 7_200, until=NOW - 3_600)
    verdicts = {
        CRM.action_id: replace(slow_tail(), period=period),
        PAYMENT.action_id: replace(healthy(), period=None),
    }
    series = scrape(org_snapshot(diagnosis=diagnosed(verdicts))).series(SINCE)

    assert series == {(CRM.action_id, ORG): NOW - 7_200}


def test_before_a_diagnosis_there_is_no_verdict(scrape: Scraper) -> None:
    """Zeros alone would be a claim."""
    scraped = scrape(org_snapshot())

    assert not scraped.series(VERDICT)


@pytest.mark.parametrize(("age_seconds", "series"), [(3_599.0, 1), (3_601.0, 0)])
def test_a_verdict_that_is_not_renewed_leaves(
    scrape: Scraper, age_seconds: float, series: int
) -> None:
    """Yesterday's verdict must not pass for today's."""
    old = diagnosed({CRM.action_id: healthy()}, taken_at=NOW - age_seconds)

    assert len(scrape(org_snapshot(diagnosis=old)).series(VERDICT)) == series
