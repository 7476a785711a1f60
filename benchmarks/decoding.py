"""What it costs to read an answer, beside lean code that reads the very same bytes.

    .venv/bin/python -m benchmarks.decoding
    .venv/bin/python -m benchmarks.decoding --quick        small, to see that results agree

The bytes are a simulated org's own answers, recorded once. The rivals know the fields that they
need and no others, take what comes and check nothing: ``gc=False`` Structs of msgspec, and
``pandas.json_normalize``. Where a result differs from a rival's, the benchmark fails.

Seconds are those of a processor in user mode, medians of five, the rivals in turn with the program.
"""

from __future__ import annotations

import json
import re
import resource
import sqlite3
import statistics
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Final

import msgspec
import pandas as pd

from benchmarks.detail_reads import (
    ORG,
    WINDOW_SECONDS,
    AnsweringClient,
    Details,
    incidents,
    keep_a_secret,
)
from benchmarks.recorded_answers import Aggregates, made_aggregates, made_details
from benchmarks.rows import DisagreementError, Row
from monitor.ledger import Ledger, Reading
from monitor.model import BAND_EDGES_MS
from monitor.sources import ActionsSource

RUNS: Final = 5

MOST_TIMES_LEAN: Final = 4.0
LEAST_OF_LEAN: Final = 0.7
LEAST_TIMES_PANDAS: Final = 20.0

RESOLUTION_SECONDS: Final = 1e-6
"""Of the processor time that is told."""


def user_seconds(work: Callable[[], object]) -> float:
    """Return what some work takes of a processor in user mode."""
    began = resource.getrusage(resource.RUSAGE_SELF).ru_utime
    work()
    # Of little work Linux may tell none: it divides what was taken by what the clock's ticks saw.
    return max(resource.getrusage(resource.RUSAGE_SELF).ru_utime - began, RESOLUTION_SECONDS)


def in_turn(*works: Callable[[], object], runs: int = RUNS) -> list[float]:
    """Return the median user seconds of each piece of work, all of them run in turn."""
    taken = [[user_seconds(work) for work in works] for _ in range(runs)]
    return [statistics.median(each) for each in zip(*taken, strict=True)]


# Aggregates into a state.


Tallies = dict[tuple[str, str, str, int], tuple[float, ...]]
"""Action, error type, status and window -> count, sum, least, most, and a count for each band."""

BANDS: Final = tuple(f"b{number:02}" for number in range(21))
COLUMNS: Final = ("count", "duration_ms", "min_ms", "max_ms", *BANDS)
_TALLIES_QUERY: Final = (
    "SELECT action_id, error_type, response_status, window_start, "  # noqa: S608 - constants
    f"{', '.join(f't.{name}' for name in COLUMNS)} "
    "FROM tallies t JOIN series s ON s.id = t.series_id"
)


def read_into(ledger: Ledger, answers: Aggregates) -> None:
    """Read the answers into a state as a poll does."""
    source = ActionsSource(AnsweringClient(answers.bodies))
    evidence = source.read(answers.period, WINDOW_SECONDS, deep=True)
    reading = Reading(
        answers.period,
        WINDOW_SECONDS,
        answers.period.end,
        tallies=evidence.tallies,
        names=evidence.names,
        complete_until=answers.period.end,
    )
    ledger.record(ORG, "actions", reading)


class _Stats(msgspec.Struct, frozen=True, gc=False):
    count: float = 0.0
    sum: float = 0.0
    min: float = 0.0
    max: float = 0.0


class _Metric(msgspec.Struct, frozen=True, gc=False):
    stats: _Stats


class _Count(msgspec.Struct, frozen=True, gc=False):
    count: float = 0.0


class _View(msgspec.Struct, frozen=True, gc=False):
    name: str
    stats: _Count


class _Bucket(msgspec.Struct, frozen=True, gc=False):
    interval: str
    metrics: tuple[_Metric, ...]
    views: tuple[_View, ...] = ()


