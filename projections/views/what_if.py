"""What would be if: suppositions made true on a build in memory, and how the rest of it would go."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct

from eventlog.events import PlanAmended
from projections import commands as cmd
from projections.build import FINISHED, Build, Worker
from projections.decider import decide
from projections.fold import evolve
from projections.rank import estimate
from projections.views.critical_path import pace
from projections.views.history import seconds
from projections.views.schedule import schedule
from projections.views.simulation import simulate
from projections.worker_rules import find

_SUPPOSED = "supposed"


class Suppositions(Struct, frozen=True):
    """What is supposed. `slower` has factors by worker; `add` is a JSON list of workers."""

    add: bytes | None = None
    complete: tuple[str, ...] = ()
    fail: tuple[str, ...] = ()
    skip: tuple[str, ...] = ()
    slower: Mapping[str, float] = {}


def suppose(build: Build, suppositions: Suppositions, now: str) -> list[str]:
    """Makes `suppositions` true in `build`, in place; returns them as sentences.

    The rules that protect a real build from being reopened do not hold here. Raises Refused for an
    unknown worker and InvalidPlan for what cannot be added.
    """
    said = []
    if suppositions.add is not None:
        before = len(build.workers)
        _do(build, cmd.AmendPlan(workers=suppositions.add), now)
        said += [f"{worker.id} is added" for worker in build.workers[before:]]
    for name in suppositions.complete:
        _end(build, cmd.Complete(worker=name, force=True), "completed", now)
        said.append(f"{name} is completed")
    for name in suppositions.fail:
        _end(build, cmd.Fail(worker=name, error=_SUPPOSED), "failed", now)
        said.append(f"{name} failed, and is not tried again")
    for name in suppositions.skip:
        _skip(build, name, now)
        said.append(f"{name} is left out, and nobody waits for it")
    for name, factor in suppositions.slower.items():
        worker = find(build, name)
        worker.hours = estimate(worker) * factor
        said.append(f"{name} takes {factor:g} times its estimate")
    return said


def _do(build: Build, command: cmd.AnyCommand, now: str) -> None:
    for event in decide(build, command, now, _SUPPOSED):
        evolve(build, event)


def _end(build: Build, command: cmd.Complete | cmd.Fail, wanted: str, now: str) -> None:
    worker = find(build, command.worker)
    build.retrying.discard(build.index[worker.id])
    if worker.status == wanted:
        return
    if worker.status in FINISHED:
        _do(build, cmd.Reset(worker=worker.id, force=True), now)
    _do(build, command, now)


def _skip(build: Build, name: str, now: str) -> None:
    worker = find(build, name)
    if worker.status != "completed":
        _do(build, cmd.Cancel(worker=name), now)
    place = build.index[name]
    waiting = [build.workers[d] for d in build.dependents[place] if build.workers[d].status == "pending"]
    changed = {other.id: [build.workers[d].id for d in other.dependencies if d != place] for other in waiting}
    if changed:
        evolve(build, PlanAmended(seq=build.seq, time=now, actor=_SUPPOSED, dependencies=changed))


def outlook(build: Build, jobs: int, priorities: Mapping[str, float], now: str) -> dict[str, Any]:
    """Returns how the rest of the build goes with `jobs` at once: hours from `now`, if nothing fails.

    `never` are the workers that cannot begin, because something before them failed or was cancelled.
    """
    left = [_left(worker, place in build.retrying, now) for place, worker in enumerate(build.workers)]
    simulated = simulate(build, left, jobs, priorities)
    never = [
        place
        for place, worker in enumerate(build.workers)
        if worker.status == "pending" and simulated.ends[place] is None
    ]
    for place in never:
        left[place] = 0.0
    # What has begun waits for nobody any more, also where that was by force.
    waits = [worker.dependencies if worker.status == "pending" else [] for worker in build.workers]
    planned = schedule(waits, left)
    measured = pace(build)
    return {
        "jobs": jobs,
        "ready_count": len(build.ready),
        "ready": [worker.id for worker in build.ready_workers()],
        "critical_path": {
            "hours": round(planned.hours, 9),
            "path": [build.workers[place].id for place in planned.path if left[place] > 0],
        },
        "finish_hours": round(simulated.finish, 9),
        "finish_seconds_at_pace": None if measured is None else round(simulated.finish * 3600 * measured, 3),
        "never": [build.workers[place].id for place in never],
    }


def _left(worker: Worker, retrying: bool, now: str) -> float:
    """The hours that a worker still takes: its estimate, less what its running attempt has used of it."""
    match worker.status:
        case "in_progress":
            used = (seconds(worker.attempt.started_at, now) or 0.0) / 3600 if worker.attempt else 0.0
            return max(estimate(worker) - used, 0.0)
        case "pending":
            return estimate(worker)
        case _:
            return estimate(worker) if retrying else 0.0


def difference(before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
    """Returns how two outlooks differ; positive hours are later."""
    return {
        "finish_hours": round(after["finish_hours"] - before["finish_hours"], 9),
        "critical_path_hours": round(after["critical_path"]["hours"] - before["critical_path"]["hours"], 9),
        "newly_ready": _new(before["ready"], after["ready"]),
        "no_longer_ready": _new(after["ready"], before["ready"]),
        "newly_never": _new(before["never"], after["never"]),
        "no_longer_never": _new(after["never"], before["never"]),
    }


def _new(before: Sequence[str], after: Sequence[str]) -> list[str]:
    known = set(before)
    return [name for name in after if name not in known]
