"""Two orgs with an action each that times out, in any state."""

from __future__ import annotations

from monitor.config import OrgSettings
from monitor.ledger import Ledger, Reading
from monitor.model import Action
from monitor.time_ranges import TimeRange
from tests.diagnosis.synthetic_evidence import lognormal
from tests.diagnosis.test_org import called
from tests.evidence import T0, WINDOW_SECONDS
from tests.filled_ledger import DAY_SECONDS

NOW = T0 + DAY_SECONDS + 600
SECRET = "the-secret-of-an-org"  # noqa: S105 - it must be found nowhere
ORGS = tuple(
    OrgSettings.model_validate({"name": name, "client_id": "x", "client_secret": SECRET})
    for name in ("acme", "globex")
)


def fill(ledger: Ledger) -> None:
    """Let both have called their action for a day."""
    day = TimeRange(T0, T0 + DAY_SECONDS)
    for org, median_ms in zip(ORGS, (1_800, 700), strict=True):
        ledger.save_catalogue(
            org.name, [Action("slow", "Slow", configured_timeout_ms=5_000)], T0 - DAY_SECONDS
        )
        tallies = called("slow", lognormal(3_000, median_ms, 0.7), 5_000)
        ledger.record(org.name, "actions", Reading(day, WINDOW_SECONDS, day.end, tallies))
