"""Programs that record into a ledger, run as processes of their own by the tests.

``die URL`` records one reading again and again, each time in a child that kills itself with
SIGKILL before its next statement, one statement further than the child before it; the commit is
the last. It prints, as JSON, how often a child died and every state it left behind.

``record URL SEED`` records ``workload()`` in the order of a seed, one line on stdout before it
begins and one after each reading.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
from collections.abc import Callable
from dataclasses import astuple

from sqlalchemy import Connection, Engine, event

from monitor.ledger import Ledger, Reading
from tests.evidence import ORG, SOURCE, T0, incident, reading, tally, windows


def before_death() -> Reading:
    """What the ledger holds before anybody dies."""
    return reading(tally(3), incidents=[incident()], covered=windows(0, 3))


def deadly() -> Reading:
    """A reading that makes the ledger write into every table that a reading can."""
    return reading(
        tally(5),
        tally(2, window=1, action_id="a2", error_type="Timeout"),
        incidents=[incident(), incident("c2", flow_id="f2", flow_name="Main")],
        covered=windows(0, 4),
        read_at=T0 + 5_000.0,
        complete_until=T0,
    )


def workload() -> list[Reading]:
    """Readings that overlap, repeat and grow; the last of each window shows the most."""
    return [
        reading(
            *(
                tally(count, window=window, action_id=action_id, error_type=error_type)
                for window in range(first, first + 4)
                for action_id in ("a1", "a2", "a3")
                for error_type in ("NONE", "Timeout")
            ),
            incidents=[incident(f"c{number}") for number in range(first, first + count)],
            covered=windows(first, first + 4),
        )
        for first in range(0, 8, 2)
        for count in (1, 3, 2, 7)
    ]


def _die(url: str) -> None:
    with Ledger.open(url) as ledger:
        ledger.record(ORG, SOURCE, before_death())
    states = []
    for statements in range(1_000):
        child = os.fork()
        if child == 0:
            _record_and_die(url, statements)
        _, status = os.waitpid(child, 0)
        if not os.WIFSIGNALED(status):
            break
        with Ledger.open(url) as ledger:
            states.append(repr(astuple(ledger.state(ORG))))
    json.dump({"deaths": len(states), "states": sorted(set(states))}, sys.stdout)


def _record_and_die(url: str, statements: int) -> None:
    ledger = Ledger.open(url)
    left = statements

    def die_when_due(*_: object) -> None:
        nonlocal left
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        left -= 1

    def die_before_commit(_: Connection) -> None:
        die_when_due()

    event.listen(Engine, "before_cursor_execute", die_when_due)
    event.listen(Engine, "commit", die_before_commit)
    ledger.record(ORG, SOURCE, deadly())
    os._exit(0)


def _record(url: str, seed: str) -> None:
    readings = workload()
    random.Random(seed).shuffle(readings)  # noqa: S311 - an order, not a secret
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.readline()
    with Ledger.open(url) as ledger:
        for read in readings:
            ledger.record(ORG, SOURCE, read)
            sys.stdout.write("recorded\n")
            sys.stdout.flush()


if __name__ == "__main__":
    programs: dict[str, Callable[..., None]] = {"die": _die, "record": _record}
    programs[sys.argv[1]](*sys.argv[2:])
