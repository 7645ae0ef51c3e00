"""Measures how many units per second some work does. Knows nothing of the work."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

LEAST_RUNS = 3
LEAST_SECONDS = 1.0


@dataclass(frozen=True)
class Measured:
    """Units per second, and what they were reached with."""

    rate: float
    choice: str = ""


def rate(units: float, work: Callable[[], object], least_seconds: float = LEAST_SECONDS) -> float:
    """Units per second after a warm-up: the median of at least three runs and so many seconds."""
    work()
    seconds: list[float] = []
    while len(seconds) < LEAST_RUNS or sum(seconds) < least_seconds:
        begun = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - begun)
    return units / statistics.median(seconds)


def best(candidates: Mapping[str, tuple[float, Callable[[], object]]]) -> Measured:
    """The fastest of several ways, each with its units and its work."""
    measured = [Measured(rate(units, work), choice) for choice, (units, work) in candidates.items()]
    return max(measured, key=lambda one: one.rate)
