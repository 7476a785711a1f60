"""The past as OpenMetrics: it equals the ledger, window by window, and goes over into a scrape."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from monitor.contract import Contract
from monitor.exporter import openmetrics, past_of
from monitor.exporter.remediation import CHANGE_RESULTS
from monitor.journal import AuditEntry
from monitor.ledger import Ledger, Reading
from monitor.model import NO_BANDS, Action, ActionKind, FlowErrorTally
from monitor.time_ranges import TimeRange
from tests.evidence import ORG, T0, WINDOW_SECONDS, incident, reading, tally, windows
from tests.exporter.snapshots import Scrape, org_snapshot
from tests.filled_ledger import CLASSIFIER

EXECUTIONS = "genesys_data_action_executions_total"
DURATION = "genesys_data_action_duration_seconds"
OURS = "genesys_data_action_"
TIMED_OUT = "request.timeout"
EXIT = "FLOW_ERROR_DISCONNECT"
QUIET = Action("a9", "Quiet", "i1", 'The "int"\\', "Web", ActionKind.CUSTOM, 8_000)

Samples = dict[int, float]
Labels = frozenset[tuple[str, str]]


def exported(
    ledger: Ledger, time_range: TimeRange, contract: str = "platform", orgs: Iterable[str] = (ORG,)
) -> str:
    """The text of an export."""
    with ledger.history() as history:
        pasts = [
            past_of(history, org, Contract(contract), time_range, WINDOW_SECONDS) for org in orgs
        ]
        return "".join(openmetrics(history, pasts, CLASSIFIER))


def all_series(text: str) -> dict[tuple[str, Labels], Samples]:
    """Every series of an export by its name and labels, each with its samples in their order.

    The library's parser for OpenMetrics drops samples of a histogram that has several times, so
    the one for the older text format reads it; what is special to the newer one is held here.
    """
    begin, end = text[: -len("# EOF\n")], text[-len("# EOF\n") :]
    assert end == "# EOF\n"
    types = [line for line in begin.splitlines() if line.startswith("# TYPE ")]
    assert len(set(types)) == len(types), "a family is torn apart"
    found: dict[tuple[str, Labels], Samples] = {}
    for family in text_string_to_metric_families(begin):
        for sample in family.samples:
            samples = found.setdefault((sample.name, frozenset(sample.labels.items())), {})
            assert isinstance(sample.timestamp, float)
            # The older format counts milliseconds.
            at = round(sample.timestamp * 1000)
            assert at > max(samples, default=0), f"{sample} comes too late"
            samples[at] = sample.value
    return found


def series(text: str, name: str, **labels: str) -> Samples:
    """The samples of the only series of this name with these labels, by their time."""
    [samples] = [
        samples
        for (known, its_labels), samples in all_series(text).items()
        if known == name and labels.items() <= dict(its_labels).items()
    ]
    return samples


def at(*numbers: int) -> list[int]:
    """The beginnings of the windows with these numbers; epoch seconds."""
    return [T0 + number * WINDOW_SECONDS for number in numbers]


def test_a_counter_grows_at_the_end_of_each_window(ledger: Ledger) -> None:
    """By what the window counted; the first sample is what there was before."""
    ledger.record(ORG, "actions", reading(tally(3), tally(4, window=1), tally(5, window=3)))

    text = exported(ledger, windows(0, 4))

    counted = series(text, EXECUTIONS, action_id="a1", outcome="success")
    assert counted == dict(zip(at(0, 1, 2, 3, 4), [0, 3, 7, 7, 12], strict=True))


def test_what_lies_outside_the_period_counts_too(ledger: Ledger) -> None:
    """Before it: from the first sample on. After it: not at all."""
    ledger.record(ORG, "actions", reading(tally(3), tally(4, window=1), tally(5, window=2)))

    text = exported(ledger, windows(1, 2))

    assert series(text, EXECUTIONS, outcome="success") == dict(zip(at(1, 2), [3, 7], strict=True))


def test_what_was_pruned_counts_too(ledger: Ledger) -> None:
    """Totals outlive their windows, and the counters are those of a scrape."""
    ledger.record(ORG, "actions", reading(tally(3), tally(4, window=1)))
    ledger.housekeeping.prune(at(1)[0])

    text = exported(ledger, windows(1, 2))

    assert series(text, EXECUTIONS, outcome="success") == dict(zip(at(1, 2), [3, 7], strict=True))


def test_outcomes_that_never_were_stand_at_0(ledger: Ledger) -> None:
    """As in a scrape, and so does an action that nobody called."""
    ledger.save_catalogue(ORG, [QUIET], T0)
    ledger.record(ORG, "actions", reading(tally(3)))

    text = exported(ledger, windows(0, 1))

    nothing = dict.fromkeys(at(0, 1), 0.0)
    assert series(text, EXECUTIONS, action_id="a1", outcome="throttled") == nothing
    assert series(text, EXECUTIONS, action_id="a9", outcome="success") == nothing
    assert series(text, f"{DURATION}_count", action_id="a9") == nothing


def test_a_hole_has_no_samples(ledger: Ledger) -> None:
    """Nobody knows what happened while nothing was read."""
    ledger.record(ORG, "actions", reading(tally(3), covered=windows(0, 2)))
    ledger.record(ORG, "actions", reading(tally(4, window=6), covered=windows(6, 7)))
    ledger.skip(ORG, "actions", windows(2, 4), 2)

    text = exported(ledger, windows(0, 7))

    counted = series(text, EXECUTIONS, outcome="success")
    assert counted == dict(zip(at(0, 1, 2, 6, 7), [0, 3, 3, 3, 7], strict=True))


def test_the_window_that_is_still_open_is_left_to_the_scrape(ledger: Ledger) -> None:
    """Its end lies in the future, where no sample may be."""
    covered = TimeRange(T0, T0 + WINDOW_SECONDS + 60)
    ledger.record(ORG, "actions", reading(tally(3), tally(9, window=1), covered=covered))

    text = exported(ledger, TimeRange(0, covered.end))

    assert series(text, EXECUTIONS, outcome="success") == dict(zip(at(0, 1), [0, 3], strict=True))


def test_failures_are_named_as_the_platform_named_them(ledger: Ledger) -> None:
    """One series an errorType and status; successes are none."""
    ledger.record(ORG, "actions", reading(tally(3), tally(2, error_type=TIMED_OUT)))

    text = exported(ledger, windows(0, 2))

    failed = series(text, "genesys_data_action_errors_total")
    assert failed == dict(zip(at(0, 1, 2), [0, 2, 2], strict=True))
    assert series(text, EXECUTIONS, outcome="timeout") == failed


def test_durations_are_a_histogram(ledger: Ledger) -> None:
    """Cumulative over its buckets and over time; what has no band counts in +Inf alone."""
    ledger.record(
        ORG, "actions", reading(tally(3), tally(4, window=1, in_bands=(1, *NO_BANDS[1:])))
    )

    text = exported(ledger, windows(0, 2))

    assert list(series(text, f"{DURATION}_bucket", le="0.25").values()) == [0, 0, 1]
    assert list(series(text, f"{DURATION}_bucket", le="0.5").values()) == [0, 3, 4]
    assert list(series(text, f"{DURATION}_bucket", le="+Inf").values()) == [0, 3, 7]
    assert list(series(text, f"{DURATION}_count").values()) == [0, 3, 7]
    assert list(series(text, f"{DURATION}_sum").values()) == pytest.approx([0, 0.6, 1.4])


def test_the_timeout_in_force_changes_when_it_changed(ledger: Ledger) -> None:
    """Before the catalogue was first read it is what that showed."""
    ledger.save_catalogue(ORG, [Action("a1", "A", configured_timeout_ms=3_000)], at(1)[0])
    ledger.save_catalogue(ORG, [Action("a1", "A", configured_timeout_ms=4_500)], at(2)[0])
    ledger.record(ORG, "actions", reading(tally(1)))

    text = exported(ledger, windows(0, 3))

    in_force = series(text, "genesys_data_action_timeout_seconds")
    assert in_force == dict(zip(at(0, 1, 2, 3), [3, 3, 4.5, 4.5], strict=True))


def test_a_conversation_counts_when_it_was_first_hit(ledger: Ledger) -> None:
    """Once for each flow and action."""
    hits = [
        incident("c1"),
        incident("c1", at=T0 + 400.0),
        incident("c2", at=T0 + 700.0),
    ]
    ledger.record(ORG, "actions", reading())
    ledger.record(ORG, "conversations", reading(incidents=hits))

    text = exported(ledger, windows(0, 3))

    counted = series(text, "genesys_flow_timeout_conversations_total", flow_id="f1")
    assert counted == dict(zip(at(0, 1, 2, 3), [0, 1, 1, 2], strict=True))


def test_the_watermark_keeps_pace(ledger: Ledger) -> None:
    """What counts by how much was read since, such as an alert, can begin at once."""
    ledger.record(ORG, "actions", reading(tally(1)))

    text = exported(ledger, windows(0, 2))

    watermark = series(text, "timeout_monitor_watermark_timestamp_seconds", source="actions")
    assert watermark == {at_: float(at_) for at_ in at(0, 1, 2)}


def test_what_became_of_changes_shows_from_then_on(ledger: Ledger) -> None:
    """At the first sample after it, whatever its place in the trail."""
    moments = [("applied", 30), ("watching", 40), ("rolled_back", 640), ("conflict", 620)]
    ledger.record(ORG, "actions", reading(tally(1)))
    for event, late in [*moments, ("applied", 600)]:
        ledger.journal.audit.note([AuditEntry(T0 + late, ORG, event, "auto@h")])

    text = exported(ledger, windows(0, 3))

    changes = "timeout_monitor_remediation_changes_total"
    found = {result: series(text, changes, result=result) for result in CHANGE_RESULTS}
    assert {result: list(samples.values()) for result, samples in found.items()} == {
        "applied": [0, 1, 2, 2],
        "verified": [0, 0, 0, 0],
        "rolled_back": [0, 0, 0, 1],
        "conflict": [0, 0, 0, 1],
        "failed": [0, 0, 0, 0],
    }
    assert list(found["applied"]) == at(0, 1, 2, 3)
    live = ledger.journal.audit.event_counts(ORG)
    assert {name: samples[at(3)[0]] for name, samples in found.items() if name in live} == {
        name: live[name] for name in CHANGE_RESULTS if name in live
    }


def test_windows_are_those_of_the_ledger(ledger: Ledger) -> None:
    """Where the platform asked for longer ones than the settings say."""
    covered = TimeRange(T0, T0 + 1_800)
    ledger.record(ORG, "actions", reading(tally(3), covered=covered, window_seconds=900))

    text = exported(ledger, covered)

    counted = series(text, EXECUTIONS, outcome="success")
    assert counted == {T0: 0, T0 + 900: 3, T0 + 1_800: 3}


def test_the_flow_contract_knows_timeouts_alone(ledger: Ledger) -> None:
    """No success, no histogram: zeros would be a claim."""
    hits = [incident("c1", error_type=TIMED_OUT)]
    ledger.record(ORG, "conversations", reading(incidents=hits, incidents_are_executions=True))

    text = exported(ledger, windows(0, 1), "flow")

    assert series(text, EXECUTIONS) == dict(zip(at(0, 1), [0, 1], strict=True))
    assert f"{DURATION}_count" not in text


def test_labels_of_scrapes_can_be_added(ledger: Ledger) -> None:
    """To every series, whatever stands in its other labels."""
    odd = Action("a9", 'Quiet } "1', configured_timeout_ms=8_000)
    ledger.save_catalogue(ORG, [odd], T0)
    ledger.record(ORG, "actions", reading(tally(1)))

    with ledger.history() as history:
        past = past_of(history, ORG, Contract.PLATFORM, windows(0, 1), WINDOW_SECONDS)
        text = "".join(openmetrics(history, [past], CLASSIFIER, {"job": 'my "job'}))

    assert {dict(labels)["job"] for _, labels in all_series(text)} == {'my "job'}
    assert series(text, "genesys_data_action_info", action_name='Quiet } "1')


def test_names_are_written_so_that_they_can_be_read(ledger: Ledger) -> None:
    """Quotes and backslashes in them break nothing."""
    ledger.save_catalogue(ORG, [QUIET], T0)
    ledger.record(ORG, "actions", reading(tally(1)))

    text = exported(ledger, windows(0, 1))

    names = series(text, "genesys_data_action_info", integration_name='The "int"\\')
    assert names == dict.fromkeys(at(0, 1), 1.0)


def test_families_of_several_orgs_are_not_torn_apart(ledger: Ledger) -> None:
    """The parser, which refuses a family that is there twice, reads it all."""
    for org in ("acme", "globex"):
        ledger.record(org, "actions", reading(tally(3)))

    text = exported(ledger, windows(0, 1), orgs=("acme", "globex"))

    for org in ("acme", "globex"):
        assert list(series(text, EXECUTIONS, org=org, outcome="success").values()) == [0, 3]
    assert text.endswith("\n# EOF\n")


@given(
    st.lists(
        st.tuples(
            st.integers(0, 11),
            st.sampled_from(["a1", "a2", "B", "_"]),
            st.sampled_from(["NONE", TIMED_OUT, "server.error", "rate.limit"]),
            st.integers(0, 1_000),
        ),
        max_size=30,
    ),
    st.integers(0, 11),
)
def test_every_export_goes_over_into_the_scrape(
    scrape: Callable[..., Scrape],
    seen: list[tuple[int, str, str, int]],
    begin: int,
) -> None:
    """No counter ever falls, and the last sample of each is what a scrape shows at that moment."""
    with (
        tempfile.TemporaryDirectory() as folder,
        Ledger.open(f"sqlite:///{folder}/ledger.db") as ledger,
    ):
        for window, action_id, error_type, count in seen:
            one = tally(count, window=window, action_id=action_id, error_type=error_type)
            ledger.record(ORG, "actions", reading(one))
        ledger.record(ORG, "actions", reading())
        text = exported(ledger, windows(begin, 12))
        live = scrape(org_snapshot(ledger.state(ORG)))

    counters = {key: list(its.values()) for key, its in all_series(text).items()}
    counters = {key: its for key, its in counters.items() if key[0].startswith(OURS)}
    counters = {key: its for key, its in counters.items() if not key[0].endswith("_info")}
    assert {name for name, _ in counters} == {
        name for name, _ in live.samples if name.startswith(OURS) and not name.endswith("_info")
    }
    for key, values in counters.items():
        assert values == sorted(values), key
        assert values[-1] == pytest.approx(live.samples[key]), key


def test_callers_lost_are_exported_window_by_window(ledger: Ledger) -> None:
    """Cumulative, from what was lost before; a flow that lost nobody stands at 0."""

    def lost(callers: int, window: int) -> FlowErrorTally:
        return FlowErrorTally("f1", EXIT, T0 + window * WINDOW_SECONDS, callers)

    covered = windows(0, 4)
    ledger.record(ORG, "actions", reading(covered=covered))
    ledger.record(
        ORG,
        "flow-errors",
        Reading(
            covered,
            WINDOW_SECONDS,
            float(covered.end),
            flow_errors=[lost(5, 0), lost(2, 1), lost(1, 3)],
            flow_names={"f1": "Main", "f2": "Quiet"},
            flow_error_basis="aggregates",
        ),
    )
    wanted = TimeRange(T0 + WINDOW_SECONDS, covered.end)
    series = all_series(exported(ledger, wanted))
    found = {
        dict(labels)["flow_id"]: list(samples.values())
        for (name, labels), samples in series.items()
        if name == "genesys_flow_errors_total" and dict(labels)["exit_reason"] == EXIT
    }
    assert found == {"f1": [5, 7, 7, 8], "f2": [0, 0, 0, 0]}
