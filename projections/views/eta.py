"""How long a build may still take: a bound from what is left, in the measure of what is done."""

from __future__ import annotations

from datetime import datetime

from projections.build import Build, Worker
from projections.rank import estimate, remaining_hours


def seconds_left(build: Build, spent: dict[str, float], jobs: int) -> float | None:
    """Returns the estimated seconds until the build is completed, None before anything is known.

    `spent` has the real seconds of completed workers. Estimates are scaled by how real durations
    compare with them so far; what is left takes at least its longest path, and its sum over `jobs`
    (Graham's bound from below).
    """
    estimated = sum(estimate(worker) for worker in build.workers if worker.id in spent)
    if not spent or estimated <= 0:
        return None
    scale = sum(spent.values()) / estimated
    left = [worker for worker in build.workers if worker.status not in ("completed", "cancelled")]
    work = sum(estimate(worker) for worker in left)
    return scale * max(max(remaining_hours(build), default=0.0), work / max(jobs, 1))


def duration(worker: Worker) -> float | None:
    """Returns the seconds from the last spawn of a finished worker to its result, None without both."""
    if worker.attempt is None or worker.result is None:
        return None
    start = datetime.fromisoformat(worker.attempt.started_at)
    return max(0.0, (datetime.fromisoformat(worker.result.at) - start).total_seconds())
