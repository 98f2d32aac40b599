"""evolve(build, event): what each event means. In place: copying the state costs six times as much.

One handler a type, found by the event's class (faster than a `match`); a test holds that every
event of `eventlog/events.py` has one. Events are facts, so a handler never judges whether the event
was wise: it only refuses one that speaks of something which does not exist.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from hashlib import sha256
from typing import Any

import msgspec

from eventlog import events as ev
from eventlog.errors import ImpossibleEvent, InvalidName, NewerEvent
from eventlog.names import parse_worker_id
from projections.build import FINISHED, Attempt, Build, Dispatcher, Result, Status, Submission, Worker
from projections.plan_text import PlannedWorker, adopted_status, amend_text, planned_workers


def fold(events: Iterable[ev.AnyEvent], build: Build | None = None) -> Build:
    """Returns what `events` say, on top of `build` (changed in place) if there is one.

    Raises NewerEvent for an event that only a newer version can fold and ImpossibleEvent for one
    that cannot follow the events before it.
    """
    build = Build() if build is None else build
    for event in events:
        handler = HANDLERS.get(type(event))
        if handler is None:
            raise NewerEvent(event.seq, ev.tag_of(event))
        handler(build, event)
        build.seq = event.seq
        build.updated_at = event.time
    return build


def evolve(build: Build, event: ev.AnyEvent) -> None:
    """Changes `build` by one event. Raises as `fold` does."""
    fold((event,), build)


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
    build.index = {}
    build.ready = set()
    build.retrying = set()
    build.counts = {}
    build.dispatchers = {}
    _add_workers(build, planned, event)


def _check_name(name: str, event: ev.AnyEvent) -> None:
    """Names of workers and dispatchers become names of files: a log made by hand must not lead elsewhere."""
    try:
        parse_worker_id(name)
    except InvalidName as error:
        raise ImpossibleEvent(event.seq, str(error)) from error


def _add_workers(build: Build, planned: list[PlannedWorker], event: ev.AnyEvent) -> None:
    first = len(build.workers)
    for place, plan in enumerate(planned, first):
        _check_name(plan.id, event)
        if plan.id in build.index:
            raise ImpossibleEvent(event.seq, f"there are two workers '{plan.id}'")
        build.index[plan.id] = place
        build.workers.append(Worker(plan.id, [], [], 0, hours=plan.estimated_hours))
        build.counts["pending"] = build.counts.get("pending", 0) + 1
    for place, plan in enumerate(planned, first):
        _set_dependencies(build, place, plan.dependencies, event.seq)
    for place, plan in enumerate(planned, first):
        worker = build.workers[place]
        worker.conversation = plan.spawned_conversation
        status = adopted_status(plan.status)
        if status == "completed":
            worker.completed_at = plan.completed_at or event.time
        if status != "pending":
            worker.result = Result(plan.completed_at or event.time) if status in FINISHED else None
            _move(build, worker, status)


def _set_dependencies(build: Build, place: int, dependencies: Iterable[str], seq: int) -> None:
    worker = build.workers[place]
    for old in worker.dependencies:
        build.workers[old].dependents.remove(place)
    try:
        worker.dependencies = [build.index[name] for name in dependencies]
    except KeyError as error:
        raise ImpossibleEvent(seq, f"'{worker.id}' depends on the unknown worker {error}") from error
    worker.waiting = 0
    for dependency in worker.dependencies:
        build.workers[dependency].dependents.append(place)
        worker.waiting += build.workers[dependency].status != "completed"
    _update_ready(build, place)


def _update_ready(build: Build, place: int) -> None:
    worker = build.workers[place]
    if worker.waiting == 0 and worker.status == "pending":
        build.ready.add(place)
    else:
        build.ready.discard(place)


def _move(build: Build, worker: Worker, status: Status) -> None:
    """Gives the worker its status and carries what follows from it to counts, ready set, dependents."""
    old = worker.status
    if old == status:
        return
    worker.status = status
    place = build.index[worker.id]
    counts = build.counts
    counts[old] -= 1
    counts[status] = counts.get(status, 0) + 1
    if build.retrying:
        build.retrying.discard(place)
    if old == "pending":
        build.ready.discard(place)
    elif status == "pending" and worker.waiting == 0:
        build.ready.add(place)
    if status == "completed":
        workers = build.workers
        for dependent in worker.dependents:
            waiter = workers[dependent]
            waiter.waiting -= 1
            if waiter.waiting == 0 and waiter.status == "pending":
                build.ready.add(dependent)
    elif old == "completed":
        workers, ready = build.workers, build.ready
        for dependent in worker.dependents:
            workers[dependent].waiting += 1
            ready.discard(dependent)


def _worker(build: Build, event: ev.WorkerEvent) -> Worker:
    try:
        return build.workers[build.index[event.worker]]
    except KeyError:
        raise ImpossibleEvent(event.seq, f"there is no worker '{event.worker}'") from None


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


def _spawned(build: Build, event: ev.WorkerSpawned) -> None:
    worker = _worker(build, event)
    worker.attempts = event.attempt
    worker.tries += 1
    worker.attempt = Attempt(
        event.attempt, event.via, event.time, event.parent, event.dispatcher, event.timeout
    )
    worker.conversation = worker.submission = worker.result = None
    worker.forced = event.forced
    _move(build, worker, "in_progress")


def _progressed(build: Build, event: ev.WorkerProgressed) -> None:
    worker = _worker(build, event)
    if worker.attempt is not None:
        worker.attempt.message = event.message
        worker.attempt.percent = event.percent
        worker.attempt.progressed_at = event.time


def _submitted(build: Build, event: ev.WorkerSubmitted) -> None:
    worker = _worker(build, event)
    worker.submission = Submission(event.time, event.files, event.summary, event.attempt)
    _move(build, worker, "review_pending")


def _rejected(build: Build, event: ev.WorkerRejected) -> None:
    worker = _worker(build, event)
    worker.result = Result(event.time, error=event.reason, reason="rejected")
    worker.tries = 0
    _move(build, worker, "pending")


def _completed(build: Build, event: ev.WorkerCompleted) -> None:
    worker = _worker(build, event)
    worker.completed_at = event.time
    if event.conversation:
        worker.conversation = event.conversation
    worker.result = Result(event.time, event.output, event.summary)
    if event.forced:
        worker.forced = True
    _move(build, worker, "completed")


def _failed(build: Build, event: ev.WorkerFailed) -> None:
    worker = _worker(build, event)
    worker.conversation = event.conversation or worker.conversation
    worker.result = Result(event.time, error=event.error, reason=event.reason)
    _move(build, worker, "failed")
    _announce_retry(build, event)


def _timed_out(build: Build, event: ev.WorkerTimedOut) -> None:
    worker = _worker(build, event)
    worker.conversation = event.conversation or worker.conversation
    worker.result = Result(event.time, error=f"timed out after {event.after:g} s", reason="timeout")
    _move(build, worker, "timed_out")
    _announce_retry(build, event)


def _announce_retry(build: Build, event: ev.WorkerFailed | ev.WorkerTimedOut) -> None:
    if event.retry_in is not None:
        build.retrying.add(build.index[event.worker])


def _cancelled(build: Build, event: ev.WorkerCancelled) -> None:
    worker = _worker(build, event)
    worker.result = Result(event.time, error=event.reason or None, reason="cancelled")
    _move(build, worker, "cancelled")


def _reset(build: Build, event: ev.WorkerReset) -> None:
    worker = _worker(build, event)
    worker.completed_at = worker.submission = worker.conversation = None
    if not event.retry:
        worker.tries = 0
    worker.forced = event.forced
    _move(build, worker, "pending")


def _late(build: Build, event: ev.LateResultReceived) -> None:
    _worker(build, event).late.append(event.attempt)
    build.late_results += 1


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
    _check_name(event.dispatcher, event)
    build.dispatchers[event.dispatcher] = Dispatcher(
        event.dispatcher, event.host, event.pid, event.via, event.jobs, event.time
    )


def _dispatcher_stopped(build: Build, event: ev.DispatcherStopped) -> None:
    build.dispatchers.pop(event.dispatcher, None)


def _unrecognised(build: Build, event: ev.Unrecognised) -> None:
    if not event.is_extension:
        raise NewerEvent(event.seq, event.type)


HANDLERS: dict[type[Any], Callable[[Build, Any], None]] = {
    ev.PlanDefined: _plan_began,
    ev.PlanImported: _plan_began,
    ev.PlanAmended: _plan_amended,
    ev.WorkerSpawned: _spawned,
    ev.WorkerProgressed: _progressed,
    ev.WorkerSubmitted: _submitted,
    ev.WorkerRejected: _rejected,
    ev.WorkerCompleted: _completed,
    ev.WorkerFailed: _failed,
    ev.WorkerTimedOut: _timed_out,
    ev.WorkerCancelled: _cancelled,
    ev.WorkerReset: _reset,
    ev.LateResultReceived: _late,
    ev.NoteAdded: _note,
    ev.Forked: _forked,
    ev.DispatcherStarted: _dispatcher_started,
    ev.DispatcherStopped: _dispatcher_stopped,
    ev.Unrecognised: _unrecognised,
}
