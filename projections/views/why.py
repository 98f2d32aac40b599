"""Why a worker is where it is: the chain of causes, each with its event, down to the root."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Any

from msgspec import Struct
from msgspec.structs import asdict

from projections.build import Build, Worker
from projections.duration import brief
from projections.views.causes import Cause, Causes
from projections.views.history import seconds
from projections.worker_rules import find

MOST_BLOCKERS = 100
"""Root blockers that are told with their paths; the others are counted."""

_NAMED = 3


class Step(Struct, frozen=True):
    """One link of the chain: what `worker` is or was, since which event, and why, in words."""

    worker: str
    status: str
    seq: int
    time: str
    actor: str
    text: str
    waited_seconds: float | None = None


def why_view(found: Causes, project: str, worker: str) -> dict[str, Any]:
    """Returns what `why` answers; refuses an unknown worker.

    `chain` begins at the worker and ends at the root; `blockers` are the workers at the roots of what
    a blocked one waits for, each with its `path` from there; `next` says what would move it.
    """
    asked = find(found.build, worker)
    place = found.build.index[asked.id]
    state = found.build.shown_status(place)
    told: dict[str, Any] = {
        "project": project,
        "worker_id": asked.id,
        "status": asked.status,
        "state": state,
        "seq": found.build.seq,
    }
    blockers, total = _blockers(found, place) if state == "blocked" else ([], 0)
    if blockers:
        chain = [_step(found, found.build.index[name]) for name in blockers[0]["path"]]
        told["blockers"], told["blockers_count"] = blockers, total
        root = found.build.index[blockers[0]["worker"]]
    else:
        chain = list(_history(found, place))
        root = place
    told["because"] = chain[0].text
    told["chain"] = [asdict(step) for step in chain]
    told["next"] = _next_step(found.build, root)
    return told


# --- a worker that has begun or could: back through what made it possible


def _history(found: Causes, place: int) -> Iterator[Step]:
    """Yields the state of the worker, how it became ready, and the same of whom it waited for longest."""
    build = found.build
    while True:
        yield _step(found, place)
        trace = found.traces[place]
        ready = trace.ready
        if ready is None or trace.changed.forced or (trace.spawned is not None and trace.spawned.forced):
            return
        if place not in build.ready:
            yield _ready_step(found, place, ready)
        # Only where it is still the same end of that worker: so the numbers always go down.
        if ready.place in (-1, place) or found.traces[ready.place].changed.seq != ready.seq:
            return
        place = ready.place


def _step(found: Causes, place: int) -> Step:
    build, trace = found.build, found.traces[place]
    state = build.shown_status(place)
    if state == "ready" and trace.ready is not None:
        return _ready_step(found, place, trace.ready)
    if state == "blocked":
        return _as_step(build, place, state, trace.changed, _waits_for(build, build.workers[place]))
    return _as_step(build, place, state, trace.changed, _what_happened(found, place))


def _as_step(
    build: Build, place: int, state: str, cause: Cause, text: str, waited: float | None = None
) -> Step:
    return Step(build.workers[place].id, state, cause.seq, cause.time, cause.actor, text, waited)


def _ready_step(found: Causes, place: int, cause: Cause) -> Step:
    build, trace = found.build, found.traces[place]
    worker = build.workers[place]
    waited = None
    if cause.place == place:
        how = {"worker_reset": "it was reset", "worker_rejected": "its work was rejected"}.get(
            cause.type, "it could begin again"
        )
        text = f"ready since event {cause.seq}, when {how}{_colon(cause.reason)}"
    elif cause.place >= 0:
        last = build.workers[cause.place]
        text = f"ready since event {cause.seq}, because {last.id} completed"
        others = [_completed_at(build, d) for d in worker.dependencies if d != cause.place]
        if others and all(others):
            waited = seconds(max(others), cause.time)
            if waited:
                text += f"; waited {brief(waited)} for it after the other {len(others)}"
    else:
        defined = "it was amended" if cause.type == "plan_amended" else "the plan was defined"
        needs = "its dependencies were completed" if worker.dependencies else "it depends on nothing"
        text = f"ready since event {cause.seq}, when {defined}: {needs}"
    if trace.failed is not None and place in build.ready and cause.place == place:
        text += f"; {_failure(trace.failed)}"
    return _as_step(build, place, "ready", cause, text, waited)


def _completed_at(build: Build, place: int) -> str:
    return build.workers[place].completed_at or ""


def _failure(cause: Cause) -> str:
    what = {"worker_timed_out": "timed out", "worker_rejected": "was rejected"}.get(cause.type, "failed")
    return f"attempt {cause.attempt} {what} (event {cause.seq}){_colon(cause.reason)}"


def _what_happened(found: Causes, place: int) -> str:
    """Returns what a worker that is not pending is, in words."""
    worker, trace, build = found.build.workers[place], found.traces[place], found.build
    cause = trace.changed
    attempt = f"attempt {cause.attempt}" if cause.attempt else "without an attempt"
    took = ""
    if trace.spawned is not None and trace.spawned.attempt == cause.attempt > 0:
        lasted = seconds(trace.spawned.time, cause.time)
        took = f" after {brief(lasted)}" if lasted is not None else ""
    if cause.type.startswith("plan_"):
        return f"{worker.status} when the plan was imported (event {cause.seq})"
    match worker.status:
        case "in_progress":
            forced = ", by force: its dependencies were not completed" if cause.forced else ""
            by = f"{cause.actor} by dispatcher {cause.dispatcher}" if cause.dispatcher else cause.actor
            text = f"running since event {cause.seq}: {attempt}, spawned by {by} via {cause.reason}{forced}"
            if worker.attempt is not None and worker.attempt.message:
                text += f"; it says: {worker.attempt.message}"
            if trace.failed is not None:
                text += f"; {_failure(trace.failed)}"
            return text
        case "review_pending":
            return f"awaits review since event {cause.seq}: handed in by {cause.actor} ({attempt}){took}"
        case "completed":
            forced = ", by force: its dependencies were not completed" if cause.forced else ""
            return f"completed at event {cause.seq} by {cause.actor} ({attempt}){took}{forced}"
        case "failed" | "timed_out" | "cancelled":
            what = worker.status.replace("_", " ")
            by = f"by {cause.actor} ({attempt}){took}"
            text = f"{what} at event {cause.seq} {by}{_colon(cause.reason)}"
            if place in build.retrying and cause.retry_in is not None:
                text += f"; is tried again {brief(cause.retry_in)} later"
            return text
        case _:
            return ""


def _colon(reason: str) -> str:
    return f": {reason}" if reason else ""


# --- a worker that cannot begin: down to what holds everything up


def _waits_for(build: Build, worker: Worker) -> str:
    missing = [place for place in worker.dependencies if build.workers[place].status != "completed"]
    named = [f"{build.workers[place].id} ({build.shown_status(place)})" for place in missing[:_NAMED]]
    more = f" and {len(missing) - _NAMED} more" if len(missing) > _NAMED else ""
    return f"waits for {', '.join(named)}{more}; {len(worker.dependencies) - len(missing)} of " + (
        f"{len(worker.dependencies)} dependencies are completed"
    )


_WORST = ("cancelled", "failed", "timed_out", "review_pending", "ready", "in_progress")
"""The order in which root blockers are told: those first that move only when somebody acts."""


def _blockers(found: Causes, start: int) -> tuple[list[dict[str, Any]], int]:
    """Returns the root blockers with the shortest paths to them, and their number. O(plan)."""
    build = found.build
    before = {start: -1}
    queue = deque([start])
    roots = []
    while queue:
        place = queue.popleft()
        if build.shown_status(place) != "blocked":
            roots.append(place)
            continue
        for needed in build.workers[place].dependencies:
            if needed not in before and build.workers[needed].status != "completed":
                before[needed] = place
                queue.append(needed)
    roots.sort(key=lambda place: (place in build.retrying, _WORST.index(build.shown_status(place))))
    told = []
    for root in roots[:MOST_BLOCKERS]:
        path, at = [], root
        while at >= 0:
            path.append(build.workers[at].id)
            at = before[at]
        told.append(asdict(_step(found, root)) | {"path": path[::-1]})
    return told, len(roots)


def _next_step(build: Build, place: int) -> str:
    """Returns what would move things on at the root."""
    worker = build.workers[place]
    if place in build.retrying:
        return f"`bo run` tries {worker.id} again"
    return {
        "ready": f"`bo run` or `bo spawn-cmd -w {worker.id}` begins {worker.id}",
        "in_progress": f"`bo wait -w {worker.id}` waits for {worker.id}",
        "review_pending": f"`bo approve -w {worker.id}` or `bo reject -w {worker.id}` decides on {worker.id}",
        "failed": f"`bo reset -w {worker.id}` reopens {worker.id}",
        "timed_out": f"`bo reset -w {worker.id}` reopens {worker.id}",
        "cancelled": f"`bo reset -w {worker.id}` reopens {worker.id}",
    }.get(worker.status if place not in build.ready else "ready", "")
