"""Prometheus and Alertmanager as processes of their own, and a pager that only listens."""

from __future__ import annotations

import json
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import requests

from tests.end_to_end.deployment import free_port

PATIENCE_SECONDS = 60.0

Labels = Mapping[str, str]


@dataclass(frozen=True)
class Server:
    """A running server."""

    address: str

    def get(self, path: str, **parameters: str | float) -> Any:  # noqa: ANN401 - JSON of any shape
        """Ask it for JSON.

        Raises:
            AssertionError: It refused, with its own words.
        """
        answer = requests.get(f"{self.address}{path}", params=parameters, timeout=30)
        assert answer.ok, f"{answer.status_code} {answer.text}"
        return answer.json()


class Prometheus(Server):
    """A running Prometheus."""

    def at(self, expression: str, moment: float) -> list[tuple[dict[str, str], float]]:
        """Labels and values of an expression at one moment."""
        data = self.get("/api/v1/query", query=expression, time=moment)["data"]
        if data["resultType"] == "scalar":
            return [({}, float(data["result"][1]))]
        return [(one["metric"], float(one["value"][1])) for one in data["result"]]

    def between(
        self, expression: str, begin: float, end: float, step: float
    ) -> list[tuple[dict[str, str], dict[float, float]]]:
        """Labels and samples, by their time, of an expression over a period."""
        data = self.get("/api/v1/query_range", query=expression, start=begin, end=end, step=step)
        return [
            (one["metric"], {float(at): float(value) for at, value in one["values"]})
            for one in data["data"]["result"]
        ]

    def alerts(self) -> list[dict[str, Any]]:
        """What is pending or firing."""
        found: list[dict[str, Any]] = self.get("/api/v1/alerts")["data"]["alerts"]
        return found


@dataclass
class Pager:
    """What Alertmanager has sent, each with when it came and to whom."""

    port: int
    received: list[tuple[float, str, dict[str, Any]]] = field(default_factory=list)


@contextmanager
def prometheus(  # noqa: PLR0913 - what its configuration consists of
    program: str,
    folder: Path,
    *,
    data: Path,
    rules: Mapping[str, str],
    targets: Sequence[str] = (),
    alertmanager: str = "",
    scrape_seconds: float = 1.0,
    assets: Path | None = None,
) -> Iterator[Prometheus]:
    """Run Prometheus on a folder of data.

    Args:
        program: Its path.
        folder: Where its configuration is written.
        data: Its blocks.
        rules: Rule files, by name.
        targets: Hosts and ports to scrape.
        alertmanager: Host and port of the Alertmanager to tell; empty for none.
        scrape_seconds: How often it scrapes; it evaluates every second.
        assets: What it serves under ``/user``.
    """
    folder.mkdir(exist_ok=True)
    for name, text in rules.items():
        (folder / name).write_text(text, encoding="utf-8")
    period = f"{round(scrape_seconds * 1000)}ms"
    config: dict[str, Any] = {
        "global": {"scrape_interval": period, "evaluation_interval": "1s"},
        "rule_files": list(rules),
        "scrape_configs": [
            {
                "job_name": "timeout-monitor",
                "scrape_timeout": period,
                "static_configs": [{"targets": list(targets)}],
            }
        ],
    }
    if alertmanager:
        config["alerting"] = {"alertmanagers": [{"static_configs": [{"targets": [alertmanager]}]}]}
    # JSON is YAML.
    (folder / "prometheus.yml").write_text(json.dumps(config), encoding="utf-8")
    port = free_port()
    arguments = [
        program,
        f"--config.file={folder / 'prometheus.yml'}",
        f"--storage.tsdb.path={data}",
        "--storage.tsdb.retention.time=30d",
        f"--web.listen-address=127.0.0.1:{port}",
        *([f"--web.user-assets={assets}"] if assets else []),
        "--log.level=warn",
    ]
    with _running(arguments, folder / "prometheus.log", f"http://127.0.0.1:{port}", "/-/ready"):
        yield Prometheus(f"http://127.0.0.1:{port}")


@contextmanager
def alertmanager(program: str, folder: Path, config: Mapping[str, Any]) -> Iterator[Server]:
    """Run Alertmanager."""
    folder.mkdir(exist_ok=True)
    (folder / "alertmanager.yml").write_text(json.dumps(config), encoding="utf-8")
    port = free_port()
    arguments = [
        program,
        f"--config.file={folder / 'alertmanager.yml'}",
        f"--storage.path={folder / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--cluster.listen-address=",
        "--log.level=warn",
    ]
    address = f"http://127.0.0.1:{port}"
    with _running(arguments, folder / "alertmanager.log", address, "/-/ready"):
        yield Server(address)


@contextmanager
def pager() -> Iterator[Pager]:
    """Listen on loopback for what Alertmanager sends; the path names the receiver."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            found.received.append((time.time(), self.path.strip("/"), json.loads(body)))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    found = Pager(server.server_address[1])
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield found
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def _running(
    arguments: Sequence[str], log: Path, address: str, ready: str
) -> Iterator[subprocess.Popen[bytes]]:
    with log.open("wb") as output:
        process = subprocess.Popen(arguments, stdout=output, stderr=output)
    try:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not _answers(address + ready):
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.05)
        yield process
    finally:
        process.terminate()
        process.wait(PATIENCE_SECONDS)


def _answers(url: str) -> bool:
    try:
        return requests.get(url, timeout=5).ok
    except requests.ConnectionError:
        return False
