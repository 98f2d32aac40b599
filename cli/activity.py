"""Who is at work on a build, and which of its workers take longer than they may."""

from __future__ import annotations

from collections import Counter
from typing import Any

import msgspec

from cli.clock import now, seconds_between
from cli.project import Project
from projections.build import Build


def activity(project: Project, build: Build, *, past: bool) -> dict[str, Any]:
    """Returns the keys `dispatchers` and `overdue` of `status`.

    Dispatchers are told host by host, each with how many attempts `running` in the log are its. Its
    `alive` is None for a moment in the `past`, and where that cannot be known from here. What is
    overdue is judged as of that moment.
    """
    running = _running(build)
    return {
        "dispatchers": [
            msgspec.structs.asdict(dispatcher)
            | {
                "running": running[dispatcher.id],
                "alive": None if past else _is_alive(project, dispatcher.id),
            }
            for dispatcher in sorted(build.dispatchers.values(), key=lambda one: one.host)
        ],
        "overdue": overdue(build, build.updated_at if past else now()),
    }


def _running(build: Build) -> Counter[str | None]:
    """Returns how many attempts of each dispatcher run."""
    attempts = [build.workers[place].attempt for place in build.running]
    return Counter(attempt.dispatcher for attempt in attempts if attempt is not None)


def _is_alive(project: Project, name: str) -> bool | None:
    from cli.dispatch.presence import is_present

    return is_present(project, name)


def overdue(build: Build, moment: str) -> list[str]:
    """Returns the workers in progress whose attempt has taken longer than its timeout, in plan order."""
    if not build.counts.get("in_progress"):
        return []
    return [
        worker.id
        for worker in build.workers
        if worker.status == "in_progress"
        and worker.attempt is not None
        and worker.attempt.timeout is not None
        and seconds_between(worker.attempt.started_at, moment) > worker.attempt.timeout
    ]


def sentences(active: dict[str, Any]) -> list[str]:
    """Returns what people are told of an `activity`, a line each."""
    lines = []
    for one in active["dispatchers"]:
        state = {True: "runs", False: "is dead; `bo run` goes on where it ended", None: "was at work"}
        workers = "1 worker runs" if one["running"] == 1 else f"{one['running']} workers run"
        lines.append(
            f"dispatcher {one['id']} {state[one['alive']]} (process {one['pid']} on {one['host']}, "
            f"via {one['via']}, {one['jobs']} at once; {workers})"
        )
    late = active["overdue"]
    if late:
        more = f" and {len(late) - 5} more" if len(late) > 5 else ""
        lines.append(f"longer than their timeout: {', '.join(late[:5])}{more}")
    return lines
