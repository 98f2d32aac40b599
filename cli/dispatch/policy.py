"""When to try again, and when to stop spawning."""

from __future__ import annotations

from msgspec import Struct
from msgspec.structs import replace

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


class Breaker(Struct, frozen=True):
    """Says when there have been enough failures. A value: each result makes the next one."""

    policy: Policy
    in_a_row: int = 0
    open_because: str | None = None

    def after_success(self) -> Breaker:
        """Returns the breaker after a worker completed."""
        return replace(self, in_a_row=0)

    def after_failure(self, worker: str, *, final: bool) -> Breaker:
        """Returns the breaker after an attempt failed; `final` when it will not be tried again."""
        count, limit = self.in_a_row + 1, self.policy.max_failures
        because = self.open_because
        if limit is not None and count >= limit:
            because = f"{count} failures in a row"
        elif final and self.policy.fail_fast:
            because = f"'{worker}' failed"
        return replace(self, in_a_row=count, open_because=because)
