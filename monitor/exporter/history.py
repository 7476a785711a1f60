"""The past as OpenMetrics text with timestamps, so that Prometheus can be given it afterwards.

The format is that of OpenMetrics 1.0 (openmetrics.io): families one after another, within a
family the series one after another, within a series the samples by time, and ``# EOF`` at the
end. ``promtool tsdb create-blocks-from openmetrics`` makes blocks of it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, groupby
from typing import TypeVar

from msgspec.structs import replace
from prometheus_client.utils import floatToGoString

from monitor.config import HistogramDetail
from monitor.contract import Contract
from monitor.counts import Counts, SeriesKey, Tally
from monitor.exporter.actions import BUCKETS, callers_lost, known_actions
from monitor.exporter.contact_centre_metrics import (
    ACTION_INFO,
    DURATION,
    ERRORS,
    EXECUTIONS,
    FLOW_CONVERSATIONS,
    FLOW_ERRORS,
    FLOW_INFO,
    TIMEOUT,
)
from monitor.exporter.metric_spec import Kind, MetricSpec
from monitor.exporter.own_metrics import REMEDIATION_CHANGES, WATERMARK
from monitor.exporter.remediation import results_over_time
from monitor.ledger import History, OrgState
from monitor.model import NO_BANDS, NO_ERROR, Classifier, Outcome
from monitor.sanitize import label_value
from monitor.time_ranges import TimeRange, floor_to

T = TypeVar("T", int, Counts)


Series = tuple[str, str, str]
"""Action id, error type, response status."""


@dataclass(frozen=True, slots=True)
class PastOrg:
    """One org's past: what its samples are counted from.

    Attributes:
        org: Its name in the configuration.
        contract: ``platform`` or ``flow``.
        source: The source of its executions.
        window_seconds: Length of its windows.
        time_range: The period, on window boundaries.
        state: Its totals and names, as of the moment of the export.
        times: When there is a sample: the beginning and the window ends of each period that was
            read; epoch seconds, ascending.
        counted_since: What each series counted from the beginning of ``time_range`` until now.
    """

    org: str
    contract: Contract
    source: str
    window_seconds: int
    time_range: TimeRange
    state: OrgState
    times: Sequence[int]
    counted_since: Mapping[SeriesKey, Counts]


def past_of(
    history: History, org: str, contract: Contract, time_range: TimeRange, window_seconds: int
) -> PastOrg:
    """Look up what the export of one org begins with.

    Args:
        history: The ledger's past.
        org: The org's name.
        contract: ``platform`` or ``flow``.
        time_range: The period; cut to whole windows that were read to their end.
        window_seconds: Length of a window where the ledger does not say: the platform may have
            asked for longer ones.

    Raises:
        LedgerError: The ledger can't be read.
    """
    source = contract.execution_source
    state = history.state(org)
    if source in state.sources:
        window_seconds = state.sources[source].window_seconds or window_seconds
    whole = TimeRange(
        -floor_to(-time_range.start, window_seconds), floor_to(time_range.end, window_seconds)
    )
    times: list[int] = []
    for read in history.read_time_ranges(org, source):
        begin = -floor_to(-max(read.start, whole.start), window_seconds)
        end = floor_to(min(read.end, whole.end), window_seconds)
        if begin < end:
            times.extend(range(begin, end + 1, window_seconds))
    sums = history.sums_since(org, whole.start)
    return PastOrg(
        org,
        contract,
        source,
        window_seconds,
        whole,
        state,
        times,
        {one.key: one.counts for one in sums},
    )


def openmetrics(
    history: History,
    pasts: Sequence[PastOrg],
    classifier: Classifier,
    labels: Mapping[str, str] | None = None,
    histogram: HistogramDetail = HistogramDetail.COARSE,
) -> Iterator[str]:
    """The export, line by line, each with its line break.

    Counters are cumulative and go over into those of a scrape: a sample holds the total of now
    less everything that happened later. Only one action is held in memory at a time.

    Args:
        history: The ledger's past.
        pasts: What is exported.
        classifier: Reads how executions ended.
        labels: What every series has besides, such as ``job`` and ``instance``: a scrape adds
            them, and a series is only continued by one that has the same.
        histogram: The buckets of durations, those of the scrape.

    Raises:
        LedgerError: The ledger can't be read.
    """
    more = "".join(f',{name}="{label_value(value)}"' for name, value in (labels or {}).items())
    for line in _lines(history, pasts, classifier, histogram):
        # The labels' end comes last: a value in between may hold anything.
        head, brace, rest = line.rpartition("} ") if more and line[0] != "#" else (line, "", "")
        yield f"{head}{more}{brace}{rest}" if brace else line


def _lines(
    history: History,
    pasts: Sequence[PastOrg],
    classifier: Classifier,
    histogram: HistogramDetail,
) -> Iterator[str]:
    families: tuple[tuple[MetricSpec, Callable[[PastOrg], Iterable[str]]], ...] = (
        (EXECUTIONS, lambda past: _executions(history, past, classifier)),
        (ERRORS, lambda past: _errors(history, past)),
        (DURATION, lambda past: _durations(history, past, histogram)),
        (TIMEOUT, lambda past: _timeouts(history, past)),
        (FLOW_CONVERSATIONS, lambda past: _conversations(history, past)),
        (FLOW_ERRORS, lambda past: _flow_errors(history, past)),
        (REMEDIATION_CHANGES, lambda past: _changes(history, past)),
        (WATERMARK, _watermarks),
        (ACTION_INFO, _names),
        (FLOW_INFO, _flow_names),
    )
    for spec, lines_of in families:
        yield from _head(spec)
        for past in pasts:
            yield from lines_of(past)
    yield "# EOF\n"


def _executions(history: History, past: PastOrg, classifier: Classifier) -> Iterator[str]:
    outcomes = tuple(Outcome) if past.contract.knows_successes else (Outcome.TIMEOUT,)
    base: dict[tuple[str, Outcome], int] = defaultdict(int)
    for key, total in past.state.totals.items():
        outcome = classifier.outcome(key.error_type, key.response_status)
        base[key.action_id, outcome] += (total - past.counted_since.get(key, Counts())).count
    flat = {action.action_id for action in known_actions(past.state)}
    for action_id, rows in _by_action(history, past):
        flat.discard(action_id)
        added: dict[Outcome, dict[int, int]] = {outcome: defaultdict(int) for outcome in Outcome}
        for row in rows:
            outcome = classifier.outcome(row.key.error_type, row.key.response_status)
            added[outcome][row.window_start] += row.counts.count
        for outcome in outcomes:
            labels = _labels(EXECUTIONS, (past.org, action_id, outcome.value))
            counts = _running(past, base[action_id, outcome], added[outcome].items())
            yield from _counter(EXECUTIONS, labels, counts)
    for action_id in sorted(flat):
        for outcome in outcomes:
            labels = _labels(EXECUTIONS, (past.org, action_id, outcome.value))
            yield from _counter(EXECUTIONS, labels, _running(past, base[action_id, outcome], ()))


def _errors(history: History, past: PastOrg) -> Iterator[str]:
    base = {
        key: (total - past.counted_since.get(key, Counts())).count
        for key, total in past.state.totals.items()
        if key.error_type != NO_ERROR
    }
    flat = set(base)
    rows = history.windows(past.org, past.time_range, by_series=True)
    for series, windows in groupby(rows, lambda row: row.key):
        if series.error_type == NO_ERROR:
            continue
        flat.discard(series)
        added = ((row.window_start, row.counts.count) for row in windows)
        labels = _labels(ERRORS, (past.org, *series))
        yield from _counter(ERRORS, labels, _running(past, base[series], added))
    for series in sorted(flat):
        labels = _labels(ERRORS, (past.org, *series))
        yield from _counter(ERRORS, labels, _running(past, base[series], ()))


def _in_bands(counts: Counts) -> Counts:
    """Every execution in a band: one without is known to have ended, not when."""
    *bands, slowest = counts.bands
    return replace(counts, bands=(*bands, slowest + counts.count - sum(counts.bands)))


def _durations(history: History, past: PastOrg, histogram: HistogramDetail) -> Iterator[str]:
    if histogram is HistogramDetail.OFF or not past.contract.knows_successes:
        return
    base: dict[str, Counts] = defaultdict(Counts)
    # As at a scrape: what shows no duration is not among the fast ones.
    unmeasured = {key for key, total in past.state.totals.items() if total.duration_ms <= 0}
    for key, total in past.state.totals.items():
        later = past.counted_since.get(key, Counts())
        known = replace(total, bands=later.bands) if key in unmeasured else total
        before = known - later
        # What is left of a difference of sums may be a hair below nothing.
        before = replace(before, duration_ms=max(0.0, before.duration_ms))
        base[key.action_id] += _in_bands(before)
    flat = {action.action_id for action in known_actions(past.state)}
    for action_id, rows in _by_action(history, past):
        flat.discard(action_id)
        added = (
            (
                row.window_start,
                _in_bands(
                    replace(row.counts, bands=NO_BANDS) if row.key in unmeasured else row.counts
                ),
            )
            for row in rows
        )
        yield from _histogram(past, action_id, _running(past, base[action_id], added), histogram)
    for action_id in sorted(flat):
        yield from _histogram(past, action_id, _running(past, base[action_id], ()), histogram)


def _histogram(
    past: PastOrg,
    action_id: str,
    samples: Iterable[tuple[int, Counts]],
    histogram: HistogramDetail,
) -> Iterator[str]:
    name, labels = DURATION.name, _labels(DURATION, (past.org, action_id))
    edges_seconds, below = BUCKETS[histogram]
    names = (*map(floatToGoString, edges_seconds), "+Inf")
    for at, spread in samples:
        cumulated = tuple(accumulate(spread.bands))
        counts = (*below(cumulated), cumulated[-1])
        for le, count in zip(names, counts, strict=True):
            yield f'{name}_bucket{{{labels},le="{le}"}} {float(count)!r} {at}\n'
        yield f"{name}_count{{{labels}}} {float(counts[-1])!r} {at}\n"
        yield f"{name}_sum{{{labels}}} {float(spread.duration_ms / 1000)!r} {at}\n"


def _timeouts(history: History, past: PastOrg) -> Iterator[str]:
    """The timeout in force; before the catalogue was first read, what it first showed."""
    changes: dict[str, list[tuple[float, int | None]]] = defaultdict(list)
    for action_id, since, timeout_ms in history.timeouts_in_force(past.org):
        changes[action_id].append((since, timeout_ms))
    for action_id in sorted(changes.keys() - past.state.gone):
        labels = _labels(TIMEOUT, (past.org, action_id))
        known = changes[action_id]
        for at in past.times:
            timeout_ms = next((ms for since, ms in reversed(known) if since <= at), known[0][1])
            if timeout_ms is not None:
                yield f"{TIMEOUT.name}{{{labels}}} {float(timeout_ms / 1000)!r} {at}\n"


def _conversations(history: History, past: PastOrg) -> Iterator[str]:
    totals = {(flow_id, action_id): 0 for action_id, flow_id in past.state.flow_use}
    for total in past.state.incident_totals:
        totals[total.flow_id, total.action_id] = total.conversations
    hits = history.first_hits(past.org, past.time_range.start)
    flat = dict(totals)
    for pair, of_pair in groupby(hits, lambda hit: (hit.flow_id, hit.action_id)):
        added: dict[int, int] = defaultdict(int)
        for hit in of_pair:
            added[floor_to(hit.at, past.window_seconds)] += 1
        # What was pruned may hide that a conversation had been hit before.
        base = max(0, flat.pop(pair, 0) - sum(added.values()))
        labels = _labels(FLOW_CONVERSATIONS, (past.org, *pair))
        counts = _running(past, base, added.items())
        yield from _counter(FLOW_CONVERSATIONS, labels, counts)
    for pair, total_ in sorted(flat.items()):
        labels = _labels(FLOW_CONVERSATIONS, (past.org, *pair))
        yield from _counter(FLOW_CONVERSATIONS, labels, _running(past, total_, ()))


def _flow_errors(history: History, past: PastOrg) -> Iterator[str]:
    flat = callers_lost(past.state)
    rows = history.flow_errors(past.org, past.time_range.start)
    for key, of_key in groupby(rows, lambda row: (row.flow_id, row.exit_reason)):
        added = [(row.window_start, row.callers) for row in of_key]
        base = flat.pop(key, 0) - sum(callers for _, callers in added)
        labels = _labels(FLOW_ERRORS, (past.org, *key))
        yield from _counter(FLOW_ERRORS, labels, _running(past, base, added))
    for key, callers in sorted(flat.items()):
        labels = _labels(FLOW_ERRORS, (past.org, *key))
        yield from _counter(FLOW_ERRORS, labels, _running(past, callers, ()))


def _changes(history: History, past: PastOrg) -> Iterator[str]:
    """What had become of changes by then."""
    events = history.event_times(past.org)
    for result, counts in results_over_time(events, past.times).items():
        labels = _labels(REMEDIATION_CHANGES, (past.org, result))
        yield from _counter(REMEDIATION_CHANGES, labels, zip(past.times, counts, strict=True))


def _watermarks(past: PastOrg) -> Iterator[str]:
    """Like the counters: as if all that happened had been known at once."""
    labels = _labels(WATERMARK, (past.org, past.source))
    yield from _counter(WATERMARK, labels, ((at, at) for at in past.times))


def _names(past: PastOrg) -> Iterator[str]:
    for action in known_actions(past.state):
        names = action.name, action.integration_id, action.integration_name, action.category
        yield from _always_1(past, ACTION_INFO, (action.action_id, *names))


def _flow_names(past: PastOrg) -> Iterator[str]:
    for action_id, flow_id in sorted(past.state.flow_use):
        if flow_id:
            name = past.state.flow_names.get(flow_id, flow_id)
            yield from _always_1(past, FLOW_INFO, (action_id, flow_id, name))


def _always_1(past: PastOrg, spec: MetricSpec, values: Sequence[str]) -> Iterator[str]:
    labels = _labels(spec, (past.org, *values))
    for at in past.times:
        yield f"{spec.name}{{{labels}}} 1.0 {at}\n"


def _by_action(history: History, past: PastOrg) -> Iterator[tuple[str, Iterator[Tally]]]:
    rows = history.windows(past.org, past.time_range, by_series=False)
    return groupby(rows, lambda row: row.key.action_id)


def _running(past: PastOrg, base: T, added: Iterable[tuple[int, T]]) -> Iterator[tuple[int, T]]:
    """The running total at each sample's time.

    Args:
        past: Whose.
        base: The total at the beginning of the period.
        added: What each window added, by its start, ascending; several entries of one window
            come one after another.
    """
    total = base
    more = iter(added)
    ahead = next(more, None)
    for at in past.times:
        while ahead is not None and ahead[0] + past.window_seconds <= at:
            total = total + ahead[1]
            ahead = next(more, None)
        yield at, total


def _counter(spec: MetricSpec, labels: str, samples: Iterable[tuple[int, int]]) -> Iterator[str]:
    for at, count in samples:
        yield f"{spec.name}{{{labels}}} {float(count)!r} {at}\n"


def _head(spec: MetricSpec) -> Iterator[str]:
    name = spec.name.removesuffix("_total") if spec.kind is Kind.COUNTER else spec.name
    yield f"# HELP {name} {spec.meaning}\n"
    yield f"# TYPE {name} {spec.kind.value}\n"


def _labels(spec: MetricSpec, values: Sequence[str]) -> str:
    return ",".join(
        f'{name}="{label_value(value)}"' for name, value in zip(spec.labels, values, strict=True)
    )
