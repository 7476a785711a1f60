"""The daemon as a process, asked over HTTP and read by its log."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import requests
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families

from tests.daemon.place import PATIENCE_SECONDS, Place, eventually


class RunningDaemon:
    """``timeout-monitor run``, from its first line in the log to its end."""

    def __init__(self, place: Place, *options: str) -> None:
        """Start it, and wait until it serves."""
        self._log = place.folder / "daemon.log"
        with self._log.open("wb") as log:
            self.process = place.start(
                *options, "run", stdout=subprocess.DEVNULL, stderr=log.fileno()
            )
        eventually(lambda: self.lines("started") or self.process.poll() is not None, "a start")
        assert self.process.poll() is None, self._log.read_text()
        self.address: str = self.lines("started")[0]["address"]

    def __enter__(self) -> Self:
        """Run inside the block."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """End it, whatever happened."""
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(PATIENCE_SECONDS)

    @property
    def log(self) -> str:
        """All that it has said."""
        return self._log.read_text(encoding="utf-8")

    def lines(self, event: str = "") -> list[dict[str, Any]]:
        """The lines of its log, all or those of one event."""
        # The last line may be half written.
        whole = [
            json.loads(line) for line in self.log.splitlines(keepends=True) if line[-1] == "\n"
        ]
        return [line for line in whole if event in {"", line["event"]}]

    def await_polls(self, count: int) -> None:
        """Wait until it has finished so many polls since its start."""
        eventually(lambda: len(self.lines("poll")) >= count, f"poll {count}")

    def send(self, number: signal.Signals) -> None:
        """Send it a signal."""
        self.process.send_signal(number)

    def end(self, number: signal.Signals = signal.SIGTERM) -> tuple[int, float]:
        """Ask it to end: its exit code, and the seconds that it took."""
        began = time.monotonic()
        self.send(number)
        return self.process.wait(PATIENCE_SECONDS), time.monotonic() - began

    def get(self, path: str) -> requests.Response:
        """Ask it."""
        return requests.get(self.address + path, timeout=10)


def families(address: str) -> dict[str, Metric]:
    """One scrape, by the families' names."""
    text = requests.get(f"{address}/metrics", timeout=10).text
    return {family.name: family for family in text_string_to_metric_families(text)}


def sample(scraped: dict[str, Metric], name: str, **labels: str) -> float:
    """The value of the only sample of this name with these labels."""
    [value] = [
        found.value
        for family in scraped.values()
        for found in family.samples
        if found.name == name and labels.items() <= found.labels.items()
    ]
    return value


def read_log(path: Path) -> list[dict[str, Any]]:
    """The lines of a finished log."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
