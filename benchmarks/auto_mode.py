"""What mode ``auto`` does to the timeouts of orgs whose laws are known, over some weeks.

    .venv/bin/python -m benchmarks.auto_mode                        52 actions, ten days
    .venv/bin/python -m benchmarks.auto_mode --draws 26 --days 5    as docs/remediation.md has it

A simulated platform is served over HTTP. Orgs of data actions are watched by the program's own
poller, diagnosed by its own diagnoser, and treated by its own remediation in mode ``auto``, in the
order in which a daemon does it, on a clock that is moved from turn to turn. Of each kind the action
of every second org is named in ``allow_trials``. What is counted is what the platform had and what
the record says, held against the laws that were drawn: see ``auto_actions`` and ``auto_outcome``.
"""

from __future__ import annotations

import argparse
import logging
import multiprocessing
import sys
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass

import structlog

from benchmarks.auto_actions import DAY, DrawnAction, draw_actions
from benchmarks.auto_outcome import (
    Course,
    Fate,
    Rails,
    Worth,
    broken_rails,
    fate,
    left_alone,
    tally,
    worth,
)
from benchmarks.rows import DisagreementError
from benchmarks.watched_orgs import WatchedOrgs, watch
from monitor.journal import Change, Switch
from monitor.poller import OrgPoller
from monitor.remediation import RemediationLoop
from monitor.simulator import PUNCTUAL, Scenario

BEGIN = 1_795_435_200
"""2026-11-23 12:00 UTC, a Monday; there are calls since three days before."""

MOST_OF_AN_ORG = 13
PROCESSES = 2
ANY_NUMBER = 1_000_000
CATALOGUE_TURNS = 6
"""Nobody but the program changes a timeout here, and what it sets it knows."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is followed.

    Attributes:
        seed: Decides every draw.
        draws: How many actions.
        days: For how long.
        step_minutes: How long it is from one turn to the next.
    """

    seed: int
    draws: int
    days: float
    step_minutes: int

    def orgs(self) -> list[Plan]:
        """Return it in orgs of one action of each kind, each with a seed of its own."""
        sizes = [
            min(MOST_OF_AN_ORG, self.draws - at) for at in range(0, self.draws, MOST_OF_AN_ORG)
        ]
        return [
            Plan(self.seed * 100 + number, size, self.days, self.step_minutes)
            for number, size in enumerate(sizes)
        ]


def follow(plan: Plan) -> tuple[Course, Rails]:
    """Watch one org in mode ``auto``, from its first poll to the end.

    Raises:
        DisagreementError: Something was done that must not be, whatever the data say.
    """
    drawn = draw_actions(plan.seed, plan.draws, BEGIN, plan.days)
    # Of each kind in one org, and not in the next.
    may_try = frozenset(one.name for one in drawn[plan.seed % 2 :: 2])
    scenario = Scenario(
        "auto",
        plan.seed,
        tuple(one.action for one in drawn),
        lateness=PUNCTUAL,
        history_start=float(BEGIN - 3 * DAY),
    )
    sections: dict[str, dict[str, object]] = {
        "collect": {
            "interval": f"{plan.step_minutes}m",
            "near": "30m",
            "lookback": f"{max(plan.step_minutes, 60)}m",
            "sources": ["actions"],
        },
        "remediation": {
            "mode": "auto",
            "allow": ["*"],
            "allow_trials": sorted(may_try),
            # None waits because others were changed that day.
            "max_changes_per_day": 100,
            "reader_may_write": True,
        },
    }
    begin = float(BEGIN)
    with watch(scenario, at=begin, sections=sections, requests_per_minute=ANY_NUMBER) as watched:
        course = _Followed(watched, drawn, may_try).until(BEGIN + plan.days * DAY, plan)
        settings = watched.settings.remediation
    rails = Rails(settings.max_step, settings.cooldown, plan.step_minutes * 60.0)
    if broken := [*broken_rails(course, rails)]:
        raise DisagreementError("; ".join(broken))
    return course, rails


class _Followed:
    """One org, its poller and its loop; and what the platform had at each turn."""

    def __init__(
        self, watched: WatchedOrgs, drawn: tuple[DrawnAction, ...], may_try: frozenset[str]
    ) -> None:
        self._watched, self._drawn, self._may_try = watched, drawn, may_try
        (self._poller,) = watched.pollers
        self._loop = RemediationLoop(
            watched.settings.org[0],
            watched.settings,
            watched.ledger,
            watched.clock,
            threading.Event(),
        )
        self._in_force = {one.name: [(watched.clock.at, one.timeout_ms)] for one in drawn}
        self._trips = 0

    def until(self, end: float, plan: Plan) -> Course:
        """Take turns until a moment; epoch seconds."""
        clock, turns = self._watched.clock, 0
        try:
            while clock.at < end:
                if turns % CATALOGUE_TURNS == 0:
                    self._poller.refresh_catalogue()
                take_turn(self._poller, self._loop)
                self._go_on_after_a_trip()
                self._look()
                turns += 1
                clock.at += plan.step_minutes * 60
        finally:
            self._loop.close()
        journal = self._watched.ledger.journal
        sent = [one for one in journal.changes(self._poller.name) if one.sent_at is not None]
        judged = self._poller.snapshot.diagnosis
        diagnoses = {} if judged is None else judged.diagnoses
        return Course(
            drawn=self._drawn,
            may_try=self._may_try,
            changes=tuple(reversed(sent)),
            in_force=self._in_force,
            verdicts={action_id: one.verdict for action_id, one in diagnoses.items()},
            ended_at=clock.at - plan.step_minutes * 60,
            trips=self._trips,
        )

    def _look(self) -> None:
        """Note what the platform has, whatever the program says."""
        actions = self._watched.platform.actions
        for action_id, timeouts in self._in_force.items():
            seconds = actions.get(action_id).config.timeout_seconds
            value_ms = (seconds or 0) * 1_000
            if timeouts[-1][1] != value_ms:
                timeouts.append((self._watched.clock.at, value_ms))

    def _go_on_after_a_trip(self) -> None:
        """Let it go on at once, as a person may who has looked at it."""
        journal, now = self._watched.ledger.journal, self._watched.clock.at
        if journal.remediation_state(self._poller.name, now).tripped is not None:
            self._trips += 1
            journal.resume(self._poller.name, Switch(now, "benchmark", ""))


