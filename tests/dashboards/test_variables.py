"""Grafana's variables are resolved as Grafana's documentation reckons them."""

from __future__ import annotations

import pytest

from tests.dashboards.variables import View, resolved

HOUR = 3_600


@pytest.mark.parametrize(
    ("hours", "scrape_seconds", "minimal_step", "query"),
    [
        # Four scrapes are the least, so that two samples are always in it.
        (1, 15, "", "rate(x[60s]) 15s 3600s"),
        # A long range: the step, and a scrape.
        (24, 15, "", "rate(x[75s]) 60s 86400s"),
        (24 * 30, 15, "", "rate(x[1815s]) 1800s 2592000s"),
        # The minimal step of a query stands for the scrape interval.
        (24, 30, "5m", "rate(x[1200s]) 300s 86400s"),
        (24 * 30, 30, "5m", "rate(x[2100s]) 1800s 2592000s"),
    ],
)
def test_intervals(hours: int, scrape_seconds: float, minimal_step: str, query: str) -> None:
    """By the range, the width of the panel, the scrape interval and the minimal step."""
    view = View(0, hours * HOUR, scrape_seconds)

    found, _ = resolved("rate(x[$__rate_interval]) $__interval ${__range}", {}, view, minimal_step)

    assert found == query


def test_what_was_chosen() -> None:
    """Both ways of writing; a variable that there is not stays as it is."""
    view = View(0, HOUR, 15)

    found, step = resolved('{a="$org", b="${org}x", c="$other"}', {"org": "acme"}, view)

    assert found == '{a="acme", b="acmex", c="$other"}'
    assert step == 15
