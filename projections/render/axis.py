"""A scale of time: round steps, and where a moment lies on it."""

from __future__ import annotations

from typing import NamedTuple

_STEPS = (
    *(base * 10.0**power for power in range(-4, 0) for base in (1, 2, 5)),
    *(1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400),
)


class Axis(NamedTuple):
    """`seconds` on `width` pixels (or letters), beginning at `left`."""

    seconds: float
    left: float
    width: float

    def at(self, second: float) -> float:
        """Returns where a moment lies."""
        return self.left + (second / self.seconds if self.seconds else 0.0) * self.width

    def ticks(self, most: int) -> list[float]:
        """Returns at most about `most` round moments, from 0 on."""
        if self.seconds <= 0:
            return [0.0]
        step = next((step for step in _STEPS if self.seconds / step <= most), 0.0)
        if not step:
            days = self.seconds / 86400
            step = 86400.0
            while days * 86400 / step > most:
                step *= 2
        return [number * step for number in range(int(self.seconds / step + 1e-9) + 1)]