def take_turn(poller: OrgPoller, loop: RemediationLoop) -> None:
    """Poll, diagnose what has settled, and take a turn at the timeouts, as a daemon does."""
    poller.poll()
    if poller.claim_diagnosis():
        poller.diagnose()
    shown = poller.snapshot
    loop.run_once(shown.diagnosis if shown.is_judged_here else None)
    loop.refresh_snapshot()


def follow_all(plan: Plan) -> tuple[list[Course], Rails]:
    """Follow every org of a plan, two at a time.

    Raises:
        DisagreementError: Something was done that must not be, whatever the data say.
    """
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(PROCESSES, spawn, initializer=_log_nothing) as pool:
        found = [*pool.map(follow, plan.orgs())]
    return [course for course, _ in found], found[0][1]


def _log_nothing() -> None:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))


def lines(courses: Sequence[Course], rails: Rails) -> Iterator[str]:
    """Yield the tables, then each change that was not worth it, or was undone though it was."""
    raises, trials = tally(courses, trials=False), tally(courses, trials=True)
    yield f"| by the law that was drawn | raises | {_FATES} | trials | {_FATES} |"
    yield "|---|" + "---:|" * (2 + 2 * len(Fate))
    for one in Worth:
        yield f"| {one} | {_counts(raises, [one])} | {_counts(trials, [one])} |"
    yield f"| all | {_counts(raises, [*Worth])} | {_counts(trials, [*Worth])} |"
    yield ""
    yield (
        "Above 30 s, above the largest step, two raises within the wait, "
        "a trial that outlasted its end: never."
    )
    trips = sum(one.trips for one in courses)
    yield f"Failures in a row stopped everything {trips} times, and a person let it go on at once."
    for may_try in (False, True):
        yield _told_of_slow_tails(courses, rails, may_try=may_try)
    told = [*_worth_a_look(courses)]
    if told:
        yield ""
        yield "Worth a look:"
        yield ""
        yield from told


_FATES = " | ".join(Fate)


def _counts(found: Counter[tuple[Worth, Fate]], worths: Sequence[Worth]) -> str:
    each = [sum(found[one, what] for one in worths) for what in Fate]
    return " | ".join(str(count) for count in (sum(each), *each))


def _told_of_slow_tails(courses: Sequence[Course], rails: Rails, *, may_try: bool) -> str:
    found = Counter[str]()
    for course in courses:
        found += left_alone(course, rails, may_try=may_try)
    others = ", ".join(f"{n} `{what}`" for what, n in found.most_common() if what != "raised")
    which = "that may be tried" if may_try else "that may not be tried"
    return (
        f"Slow tails {which} and that one step would help: {found.total()}; raised: "
        f"{found['raised']}; left alone, by what was said last: {others or 'none'}."
    )


def _worth_a_look(courses: Sequence[Course]) -> Iterator[str]:
    for course in courses:
        for change in course.changes:
            did, became = worth(course, change), fate(change)
            is_mistake = did is Worth.HALF and became is Fate.UNDONE
            is_in_vain = did is Worth.NEEDLESS or (did is Worth.VAIN and became is Fate.KEPT)
            if is_mistake or is_in_vain:
                yield _told(course, change)


def _told(course: Course, change: Change) -> str:
    action, at = course.action(change.action_id), change.sent_at or 0.0
    what = "trial" if change.trial_seconds else "raise"
    return (
        f"* {what} of {change.action_name}, {change.from_ms / 1_000:g} s to "
        f"{change.to_ms / 1_000:g} s on day {(at - BEGIN) / DAY:.1f}, {fate(change)}: "
        f"{action.late_share(change.from_ms, at):.2%} were late, of which "
        f"{action.rescued(change.from_ms, change.to_ms, at):.0%} are rescued; {change.note}"
    )


def main(arguments: Sequence[str]) -> int:
    """Follow the orgs, and print what came of it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--draws", type=int, default=52, help=f"actions; {MOST_OF_AN_ORG} an org")
    parser.add_argument("--days", type=float, default=10.0)
    parser.add_argument("--step", type=int, default=60, metavar="MINUTES", help="between turns")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args(arguments)
    plan = Plan(given.seed, given.draws, given.days, given.step)
    print(f"{plan.draws} actions, {plan.days:g} days, seed {plan.seed}\n", flush=True)
    try:
        print("\n".join(lines(*follow_all(plan))))
    except DisagreementError as error:
        print(f"Broken: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
