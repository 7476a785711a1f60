"""The families of latency laws that are fitted, as survival functions over whole columns.

Each has two free parameters on a logarithmic scale, so that every real pair is a law: where it
lies, and its shape. Formulas: Johnson, Kotz, Balakrishnan, Continuous Univariate Distributions 1
(2nd ed., 1994), chapters 14 (lognormal), 17 (gamma) and 21 (Weibull).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.special import gammaincc, ndtr, stdtr

from monitor.analysis.evidence import Floats


@dataclass(frozen=True, slots=True)
class Family:
    """One family.

    Attributes:
        name: Its name.
        survival: From parameters, shape (n, 2), and durations in ms, shape (m,), to the share of
            answers that take longer, shape (n, m).
        shapes: Values of the second parameter from which a search may begin.
    """

    name: str
    survival: Callable[[Floats, Floats], Floats]
    shapes: tuple[float, ...]


def _lognormal(parameters: Floats, at_ms: Floats) -> Floats:
    """Parameters: log of the median; log of the standard deviation of the log."""
    distance = np.log(at_ms)[None, :] - parameters[:, :1]
    result: Floats = ndtr(-distance * np.exp(-parameters[:, 1:]))
    return result


def _weibull(parameters: Floats, at_ms: Floats) -> Floats:
    """Parameters: log of the median; log of the shape."""
    distance = np.log(at_ms)[None, :] - parameters[:, :1]
    power = np.clip(distance * np.exp(parameters[:, 1:]), -700.0, 700.0)
    return np.asarray(np.exp(-np.log(2.0) * np.exp(power)), dtype=np.float64)


def _gamma(parameters: Floats, at_ms: Floats) -> Floats:
    """Parameters: log of the mean; log of the shape."""
    shape = np.exp(parameters[:, 1:])
    result: Floats = gammaincc(shape, shape * at_ms[None, :] * np.exp(-parameters[:, :1]))
    return result


def _log_student(freedom: float) -> Callable[[Floats, Floats], Floats]:
    """Parameters: log of the median; log of the scale of the log."""

    def survival(parameters: Floats, at_ms: Floats) -> Floats:
        distance = np.log(at_ms)[None, :] - parameters[:, :1]
        share = stdtr(freedom, -distance * np.exp(-parameters[:, 1:]))
        return np.asarray(share, dtype=np.float64)

    return survival


LOGNORMAL = Family("lognormal", _lognormal, tuple(np.log([0.1, 0.2, 0.35, 0.5, 0.7, 1.0, 1.5])))
WEIBULL = Family("Weibull", _weibull, tuple(np.log([0.5, 0.8, 1.2, 2.0, 3.0, 5.0, 9.0])))
GAMMA = Family("gamma", _gamma, tuple(np.log([0.4, 0.8, 1.6, 3.0, 6.0, 15.0, 60.0])))
HEAVY = tuple(
    Family(f"log-t{freedom}", _log_student(freedom), LOGNORMAL.shapes) for freedom in (4, 10)
)
"""Student's t of the log: a lognormal whose tail is heavier, for caution.

Four degrees of freedom are the customary choice where a few values lie far out (Lange, Little and
Taylor, J. Am. Stat. Assoc. 84, 1989); ten stand between those and the lognormal.
"""

FAMILIES = (LOGNORMAL, WEIBULL, GAMMA, *HEAVY)
