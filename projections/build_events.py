"""What each event about the whole build means, and what follows from the statuses of its workers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from hashlib import sha256
from typing import Any

import msgspec

from eventlog import events as ev
from eventlog.errors import ImpossibleEvent, NewerEvent
from projections.build import FINISHED, STATUSES, Build, Dispatcher, Result, Status, Worker
from projections.plan_text import PlannedWorker, adopted_status, amend_text, planned_workers
from projections.worker_events import check_name


def settle(build: Build, before: Mapping[int, Status]) -> None:
    """Brings all that follows from statuses up to them; `before` has the old ones by place."""
    counts, waiting, ready, retrying = build.counts, build.waiting, build.ready, build.retrying
    for place, old in before.items():
        status = build.workers[place].status
        if retrying and status != "failed" and status != "timed_out":
            retrying.discard(place)
        if status == old:
            continue
        counts[old] -= 1
        counts[status] += 1
        if old == "pending":
            waiting[place] += 1
            ready.discard(place)
        elif status == "pending":
            waiting[place] -= 1
            if not waiting[place]:
                ready.add(place)
        if status == "in_progress":
            build.running.add(place)
        elif old == "in_progress":
            build.running.discard(place)
        if status == "completed":
            release(build, place)
        elif old == "completed":
            for dependent in build.dependents[place]:
                waiting[dependent] += 1
                ready.discard(dependent)


def release(build: Build, place: int) -> None:
    """The worker is completed: those that depend on it wait for one less."""
    waiting, ready = build.waiting, build.ready
    for dependent in build.dependents[place]:
        waiting[dependent] -= 1
        if not waiting[dependent]:
            ready.add(dependent)


def _plan_began(build: Build, event: ev.PlanDefined | ev.PlanImported) -> None:
    if build.exists:
        raise ImpossibleEvent(event.seq, "the plan was defined before")
    build.build_id = event.build_id
    build.created_at = event.time
    build.plan = bytes(event.plan)
    try:
        planned = planned_workers(build.plan)
    except msgspec.MsgspecError as error:
        raise ImpossibleEvent(event.seq, f"its plan is no plan: {error}") from error
    build.plan_hash = sha256(build.plan).hexdigest()
    build.workers = []
    build.dependents = []
    build.waiting = []
    build.index = {}
    build.ready = set()
    build.running = set()
    build.retrying = set()
    build.counts = dict.fromkeys(STATUSES, 0)
    build.dispatchers = {}
    _add_workers(build, planned, event)


def _add_workers(build: Build, planned: list[PlannedWorker], event: ev.AnyEvent) -> None:
    first = len(build.workers)
    for place, plan in enumerate(planned, first):
        check_name(plan.id, event)
        if plan.id in build.index:
            raise ImpossibleEvent(event.seq, f"there are two workers '{plan.id}'")
        build.index[plan.id] = place
        build.workers.append(Worker(plan.id, [], hours=plan.estimated_hours))
        build.dependents.append([])
        build.waiting.append(0)
    build.counts["pending"] += len(planned)
    for place, plan in enumerate(planned, first):
        _set_dependencies(build, place, plan.dependencies, event.seq)
    for worker, plan in zip(build.workers[first:], planned, strict=True):
        worker.conversation = plan.spawned_conversation
        worker.status = adopted_status(plan.status)
        if worker.status in FINISHED:
            worker.result = Result(plan.completed_at or event.time)
    settle(build, dict.fromkeys(range(first, len(build.workers)), "pending"))


def _set_dependencies(build: Build, place: int, dependencies: Iterable[str], seq: int) -> None:
    workers, worker = build.workers, build.workers[place]
    for old in worker.dependencies:
        build.dependents[old].remove(place)
    try:
        worker.dependencies = [build.index[name] for name in dependencies]
    except KeyError as error:
        raise ImpossibleEvent(seq, f"'{worker.id}' depends on the unknown worker {error}") from error
    for dependency in worker.dependencies:
        build.dependents[dependency].append(place)
    build.waiting[place] = (worker.status != "pending") + sum(
        workers[dependency].status != "completed" for dependency in worker.dependencies
    )
    if build.waiting[place]:
        build.ready.discard(place)
    else:
        build.ready.add(place)


def _plan_amended(build: Build, event: ev.PlanAmended) -> None:
    if not build.exists:
        raise ImpossibleEvent(event.seq, "there is no plan to amend")
    added = bytes(event.workers)
    try:
        planned = msgspec.json.decode(added, type=list[PlannedWorker])
    except msgspec.MsgspecError as error:
        raise ImpossibleEvent(event.seq, f"it adds what are no workers: {error}") from error
    build.plan = amend_text(build.plan, added, event.dependencies, event.estimates)
    _add_workers(build, planned, event)
    for name, dependencies in event.dependencies.items():
        if name not in build.index:
            raise ImpossibleEvent(event.seq, f"there is no worker '{name}'")
        _set_dependencies(build, build.index[name], dependencies, event.seq)
    for name, hours in event.estimates.items():
        if name not in build.index:
            raise ImpossibleEvent(event.seq, f"there is no worker '{name}'")
        build.workers[build.index[name]].hours = None if hours is None else float(hours)


def _note(build: Build, event: ev.NoteAdded) -> None:
    build.notes += 1


def _forked(build: Build, event: ev.Forked) -> None:
    if not build.exists:
        raise ImpossibleEvent(event.seq, "there is no plan that the fork could go on with")
    build.origin = f"{event.origin}@{event.origin_seq}"
    build.build_id = event.build_id
    build.dispatchers.clear()
    build.retrying.clear()


def _dispatcher_started(build: Build, event: ev.DispatcherStarted) -> None:
    check_name(event.dispatcher, event)
    build.dispatchers[event.dispatcher] = Dispatcher(
        event.dispatcher, event.host, event.pid, event.via, event.jobs, event.time
    )


def _dispatcher_stopped(build: Build, event: ev.DispatcherStopped) -> None:
    build.dispatchers.pop(event.dispatcher, None)


def _unrecognised(build: Build, event: ev.Unrecognised) -> None:
    if not event.is_extension:
        raise NewerEvent(event.seq, event.type)


BUILD_EVENTS: dict[type[Any], Callable[[Build, Any], None]] = {
    ev.PlanDefined: _plan_began,
    ev.PlanImported: _plan_began,
    ev.PlanAmended: _plan_amended,
    ev.NoteAdded: _note,
    ev.Forked: _forked,
    ev.DispatcherStarted: _dispatcher_started,
    ev.DispatcherStopped: _dispatcher_stopped,
    ev.Unrecognised: _unrecognised,
}
