"""In which order ready workers are spawned: priority, then the longest path behind them, then plan order."""

from __future__ import annotations

from collections.abc import Mapping

from projections.build import Build, Worker

UNKNOWN_HOURS = 1.0
"""What a worker without an estimate counts."""


def estimate(worker: Worker) -> float:
    """Returns the estimated hours of a worker, the usual number where it has none."""
    return UNKNOWN_HOURS if worker.hours is None else worker.hours


def remaining_hours(build: Build) -> list[float]:
    """Returns for each worker the estimated hours of the longest path that begins with it.

    Workers that are completed count nothing. O(workers + dependencies), Kahn's order backwards.
    """
    hours = [0.0] * len(build.workers)
    waiting = [len(dependents) for dependents in build.dependents]
    free = [place for place, count in enumerate(waiting) if count == 0]
    while free:
        place = free.pop()
        worker = build.workers[place]
        if worker.status != "completed":
            hours[place] += estimate(worker)
        for dependency in worker.dependencies:
            hours[dependency] = max(hours[dependency], hours[place])
            waiting[dependency] -= 1
            if waiting[dependency] == 0:
                free.append(dependency)
    return hours


def ranks(build: Build, priorities: Mapping[str, float]) -> list[tuple[float, float, int]]:
    """Returns for each worker its rank; the smallest of the ready ones goes first."""
    return [
        (-priorities.get(worker.id, 0.0), -hours, place)
        for place, (worker, hours) in enumerate(zip(build.workers, remaining_hours(build), strict=True))
    ]
