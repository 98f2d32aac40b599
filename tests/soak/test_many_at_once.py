"""Many processes on one project, killed and stopped at random: the history that they recorded adds up."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.crash.processes import SOAK_MINUTES
from tests.soak.crowd import Crowd, Figures


def run(folder: Path, seconds: float, tell: Callable[[str, object], None]) -> Figures:
    """Lets a crowd live for so long, and checks what came of it."""
    crowd = Crowd(folder, int.from_bytes(os.urandom(4)))
    crowd.live(seconds)
    figures = crowd.check()
    tell("soak", figures._asdict())
    return figures


def test_a_crowd_that_is_killed_and_stopped_loses_nothing(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    figures = run(tmp_path, 8, record_property)
    assert figures.events_acknowledged > 0
    assert figures.looks > 0
    assert figures.events_lost == 0


@pytest.mark.soak
@pytest.mark.timeout(0)
def test_a_crowd_that_is_killed_and_stopped_for_minutes_loses_nothing(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    figures = run(tmp_path, SOAK_MINUTES * 60, record_property)
    assert figures.kills > 0
    assert figures.stops > 0
    assert figures.faults > 0
    assert figures.events_lost == 0
