"""The families of latency laws that are weighed, as survival functions over whole columns.

Each has two free parameters on a logarithmic scale, so that every real pair is a law: where it
lies, and its shape. Formulas: Johnson, Kotz, Balakrishnan, Continuous Univariate Distributions 1
(2nd ed., 1994), chapters 14 (lognormal), 17 (gamma) and 21 (Weibull).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import accumulate
from math import log

import numpy as np
from scipy.special import gammaincc, ndtr

from monitor.diagnosis.evidence import Floats

LOG_SD = 0.5
"""How far answers of one kind scatter, before any is seen: the standard deviation of the log of
their duration. By it two calls in three come within a factor of 1.6 of the median."""

LOG_SD_PRIOR_SD = 0.6
"""How far that may be off, as the standard deviation of its log: 19 kinds in 20 scatter between
0.15 (a machine) and 1.6 (ninety-five calls in a hundred within a factor of 23)."""


SECOND_MODE_LOG_SD = 0.25
"""The same for a second kind of call that stands out from the first by a rise of the density. It
scatters less: a kind as wide as most would be no rise but a shoulder."""


@dataclass(frozen=True, slots=True)
class Family:
    """One family.

    Attributes:
        name: Its name.
        survival: From parameters, shape (..., 2), and logs of durations in ms, shape (m,), to the
            share of answers that take longer, shape (..., m).
        prior_mean: The second parameter of a law that scatters as is usual.
        prior_sd: ``LOG_SD_PRIOR_SD`` in the second parameter.
    """

    name: str
    survival: Callable[[Floats, Floats], Floats]
    prior_mean: float
    prior_sd: float


def _lognormal(parameters: Floats, log_ms: Floats) -> Floats:
    """Parameters: log of the median; log of the standard deviation of the log."""
    location, shape = parameters[..., :1], parameters[..., 1:]
    return np.asarray(ndtr((location - log_ms) * np.exp(-shape)), dtype=np.float64)


def _weibull(parameters: Floats, log_ms: Floats) -> Floats:
    """Parameters: log of the median; log of the shape."""
    location, shape = parameters[..., :1], parameters[..., 1:]
    power = (log_ms - location) * np.exp(shape)
    np.minimum(np.maximum(power, -700.0, out=power), 700.0, out=power)
    return np.asarray(np.exp(-log(2.0) * np.exp(power)), dtype=np.float64)


def _gamma(parameters: Floats, log_ms: Floats) -> Floats:
    """Parameters: log of the mean; log of the shape."""
    location, shape = parameters[..., :1], np.exp(parameters[..., 1:])
    relative = log_ms - location
    np.minimum(np.maximum(relative, -700.0, out=relative), 50.0, out=relative)
    np.exp(relative, out=relative)
    return np.asarray(gammaincc(shape, shape * relative), dtype=np.float64)


def _log_student(freedom: int) -> Callable[[Floats, Floats], Floats]:
    """Parameters: log of the median; log of the scale of the log.

    For even degrees of freedom the distribution is a polynomial in the cosine (Abramowitz and
    Stegun, Handbook of Mathematical Functions, 1964, 26.7.4).
    """
    steps = ((2 * at - 1) / (2 * at) for at in range(1, freedom // 2))
    terms = tuple(accumulate((1.0, *steps), lambda term, step: term * step))

    def survival(parameters: Floats, log_ms: Floats) -> Floats:
        distance = (log_ms - parameters[..., :1]) * np.exp(-parameters[..., 1:])
        cosine = 1.0 / (1.0 + distance * distance / freedom)
        series = np.zeros_like(cosine)
        for term in reversed(terms):
            series = series * cosine + term
        sine = distance * np.sqrt(cosine / freedom)
        return np.asarray(np.maximum(0.5 - 0.5 * sine * series, 0.0), dtype=np.float64)

    return survival


def families(log_sd: float) -> tuple[Family, ...]:
    """Return all families, where this is the usual scatter of the log of a duration.

    * Lognormal: the scatter is its shape.
    * Weibull: the log of its durations scatters by pi / sqrt(6) / shape.
    * Gamma: by the root of the trigamma of the shape: 0.5 at 4.4, and about the shape to the power
      -1 / 1.75 around it.
    * log-t10: Student's t of the log with ten degrees of freedom, a lognormal whose tail is
      heavier, for caution (Lange, Little and Taylor, J. Am. Stat. Assoc. 84, 1989). Its standard
      deviation is the scale times the root of 10 / 8.
    """
    return (
        Family("lognormal", _lognormal, log(log_sd), LOG_SD_PRIOR_SD),
        Family("Weibull", _weibull, log(1.283 / log_sd), LOG_SD_PRIOR_SD),
        Family("gamma", _gamma, log(4.4 * (log_sd / 0.5) ** -1.75), 1.75 * LOG_SD_PRIOR_SD),
        Family("log-t10", _log_student(10), log(0.89 * log_sd), LOG_SD_PRIOR_SD),
    )


FAMILIES = families(LOG_SD)
SECOND_MODE_FAMILIES = families(SECOND_MODE_LOG_SD)
