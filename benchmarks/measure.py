"""Measuring by comparison: candidates take turns, and what counts is their ratio in the same round.

Absolute times belong to one machine at one moment. Two candidates that alternate within seconds
share the machine's mood, so their ratio, round by round, is what can be carried elsewhere.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Mapping, Sequence
from statistics import median
from time import perf_counter

from msgspec import Struct


class Spread(Struct, frozen=True):
    """The lowest, the middle and the highest of some values."""

    lowest: float
    median: float
    highest: float

    def times(self, factor: float) -> Spread:
        """Returns all three multiplied by `factor`, which is not negative."""
        return Spread(self.lowest * factor, self.median * factor, self.highest * factor)


Rounds = dict[str, list[float]]
"""Each candidate's seconds, one value a round."""


def spread(values: Sequence[float]) -> Spread:
    """Returns the spread of at least one value."""
    return Spread(min(values), median(values), max(values))


def interleave(candidates: Mapping[str, Callable[[], float]], rounds: int) -> Rounds:
    """Lets every candidate run once a round, each round beginning with another one.

    A candidate returns its seconds, so that it can prepare and tidy up outside of what counts.
    """
    names = list(candidates)
    seconds: Rounds = {name: [] for name in names}
    for number in range(rounds):
        for place in range(len(names)):
            name = names[(number + place) % len(names)]
            gc.collect()
            seconds[name].append(candidates[name]())
    return seconds


def elapsed(work: Callable[[], object]) -> float:
    """Returns the seconds that `work` takes."""
    began = perf_counter()
    work()
    return perf_counter() - began


def ratio(rounds: Rounds, of: str, to: str) -> Spread:
    """Returns how many times as long `of` took as `to`, compared round by round."""
    return spread([one / other for one, other in zip(rounds[of], rounds[to], strict=True)])


def speed_ratio(rounds: Rounds, of: str, to: str) -> Spread:
    """Returns how many times as fast `of` was as `to`, compared round by round."""
    return ratio(rounds, to, of)