class _Dimensions(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    action_id: str
    error_type: str = "NONE"
    response_status: str = ""


class _Group(msgspec.Struct, frozen=True, gc=False):
    group: _Dimensions
    data: tuple[_Bucket, ...]


class _Aggregates(msgspec.Struct, frozen=True, gc=False):
    results: tuple[_Group, ...] = ()


_LEAN_AGGREGATES: Final = msgspec.json.Decoder(_Aggregates)
_BAND_OF_VIEW: Final = {f"below_{edge}": place for place, edge in enumerate(BAND_EDGES_MS)}
_UPSERT: Final = (
    f"INSERT INTO tallies VALUES ({', '.join('?' * (3 + len(COLUMNS)))}) "  # noqa: S608 - constants
    "ON CONFLICT DO UPDATE SET "
    f"{', '.join(f'{name} = excluded.{name}' for name in COLUMNS)}"
)


def lean_state(path: Path) -> sqlite3.Connection:
    """Open a file with the columns and the durability of the state's: a log, synced in full."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute(
        "CREATE TABLE series (id INTEGER PRIMARY KEY, action_id TEXT, error_type TEXT, "
        "response_status TEXT)"
    )
    columns = ", ".join(f"{name} NOT NULL" for name in COLUMNS)
    connection.execute(
        f"CREATE TABLE tallies (org_id, window_start, series_id, {columns}, "
        "PRIMARY KEY (org_id, window_start, series_id)) WITHOUT ROWID"
    )
    return connection


def lean_to_state(connection: sqlite3.Connection, bodies: Sequence[bytes]) -> None:
    """Read the answers with one loop into one ``executemany``."""
    starts: dict[str, int] = {}
    numbers: dict[tuple[str, str, str], int] = {}
    rows: dict[tuple[int, int], list[float]] = {}
    for body in bodies:
        for group in _LEAN_AGGREGATES.decode(body).results:
            named = group.group
            key = named.action_id, named.error_type, named.response_status
            number = numbers.setdefault(key, len(numbers) + 1)
            for bucket in group.data:
                text = bucket.interval
                start = starts.get(text)
                if start is None:
                    moment = datetime.fromisoformat(text.partition("/")[0])
                    start = starts[text] = int(moment.timestamp())
                row = rows.get((start, number))
                if row is None:
                    stats = bucket.metrics[0].stats
                    row = [1, start, number, stats.count, stats.sum, stats.min, stats.max]
                    row += [0] * len(BANDS)
                    rows[start, number] = row
                for view in bucket.views:
                    row[7 + _BAND_OF_VIEW[view.name]] = view.stats.count
    for row in rows.values():
        row[-1] = row[3] - sum(row[7:-1])
    connection.execute("BEGIN IMMEDIATE")
    series = [(number, *key) for key, number in numbers.items()]
    connection.executemany("INSERT OR IGNORE INTO series VALUES (?, ?, ?, ?)", series)
    connection.executemany(_UPSERT, rows.values())
    connection.execute("COMMIT")


def lean_counts(body: bytes) -> list[int]:
    """Return how often each way to end came in each window, by one of the answers."""
    return [
        int(bucket.metrics[0].stats.count)
        for group in _LEAN_AGGREGATES.decode(body).results
        for bucket in group.data
    ]


def check_states(ours: Path, lean: sqlite3.Connection) -> int:
    """Compare both states tally by tally; how many there are.

    Raises:
        DisagreementError: One differs.
    """
    with closing(sqlite3.connect(ours)) as connection:
        one, other = (
            {row[:4]: row[4:] for row in each.execute(_TALLIES_QUERY)}
            for each in (connection, lean)
        )
    differing = [key for key in one.keys() | other.keys() if one.get(key) != other.get(key)]
    if differing:
        key = differing[0]
        reason = f"{len(differing)} tallies differ: {key}: {one.get(key)} and {other.get(key)}"
        raise DisagreementError(reason)
    return len(one)


def aggregates_row(answers: Aggregates, what: str, runs: int) -> Row:
    """Return what it costs to read aggregates into a new state."""
    with tempfile.TemporaryDirectory() as folder:
        places = iter(range(1_000))

        def ours() -> None:
            path = Path(folder) / f"ours-{next(places)}.db"
            with Ledger.open(f"sqlite:///{path}") as ledger:
                taken.append(user_seconds(lambda: read_into(ledger, answers)))

        def lean() -> None:
            path = Path(folder) / f"lean-{next(places)}.db"
            with closing(lean_state(path)) as connection:
                leanly.append(user_seconds(lambda: lean_to_state(connection, answers.bodies)))
                check_states(path.with_name(f"ours-{int(path.stem[5:]) - 1}.db"), connection)

        taken: list[float] = []
        leanly: list[float] = []
        for _ in range(runs):
            ours()
            lean()
    ratio = statistics.median(taken) / statistics.median(leanly)
    return Row(
        what,
        f"{statistics.median(taken):.2f} s",
        f"lean msgspec and one executemany: {statistics.median(leanly):.2f} s",
        f"at most {MOST_TIMES_LEAN:g} x",
        ratio <= MOST_TIMES_LEAN,
        ratio,
    )


# Detail records to timeouts of actions.


class _Property(msgspec.Struct, frozen=True, gc=False):
    property: str
    value: str


class _Segment(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    segment_start: str
    segment_end: str | None = None
    error_code: str | None = None
    properties: tuple[_Property, ...] = ()


class _Flow(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    flow_id: str


class _Session(msgspec.Struct, frozen=True, gc=False):
    segments: tuple[_Segment, ...]
    flow: _Flow | None = None


class _Participant(msgspec.Struct, frozen=True, gc=False):
    sessions: tuple[_Session, ...]


class _Conversation(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    conversation_id: str
    participants: tuple[_Participant, ...]


class _Page(msgspec.Struct, frozen=True, gc=False):
    conversations: tuple[_Conversation, ...] = ()


_LEAN_PAGE: Final = msgspec.json.Decoder(_Page)
_IS_TIMEOUT: Final = re.compile("(?i)timed?[ _-]?out").search
_IS_TELEPHONY: Final = re.compile("^error[.]ininedgecontrol[.]").search


def ours_to_timeouts(details: Details) -> Counter[str]:
    """Return how many timeouts hit conversations, by action."""
    client = AnsweringClient(details.pages)
    return Counter(one.action_id for one in incidents(client, details.period))


def lean_to_timeouts(details: Details) -> Counter[str]:
    """Return the same by lean Structs."""
    begin, end = (_text(at) for at in (details.period.start, details.period.end))
    found: dict[tuple[str, str], str] = {}
    for page in details.pages:
        for conversation in _LEAN_PAGE.decode(page).conversations:
            for participant in conversation.participants:
                for session in participant.sessions:
                    if session.flow is None:
                        continue
                    for segment in session.segments:
                        code = segment.error_code
                        if not code or _IS_TELEPHONY(code) or not _IS_TIMEOUT(code):
                            continue
                        if begin <= (segment.segment_end or segment.segment_start) < end:
                            named = {one.property: one.value for one in segment.properties}
                            place = conversation.conversation_id, segment.segment_start
                            found[place] = named.get("actionId", "unknown")
    return Counter(found.values())


def pandas_to_timeouts(details: Details) -> Counter[str]:
    """Return the same by ``json_normalize``."""
    begin, end = (_text(at) for at in (details.period.start, details.period.end))
    rows = pd.concat(
        pd.json_normalize(
            json.loads(page).get("conversations", []),
            ["participants", "sessions", "segments"],
            ["conversationId", ["participants", "sessions", "flow", "flowId"]],
            errors="ignore",
        )
        for page in details.pages
    )
    at = rows["segmentEnd"].fillna(rows["segmentStart"])
    timeouts = rows[
        rows["participants.sessions.flow.flowId"].notna()
        & rows["errorCode"].str.contains("(?i)timed?[ _-]?out", na=False)
        & ~rows["errorCode"].str.contains("^error[.]ininedgecontrol[.]", na=False)
        & (at >= begin)
        & (at < end)
    ].drop_duplicates(["conversationId", "segmentStart"])
    named = pd.json_normalize([*timeouts["properties"].explode().dropna()])
    return Counter([*named.loc[named["property"] == "actionId", "value"]])


def _text(at: int) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def details_rows(details: Details, runs: int) -> list[Row]:
    """Return what it costs to read detail records, against both rivals."""
    works = ours_to_timeouts, lean_to_timeouts, pandas_to_timeouts
    results = [work(details) for work in works]
    if not results[0] or any(one != results[0] for one in results):
        reason = f"timeouts differ: {[sum(one.values()) for one in results]}"
        raise DisagreementError(reason)
    ours, lean, pandas = in_turn(*(partial(work, details) for work in works), runs=runs)
    what = "detail records to timeouts by action"
    measured = f"{ours * 1e6 / details.records:.1f} us a record"
    return [
        Row(
            what,
            measured,
            f"lean msgspec: {lean * 1e6 / details.records:.1f} us",
            f"at least {LEAST_OF_LEAN:g} of its speed",
            lean / ours >= LEAST_OF_LEAN,
            lean / ours,
        ),
        Row(
            what,
            measured,
            f"json_normalize: {pandas * 1e6 / details.records:.1f} us",
            f"at least {LEAST_TIMES_PANDAS:g} x its speed",
            pandas / ours >= LEAST_TIMES_PANDAS,
            pandas / ours,
        ),
    ]


def rows(*, quick: bool) -> Iterator[Row]:
    """Yield what reading costs; ``quick`` on little data, once."""
    keep_a_secret()
    actions, windows, per_hour, runs = (10, 3, 20.0, 1) if quick else (2_000, 12, 400.0, RUNS)
    answers = made_aggregates(actions, windows)
    details = made_details(per_hour)
    yield aggregates_row(
        answers, f"aggregates of {actions:,} actions x {windows} windows to a state", runs
    )
    yield from details_rows(details, runs)


if __name__ == "__main__":
    for row in rows(quick="--quick" in sys.argv):
        print(f"{row.what}: {row.measured}, {row.rival} ({row.aim})")
