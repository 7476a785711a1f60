"""A few laws made for the tests, in the format of the files that ``real_latencies`` reads."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

LEVELS = np.linspace(0.0, 1.0, 161)


def pareto(shape: float, least_ms: float) -> list[float]:
    """Quantiles of a Pareto law: of the answers ``(least / t) ** shape`` take longer than t."""
    return [float(least_ms * left ** (-1 / shape)) for left in 1 - LEVELS * 0.9999]


def log_uniform(low_ms: float, high_ms: float) -> list[float]:
    """Quantiles whose log is uniform: what is log-linear between quantiles is exactly this law."""
    return [float(low_ms * (high_ms / low_ms) ** level) for level in LEVELS]


def cut(quantiles_ms: list[float]) -> list[float | None]:
    """The same, as one would see it who waited for 20 s."""
    return [at_ms if at_ms <= 20_000 else None for at_ms in quantiles_ms]


def write(path: Path) -> Path:
    """Write two families of two laws."""
    given: dict[str, list[float] | list[float | None]] = {
        "even-1": log_uniform(100, 1300),
        "even-2": log_uniform(400, 2600),
        "heavy-1": cut(pareto(1.2, 150)),
        "heavy-2": cut(pareto(2.5, 300)),
    }
    laws = [
        {"family": name.partition("-")[0], "name": name, "quantiles_ms": quantiles_ms}
        for name, quantiles_ms in given.items()
    ]
    path.write_text(json.dumps({"laws": laws}), "utf-8")
    return path
