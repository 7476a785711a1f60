"""Looking after a state by its URL: checking, copying and repairing it, wherever it is kept."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from monitor.store.engines import DEFAULT_BUSY_TIMEOUT_SECONDS, parsed_url, server_name
from monitor.store.maintenance import backup as backing_up
from monitor.store.maintenance import repair as repairing
from monitor.store.maintenance.backup import refuse_a_server
from monitor.store.maintenance.integrity import IntegrityFault, check_integrity
from monitor.store.maintenance.repair import Repair
from monitor.store.opening import read_only_database, read_only_file, refuse_foreign_file
from monitor.store.state_file import StateFile


class StateMaintenance:
    """One state, looked after from outside; nothing here opens it to count into it."""

    def __init__(
        self, url: str, *, busy_timeout_seconds: float = DEFAULT_BUSY_TIMEOUT_SECONDS
    ) -> None:
        """Look at nothing yet.

        Args:
            url: Where the state is.
            busy_timeout_seconds: How long to wait for whoever has it to himself.

        Raises:
            LedgerError: The URL is of no use.
        """
        self._url = url
        self._busy_timeout_seconds = busy_timeout_seconds
        parsed = parsed_url(url)
        is_file = parsed.get_backend_name() == "sqlite"
        self._file = StateFile.of(parsed) if is_file else None
        self.name = self._file.name if self._file else server_name(parsed)

    @property
    def is_file(self) -> bool:
        """Whether it is a file, and not a database on a server."""
        return self._file is not None

    @property
    def files(self) -> tuple[Path, ...]:
        """Where a file is, and what lies beside it while it is used; none of a server."""
        return self._file.parts if self._file else ()

    @contextmanager
    def faults(self) -> Iterator[Iterator[IntegrityFault]]:
        """Each rule as it is checked; one that is broken says how.

        Raises:
            NoStateError: There is no state.
            LedgerError: It is not ours, or can't be opened.
        """
        with read_only_database(self._url, self._busy_timeout_seconds) as database:
            database.recognise()
            yield check_integrity(database)

    def back_up(self, target: Path | None) -> tuple[Path, int]:
        """Copy it into a new file; None for one beside it, named after the moment.

        Returns:
            The file, and its size in bytes.

        Raises:
            ConfigurationError: It is on a server, or something is at ``target``, or nothing can be.
            NoStateError: There is no state.
            LedgerError: It is not ours, can't be read, or is damaged.
        """
        file = self._file_for("copy")
        with read_only_database(self._url, self._busy_timeout_seconds) as database:
            database.recognise()
        moment = f"{datetime.fromtimestamp(time.time(), UTC):%Y%m%dT%H%M%SZ}"
        place = target or _beside(file, moment)
        size = backing_up.back_up(file, place, busy_timeout_seconds=self._busy_timeout_seconds)
        return place, size

    def repair(self, target: Path | None) -> tuple[Path, Repair]:
        """Copy what can be read of it into a new file, and check that; None for one beside it.

        Raises:
            ConfigurationError: It is on a server, or something is at ``target``, or nothing can be.
            NoStateError: There is no state.
            LedgerError: It is not ours, or nothing of it can be read.
        """
        file = self._file_for("repair")
        place = target or _beside(file, "repaired")
        done = repairing.repair(file, place, busy_timeout_seconds=self._busy_timeout_seconds)
        with read_only_file(StateFile(place, str(place)), self._busy_timeout_seconds) as database:
            done.faults = [one for one in check_integrity(database) if one.detail]
        return place, done

    def _file_for(self, what: str) -> StateFile:
        if self._file is None:
            raise refuse_a_server(self.name, what)
        self._file.refuse_absence()
        refuse_foreign_file(self._file, self._busy_timeout_seconds)
        return self._file


def _beside(file: StateFile, word: str) -> Path:
    return file.path.with_name(f"{file.path.stem}-{word}{file.path.suffix}")
