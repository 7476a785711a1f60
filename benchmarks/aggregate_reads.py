"""Reads aggregates that are at hand, by the program's own parts and with nothing else loaded.

    .venv/bin/python -m benchmarks.aggregate_reads SLICES START END FILE

Reads so many slices of history into a new state beside the file, which holds the answers to a deep
read of one, a line each: those of another slice are the same at other times. Prints how many
executions were counted, and the most that the process had resident in KiB. It is what
``benchmarks.read_memory`` measures the memory of.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from benchmarks.detail_reads import (
    ORG,
    WINDOW_SECONDS,
    AnsweringClient,
    keep_a_secret,
)
from benchmarks.resident import most_resident_kib
from monitor.ledger import Ledger, Reading
from monitor.sources import ActionsSource
from monitor.time_ranges import TimeRange


def read_slice(ledger: Ledger, answers: Iterator[bytes], period: TimeRange) -> None:
    """Read the answers about a slice into a state, as a poll does."""
    source = ActionsSource(AnsweringClient(answers))
    evidence = source.read(period, WINDOW_SECONDS, deep=True)
    reading = Reading(
        period,
        WINDOW_SECONDS,
        period.end,
        tallies=evidence.tallies,
        names=evidence.names,
        complete_until=period.end,
    )
    ledger.record(ORG, "actions", reading)


def read_much(answers: Sequence[bytes], period: TimeRange, slices: int, folder: Path) -> int:
    """Read so many slices into a new state; how many executions it has then."""
    with Ledger.open(f"sqlite:///{folder / f'{slices}.db'}") as ledger:
        for number in range(slices):
            seconds = number * period.seconds
            later = TimeRange(period.start + seconds, period.end + seconds)
            read_slice(ledger, (moved(answer, seconds) for answer in answers), later)
        return sum(total.count for total in ledger.state(ORG).totals.values())


def moved(answer: bytes, seconds: int) -> bytes:
    """Return an answer with all of its windows so much later."""
    known: dict[bytes, bytes] = {}

    def later(found: re.Match[bytes]) -> bytes:
        moment = found[0]
        if moment not in known:
            at = datetime.fromisoformat(moment.decode()) + timedelta(seconds=seconds)
            text = at.astimezone(UTC).isoformat(timespec="milliseconds")
            known[moment] = text.replace("+00:00", "Z").encode()
        return known[moment]

    return _MOMENT.sub(later, answer)


_MOMENT: Final = re.compile(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


def main(arguments: Sequence[str]) -> None:
    """Read, and print the count and the peak."""
    slices, start, end, file = arguments
    keep_a_secret()
    answers = Path(file).read_bytes().split(b"\n")
    period = TimeRange(int(start), int(end))
    print(read_much(answers, period, int(slices), Path(file).parent), most_resident_kib())


if __name__ == "__main__":
    main(sys.argv[1:])
