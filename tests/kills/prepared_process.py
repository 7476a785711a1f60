"""A process with everything imported, whose forks live as the daemon does, each until it is killed.

``python -m tests.kills.prepared_process CONFIG MEMORY`` reads orders from stdin, one JSON object a
line: each is one life, and its end is answered in the same way.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import traceback
from pathlib import Path
from typing import Any

import structlog

from monitor.config import Settings, load
from monitor.errors import BusyError
from monitor.ledger import Ledger
from monitor.poller import OrgReader, PollResult, open_reader
from monitor.remediation import AuditFile, audit_path
from monitor.remediation.actor import ActorContext
from monitor.remediation.set_timeout import ManualRequest, SetTimeout
from monitor.remediation.targets import IntegrationActionTarget
from tests.kills.boundaries import NEVER, Boundaries, tear_writes_beyond
from tests.kills.shared_memory import SharedClock, SharedMemory


def live(config: Path, memory: SharedMemory, order: dict[str, Any]) -> None:
    """Begin on what the disk has, poll at each moment, change one timeout, and end.

    Args:
        config: The configuration file.
        memory: The time, and how far this life came.
        order: ``moments`` of its polls; ``kill_at`` which boundary, ``tear_at`` how many bytes of
            a file; ``set_timeout`` to what after the last poll, as action id and milliseconds.
    """
    boundaries = Boundaries(memory, order.get("kill_at", NEVER))
    memory.polls = 0
    if "tear_at" in order:
        tear_writes_beyond(order["tear_at"])
    boundaries.watch()
    clock = SharedClock(memory)
    memory.time = order["moments"][0]
    settings = load(config)
    with Ledger.open(settings.state.url) as ledger:
        ledger.settle()
        reader = open_reader(
            settings.org[0], settings, ledger=ledger, clock=clock, stop=threading.Event()
        )
        assert reader.audits is not None
        for moment in order["moments"]:
            memory.time = moment
            reader.catalogue.refresh()
            reader.audits.read()
            report = reader.source_reader.poll()
            assert report.result is PollResult.OK, report.errors
            memory.polls += 1
        if "set_timeout" in order:
            set_timeout(settings, ledger, reader, clock, *order["set_timeout"])
        AuditFile(audit_path(settings), ledger.journal).catch_up()
        boundaries.reach()
        reader.client.close()
    boundaries.reach()


def set_timeout(  # noqa: PLR0913, PLR0917 - the parts of a life, and what is asked for
    settings: Settings,
    ledger: Ledger,
    reader: OrgReader,
    clock: SharedClock,
    action_id: str,
    timeout_ms: int,
) -> None:
    """Set one timeout by the engine that writes every one, where no dead program has the lease."""
    context = ActorContext(
        actor="ann@desk",
        holder=f"life {os.getpid()}",
        clock=clock,
        machine=clock,
        quarantine_seconds=settings.remediation.quarantine,
    )
    request = ManualRequest(
        org=reader.settings.name,
        action_id=action_id,
        timeout_ms=timeout_ms,
        allow_lower=True,
        settings=settings.remediation,
    )
    setting = SetTimeout(ledger.journal, IntegrationActionTarget(reader.client), request, context)
    try:
        with setting.writer.lease() as lease:
            setting.run(lease)
    except BusyError:
        return


def fork(config: Path, memory: SharedMemory, order: dict[str, Any]) -> dict[str, int]:
    """Return by which signal one life has ended, 0 where it ended by itself, and its exit code."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            live(config, memory, order)
            code = 0
        except BaseException:  # noqa: BLE001 - whatever it is, no fork may go on with the loop
            traceback.print_exc()
        finally:
            sys.stderr.flush()
            os._exit(code)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        return {"signal": os.WTERMSIG(status), "code": 0}
    return {"signal": 0, "code": os.WEXITSTATUS(status)}


def main(config: str, memory: str) -> None:
    """Do what stdin says."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    shared = SharedMemory(Path(memory))
    for line in sys.stdin:
        ended = fork(Path(config), shared, json.loads(line))
        sys.stdout.write(json.dumps(ended) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
