"""How long pages and the API take for thousands of actions, beside bare Jinja on the same rows.

    .venv/bin/python -m benchmarks.pages                 2,000 actions and eight days
    .venv/bin/python -m benchmarks.pages --actions 200   fewer
    .venv/bin/python -m benchmarks.pages --check         the same, and exit 1 where an aim is missed

The state is a real SQLite file (see ``benchmarks.diagnosing``), summarised and diagnosed as a
daemon does it; the requests go through the whole application, compression and all, without a
socket. The first look at a snapshot is what the reader pays who comes first after a poll, or whose
filter nobody has had; another look is what everybody else pays until the next poll. What bare Jinja
takes for a table of the same rows, its template compiled before, runs in between, so that a machine
that is busy for a while slows both. Each is the median of some runs, in processor time: nothing is
waited for but the processor, so a reader of an idle machine waits as long, and what else a machine
does changes that least.
"""

from __future__ import annotations

import argparse
import re
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from html import unescape
from importlib.metadata import version
from itertools import count
from pathlib import Path

import msgspec
from flask import Flask
from jinja2 import Environment
from prometheus_client import CollectorRegistry

from benchmarks.diagnosing import ORG, T0, WINDOWS, fill
from benchmarks.rows import Row, machine_name
from monitor.clock import SystemClock
from monitor.config import DIAGNOSED_SECONDS, OrgSettings, Settings
from monitor.contract import Contract
from monitor.diagnosis import diagnose_org
from monitor.investigation import load_action_history
from monitor.ledger import Ledger
from monitor.snapshot import OrgSnapshot, PollHealth, RemediationSnapshot, Snapshot, SnapshotHolder
from monitor.summary import limits_in_use, summarise
from monitor.time_ranges import TimeRange
from monitor.web import create_app

ACTIONS = 2_000
RUNS = 15
NOW = T0 + DIAGNOSED_SECONDS + 600.0
DAY, HOUR = (TimeRange(T0 + DIAGNOSED_SECONDS - s, T0 + DIAGNOSED_SECONDS) for s in (86_400, 3_600))
SETTINGS = Settings()
ORG_SETTINGS = OrgSettings.model_validate({"name": ORG, "client_id": "x", "client_secret": "y"})

_BARE = """<table>{% for row in rows %}
<tr>{% for cell in row %}<td>{{ cell }}</td>{% endfor %}</tr>{% endfor %}
</table>"""
_ROW = re.compile(r"<tr\b.*?</tr>", re.DOTALL)
_CELL = re.compile(r"<t[hd]\b[^>]*>(.*?)</t[hd]>", re.DOTALL)
_TAG = re.compile(r"<[^>]*>")


@dataclass(frozen=True, slots=True)
class Aim:
    """Something to be asked for, and what it may cost.

    Attributes:
        name: What it is, in a word or two.
        path: Where it is asked for.
        first_ms: The most that the first look may take at the median; None where nothing is aimed
            at.
        compressed_bytes: The most that goes over the wire; None likewise.
    """

    name: str
    path: str
    first_ms: float | None = None
    compressed_bytes: int | None = None

    @property
    def text(self) -> str:
        """What it may cost, in words; empty where nothing is aimed at."""
        aims = [f"{self.first_ms:g} ms"] if self.first_ms else []
        aims += [f"{self.compressed_bytes / 1000:g} kB"] if self.compressed_bytes else []
        return ", ".join(aims)


SLOW_TAIL = "action-00000"
AIMS = (
    Aim("overview", "/", 50.0, 100_000),
    Aim("overview, all of it", "/?show=all"),
    Aim("an action, a day", f"/actions/{ORG}/{SLOW_TAIL}", 150.0),
    Aim("an action, a week", f"/actions/{ORG}/{SLOW_TAIL}?since=7d", 150.0),
    Aim("changes", "/changes"),
    Aim("actions as JSON", "/api/v1/actions"),
    Aim("critical as JSON", "/api/v1/actions?min_severity=critical"),
    Aim("an action as JSON", f"/api/v1/actions/{ORG}/{SLOW_TAIL}"),
)


