"""Many orgs in one daemon: how many polls it makes of them, how many fail, and what it takes.

    .venv/bin/python -m benchmarks.fifty_orgs --minutes 10    fifty orgs of 200 actions, each minute
    .venv/bin/python -m benchmarks.fifty_orgs --minutes 1 --interval 5s --orgs 20 --actions 50

The daemon is the real program, in a process of its own; what it reads is a simulated platform in
this one, over a socket. It is scraped each 15 seconds, as Prometheus would. Exits 1 where a poll
failed or was partial, and says why.
"""

from __future__ import annotations

import argparse
import logging
import statistics
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.daemon_process import Scrape, Usage, free_port, health_seconds, running
from benchmarks.rows import DisagreementError, Row
from monitor.clock import SystemClock
from monitor.simulator import BELIEVABLE, SimulatedOrg, scaled, serve

LOOK_SECONDS = 0.5
SCRAPE_SECONDS = 15.0
ROWS_SECONDS = 300.0
RESTARTS = 3
MOST_CORES = 0.15
MOST_MIB = 350.0
MOST_THREADS = 33.0
MOST_START = 1.0
MOST_SCRAPE = 1.0
MOST_REASONS = 5


@dataclass(frozen=True, slots=True)
class Crowd:
    """How many orgs are watched, and how.

    Attributes:
        orgs: How many.
        actions: Data actions of each.
        interval: How often each is polled, as ``[collect] interval`` has it.
        state: URL of the state; an SQLite file in the folder where empty.
        initial: How much of the past a fresh state begins with.
        first: The number of the first org.
    """

    orgs: int = 50
    actions: int = 200
    interval: str = "1m"
    state: str = ""
    initial: str = "1h"
    first: int = 1


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the daemon's polls came to, and what it took for them.

    Attributes:
        polls: Polls by result.
        orgs_read: Orgs of which at least one poll succeeded.
        slowest_seconds: How long the longest poll took.
        reasons: Why polls failed or were partial, with how often.
        usage: The most that the daemon used.
        health_cpu_seconds: Processor time of another start on the state that it left, until a
            health check is answered; 0 where none was made.
        import_cpu_seconds: As much of that as is imports.
        seconds: How long it was watched, from then on.
        steady_cores: Share of one core that it took in the second half.
        scrapes: Every scrape.
    """

    polls: Counter[str]
    orgs_read: int
    slowest_seconds: float
    reasons: Counter[str]
    usage: Usage
    health_cpu_seconds: float = 0.0
    import_cpu_seconds: float = 0.0
    seconds: float = 0.0
    steady_cores: float = 0.0
    scrapes: list[Scrape] = field(default_factory=list)

    @property
    def bad(self) -> int:
        """Polls that were not whole."""
        return self.polls.total() - self.polls["ok"]

    @property
    def cores(self) -> float:
        """Share of one core that it took, its start included."""
        return self.usage.cpu_seconds / self.seconds if self.seconds else 0.0


def configuration(
    crowd: Crowd, folder: Path, url: str, login: tuple[str, str], port: int = 0
) -> Path:
    """Write the configuration of a daemon that watches so many orgs; its path."""
    client_id, secret = login
    state = crowd.state or f"sqlite:///{folder / 'state.db'}"
    sections = [
        f'[collect]\ninterval = "{crowd.interval}"\ninitial = "{crowd.initial}"\n',
        f"[serve]\nport = {port}\n",
        f'[state]\nurl = "{state}"\n',
    ]
    sections += [
        f'[[org]]\nname = "org-{number:03d}"\napi_url = "{url}"\n'
        f'client_id = "{client_id}"\nclient_secret = "{secret}"\n'
        for number in range(crowd.first, crowd.first + crowd.orgs)
    ]
    path = folder / "timeout-monitor.toml"
    path.write_text("\n".join(sections), encoding="utf-8")
    return path


def watch(
    crowd: Crowd, seconds: float, folder: Path, *, least_polls: int = 0, restarts: int = 0
) -> Outcome:
    """Let a daemon watch so many orgs for so long, or until each was polled so often.

    Args:
        crowd: The orgs.
        seconds: For how long, at most where ``least_polls`` is given.
        folder: Where its configuration, state and log go.
        least_polls: End as soon as there were so many polls of all orgs together, and a good one of
            each; 0 for never.
        restarts: How often to see what it takes to start on the state that is there then.
    """
    org = SimulatedOrg(scaled(crowd.actions), SystemClock(), world=BELIEVABLE)
    usage, port = Usage(), free_port()
    scrapes = list[Scrape]()
    with serve(org) as simulator:
        login = org.client_id, org.client_secret
        config = configuration(crowd, folder, simulator.url, login, port)
        with running(config, folder / "daemon.log", port) as daemon:
            daemon.await_health()
            began = scraped = time.monotonic()
            halfway = None
            while (now := time.monotonic()) - began < seconds and not daemon.has_ended:
                usage = usage.or_more(daemon.usage)
                if now - began > seconds / 2 and halfway is None:
                    halfway = now, usage.cpu_seconds
                if now - scraped >= SCRAPE_SECONDS:
                    scraped = now
                    scrapes.append(daemon.scrape())
                polls = daemon.lines("poll") if least_polls else []
                if polls and len(polls) >= least_polls and _orgs_read(polls) == crowd.orgs:
                    break
                time.sleep(LOOK_SECONDS)
            # Before it is ended: a poll that is cut short then is no finding.
            now = time.monotonic()
            usage = usage.or_more(daemon.usage)
            steady = 0.0
            if halfway is not None:
                steady = (usage.cpu_seconds - halfway[1]) / (now - halfway[0])
            polls = daemon.lines("poll")
        health, imports = 0.0, 0.0
        if restarts:
            health, imports = health_seconds(config, folder / "start.log", port, restarts)
    return Outcome(
        polls=Counter(poll["result"] for poll in polls),
        orgs_read=_orgs_read(polls),
        slowest_seconds=max((poll["duration_seconds"] for poll in polls), default=0.0),
        reasons=_reasons(polls),
        usage=usage,
        health_cpu_seconds=health,
        import_cpu_seconds=imports,
        seconds=now - began,
        steady_cores=steady,
        scrapes=scrapes,
    )


def _orgs_read(polls: list[dict[str, Any]]) -> int:
    return len({poll["org"] for poll in polls if poll["result"] == "ok"})


def _reasons(polls: list[dict[str, Any]]) -> Counter[str]:
    reasons: Counter[str] = Counter()
    for poll in polls:
        if poll["result"] != "ok":
            said = [
                str(text) for key, text in poll.items() if key == "why" or key.endswith("_error")
            ]
            reasons.update(set(said))
    return reasons


def report(crowd: Crowd, outcome: Outcome) -> str:
    """Return the figures as text."""
    polls, usage = outcome.polls, outcome.usage
    what = f"{crowd.orgs} orgs of {crowd.actions} actions, every {crowd.interval}"
    came_to = f"{polls.total()} polls, {polls['failed']} failed, {polls['partial']} partial"
    used = f"{usage.threads} threads, {usage.files} files, {usage.memory_mib} MiB"
    lines = [
        f"{what}: {came_to}; {outcome.orgs_read} orgs were read",
        f"the slowest poll took {outcome.slowest_seconds:.1f} s; at most {used}",
        f"{usage.cpu_seconds:.1f} s CPU in {outcome.seconds:.0f} s: {outcome.cores:.0%} of a core",
        f"in the second half {outcome.steady_cores:.0%}",
    ]
    if outcome.health_cpu_seconds:
        lines.append(
            f"/healthz after {outcome.health_cpu_seconds:.2f} s CPU of another start, "
            f"{outcome.import_cpu_seconds:.2f} s of it imports"
        )
    if outcome.scrapes:
        last = outcome.scrapes[-1]
        spent = [scrape.cpu_seconds for scrape in outcome.scrapes]
        lines.append(
            f"{len(spent)} scrapes: {statistics.median(spent):.2f} s CPU, at most {max(spent):.2f} "
            f"(with what ran beside them); {last.series / (crowd.orgs * crowd.actions):.1f} series "
            f"an action, {last.text_bytes / 1e6:.1f} MB"
        )
    lines += [f"{count} x {why}" for why, count in outcome.reasons.most_common(MOST_REASONS)]
    return "\n".join(lines)


def rows(*, quick: bool) -> list[Row]:
    """Return what a daemon of fifty orgs takes of the machine, once its history is read.

    Args:
        quick: Watch one org for a moment; polls that fail are told all the same.

    Raises:
        DisagreementError: A poll was not whole.
    """
    crowd = Crowd(1, actions=5, interval="1s") if quick else Crowd()
    outcome = _whole_watch(crowd, quick=quick)
    usage, scrapes = outcome.usage, outcome.scrapes
    what = f"{crowd.orgs} orgs of {crowd.actions} actions, polls each {crowd.interval}"
    beyond = outcome.health_cpu_seconds - outcome.import_cpu_seconds
    found = [
        bounded_row(
            f"{what}: CPU, one scrape each 15 s in it", outcome.steady_cores, "{:.0%}", MOST_CORES
        ),
        bounded_row(f"{what}: the most resident memory", usage.memory_mib, "{:.0f} MiB", MOST_MIB),
        bounded_row(f"{what}: threads", usage.threads, "{:.0f}", MOST_THREADS),
        bounded_row(
            f"{what}: a restart to the first /healthz, beyond imports",
            beyond,
            "{:.2f} s",
            MOST_START,
        ),
    ]
    if scrapes:
        spent = statistics.median(scrape.cpu_seconds for scrape in scrapes)
        found.append(bounded_row(f"{what}: one scrape, compressed", spent, "{:.2f} s", MOST_SCRAPE))
    return found


def bounded_row(what: str, figure: float, form: str, most: float) -> Row:
    """Return a row of a figure that has to stay below a bound."""
    return Row(what, form.format(figure), "", f"less than {form.format(most)}", figure < most)


def _whole_watch(crowd: Crowd, *, quick: bool) -> Outcome:
    """Watch, and insist on whole polls.

    Raises:
        DisagreementError: One was not.
    """
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)
    with tempfile.TemporaryDirectory(prefix="fifty-orgs-") as folder:
        seconds, least, restarts = (60.0, crowd.orgs, 1) if quick else (ROWS_SECONDS, 0, RESTARTS)
        outcome = watch(crowd, seconds, Path(folder), least_polls=least, restarts=restarts)
    if outcome.bad or outcome.orgs_read < crowd.orgs:
        raise DisagreementError(report(crowd, outcome))
    return outcome


def main() -> int:
    """Watch as many orgs as the options say, and print what came of it; the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=10.0, help="for how long (10)")
    parser.add_argument("--orgs", type=int, default=50, help="how many (50)")
    parser.add_argument("--actions", type=int, default=200, help="data actions of each (200)")
    parser.add_argument("--interval", default="1m", help="how often each is polled (1m)")
    parser.add_argument("--initial", default="1h", help="the past that a state begins with (1h)")
    parser.add_argument("--state", default="", help="URL of the state; a new SQLite file if none")
    given = parser.parse_args()
    crowd = Crowd(given.orgs, given.actions, given.interval, given.state, given.initial)
    # What the simulator's server says of its queue is no concern of ours.
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)
    with tempfile.TemporaryDirectory(prefix="fifty-orgs-") as folder:
        outcome = watch(crowd, given.minutes * 60, Path(folder), restarts=RESTARTS)
    sys.stdout.write(f"{report(crowd, outcome)}\n")
    return 1 if outcome.bad or outcome.orgs_read < crowd.orgs else 0


if __name__ == "__main__":
    sys.exit(main())
