"""When each worker waited and ran, as bars on one scale: what a Gantt chart draws."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from msgspec import Struct
from msgspec.structs import asdict

from projections.views.critical_path import worker_hours
from projections.views.history import Attempt, History, WorkerHistory
from projections.views.schedule import schedule


class Bar(Struct, frozen=True, gc=False):
    """A stretch of time, in seconds from the beginning of the build.

    `kind` is `wait` (ready and not spawned), `running`, or how an attempt ended: completed, failed,
    timed_out, cancelled, rejected. `wait` bars have the attempt that ended the wait, 0 if none has.
    """

    kind: str
    start: float
    end: float
    attempt: int
    error: str | None = None


class Row(Struct, frozen=True, gc=False):
    """A worker with its bars in order. `marks` are the seconds at which it ended without an attempt."""

    worker: str
    status: str
    critical: bool
    bars: list[Bar]
    marks: list[float] = []

    @property
    def begins(self) -> float:
        """The seconds at which there is something to see."""
        return min([bar.start for bar in self.bars] + self.marks)

    @property
    def run(self) -> float:
        """Seconds that its attempts took."""
        return sum(bar.end - bar.start for bar in self.bars if bar.kind != "wait")


class Timeline(Struct, frozen=True, gc=False):
    """The rows of all workers that were ever ready, as they began; `unseen` is the number of the others.

    `start` is the time of the first event, `seconds` how far the last lies behind it. `parallel` has
    the number of attempts that ran, from each of its moments (in seconds) to the next.
    """

    start: str
    seconds: float
    rows: list[Row]
    unseen: int
    parallel: list[tuple[float, int]]


def timeline(told: History, critical: Iterable[str] = ()) -> Timeline:
    """Returns when the workers of a build waited and ran; `critical` names those on its critical path."""
    start = _moment(told.build.created_at)
    now = _since(start, told.build.updated_at)
    marked = frozenset(critical)
    rows = [
        Row(
            worker.id,
            told.build.workers[place].status,
            worker.id in marked,
            _bars(worker, start, now, place in told.build.ready),
            [_since(start, mark.time) for mark in worker.marks if mark.kind == "by_hand"],
        )
        for place, worker in enumerate(told.workers)
    ]
    seen = sorted((row for row in rows if row.bars or row.marks), key=lambda row: row.begins)
    return Timeline(told.build.created_at, now, seen, len(rows) - len(seen), _parallel(seen))


def critical_workers(told: History) -> list[str]:
    """Returns the ids on the critical path in order, as `critical-path` finds it as of the last event."""
    build = told.build
    hours = [
        worker_hours(worker, story, build.updated_at)[0]
        for worker, story in zip(build.workers, told.workers, strict=True)
    ]
    path = schedule([worker.dependencies for worker in build.workers], hours).path
    return [build.workers[place].id for place in path]


def timeline_view(shown: Timeline) -> dict[str, Any]:
    """Returns the timeline as plain data."""
    return {
        "start": shown.start,
        "seconds": shown.seconds,
        "not_begun": shown.unseen,
        "most_parallel": max((count for _, count in shown.parallel), default=0),
        "workers": [asdict(row) | {"bars": [asdict(bar) for bar in row.bars]} for row in shown.rows],
    }


def _bars(worker: WorkerHistory, start: float, now: float, is_ready: bool) -> list[Bar]:
    bars: list[Bar] = []
    for attempt in worker.attempts:
        begin = _since(start, attempt.spawned_at)
        if attempt.ready_at is not None and (ready := _since(start, attempt.ready_at)) < begin:
            bars.append(Bar("wait", ready, begin, attempt.number))
        end = now if attempt.ended_at is None else _since(start, attempt.ended_at)
        bars.append(
            Bar(attempt.outcome or "running", begin, max(begin, end), attempt.number, _error(attempt))
        )
    if is_ready and worker.ready_at is not None:
        bars.append(Bar("wait", min(now, _since(start, worker.ready_at)), now, 0))
    return bars


def _error(attempt: Attempt) -> str | None:
    return attempt.error or attempt.reason


def _parallel(rows: list[Row]) -> list[tuple[float, int]]:
    steps: dict[float, int] = {}
    for row in rows:
        for bar in row.bars:
            if bar.kind != "wait":
                steps[bar.start] = steps.get(bar.start, 0) + 1
                steps[bar.end] = steps.get(bar.end, 0) - 1
    running, counted = 0, []
    for moment in sorted(steps):
        running += steps[moment]
        counted.append((moment, running))
    return counted


def _moment(time: str) -> float:
    try:
        return datetime.fromisoformat(time).timestamp()
    except (ValueError, OverflowError):
        return 0.0


def _since(start: float, time: str) -> float:
    """Returns seconds from `start`, never negative: a clock may have gone back."""
    return max(0.0, round(_moment(time) - start, 6))
