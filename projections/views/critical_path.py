"""What the build's length comes from: its critical path, waits against work, how much ran at once.

Real durations where they are known, estimates elsewhere; nothing is scaled, and `source` says which.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from projections.build import RUNNING, Build, Worker
from projections.rank import estimate
from projections.views.eta import duration
from projections.views.history import Attempt, History, WorkerHistory, seconds
from projections.views.schedule import potential_gains, schedule

SLICES = 24
"""Into how many equal parts the time of a build is cut to show how much ran at once."""

_DIGITS = 9  # of hours: a few microseconds


def critical_path_view(told: History, project: str, now: str) -> dict[str, Any]:
    """Returns what `critical-path` answers, as of `now`. All times are hours.

    `path` has the ids in order and `hours` its length; `slack_hours` is by how much a worker may be
    late without the whole getting later, `potential_gain_hours` what would be won if it took no time.
    """
    build = told.build
    dependencies = [worker.dependencies for worker in build.workers]
    taken = [
        worker_hours(worker, story, now) for worker, story in zip(build.workers, told.workers, strict=True)
    ]
    hours = [hours for hours, _ in taken]
    planned = schedule(dependencies, hours)
    gains = potential_gains(dependencies, hours, planned)
    work = sum(hours)
    return {
        "project": project,
        "seq": build.seq,
        "hours": _rounded(planned.hours),
        "path": [build.workers[place].id for place in planned.path],
        "work_hours": _rounded(work),
        "parallelism": _rounded(work / planned.hours) if planned.hours else None,
        "pace": pace(build),
        "measured": measured(told, now),
        "workers": [
            {
                "id": worker.id,
                "status": worker.status,
                "hours": _rounded(hours[place]),
                "source": taken[place][1],
                "start_hours": _rounded(planned.start[place]),
                "slack_hours": _rounded(planned.slack[place]),
                "potential_gain_hours": _rounded(gains[place]),
                "queue_wait_hours": _waited(told.workers[place]),
            }
            for place, worker in enumerate(build.workers)
        ],
    }


def worker_hours(worker: Worker, story: WorkerHistory, now: str) -> tuple[float, str]:
    """Returns the hours of a worker and where they come from.

    `real`: what its attempts took together, of a completed one; `running`: the same so far, where
    that is more than the estimate; `cancelled`: nothing, it is not to be done; else `estimate`, or
    `default` without one.
    """
    if worker.status == "cancelled":
        return 0.0, "cancelled"
    ran = _ran(story, now)
    if worker.status == "completed" and story.attempts:
        return ran, "real"
    if worker.status in RUNNING and ran > estimate(worker):
        return ran, "running"
    return estimate(worker), "default" if worker.hours is None else "estimate"


def pace(build: Build) -> float | None:
    """Returns the real time of completed workers as a part of their estimates, None before there is any."""
    ran = estimated = 0.0
    for worker in build.workers:
        if worker.status == "completed" and (taken := duration(worker)) is not None:
            ran += taken / 3600
            estimated += estimate(worker)
    return _rounded(ran / estimated) if estimated else None


def measured(told: History, now: str) -> dict[str, Any] | None:
    """Returns what really ran, None if nothing did.

    `wall_hours` from the first spawn to the last end, or `now`; `queue_wait_hours` is what ready workers
    waited for their spawns, all together; `over_time` how many ran on average in each part.
    """
    attempts = [attempt for story in told.workers for attempt in story.attempts]
    spans = [span for attempt in attempts if (span := _span(attempt, now)) is not None]
    if not spans:
        return None
    began, ended = min(start for start, _ in spans), max(end for _, end in spans)
    ran = sum(end - start for start, end in spans)
    waited = sum(attempt.waited or 0.0 for attempt in attempts)
    wall = ended - began
    return {
        "attempts": len(attempts),
        "wall_hours": _rounded(wall / 3600),
        "run_hours": _rounded(ran / 3600),
        "queue_wait_hours": _rounded(waited / 3600),
        "average_parallelism": _rounded(ran / wall) if wall else None,
        "most_parallel": _most(spans),
        "over_time": _over_time(spans, began, wall) if wall else [],
    }


def _span(attempt: Attempt, now: str) -> tuple[float, float] | None:
    try:
        start = datetime.fromisoformat(attempt.spawned_at).timestamp()
        return start, max(start, datetime.fromisoformat(attempt.ended_at or now).timestamp())
    except ValueError:
        return None


def _most(spans: Iterable[tuple[float, float]]) -> int:
    most = running = 0
    # An end goes before a begin at the same moment: one after the other is not both at once.
    for _, step in sorted(
        (moment, step) for span in spans for moment, step in zip(span, (1, -1), strict=True)
    ):
        running += step
        most = max(most, running)
    return most


def _over_time(spans: Iterable[tuple[float, float]], began: float, wall: float) -> list[dict[str, float]]:
    width = wall / SLICES
    running = [0.0] * SLICES
    for start, end in spans:
        for part in range(int((start - began) / width), SLICES):
            left = began + part * width
            if left >= end:
                break
            running[part] += (min(end, left + width) - max(start, left)) / width
    return [
        {"start_hours": _rounded(part * width / 3600), "running": round(max(value, 0.0), 3)}
        for part, value in enumerate(running)
    ]


def _ran(story: WorkerHistory, now: str) -> float:
    """The hours of all its attempts; one that runs counts until `now`."""
    return sum(seconds(a.spawned_at, a.ended_at or now) or 0.0 for a in story.attempts) / 3600


def _waited(story: WorkerHistory) -> float | None:
    waits = [attempt.waited for attempt in story.attempts if attempt.waited is not None]
    return _rounded(sum(waits) / 3600) if waits else None


def _rounded(hours: float) -> float:
    return round(hours, _DIGITS)
