"""What is told of one action: its commands, what its verdict rests on, its incidents."""

from __future__ import annotations

from dataclasses import replace

from monitor.contract import Contract
from monitor.diagnosis import NO_STEP, JudgedEvidence, VerdictPeriod
from monitor.investigation import ActionHistory
from monitor.render import commands_about, verdict_evidence
from monitor.render.action_pictures import outcomes_of
from monitor.time_ranges import TimeRange
from tests.diagnosis.diagnoses import END, WINDOWS, advised, slow_tail
from tests.diagnosis.synthetic_evidence import T0, lognormal, observe

WAVERED = replace(
    slow_tail(),
    outages=((T0, T0 + 600), (T0 + 900, T0 + 1_500), (END - 3_600, END)),
    outage_share=0.5,
    incidents=(
        VerdictPeriod(T0 + 300.0, T0 + 1_200.0),
        VerdictPeriod(END - 1_800.0),
    ),
)
"""An action whose outages were scanned as three ranges, and were two: the newest goes on."""


def test_apply_is_offered_only_where_it_would_do_something() -> None:
    """A raise whose smallest step a guard refuses says so in place of the command."""

    def first(next_ms: float | None) -> tuple[str, str]:
        told = commands_about(
            org="acme",
            action_id="lookup",
            contract=Contract.PLATFORM,
            diagnosis=advised(next_ms=next_ms),
        )
        return told[0].line, told[0].remark

    assert first(None) == ("", f"{NO_STEP}.")
    assert first(7_000.0)[0] == "timeout-monitor apply --org acme lookup"


def test_what_cannot_be_seen_is_not_told_as_none() -> None:
    """Where only timeouts are seen nobody knows how much was executed, failed or was throttled."""
    unseen = {"Executions", "Failed otherwise", "Throttled"}
    seen = [name for name, _ in verdict_evidence(slow_tail())]
    assert seen[:4] == ["Executions", "Timed out", "Failed otherwise", "Throttled"]
    told = [name for name, _ in verdict_evidence(slow_tail(), successes_known=False)]
    assert told == [name for name in seen if name not in unseen]


def test_what_was_judged_is_told_beside_what_was_seen() -> None:
    """Counts of eight days are no evidence of a verdict that was given of a day."""
    found = replace(slow_tail(), judged=JudgedEvidence(T0, 7_200.0, 1_200.0, 60.0, 60.0))
    of_all, told = dict(verdict_evidence(slow_tail())), dict(verdict_evidence(found))
    name = "Judged by what came since"

    assert name not in of_all
    assert told[name] == "2027-01-15 08:00 UTC: 1,200 executions, 60 timed out"
    assert found.judged is not None
    without = replace(found, judged=replace(found.judged, left_out_outages=True))
    assert dict(verdict_evidence(without))[name].endswith(", without outages that are over")
    alone = dict(verdict_evidence(found, successes_known=False))
    assert alone[name] == "2027-01-15 08:00 UTC: 60 timed out"


def test_incidents_are_those_of_the_verdict() -> None:
    """As many are told and shaded as in its sentence, and from the same window to the same."""
    assert dict(verdict_evidence(WAVERED))["Timeouts bunched in time"] == "50 %, in 2 incidents"
    period = TimeRange(T0, END + 600)
    history = ActionHistory(
        org="acme",
        action_id="lookup",
        time_range=period,
        timeout_ms=5_000,
        evidence=observe(lognormal(2_000, 1_800, 0.7), 5_000, WINDOWS),
        unread=(),
        steps=(),
        flows=(),
        hits=None,
        changes=(),
        outside=(),
    )
    assert outcomes_of(history, WAVERED, 3_600).incidents == (
        TimeRange(T0 + 300, T0 + 1_200),
        TimeRange(END - 1_800, period.end),
    )
