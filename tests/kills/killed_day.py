"""A simulated day that a program lives through in many short lives, and what it must have counted.

The org is served by the test; the program is a prepared process whose forks are killed. Between two
lives only the disk is kept, and nothing of the test opens the state: the log that a dead process
left is for the next one to recover.
"""

from __future__ import annotations

import json
import shutil
import sqlite3
import subprocess
import sys
from collections import Counter
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Self

import numpy as np

from monitor.counts import Counts
from monitor.ledger import OrgState
from monitor.model import BAND_EDGES_MS, Outcome
from monitor.simulator import LatenessModel, World, serve
from monitor.simulator.endings import ENDINGS
from monitor.simulator.executions import ExecutionColumns
from monitor.time_ranges import floor_to
from tests.clocks import DAY, HOUR, NOON
from tests.configuration_file import write_configuration
from tests.filled_ledger import CLASSIFIER
from tests.kills.shared_memory import SharedClock, SharedMemory
from tests.poller.watched_org import SMALL
from tests.simulated_org import executions_from, org_table, readable, simulated_org

ROOT = Path(__file__).parents[2]
WORLD = World(detail_errors="named", telephony_errors="some", flow_aggregates="grouped")
LATE = LatenessModel(tail_share=0.25)
"""A quarter of the data comes up to 40 minutes late."""

WINDOW_SECONDS = 300
ENDS = NOON + DAY
"""No traffic from here on."""

Bands = dict[tuple[str, str], tuple[int, ...]]
"""Executions per latency band by action id and outcome; the last place counts the longest."""


@dataclass
class KilledDay:
    """The org, the prepared process, and when each window was first read to its end.

    Attributes:
        folder: Where the state and the configuration are.
        first_read: When each window, by its start, had been read whole for the first time.
        lives: How many lives have ended by each signal; 0 is an end of their own.
    """

    folder: Path
    first_read: dict[int, float] = field(default_factory=dict)
    lives: Counter[int] = field(default_factory=Counter)

    def __enter__(self) -> Self:
        """Serve the org, and start the process."""
        self.memory = SharedMemory(self.folder / "memory")
        self.memory.time = NOON
        day = replace(SMALL, lateness=LATE, ends=ENDS)
        self.org = simulated_org(day, SharedClock(self.memory), world=readable(WORLD))
        self._serving = serve(self.org, port=0)
        served = self._serving.__enter__()
        config = write_configuration(
            self.folder,
            org_table(served.url),
            collect={"initial": "1h"},
            remediation={"mode": "recommend"},
        )
        self._process = subprocess.Popen(
            [
                *(sys.executable, "-m", "tests.kills.prepared_process"),
                *(str(config), str(self.folder / "memory")),
            ],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        return self

    def __exit__(self, *_: object) -> None:
        """Let the process end, then the org."""
        with self._process as process:
            assert process.stdin is not None
            process.stdin.close()
        self._serving.__exit__(None, None, None)

    @property
    def state(self) -> Path:
        """The file of the state."""
        return self.folder / "state.db"

    @property
    def log(self) -> Path:
        """Its write-ahead log."""
        return self.folder / "state.db-wal"

    @property
    def url(self) -> str:
        """The same as an address."""
        return f"sqlite:///{self.state}"

    def live(self, *moments: float, **order: Any) -> int:  # noqa: ANN401 - as an order has it
        """Let one life be lived and killed; the signal that ended it.

        Args:
            *moments: When it polls.
            **order: What the prepared process takes besides.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"moments": moments, **order}) + "\n")
        self._process.stdin.flush()
        ended = json.loads(self._process.stdout.readline())
        assert ended["code"] == 0, f"life {self.lives.total()} failed: see stderr"
        self.lives[ended["signal"]] += 1
        self._note_what_is_read(moments)
        return int(ended["signal"])

    def _note_what_is_read(self, moments: tuple[float, ...]) -> None:
        for start, end in self._coverage():
            for window in range(floor_to(start, WINDOW_SECONDS), end, WINDOW_SECONDS):
                whole = window + WINDOW_SECONDS
                if whole <= end and window not in self.first_read:
                    self.first_read[window] = next(at for at in moments if whole <= at)

    def _coverage(self) -> list[tuple[int, int]]:
        """Return what was read of the executions, looking at a copy: the log stays as it is."""
        copy = self.folder / "copy"
        shutil.rmtree(copy, ignore_errors=True)
        copy.mkdir()
        for name in ("state.db", "state.db-wal"):
            if (self.folder / name).exists():
                shutil.copy(self.folder / name, copy / name)
        if not (copy / "state.db").exists():
            return []
        with closing(sqlite3.connect(copy / "state.db")) as connection:
            if not connection.execute(
                "SELECT 1 FROM sqlite_master WHERE name = 'coverage'"
            ).fetchone():
                return []
            return connection.execute(
                "SELECT range_start, range_end FROM coverage WHERE source = 'actions'"
            ).fetchall()

    # --- what really happened -----------------------------------------------------------------

    def rows(self, begin: int) -> ExecutionColumns:
        """Return every execution from a moment on."""
        return executions_from(self.org, begin, ENDS + HOUR)

    def true_bands(self, begin: int) -> Bands:
        """Return the histograms of what really happened from a moment on."""
        rows = self.rows(begin)
        bands = np.searchsorted(BAND_EDGES_MS, rows.duration_ms, side="right")
        found: dict[tuple[str, str], list[int]] = {}
        for action, ending, band in zip(
            rows.action.tolist(), rows.ending.tolist(), bands.tolist(), strict=True
        ):
            key = self.org.scenario.actions[action].action_id, str(ENDINGS[ending].outcome)
            found.setdefault(key, [0] * (len(BAND_EDGES_MS) + 1))[band] += 1
        return {key: tuple(one) for key, one in found.items()}

    def carried_out(self, action_id: str) -> list[tuple[int, int]]:
        """Return the timeouts that this program has set of an action, from what to what, in ms."""
        field_name = "config.timeoutSeconds"
        return [
            (int(one.before[field_name]) * 1_000, int(one.after[field_name]) * 1_000)
            for one in self.org.audits._entries  # noqa: SLF001 - there is no other list of all
            if one.action_id == action_id and one.editor.client_id == self.org.client_id
        ]

    def truly_late(self, begin: int) -> int:
        """Return how many executions came to light after their window had been read whole."""
        rows = self.rows(begin)
        late = 0
        for end_ms, visible_ms in zip(rows.end_ms.tolist(), rows.visible_ms.tolist(), strict=True):
            window = floor_to(end_ms / 1_000, WINDOW_SECONDS)
            late += visible_ms > self.first_read[window] * 1_000
        return late


def counted_bands(state: OrgState) -> Bands:
    """Return the histograms that a ledger has counted, as ``KilledDay.true_bands`` has them."""
    found: dict[tuple[str, str], Counts] = {}
    for key, counts in state.totals.items():
        outcome: Outcome = CLASSIFIER.outcome(key.error_type, key.response_status)
        name = key.action_id, str(outcome)
        found[name] = found[name] + counts if name in found else counts
    return {name: counts.bands for name, counts in found.items() if counts.count}
