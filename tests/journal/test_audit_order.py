"""Several writers of one PostgreSQL: a line of the audit trail never appears behind a later one."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
from sqlalchemy import event

from monitor.journal import AuditEntry
from monitor.ledger import Ledger
from monitor.remediation import AuditFile
from tests.evidence import T0
from tests.journal.test_isolation import PATIENCE_SECONDS, await_waiting


def line(org: str) -> AuditEntry:
    """A line of an org, which no other org's writer waits for."""
    return AuditEntry(T0, org, "dry_run", "ann@desk")


def test_the_file_misses_no_line_of_a_writer_that_commits_late(
    postgresql: Callable[[], str], tmp_path: Path
) -> None:
    """While one has written and not committed, another org's writer waits, and takes no number.

    The file goes on from its last number, so a smaller one that came later would be missed.
    """
    url = postgresql()
    path = tmp_path / "audit.jsonl"
    with (
        Ledger.open(url) as slow,
        Ledger.open(url) as quick,
        ThreadPoolExecutor(1) as threads,
        psycopg.connect(url, autocommit=True) as watcher,
    ):
        slow.journal.audit.note([line("acme")])
        quick.journal.audit.note([line("globex")])
        file = AuditFile(path, quick.journal)
        second = []

        def before_the_commit(_connection: object) -> None:
            second.append(threads.submit(quick.journal.audit.note, [line("globex")]))
            await_waiting(watcher, 1)
            file.catch_up()

        engine = slow._database._engine  # noqa: SLF001 - nothing else knows this moment
        event.listen(engine, "commit", before_the_commit, once=True)
        slow.journal.audit.note([line("acme")])
        second[0].result(PATIENCE_SECONDS)
        file.catch_up()
        kept = [(one.entry_id, one.org) for one in quick.journal.audit.after(0, 100)]

    written = [json.loads(one) for one in path.read_text("utf-8").splitlines()]
    assert [(one["entry_id"], one["org"]) for one in written] == kept
    assert [org for _, org in kept] == ["acme", "globex", "acme", "globex"]
