"""Laws that were really measured, read from a file, and actions drawn from them.

The format of the file, and what is drawn, stand in ``benchmarks.real_latencies``.
"""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from benchmarks.counted import (
    EDGES,
    Floats,
    day_shape,
    end_calls,
    evidence_of,
    near_evidence,
    starts,
)
from monitor.diagnosis import ActionEvidence
from monitor.model import CAP_MS

TARGET = 0.99
KNOWN_MS = 20_000.0
"""Of a law with an unknown quantile nothing is known beyond this, times its stretch."""

STRETCHES = (1, 4, 16)
TIMEOUTS_MS = (1000, 2000, 3000, 5000, 8000, 10_000, 15_000, 20_000)
CUT_OFF = (0.01, 0.3)
EXECUTIONS = (2_000, 10_000)
HANGS = (0.0, 0.02, 0.1)
CALM, DRIFTING, SPELLS = "calm", "drifting", "spells"
_WINDOWS = 7 * 24 * 12
_FACTOR_STEP = 0.02
_POINTS = 800


@dataclass(frozen=True, slots=True, eq=False)
class MeasuredLaw:
    """How long answers take, log-linear between quantiles.

    Attributes:
        family: Whence it is.
        name: Its name in the file.
        log_ms: Logs of the quantiles that are known, ascending; shape (n,).
        level: Share of the answers up to each; shape (n,).
        known_ms: Nothing is known beyond; infinite where every quantile is known.
    """

    family: str
    name: str
    log_ms: Floats
    level: Floats
    known_ms: float

    def survival(self, at_ms: npt.ArrayLike) -> Floats:
        """Return the share of the answers that take longer; beyond ``known_ms`` the most."""
        at = np.log(np.maximum(np.asarray(at_ms, dtype=np.float64), 1e-9))
        rest = 0.0 if math.isinf(self.known_ms) else float(self.level[-1])
        return 1.0 - np.interp(at, self.log_ms, self.level, left=0.0, right=rest or 1.0)

    def stretched(self, factor: float) -> MeasuredLaw:
        """Return the same, slower by a factor."""
        return MeasuredLaw(
            family=self.family,
            name=self.name,
            log_ms=self.log_ms + math.log(factor),
            level=self.level,
            known_ms=self.known_ms * factor,
        )


@dataclass(frozen=True, slots=True, eq=False)
class Case:
    """One action to be drawn.

    Attributes:
        law: How long answers take, stretched already.
        stretch: By how much.
        timeout_ms: The timeout in force.
        executions: Mean number of executions.
        never: Share of the calls that never answer.
        slowness: ``calm``, ``drifting`` or ``spells``.
        seed: Decides the rest.
    """

    law: MeasuredLaw
    stretch: int
    timeout_ms: float
    executions: int
    never: float
    slowness: str
    seed: tuple[int, ...]


@dataclass(frozen=True, slots=True, eq=False)
class RealTruth:
    """What is true of all calls together.

    Attributes:
        law: How long answers take when nothing is slow.
        never: Share of the calls that never answer.
        timeout_ms: The timeout in force.
        reach_ms: What a raise may reach: twice the timeout, 30 s, and no further than the law is
            known.
        factor: By how much answers are slower in some of the time; shape (k,).
        weight: Share of the calls of each; shape (k,).
    """

    law: MeasuredLaw
    never: float
    timeout_ms: float
    reach_ms: float
    factor: Floats
    weight: Floats

    def survival(self, at_ms: npt.ArrayLike) -> Floats:
        """Return the share of the calls that take longer, or never answer."""
        at = np.asarray(at_ms, dtype=np.float64)
        late = self.law.survival(at[..., None] / self.factor) @ self.weight
        return np.asarray(self.never + (1 - self.never) * late)

    def rescued(self, at_ms: float) -> float:
        """Return the part of the timeouts that this timeout turns into successes.

        What lies beyond the reach is judged at the reach: of more nothing is known, nor asked.
        """
        at = min(max(at_ms, self.timeout_ms), self.reach_ms)
        share = float(self.survival(self.timeout_ms))
        return 1 - float(self.survival(at)) / max(share, 1e-12)

    @property
    def rescued_at_reach(self) -> float:
        """What the longest raise within reach would rescue."""
        return self.rescued(self.reach_ms)

    @property
    def quantile_ms(self) -> float:
        """The smallest timeout with the target's success share; infinite where none in reach."""
        at = np.geomspace(self.timeout_ms, self.reach_ms, _POINTS)
        met = self.survival(at) <= 1 - TARGET
        return float(at[int(met.argmax())]) if met.any() else math.inf


def read_laws(path: Path) -> list[MeasuredLaw]:
    """Return the laws of a file.

    Raises:
        OSError: It can't be read.
        ValueError: It is no JSON, a law has fewer than two known quantiles, or they descend.
    """
    laws = []
    for one in json.loads(path.read_text(encoding="utf-8"))["laws"]:
        given = one["quantiles_ms"]
        level = np.linspace(0.0, 1.0, len(given))
        known = np.array([quantile is not None for quantile in given])
        at_ms = np.array([quantile for quantile in given if quantile is not None], dtype=np.float64)
        if at_ms.size < 2 or (np.diff(at_ms) < 0).any():  # noqa: PLR2004 - no line without two points
            raise ValueError(f"{path}: {one['name']} has no ascending quantiles")
        laws.append(
            MeasuredLaw(
                family=str(one["family"]),
                name=str(one["name"]),
                log_ms=np.log(np.maximum(at_ms, 0.1)),
                level=level[known],
                known_ms=math.inf if known.all() else KNOWN_MS,
            )
        )
    return laws


