"""Each action's timeouts and executions by the hour, from the counts of a whole org at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from monitor.ledger import HourlyCounts
from monitor.model import Classifier, Outcome


@dataclass(frozen=True, slots=True)
class ActionHours:
    """One action, hour by hour, the oldest first.

    Attributes:
        timeouts: Executions that timed out.
        executions: Executions of any outcome.
    """

    timeouts: tuple[int, ...] = ()
    executions: tuple[int, ...] = ()


def actions_by_hour(counts: HourlyCounts, classifier: Classifier) -> Mapping[str, ActionHours]:
    """Return the hours of every action with executions; the others have ``no_hours``.

    Args:
        counts: What was counted, by hour.
        classifier: Reads the platform's words for how an execution ended.
    """
    keys, series = np.unique(counts.series, return_inverse=True)
    words = [counts.words[key] for key in keys.tolist()]
    ids = sorted({action_id for action_id, _, _ in words})
    number = {action_id: at for at, action_id in enumerate(ids)}
    action = np.array([number[action_id] for action_id, _, _ in words], dtype=np.int64)
    late = np.array(
        [classifier.outcome(word, status) is Outcome.TIMEOUT for _, word, status in words],
        dtype=np.bool_,
    )
    cell = action[series] * counts.hours + counts.hour

    def table(rows: npt.NDArray[np.bool_]) -> list[list[int]]:
        sums = np.bincount(
            cell[rows], weights=counts.count[rows], minlength=len(ids) * counts.hours
        )
        found: list[list[int]] = sums.astype(np.int64).reshape(len(ids), counts.hours).tolist()
        return found

    every = np.ones(len(series), dtype=np.bool_)
    return {
        action_id: ActionHours(tuple(timeouts), tuple(executions))
        for action_id, timeouts, executions in zip(
            ids, table(late[series]), table(every), strict=True
        )
    }


def no_hours(counts: HourlyCounts | None) -> ActionHours:
    """Return the hours of an action without executions; empty where none were asked for."""
    none = (0,) * (counts.hours if counts is not None else 0)
    return ActionHours(none, none)
