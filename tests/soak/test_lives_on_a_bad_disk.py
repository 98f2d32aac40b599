"""Long lives of a log on a disk in memory that does its worst, counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from unittest.mock import patch

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.crash import test_lives_of_a_log as lives
from tests.crash.memory_disk import Killed, MemoryDisk
from tests.crash.processes import SOAK_MINUTES


@pytest.mark.soak
@pytest.mark.timeout(0)
def test_many_long_lives_on_a_disk_that_does_its_worst_lose_nothing(
    record_property: Callable[[str, object], None],
) -> None:
    figures = Counter(events_lost=0)

    class CountingDisk(MemoryDisk):
        def _call(self, name: str, effect: Callable[[], object] = int, *, on_error: bool = False) -> None:
            dead = self.is_dead
            try:
                super()._call(name, effect, on_error=on_error)
            except OSError:
                figures["faults"] += 1
                raise
            except Killed:
                figures["kills"] += not dead
                raise

        def lose_power(self) -> None:
            figures["losses_of_power"] += 1
            super().lose_power()

    class CountedLives(lives.LivesOfALog):
        def teardown(self) -> None:
            figures["lives"] += 1
            figures["events_acknowledged"] += self.acknowledged.count(b"\n")
            super().teardown()

    with patch.object(lives, "MemoryDisk", CountingDisk):
        run_state_machine_as_test(
            CountedLives,
            settings=settings(
                max_examples=max(1, int(300 * SOAK_MINUTES)),
                stateful_step_count=100,
                deadline=None,
                suppress_health_check=list(HealthCheck),
            ),
        )
    record_property("soak", dict(figures))
