"""What happened to each worker: all its attempts, when it became ready, what was unusual. One pass.

The state of a build keeps the latest attempt only. This keeps all of them, and grows with their
number, never with progress or notes.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from msgspec import Struct

from eventlog import events as ev
from projections.build import Build
from projections.fold import evolve


class Attempt(Struct, gc=False):
    """One spawn of a worker. `ended_at`, `outcome` and `seq_ended` are None while it runs.

    `ready_at` is when the worker became ready for it, None where it was forced. `outcome` is
    completed, failed, timed_out, cancelled or rejected; `reason` and `error` as its last event said.
    """

    number: int
    via: str
    dispatcher: str | None
    parent: str | None
    actor: str
    ready_at: str | None
    spawned_at: str
    seq_spawned: int
    forced: bool = False
    submitted_at: str | None = None
    ended_at: str | None = None
    seq_ended: int | None = None
    ended_by: str | None = None
    outcome: str | None = None
    reason: str | None = None
    error: str | None = None
    retry_in: float | None = None

    @property
    def seconds(self) -> float | None:
        """How long it took; None while it runs."""
        return None if self.ended_at is None else seconds(self.spawned_at, self.ended_at)

    @property
    def waited(self) -> float | None:
        """Seconds from the worker's being ready to the spawn; None where it was spawned by force."""
        return None if self.ready_at is None else seconds(self.ready_at, self.spawned_at)


class Mark(Struct, gc=False):
    """Something out of the usual way of a worker.

    `kind`: `reset`, `retry`, `forced` (a step against its dependencies), `late` (a result of an
    attempt that was over), `by_hand` (an end without an attempt), `rejected`.
    """

    kind: str
    seq: int
    time: str
    actor: str
    attempt: int
    what: str = ""


class WorkerHistory(Struct, gc=False):
    """One worker. `ready_at` and `seq_ready` say when it last became ready and by which event."""

    id: str
    attempts: list[Attempt] = []
    marks: list[Mark] = []
    ready_at: str | None = None
    seq_ready: int | None = None

    @property
    def running(self) -> Attempt | None:
        """The attempt that has not ended."""
        latest = self.attempts[-1] if self.attempts else None
        return latest if latest is not None and latest.outcome is None else None


class History:
    """The events of a log, taken in one by one: `build` is their fold, `workers` are in plan order."""

    def __init__(self) -> None:
        self.build = Build()
        self.workers: list[WorkerHistory] = []
        self._ready: set[int] = set()

    def find(self, worker: str) -> WorkerHistory | None:
        """Returns the history of the worker with that id, or None."""
        place = self.build.index.get(worker)
        return None if place is None else self.workers[place]

    def take(self, event: ev.AnyEvent) -> None:
        """Takes the next event in; raises what `evolve` raises."""
        ready = advance(self.build, self._ready, event)
        self.workers += [WorkerHistory(worker.id) for worker in self.build.workers[len(self.workers) :]]
        for place in ready:
            self.workers[place].ready_at, self.workers[place].seq_ready = event.time, event.seq
        if isinstance(event, ev.WorkerEvent):
            self._record(self.workers[self.build.index[event.worker]], event)

    def _record(self, worker: WorkerHistory, event: ev.WorkerEvent) -> None:
        match event:
            case ev.WorkerSpawned():
                self._begin(worker, event)
            case ev.WorkerSubmitted():
                if (attempt := worker.running) is not None and attempt.number == event.attempt:
                    attempt.submitted_at = event.time
            case ev.WorkerReset():
                kind = "forced" if event.forced else "retry" if event.retry else "reset"
                _mark(worker, kind, event, event.reason)
            case ev.LateResultReceived():
                _mark(worker, "late", event, event.outcome)
            case ev.WorkerCompleted() | ev.WorkerFailed() | ev.WorkerTimedOut() | ev.WorkerCancelled():
                _end(worker, event, OUTCOMES[type(event)])
            case ev.WorkerRejected():
                _mark(worker, "rejected", event, event.reason)
                _end(worker, event, "rejected")
            case _:
                pass

    def _begin(self, worker: WorkerHistory, event: ev.WorkerSpawned) -> None:
        worker.attempts.append(
            Attempt(
                number=event.attempt,
                via=event.via,
                dispatcher=event.dispatcher,
                parent=event.parent,
                actor=event.actor,
                ready_at=None if event.forced else worker.ready_at,
                spawned_at=event.time,
                seq_spawned=event.seq,
                forced=event.forced,
            )
        )
        if event.forced:
            _mark(worker, "forced", event, "spawned before its dependencies were completed")


def advance(build: Build, ready: set[int], event: ev.AnyEvent) -> list[int]:
    """Folds `event` into `build` and returns the places of the workers that became ready by it.

    `ready` is the caller's own copy of the ready set, kept up here: only where it may have changed is
    looked at, so this costs what the fold costs. Raises what `evolve` raises.
    """
    if isinstance(event, ev.WorkerEvent):
        worker = build.find(event.worker)
        before = worker.status if worker is not None else None
        evolve(build, event)
        place = build.index[event.worker]
        touched = [] if build.workers[place].status == before else [place, *build.dependents[place]]
    else:
        evolve(build, event)
        amends = isinstance(event, ev.PlanDefined | ev.PlanImported | ev.PlanAmended)
        touched = sorted(build.ready | ready) if amends else []
    news = [place for place in touched if place in build.ready and place not in ready]
    ready.difference_update(place for place in touched if place not in build.ready)
    ready.update(news)
    return news


OUTCOMES: dict[type[ev.WorkerEvent], str] = {
    ev.WorkerCompleted: "completed",
    ev.WorkerFailed: "failed",
    ev.WorkerTimedOut: "timed_out",
    ev.WorkerCancelled: "cancelled",
}
"""The status that an event gives to its worker, where it ends an attempt for good."""


def _mark(worker: WorkerHistory, kind: str, event: ev.WorkerEvent, what: str = "") -> None:
    worker.marks.append(Mark(kind, event.seq, event.time, event.actor, event.attempt, what))


def _end(worker: WorkerHistory, event: ev.WorkerEvent, outcome: str) -> None:
    attempt = worker.running
    if isinstance(event, ev.WorkerCompleted) and event.forced:
        _mark(worker, "forced", event, "completed before its dependencies were")
    if attempt is None or attempt.number != event.attempt:
        if outcome != "rejected":
            _mark(worker, "by_hand", event, outcome)
        return
    attempt.ended_at, attempt.seq_ended, attempt.ended_by = event.time, event.seq, event.actor
    attempt.outcome = outcome
    match event:
        case ev.WorkerFailed():
            attempt.reason, attempt.error, attempt.retry_in = event.reason, event.error, event.retry_in
        case ev.WorkerTimedOut():
            attempt.reason, attempt.retry_in = "timeout", event.retry_in
        case ev.WorkerCancelled() | ev.WorkerRejected():
            attempt.error = event.reason or None
        case _:
            pass


def history(events: Iterable[ev.AnyEvent]) -> History:
    """Returns what `events`, a log from its beginning, say of each worker. Raises what `evolve` raises."""
    told = History()
    for event in events:
        told.take(event)
    return told


def seconds(start: str, end: str) -> float | None:
    """Returns the seconds between two times of a log; 0 if the clock went back, None for what is no time."""
    try:
        return max(0.0, (datetime.fromisoformat(end) - datetime.fromisoformat(start)).total_seconds())
    except (ValueError, TypeError):
        return None
