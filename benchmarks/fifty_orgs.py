"""Many orgs in one daemon: how many polls it makes of them, and how many of those fail.

    .venv/bin/python -m benchmarks.fifty_orgs --minutes 10    fifty orgs of 200 actions, each minute
    .venv/bin/python -m benchmarks.fifty_orgs --minutes 1 --interval 5s --orgs 20 --actions 50

The daemon is the real program, in a process of its own; what it reads is a simulated platform in
this one, over a socket. Exits 1 where a poll failed or was partial, and says why.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from monitor.clock import SystemClock
from monitor.simulator import BELIEVABLE, SimulatedOrg, scaled, serve

LOOK_SECONDS = 0.5
END_SECONDS = 60.0
MOST_REASONS = 5


@dataclass(frozen=True, slots=True)
class Crowd:
    """How many orgs are watched, and how.

    Attributes:
        orgs: How many.
        actions: Data actions of each.
        interval: How often each is polled, as ``[collect] interval`` has it.
        state: URL of the state; an SQLite file in the folder where empty.
    """

    orgs: int = 50
    actions: int = 200
    interval: str = "1m"
    state: str = ""


@dataclass(frozen=True, slots=True)
class Usage:
    """The most that the daemon was seen to use at a time."""

    files: int = 0
    threads: int = 0
    memory_mib: int = 0

    def or_more(self, other: Usage) -> Usage:
        """Return the larger of each."""
        return Usage(
            max(self.files, other.files),
            max(self.threads, other.threads),
            max(self.memory_mib, other.memory_mib),
        )


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the daemon's polls came to.

    Attributes:
        polls: Polls by result.
        orgs_read: Orgs of which at least one poll succeeded.
        slowest_seconds: How long the longest poll took.
        reasons: Why polls failed or were partial, with how often.
        usage: What the daemon used.
    """

    polls: Counter[str]
    orgs_read: int
    slowest_seconds: float
    reasons: Counter[str]
    usage: Usage

    @property
    def bad(self) -> int:
        """Polls that were not whole."""
        return self.polls.total() - self.polls["ok"]


def configuration(crowd: Crowd, folder: Path, url: str, login: tuple[str, str]) -> Path:
    """Write the configuration of a daemon that watches so many orgs; its path."""
    client_id, secret = login
    state = crowd.state or f"sqlite:///{folder / 'state.db'}"
    sections = [
        f'[collect]\ninterval = "{crowd.interval}"\ninitial = "1h"\n',
        "[serve]\nport = 0\n",
        f'[state]\nurl = "{state}"\n',
    ]
    sections += [
        f'[[org]]\nname = "org-{number:03d}"\napi_url = "{url}"\n'
        f'client_id = "{client_id}"\nclient_secret = "{secret}"\n'
        for number in range(1, crowd.orgs + 1)
    ]
    path = folder / "timeout-monitor.toml"
    path.write_text("\n".join(sections), encoding="utf-8")
    return path


