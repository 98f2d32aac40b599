"""What each event about one worker means: the status that it leads to, and what else it says.

A replay is mostly this, so what costs is done only where something changes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from eventlog import events as ev
from eventlog.errors import ImpossibleEvent, InvalidName
from eventlog.names import parse_worker_id
from projections.build import Attempt, Build, Result, Status, Submission, Worker


def check_name(name: str, event: ev.AnyEvent) -> None:
    """Names of workers and dispatchers become names of files: a log made by hand must not lead elsewhere."""
    try:
        parse_worker_id(name)
    except InvalidName as error:
        raise ImpossibleEvent(event.seq, str(error)) from error


def _spawned(build: Build, worker: Worker, event: ev.WorkerSpawned) -> None:
    if event.attempt < 1:
        raise ImpossibleEvent(event.seq, f"no attempt has the number {event.attempt}")
    worker.attempt = Attempt(
        event.attempt, event.via, event.time, event.parent, event.dispatcher, event.timeout
    )
    if event.dispatcher is not None:
        if event.dispatcher in build.dispatchers:
            worker.attempt.host = build.dispatchers[event.dispatcher].host
        else:
            check_name(event.dispatcher, event)
    worker.result = None
    # To look takes less than half of the time that it takes to set, and mostly there is nothing to set.
    if worker.conversation is not None:
        worker.conversation = None
    if worker.submission is not None:
        worker.submission = None
    if worker.forced is not event.forced:
        worker.forced = event.forced


def _reset(build: Build, worker: Worker, event: ev.WorkerReset) -> None:
    if not event.retry:
        attempt = worker.attempt
        worker.reopened = attempt.number if attempt is not None else 0
    if worker.conversation is not None:
        worker.conversation = None
    if worker.submission is not None:
        worker.submission = None
    if worker.forced is not event.forced:
        worker.forced = event.forced


def _progressed(build: Build, worker: Worker, event: ev.WorkerProgressed) -> None:
    attempt = worker.attempt
    if attempt is not None:
        attempt.message = event.message
        attempt.percent = event.percent
        attempt.progressed_at = event.time


def _submitted(build: Build, worker: Worker, event: ev.WorkerSubmitted) -> None:
    worker.submission = Submission(event.time, event.files, event.summary, event.attempt)


def _rejected(build: Build, worker: Worker, event: ev.WorkerRejected) -> None:
    worker.result = Result(event.time, error=event.reason, reason="rejected")
    worker.reopened = worker.attempts


def _completed(build: Build, worker: Worker, event: ev.WorkerCompleted) -> None:
    worker.result = Result(event.time, event.output, event.summary)
    if event.conversation:
        worker.conversation = event.conversation
    if event.forced:
        worker.forced = True


def _failed(build: Build, worker: Worker, event: ev.WorkerFailed) -> None:
    worker.result = Result(event.time, None, None, event.error, event.reason)
    if event.conversation:
        worker.conversation = event.conversation
    if event.retry_in is not None or build.retrying:
        _announce_retry(build, event)


def _timed_out(build: Build, worker: Worker, event: ev.WorkerTimedOut) -> None:
    worker.result = Result(event.time, None, None, f"timed out after {event.after:g} s", "timeout")
    if event.conversation:
        worker.conversation = event.conversation
    _announce_retry(build, event)


def _announce_retry(build: Build, event: ev.WorkerFailed | ev.WorkerTimedOut) -> None:
    change = build.retrying.discard if event.retry_in is None else build.retrying.add
    change(build.index[event.worker])


def _cancelled(build: Build, worker: Worker, event: ev.WorkerCancelled) -> None:
    worker.result = Result(event.time, error=event.reason or None, reason="cancelled")


def _late(build: Build, worker: Worker, event: ev.LateResultReceived) -> None:
    worker.late += (event.attempt,)
    build.late_results += 1


WORKER_EVENTS: dict[type[Any], tuple[Callable[[Build, Worker, Any], None], Status | None]] = {
    ev.WorkerSpawned: (_spawned, "in_progress"),
    ev.WorkerProgressed: (_progressed, None),
    ev.WorkerSubmitted: (_submitted, "review_pending"),
    ev.WorkerRejected: (_rejected, "pending"),
    ev.WorkerCompleted: (_completed, "completed"),
    ev.WorkerFailed: (_failed, "failed"),
    ev.WorkerTimedOut: (_timed_out, "timed_out"),
    ev.WorkerCancelled: (_cancelled, "cancelled"),
    ev.WorkerReset: (_reset, "pending"),
    ev.LateResultReceived: (_late, None),
}
"""Each event about a worker: who takes it in, and the worker's status from then on (None: as it was)."""
