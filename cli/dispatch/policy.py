"""When to try again, and when to stop spawning."""

from __future__ import annotations

from msgspec import Struct

LONGEST_DELAY = 3600.0


class Policy(Struct, frozen=True):
    """What the command line says about failures. Delays in seconds; `max_failures` in a row."""

    retry_delay: float = 1.0
    fail_fast: bool = False
    max_failures: int | None = None
    grace: float = 5.0

    def retry_in(self, tries: int, retries: int, at_least: float | None) -> float | None:
        """Returns how long to wait before the next try after `tries`, None when there is none.

        The delay doubles with every try; `at_least` is what the failed one asked for.
        """
        if tries > retries:
            return None
        return max(min(self.retry_delay * 2.0 ** min(tries - 1, 30), LONGEST_DELAY), at_least or 0.0)


class Breaker:
    """Says when there have been enough failures."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self._in_a_row = 0
        self.open_because: str | None = None

    def succeeded(self) -> None:
        """A worker completed."""
        self._in_a_row = 0

    def failed(self, worker: str, *, final: bool) -> None:
        """An attempt failed; `final` when it will not be tried again."""
        self._in_a_row += 1
        limit = self._policy.max_failures
        if limit is not None and self._in_a_row >= limit:
            self.open_because = f"{self._in_a_row} failures in a row"
        elif final and self._policy.fail_fast:
            self.open_because = f"'{worker}' failed"