@contextmanager
def daemon(config: Path, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run the daemon until the block ends."""
    with log.open("wb") as lines:
        process = subprocess.Popen(
            [sys.executable, "-m", "monitor", "--config", str(config), "run"],
            stdout=subprocess.DEVNULL,
            stderr=lines,
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])},
        )
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(END_SECONDS)


def watch(crowd: Crowd, seconds: float, folder: Path, *, least_polls: int = 0) -> Outcome:
    """Let a daemon watch so many orgs for so long, or until each was polled so often.

    Args:
        crowd: The orgs.
        seconds: For how long, at most where ``least_polls`` is given.
        folder: Where its configuration, state and log go.
        least_polls: End as soon as there were so many polls of all orgs together, and a good one of
            each; 0 for never.
    """
    org = SimulatedOrg(scaled(crowd.actions), SystemClock(), world=BELIEVABLE)
    log, usage = folder / "daemon.log", Usage()
    with serve(org) as simulator:
        config = configuration(crowd, folder, simulator.url, (org.client_id, org.client_secret))
        with daemon(config, log) as process:
            deadline = time.monotonic() + seconds
            while time.monotonic() < deadline and process.poll() is None:
                usage = usage.or_more(_usage(process.pid))
                polls = _polls(log)
                if least_polls and len(polls) >= least_polls and _orgs_read(polls) == crowd.orgs:
                    break
                time.sleep(LOOK_SECONDS)
            # Before it is ended: a poll that is cut short then is no finding.
            return _outcome(_polls(log), usage)


def _orgs_read(polls: list[dict[str, Any]]) -> int:
    return len({poll["org"] for poll in polls if poll["result"] == "ok"})


def _polls(log: Path) -> list[dict[str, Any]]:
    # The last line may be half written.
    lines = log.read_text(encoding="utf-8").splitlines(keepends=True)
    return [json.loads(line) for line in lines if line.endswith("\n") and '"event": "poll"' in line]


def _outcome(polls: list[dict[str, Any]], usage: Usage) -> Outcome:
    reasons: Counter[str] = Counter()
    for poll in polls:
        if poll["result"] != "ok":
            said = [
                str(text) for key, text in poll.items() if key == "why" or key.endswith("_error")
            ]
            reasons.update(set(said))
    return Outcome(
        polls=Counter(poll["result"] for poll in polls),
        orgs_read=_orgs_read(polls),
        slowest_seconds=max((poll["duration_seconds"] for poll in polls), default=0.0),
        reasons=reasons,
        usage=usage,
    )


def _usage(pid: int) -> Usage:
    """What a process uses, as Linux tells; nothing elsewhere, or where it has ended."""
    folder = Path(f"/proc/{pid}")
    try:
        told = dict(
            line.split(":", 1)
            for line in (folder / "status").read_text().splitlines()
            if ":" in line
        )
        return Usage(
            files=len(list((folder / "fd").iterdir())),
            threads=int(told["Threads"]),
            memory_mib=int(told["VmRSS"].split()[0]) // 1024,
        )
    except (OSError, KeyError):
        return Usage()


def report(crowd: Crowd, outcome: Outcome) -> str:
    """Return the figures as text."""
    polls, usage = outcome.polls, outcome.usage
    what = f"{crowd.orgs} orgs of {crowd.actions} actions, every {crowd.interval}"
    came_to = f"{polls.total()} polls, {polls['failed']} failed, {polls['partial']} partial"
    used = f"{usage.threads} threads, {usage.files} files, {usage.memory_mib} MiB"
    lines = [
        f"{what}: {came_to}; {outcome.orgs_read} orgs were read",
        f"the slowest poll took {outcome.slowest_seconds:.1f} s; at most {used}",
    ]
    lines += [f"{count} x {why}" for why, count in outcome.reasons.most_common(MOST_REASONS)]
    return "\n".join(lines)


def main() -> int:
    """Watch as many orgs as the options say, and print what came of it; the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=10.0, help="for how long (10)")
    parser.add_argument("--orgs", type=int, default=50, help="how many (50)")
    parser.add_argument("--actions", type=int, default=200, help="data actions of each (200)")
    parser.add_argument("--interval", default="1m", help="how often each is polled (1m)")
    parser.add_argument("--state", default="", help="URL of the state; a new SQLite file if none")
    given = parser.parse_args()
    crowd = Crowd(given.orgs, given.actions, given.interval, given.state)
    # What the simulator's server says of its queue is no concern of ours.
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)
    with tempfile.TemporaryDirectory(prefix="fifty-orgs-") as folder:
        outcome = watch(crowd, given.minutes * 60, Path(folder))
    sys.stdout.write(report(crowd, outcome) + "\n")
    return 1 if outcome.bad or outcome.orgs_read < crowd.orgs else 0


if __name__ == "__main__":
    sys.exit(main())
