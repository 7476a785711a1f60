"""Which question is most worth asking for a closer look, and how large it may be."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace

from monitor.config import DIAGNOSED_SECONDS
from monitor.diagnosis import OrgDiagnosis, Verdict
from monitor.time_ranges import TimeRange, floor_to

HANGS_ON_IT = frozenset({Verdict.UNCLEAR, Verdict.SLOW_TAIL})
"""Verdicts that a closer look may change, or that rest on one."""

RESTS_ON_IT = frozenset({Verdict.HANGS, Verdict.AT_CAP, Verdict.BIMODAL})
"""Verdicts that a closer look may have led to. Where it has, looking goes on: else what was seen
grows too old, and the verdict is ``unclear`` again with nothing changed."""

PERIOD_SECONDS = 6 * 3600
"""What is kept as one number a band. An action is looked at again when another one has passed: four
requests a day for all that share a timeout."""

MOST_ACTIONS = 50
"""In a question: with the hours of eight days it is as large as a deep read of two hours."""


@dataclass(frozen=True, slots=True)
class Look:
    """One question.

    Attributes:
        timeout_ms: The timeout in force.
        time_range: The period, of whole ``PERIOD_SECONDS`` where it is that long.
        since: From when on each action is to be looked at; epoch seconds by action id.
    """

    timeout_ms: int
    time_range: TimeRange
    since: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class LookSize:
    """The most that one question is about.

    Attributes:
        seconds: The longest period.
        actions: The most actions.
    """

    seconds: int = int(DIAGNOSED_SECONDS)
    actions: int = MOST_ACTIONS

    def halved(self, look: Look) -> LookSize | None:
        """Return what to ask in place of a question that was too much; None where nothing is less.

        First for half as long, then about half as many actions.
        """
        if look.time_range.seconds > PERIOD_SECONDS:
            half = floor_to(look.time_range.seconds / 2, PERIOD_SECONDS)
            return replace(self, seconds=max(half, PERIOD_SECONDS))
        if len(look.since) > 1:
            return LookSize(PERIOD_SECONDS, len(look.since) // 2)
        return None


def next_look(  # noqa: PLR0913, PLR0917 - what is known, and how much may be asked
    verdicts: OrgDiagnosis,
    timeouts: Iterable[tuple[str, float, int | None]],
    looked_until: Mapping[tuple[str, int], int],
    settled_until: float,
    size: LookSize,
    resting: Collection[int] = (),
) -> Look | None:
    """Return what is most worth asking, None where nothing is.

    That is what was looked at least lately, and with it all that share its timeout.

    Args:
        verdicts: The newest.
        timeouts: Since when (epoch seconds) which timeout (ms) is in force, by action id and time.
        looked_until: By action id and timeout, up to where it was looked at.
        settled_until: Nothing newer is asked; epoch seconds.
        size: Nothing larger is asked.
        resting: Timeouts in ms that nothing is asked about now.
    """
    history: defaultdict[str, list[tuple[float, int | None]]] = defaultdict(list)
    for action_id, since, known_ms in sorted(timeouts, key=lambda row: row[:2]):
        history[action_id].append((since, known_ms))
    end = floor_to(settled_until, PERIOD_SECONDS)
    oldest = max(verdicts.time_range.start, settled_until - DIAGNOSED_SECONDS)
    needs: list[tuple[int, int, str]] = []
    for action_id, one in verdicts.diagnoses.items():
        known = history[action_id]
        timeout_ms = round(one.timeout_ms or 0)
        was_looked_at = (action_id, timeout_ms) in looked_until
        if one.verdict not in HANGS_ON_IT and not (one.verdict in RESTS_ON_IT and was_looked_at):
            continue
        if not known or known[-1][1] != timeout_ms:
            continue
        if timeout_ms in resting:
            continue
        # What was first seen may have been in force before; a change came when it was seen.
        begin = max(oldest, known[-1][0]) if len(known) > 1 else oldest
        begin = max(-floor_to(-begin, PERIOD_SECONDS), looked_until.get((action_id, timeout_ms), 0))
        if begin < end:
            needs.append((begin, timeout_ms, action_id))
    if not needs:
        return None
    needs.sort()
    begin, timeout_ms, _ = needs[0]
    chosen = [need for need in needs if need[1] == timeout_ms][: size.actions]
    return Look(
        timeout_ms,
        TimeRange(begin, min(end, begin + size.seconds)),
        {action_id: since for since, _, action_id in chosen},
    )
