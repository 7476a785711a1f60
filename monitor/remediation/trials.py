"""A trial: one step up for a while, which settles what nothing but a longer timeout can show. Pure.

It is measured like any raise. At its end it is set back unless it has helped, by whatever program
takes a turn then: what ends it stands in the record, not in the program that began it.
"""

from __future__ import annotations

from monitor.diagnosis import Diagnosis
from monitor.formats import utc_minute
from monitor.journal import Change
from monitor.remediation.effect import Effect, Judgement

SHORTEST_TRIAL_SECONDS = 900
"""Less is over before the first windows after it have settled."""

LONGEST_TRIAL_SECONDS = 7 * 86_400
"""What can't be shown in a week is not shown: as long is any raise given."""

USUAL_TRIAL_SECONDS = 2 * 3_600.0
"""As long as a trial lasts at least where nobody says for how long."""

LONGEST_USUAL_SECONDS = 86_400.0
"""As long at most: a day has its quiet hours and its busy ones."""

TIMEOUTS_TO_EXPECT = 30.0
"""With as many to be expected under the timeout before, it shows whether half of them are rescued:
fifteen of thirty has a chance below the one that a look at a change asks for, as long as the day
before had many more."""


UNSHOWN_REST_SECONDS = 7 * 86_400.0
"""How long an action is left alone, at most, after a trial that showed nothing. Nothing speaks
against another one, but callers wait longer in it: a day in eight is enough."""


def usual_trial_seconds(diagnosis: Diagnosis, seconds: float) -> float:
    """Return how long an action is to be tried for it to show whether that helped.

    Args:
        diagnosis: What was counted of it. What its verdict leaves out, an outage that is over or
            how it was before a change, says nothing of the timeouts to come.
        seconds: The length of what was read of the period that was looked at; seconds.
    """
    judged = diagnosis.judged
    timeouts = diagnosis.timeouts * (1.0 - diagnosis.outage_share)
    if judged is not None:
        timeouts, seconds = judged.steady_timeouts, min(judged.seconds, seconds)
    if timeouts <= 0 or seconds <= 0:
        return LONGEST_USUAL_SECONDS
    needed = TIMEOUTS_TO_EXPECT * seconds / timeouts
    return min(max(needed, USUAL_TRIAL_SECONDS), LONGEST_USUAL_SECONDS)


def is_trial_over(change: Change, now: float) -> bool:
    """Whether a change is a trial that has had its time; epoch seconds.

    One whose end lies further ahead than it was to last has been written by a clock that is wrong.
    """
    ends_at = change.trial_ends_at
    return ends_at is not None and not now < ends_at <= now + change.trial_seconds


def judged_as_trial(change: Change, judgement: Judgement, now: float) -> Judgement:
    """Return what is to be made of a change by now: a trial that is over is not waited for."""
    ends_at = change.trial_ends_at
    if judgement.effect is not Effect.NOT_YET or ends_at is None or not is_trial_over(change, now):
        return judgement
    words = f"the trial was over at {utc_minute(ends_at)} UTC, and shows no effect"
    return Judgement(Effect.NOTHING_SHOWN, f"{words}: {judgement.detail}", judgement.chance)