@dataclass(frozen=True, slots=True)
class Cost:
    """What one of them took, in milliseconds of the processor at the median, and its size in bytes.

    Attributes:
        aim: What was asked for.
        bare_ms: What bare Jinja takes for a table of the same rows.
        first_ms: The first look at a snapshot.
        again_ms: Another look at it.
        body_bytes: The document.
        sent_bytes: The same as it is sent, compressed.
        rows: Rows of its tables, or of its JSON.
    """

    aim: Aim
    bare_ms: float
    first_ms: float
    again_ms: float
    body_bytes: int
    sent_bytes: int
    rows: int

    @property
    def ratio(self) -> float:
        """The first look in times of bare Jinja."""
        return self.first_ms / self.bare_ms

    @property
    def holds(self) -> bool:
        """Whether what is aimed at is reached."""
        most_ms, most_bytes = self.aim.first_ms, self.aim.compressed_bytes
        return (most_ms is None or self.first_ms < most_ms) and (
            most_bytes is None or self.sent_bytes < most_bytes
        )


class Site:
    """The application on a ledger, with a new snapshot as often as one is asked for."""

    def __init__(self, ledger: Ledger) -> None:
        """Summarise and diagnose, as a daemon does."""
        classifier = SETTINGS.classify.classifier()
        contract, state = Contract.PLATFORM, ledger.state(ORG)
        self._org = OrgSnapshot(
            org=ORG,
            contract=contract,
            state=state,
            day=summarise(ledger, ORG, contract, DAY, classifier, by_hour=True),
            hour=summarise(ledger, ORG, contract, HOUR, classifier),
            limits=limits_in_use(ledger, ORG, contract, HOUR, classifier),
            health=PollHealth({"ok": 9}, source_available={"actions": True}),
            diagnosis=diagnose_org(ledger, ORG_SETTINGS, SETTINGS, NOW),
            remediation=RemediationSnapshot(mode="recommend"),
            polled_at=NOW - 5,
            catalogue_read_at=NOW - 300,
            diagnosed_at=NOW - 60,
        )
        self._polls = count()
        self.holder = SnapshotHolder(Snapshot(NOW, (self._org,)))
        self.app: Flask = create_app(
            self.holder,
            CollectorRegistry(),
            SystemClock(),
            read_action=lambda org_snapshot, action_id, time_range: load_action_history(
                ledger, ORG_SETTINGS, SETTINGS, org_snapshot.state, action_id, time_range
            ),
            trails=ledger.journal,
        )
        self._client = self.app.test_client()
        self.poll()

    def poll(self) -> None:
        """Show another snapshot: what was kept of the one before is of no use."""
        at = time.time() + next(self._polls) / 1000
        self.holder.swap(Snapshot(at, (replace(self._org, polled_at=at),)))

    def ask(self, path: str, *, is_packed: bool = True) -> bytes:
        """Return the body of an answer, compressed or not.

        Raises:
            ValueError: It is none.
        """
        headers = {"Accept-Encoding": "gzip"} if is_packed else {}
        answer = self._client.get(path, headers={"Host": "localhost", **headers})
        if answer.status_code != 200:  # noqa: PLR2004 - HTTP's own
            raise ValueError(f"{path} answers {answer.status}: {answer.get_data()[:500]!r}")
        return answer.get_data()


