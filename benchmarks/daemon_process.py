"""The daemon as a process of its own: what it takes of the machine, and how it answers."""

from __future__ import annotations

import gzip
import http.client
import json
import os
import resource
import signal
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.rows import user_environment

END_SECONDS = 60.0
_TICKS = os.sysconf("SC_CLK_TCK")
_LOOK_SECONDS = 0.02
_START_SECONDS = 120.0
_TELL_IMPORTS = ("-X", "importtime")
_IMPORTED = "import time:"


@dataclass(frozen=True, slots=True)
class Usage:
    """What a process uses; of several looks the most that it was seen to use at a time.

    Attributes:
        files: Open files.
        threads: Threads.
        memory_mib: The most resident memory that it ever had.
        cpu_seconds: Processor time since it started, its own and the system's for it.
    """

    files: int = 0
    threads: int = 0
    memory_mib: int = 0
    cpu_seconds: float = 0.0

    def or_more(self, other: Usage) -> Usage:
        """Return the larger of each."""
        return Usage(
            max(self.files, other.files),
            max(self.threads, other.threads),
            max(self.memory_mib, other.memory_mib),
            max(self.cpu_seconds, other.cpu_seconds),
        )


@dataclass(frozen=True, slots=True)
class Scrape:
    """One scrape, compressed as Prometheus asks for it.

    Attributes:
        cpu_seconds: What the daemon took meanwhile, for whatever it did.
        series: How many samples it had.
        text_bytes: How long it is, unpacked.
    """

    cpu_seconds: float
    series: int
    text_bytes: int


def usage_of(pid: int) -> Usage:
    """Return what a process uses, as Linux tells; nothing elsewhere, or where it has ended."""
    folder = Path(f"/proc/{pid}")
    try:
        told = dict(
            line.split(":", 1)
            for line in (folder / "status").read_text().splitlines()
            if ":" in line
        )
        fields = (folder / "stat").read_text().rpartition(")")[2].split()
        return Usage(
            files=len(list((folder / "fd").iterdir())),
            threads=int(told["Threads"]),
            memory_mib=int(told["VmHWM"].split()[0]) // 1024,
            cpu_seconds=(int(fields[11]) + int(fields[12])) / _TICKS,
        )
    except (OSError, KeyError):
        return Usage()


def free_port() -> int:
    """Return a port of this machine that nobody listens on."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


class DaemonProcess:
    """A running daemon: its log, what it uses, and its pages."""

    def __init__(self, config: Path, log: Path, port: int, *options: str) -> None:
        """Start it; nothing is waited for.

        Args:
            config: Its configuration, which names the port.
            log: Where its log goes.
            port: The port.
            options: Of the interpreter.
        """
        self.port = port
        self._log = log
        with log.open("wb") as lines:
            self.process = subprocess.Popen(
                [sys.executable, *options, "-m", "monitor", "--config", str(config), "run"],
                stdout=subprocess.DEVNULL,
                stderr=lines,
                env=user_environment(),
            )

    @property
    def usage(self) -> Usage:
        """What it uses at this moment."""
        return usage_of(self.process.pid)

    @property
    def has_ended(self) -> bool:
        """Whether it runs no more."""
        return self.process.poll() is not None

    def lines(self, event: str) -> list[dict[str, Any]]:
        """Return what its log says of an event."""
        text = self._log.read_text(encoding="utf-8")
        # The last line may be half written.
        return [
            json.loads(line)
            for line in text.splitlines(keepends=True)
            if line.endswith("\n") and f'"event": "{event}"' in line
        ]

    def usage_and_imports(self) -> tuple[Usage, tuple[str, ...]]:
        """Return what it uses, and what it has imported, started with ``-X importtime``."""
        written = self._log.stat().st_size
        usage = self.usage
        lines = self._log.read_bytes()[:written].decode("utf-8", "replace").splitlines()
        names = [line.rpartition("|")[2].strip() for line in lines if line.startswith(_IMPORTED)]
        # To import a part of a package that is under way would import all of that.
        known = {*names}
        parents = {name: name.split(".")[:-1] for name in names}
        return usage, tuple(
            name
            for name in names
            if all(".".join(parents[name][: end + 1]) in known for end in range(len(parents[name])))
        )

    def get(self, path: str) -> tuple[int, bytes]:
        """Return the status and the body of an answer, as it comes.

        Raises:
            OSError: It does not answer.
        """
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request("GET", path, headers={"Accept-Encoding": "gzip"})
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def await_health(self) -> float:
        """Wait for the first answer of ``/healthz``; the processor time until then.

        Raises:
            TimeoutError: There was none.
        """
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline and not self.has_ended:
            try:
                if self.get("/healthz")[0] == http.HTTPStatus.OK:
                    return self.usage.cpu_seconds
            except (OSError, http.client.HTTPException):
                time.sleep(_LOOK_SECONDS)
        raise TimeoutError(self._log.read_text(encoding="utf-8")[-2_000:])

    def scrape(self) -> Scrape:
        """Scrape it once.

        Raises:
            OSError: It does not answer.
        """
        before = self.usage.cpu_seconds
        text = self.metrics()
        spent = self.usage.cpu_seconds - before
        series = sum(not line.startswith(b"#") for line in text.splitlines())
        return Scrape(spent, series, len(text))

    def metrics(self) -> bytes:
        """Return the text of a scrape.

        Raises:
            OSError: It does not answer.
        """
        return gzip.decompress(self.get("/metrics")[1])

    def end(self, number: int = signal.SIGTERM) -> None:
        """End it, and wait until it has; one that does not end in time is killed."""
        if not self.has_ended:
            self.process.send_signal(number)
        try:
            self.process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


@contextmanager
def running(config: Path, log: Path, port: int, *options: str) -> Iterator[DaemonProcess]:
    """Run the daemon until the block ends."""
    daemon = DaemonProcess(config, log, port, *options)
    try:
        yield daemon
    finally:
        daemon.end()


def health_seconds(config: Path, log: Path, port: int, times: int) -> tuple[float, float]:
    """Start the daemon until it first answers ``/healthz``, so often; the medians.

    Returns:
        The processor time that it took until then, and that of a process which does nothing but
        import what it had imported by then.
    """
    taken, imports = [], []
    for _ in range(times):
        with running(config, log, port, *_TELL_IMPORTS) as daemon:
            daemon.await_health()
            usage, modules = daemon.usage_and_imports()
        taken.append(usage.cpu_seconds)
        # Told likewise: it takes a while, too.
        imports.append(import_seconds(modules, *_TELL_IMPORTS))
    return statistics.median(taken), statistics.median(imports)


def import_seconds(
    modules: Sequence[str] = ("monitor.cli.app", "monitor.daemon"), *options: str
) -> float:
    """Return the processor time that the interpreter takes to import modules, in their order."""
    before = _children_seconds()
    subprocess.run(
        [sys.executable, *options, "-c", _IMPORT],
        input="\n".join(modules),
        stderr=subprocess.DEVNULL,
        env=user_environment(),
        text=True,
        check=True,
    )
    return _children_seconds() - before


_IMPORT = """
import importlib, os, sys
for name in sys.stdin.read().split():
    try:
        importlib.import_module(name)
    except ImportError:
        pass  # what is tried and is not there was tried by the daemon, too
os._exit(0)  # the daemon has not been taken apart yet either
"""


def _children_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
