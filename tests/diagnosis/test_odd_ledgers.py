"""Whatever a ledger holds, the report of it is JSON by the letter, and every action is judged."""

from __future__ import annotations

import csv
import io
import json
import math
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from monitor.config import OrgSettings, Settings
from monitor.counts import Counts, SeriesKey, Tally
from monitor.diagnosis import org as org_module
from monitor.diagnosis.model import OrgDiagnosis, Verdict
from monitor.diagnosis.org import diagnose_org
from monitor.ledger import Ledger
from monitor.model import BAND_EDGES_MS, NO_ERROR, Action
from monitor.render import report_csv, report_document
from monitor.time_ranges import TimeRange
from tests.answers import as_json
from tests.evidence import BROKEN, ORG, T0, THROTTLED, TIMED_OUT, WINDOW_SECONDS
from tests.filled_ledger import FilledLedger

WINDOWS = 36
TIME_RANGE = TimeRange(T0, T0 + WINDOWS * WINDOW_SECONDS)
NOW = TIME_RANGE.end + 600
ACME = OrgSettings.model_validate({"name": ORG, "client_id": "x", "client_secret": "y"})
LOW_FLOOR = Settings.model_validate(
    {"recommend": {"min_executions": 1, "min_timeouts": 1, "min_windows": 1, "min_span": "1s"}}
)
CATALOGUE = Action("crm", "CRM", configured_timeout_ms=5_000)

DURATIONS = st.sampled_from([0.0, 1.0, 99.9, 1_500.0, 4_999.0, 5_003.0, 29_000.0, 60_000.0, 1e12])
BANDS = st.lists(
    st.integers(0, 40), min_size=len(BAND_EDGES_MS) + 1, max_size=len(BAND_EDGES_MS) + 1
).map(tuple)


@st.composite
def tallies(draw: st.DrawFn) -> Tally:
    """Executions of which nothing needs to fit: not the bands, the sum, nor the extremes."""
    error_type, status = draw(
        st.sampled_from(
            [
                (NO_ERROR, "200"),
                (NO_ERROR, "201"),
                (TIMED_OUT, ""),
                (BROKEN, "504"),
                (THROTTLED, ""),
            ]
        )
    )
    return Tally(
        SeriesKey(draw(st.sampled_from(["crm", "ghost"])), error_type, status),
        T0 + WINDOW_SECONDS * draw(st.integers(0, WINDOWS - 1)),
        Counts(
            count=draw(st.sampled_from([1, 2, 7, 30, 400, 10**6])),
            duration_ms=draw(DURATIONS),
            min_ms=draw(DURATIONS),
            max_ms=draw(DURATIONS),
            bands=draw(BANDS),
        ),
    )


CHANGES = st.lists(
    st.tuples(
        st.integers(0, WINDOWS * WINDOW_SECONDS),
        st.sampled_from([None, 1_000, 3_000, 5_000, 30_000, 60_000]),
    ),
    max_size=5,
)
FEW_EXAMPLES = settings(max_examples=30)
"""Each one fills a database and judges it."""


def judged(
    read: Sequence[Tally], changes: Sequence[tuple[int, int | None]], wanted: Settings = LOW_FLOOR
) -> tuple[OrgDiagnosis, str, str]:
    """The diagnosis of a ledger with these readings, and its report as JSON and as CSV."""
    with (
        tempfile.TemporaryDirectory() as folder,
        Ledger.open(f"sqlite:///{Path(folder) / 'ledger.db'}") as ledger,
    ):
        org = FilledLedger(ledger)
        for since, timeout_ms in sorted(changes, key=lambda one: one[0]):
            org.catalogue(replace(CATALOGUE, configured_timeout_ms=timeout_ms), at=T0 + since)
        org.read_actions(*read, covered=TIME_RANGE)
        # What was read a second time shows fewer: a restatement, which changes nothing.
        org.read_actions(
            *(
                structs.replace(
                    one, counts=structs.replace(one.counts, count=one.counts.count // 2)
                )
                for one in read
            ),
            covered=TIME_RANGE,
        )
        found = diagnose_org(ledger, ACME, wanted, NOW)
        summary = org.summary(TIME_RANGE)
    document = report_document([summary], NOW, {ORG: found})
    return found, json.dumps(as_json(document)), report_csv([summary], {ORG: found})


@FEW_EXAMPLES
@given(read=st.lists(tallies(), max_size=60), changes=CHANGES)
def test_a_report_is_json_by_the_letter(
    read: list[Tally], changes: list[tuple[int, int | None]]
) -> None:
    """No NaN and no infinity, in whatever form it is written, and a verdict for each action."""
    found, document, table = judged(read, changes)
    rows = list(csv.DictReader(io.StringIO(table)))

    for one in json.loads(document)["actions"]:
        assert one["verdict"] in set(Verdict)
        assert one["why"]
        step = one["raise"]
        assert step is None or step["from_seconds"] < step["to_seconds"] <= 30
    assert {row["action_id"] for row in rows} >= {one.key.action_id for one in read}
    assert not [cell for row in rows for cell in row.values() if cell.lower() in {"nan", "inf"}]
    assert all(math.isfinite(one.executions) for one in found.diagnoses.values())


@FEW_EXAMPLES
@given(
    read=st.lists(tallies(), max_size=60), changes=CHANGES, random=st.randoms(use_true_random=False)
)
def test_the_order_of_readings_changes_nothing(
    read: list[Tally], changes: list[tuple[int, int | None]], random: object
) -> None:
    """One window after the other, or all of them in any order."""
    # One reading a window and ending: of two the larger counts, and then their order may matter.
    once = list({(one.key, one.window_start): one for one in read}.values())
    shuffled = [*once]
    random.shuffle(shuffled)  # type: ignore[attr-defined]  # a Random, which hypothesis wraps

    assert judged(once, changes)[1] == judged(shuffled, changes)[1]


@FEW_EXAMPLES
@given(read=st.lists(tallies(), max_size=60), changes=CHANGES)
def test_counts_are_the_same_however_successes_are_summed(
    read: list[Tally], changes: list[tuple[int, int | None]]
) -> None:
    """By the window or by the hour: nothing is lost or doubled, and each moment has its timeout."""
    by_window, _, _ = judged(read, changes)
    before = org_module.MAX_SINGLE_WINDOWS
    try:
        org_module.MAX_SINGLE_WINDOWS = 0
        by_hour, _, _ = judged(read, changes)
    finally:
        org_module.MAX_SINGLE_WINDOWS = before

    for action_id, fine in by_window.diagnoses.items():
        coarse = by_hour.diagnoses[action_id]
        assert (coarse.successes, coarse.timeouts) == (fine.successes, fine.timeouts)
        assert (coarse.errors, coarse.throttled) == (fine.errors, fine.throttled)
        assert coarse.timeout_ms == fine.timeout_ms
        assert coarse.outages == fine.outages
        assert coarse.missing == fine.missing
