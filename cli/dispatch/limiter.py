"""How many requests may be on their way, and when the next may leave. Pure: the time comes in.

One limiter is shared by all requests to an agent: whoever is told to slow down slows all. It adds
little and halves at once (AIMD, as TCP does: Chiu and Jain, 1989), so that it finds what an agent
bears without being told, and dispatchers that share an agent come to share what it bears.
"""

from __future__ import annotations

LONGEST_PAUSE = 300.0
"""Seconds: nobody is kept waiting for longer, whatever the agent asks for."""

LONGEST_BACKOFF = 30.0
"""Seconds up to which pauses grow that the agent did not ask for."""


class Limiter:
    """Says when to send. Never allows more than `most` requests at once, and always at least one."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._allowed = float(most)
        self._sending = 0
        self._window = 0
        self._not_before = float("-inf")

    @property
    def allowed(self) -> int:
        """How many requests may be on their way now."""
        return int(self._allowed)

    def wait(self, now: float) -> float | None:
        """Returns the seconds until a request may leave, 0 for now, None while every place is taken."""
        if self._sending >= self.allowed:
            return None
        return max(self._not_before - now, 0.0)

    def send(self) -> int:
        """Takes a place. Returns the window that the request belongs to, to be given back at its end."""
        self._sending += 1
        return self._window

    def answered(self, window: int) -> None:
        """Frees the place of a request that the agent bore: a whole window of them allows one more."""
        self._sending -= 1
        if window == self._window:
            self._allowed = min(self._allowed + 1 / self._allowed, float(self._most))

    def slowed(self, window: int, not_before: float) -> None:
        """Frees the place of a request that the agent did not bear: all wait, and are half as many.

        Requests that left before the last halving tell nothing about what came of it, so a burst of
        refusals halves once.
        """
        self._sending -= 1
        self._not_before = max(self._not_before, not_before)
        if window == self._window:
            self._window += 1
            self._allowed = max(self._allowed / 2, 1.0)

    def left(self) -> None:
        """Frees the place of a request of which nothing was learned."""
        self._sending -= 1


def pause(tries: int, asked: float | None, chance: float, first: float) -> float:
    """Returns the seconds to wait after `tries` failed tries, at most LONGEST_PAUSE.

    `asked` is what the agent asked for, if it did; else it grows from `first`, doubling. `chance`
    (0 to 1) spreads those who were refused together, so that they do not return together.
    """
    if asked is not None:
        return min(asked + chance * first, LONGEST_PAUSE)
    grown = min(first * 2.0 ** min(tries - 1, 30), LONGEST_BACKOFF)
    return grown * (1 + chance) / 2