def cases(laws: Sequence[MeasuredLaw], draws: int, seed: int) -> list[Case]:
    """Return what to draw: of each family the same number, from all that the protocol allows.

    Args:
        laws: The laws, unstretched.
        draws: How many in all; a family with fewer combinations is drawn from again.
        seed: Decides.
    """
    families = list(dict.fromkeys(law.family for law in laws))
    found = []
    for number, family in enumerate(families):
        rng = np.random.default_rng([seed, number])
        settings = _settings([law for law in laws if law.family == family])
        cut_off = [one for one in settings if _fits(float(one[0].survival(one[2])))]
        grid = list(itertools.product(cut_off, EXECUTIONS, HANGS))
        if not grid:
            continue
        order: list[int] = []
        while len(order) < draws // len(families):
            order += rng.permutation(len(grid)).tolist()
        for index, at in enumerate(order[: draws // len(families)]):
            setting, executions, never = grid[at]
            slowness = str(rng.choice([CALM, DRIFTING, SPELLS], p=[2 / 3, 1 / 6, 1 / 6]))
            key = (seed, number, index)
            if slowness == SPELLS:
                setting = _slow_in_spells(rng, settings, key) or setting
            law, stretch, timeout_ms = setting
            found.append(Case(law, stretch, timeout_ms, executions, never, slowness, key))
    return found


def _settings(laws: Sequence[MeasuredLaw]) -> list[tuple[MeasuredLaw, int, float]]:
    """Return laws with each stretch, and each timeout at which they are known."""
    return [
        (stretched, stretch, float(timeout_ms))
        for law, stretch, timeout_ms in itertools.product(laws, STRETCHES, TIMEOUTS_MS)
        if timeout_ms < (stretched := law.stretched(stretch)).known_ms
    ]


def _fits(cut_off: float) -> bool:
    return CUT_OFF[0] <= cut_off <= CUT_OFF[1]


def _slow_in_spells(
    rng: np.random.Generator,
    settings: Sequence[tuple[MeasuredLaw, int, float]],
    seed: tuple[int, ...],
) -> tuple[MeasuredLaw, int, float] | None:
    """Return one whose timeouts the spells make, for the most part; None where there is none."""
    factor, kind = np.unique(_slowness(np.random.default_rng(seed), SPELLS), return_inverse=True)
    weight = _weights(kind, day_shape(starts(_WINDOWS)))
    for at in rng.permutation(len(settings)):
        law, _, timeout_ms = setting = settings[int(at)]
        late = law.survival(timeout_ms / factor) * weight
        if _fits(float(late.sum())) and late[factor > 1].sum() >= late.sum() / 2:
            return setting
    return None


def _weights(kind: npt.NDArray[np.intp], shape: Floats) -> Floats:
    """Return the share of the calls of each kind of window."""
    return np.asarray(np.bincount(kind, weights=shape / shape.sum()), dtype=np.float64)


def draw_real(case: Case, *, closer_look: bool = True) -> tuple[RealTruth, ActionEvidence]:
    """Return what is true of an action, and what a week of it would show.

    Args:
        case: The action.
        closer_look: Whether it was looked at closely too; the bands are the same ones.
    """
    rng = np.random.default_rng(case.seed)
    start = starts(_WINDOWS)
    shape = day_shape(start)
    shape = shape / shape.sum()
    factor, kind = np.unique(_slowness(rng, case.slowness), return_inverse=True)
    truth = RealTruth(
        law=case.law,
        never=case.never,
        timeout_ms=case.timeout_ms,
        reach_ms=min(2 * case.timeout_ms, float(CAP_MS), case.law.known_ms),
        factor=factor,
        weight=_weights(kind, shape),
    )
    at = np.minimum(EDGES, case.timeout_ms)
    left = case.never + (1 - case.never) * case.law.survival(at / factor[:, None])
    left[:, 0] = 1.0
    bands, late = end_calls(rng, rng.poisson(case.executions * shape), left[kind])
    evidence = evidence_of(start, np.full(_WINDOWS, case.timeout_ms), bands, late)
    if not closer_look:
        return truth, evidence

    def outlasting(at_ms: Floats) -> Floats:
        late = case.law.survival(at_ms / factor[:, None])
        return np.asarray((case.never + (1 - case.never) * late)[kind])

    closely = np.random.default_rng((*case.seed, 1))
    found = near_evidence(closely, start, case.timeout_ms, bands, outlasting)
    return truth, evidence.with_near(found)


def _slowness(rng: np.random.Generator, kind: str) -> Floats:
    """Return by how much the answers of each window are slower, rounded to steps of 2 %."""
    log_factor = np.zeros(_WINDOWS)
    if kind == SPELLS:
        for _ in range(int(rng.integers(1, 5))):
            length = int(rng.integers(12, 6 * 12 + 1))
            at = int(rng.integers(0, _WINDOWS - length))
            log_factor[at : at + length] = math.log(rng.uniform(2, 4))
    elif kind == DRIFTING:
        hours, size = rng.uniform(1, 6), rng.uniform(0.3, 0.7)
        kept = math.exp(-1 / (12 * hours))
        noise = rng.normal(scale=size * math.sqrt(1 - kept**2), size=_WINDOWS)
        level = rng.normal(scale=size)
        for window in range(_WINDOWS):
            level = kept * level + noise[window]
            log_factor[window] = max(0.0, level)
    return np.exp(np.round(log_factor / _FACTOR_STEP) * _FACTOR_STEP)