@contextmanager
def open_site(actions: int, windows: int = WINDOWS) -> Iterator[Site]:
    """Open the application on a state of eight days with so many actions.

    Args:
        actions: How many.
        windows: In how many of the newest windows they are called.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "ledger.db"
        fill(path, actions, windows)
        with Ledger.open(f"sqlite:///{path}") as ledger:
            yield Site(ledger)


def measure(site: Site, aim: Aim, runs: int) -> Cost:
    """Return what something costs, at the median of so many runs."""
    body = site.ask(aim.path, is_packed=False)
    rows = rows_of(body)
    template = Environment(autoescape=True).from_string(_BARE)
    template.render(rows=rows)
    bare, first, again = [], [], []
    for _ in range(runs):
        site.poll()
        first.append(_ms(lambda: site.ask(aim.path)))
        bare.append(_ms(lambda: template.render(rows=rows)))
        again.append(_ms(lambda: site.ask(aim.path)))
    return Cost(
        aim,
        bare_ms=statistics.median(bare),
        first_ms=statistics.median(first),
        again_ms=statistics.median(again),
        body_bytes=len(body),
        sent_bytes=len(site.ask(aim.path)),
        rows=len(rows),
    )


def rows_of(body: bytes) -> list[list[str]]:
    """Return the rows of a page's tables, cell by cell, or the actions of a document likewise."""
    if body.startswith(b"{"):
        document = msgspec.json.decode(body)
        actions = document["actions"] if "actions" in document else [document["action"]]
        return [[str(value) for value in action.values()] for action in actions]
    text = body.decode()
    return [
        [unescape(_TAG.sub("", cell)) for cell in _CELL.findall(row)] for row in _ROW.findall(text)
    ]


def table(costs: Sequence[Cost]) -> str:
    """Return all of it as a table."""
    lines = [
        "|  | rows | bare Jinja | first look | times | again | document | sent | aim | holds |",
        "|---|---:|---:|---:|---:|---:|---:|---:|---|---|",
    ]
    for cost in costs:
        aim = cost.aim
        lines.append(
            f"| {aim.name} | {cost.rows:,} | {cost.bare_ms:.2f} ms | {cost.first_ms:.1f} ms "
            f"| {cost.ratio:.1f} | {cost.again_ms:.1f} ms | {cost.body_bytes / 1000:,.0f} kB "
            f"| {cost.sent_bytes / 1000:,.1f} kB | {aim.text or '-'} "
            f"| {('yes' if cost.holds else '**no**') if aim.text else '-'} |"
        )
    return "\n".join(lines)


def machine() -> str:
    """Return what it was measured on."""
    parts = ", ".join(f"{name} {version(name)}" for name in ("flask", "jinja2", "msgspec"))
    return f"{machine_name()}, {parts}"


def _ms(act: Callable[[], object]) -> float:
    begun = time.process_time()
    act()
    return (time.process_time() - begun) * 1000


def rows(*, quick: bool) -> list[Row]:
    """Return what pages cost that something is aimed at."""
    actions, windows, runs = (21, 300, 1) if quick else (ACTIONS, WINDOWS, RUNS)
    with open_site(actions, windows) as site:
        costs = [measure(site, aim, runs) for aim in AIMS if aim.first_ms]
    return [
        Row(
            what=f"page of {cost.aim.name}, {actions:,} actions",
            measured=f"{cost.first_ms:.1f} ms, {cost.sent_bytes / 1000:.1f} kB",
            rival=f"bare Jinja, the same rows: {cost.bare_ms:.2f} ms",
            aim=cost.aim.text,
            holds=cost.holds,
            ratio=cost.ratio,
        )
        for cost in costs
    ]


def main(arguments: Sequence[str]) -> int:
    """Measure, print, and say whether what is aimed at is reached."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--actions", type=int, default=ACTIONS)
    parser.add_argument("--runs", type=int, default=RUNS, help="looks at each")
    parser.add_argument("--check", action="store_true", help="exit 1 where an aim is missed")
    options = parser.parse_args(arguments)
    with open_site(options.actions) as site:
        costs = [measure(site, aim, options.runs) for aim in AIMS]
    print(f"{options.actions:,} data actions and eight days, on {machine()}\n")
    print(table(costs))
    return 1 if options.check and not all(cost.holds for cost in costs) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
