"""What brought each worker to where it is: one pass over a log, in memory that grows with the plan only."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from eventlog import events as ev
from projections.build import Build
from projections.views.history import advance


class Cause(Struct, frozen=True, gc=False):
    """An event as a cause. `place` is the worker that it is about, -1 for none."""

    seq: int
    time: str
    actor: str
    type: str
    place: int = -1
    attempt: int = 0
    reason: str = ""
    dispatcher: str | None = None
    forced: bool = False
    retry_in: float | None = None


class Trace(Struct, gc=False):
    """What last changed a worker's status, spawned it, made it ready, and what its last failure was."""

    changed: Cause
    spawned: Cause | None = None
    ready: Cause | None = None
    failed: Cause | None = None


class Causes:
    """The events of a log, taken in one by one: `build` is their fold, `traces` are in plan order."""

    def __init__(self) -> None:
        self.build = Build()
        self.traces: list[Trace] = []
        self._ready: set[int] = set()

    def take(self, event: ev.AnyEvent) -> None:
        """Takes the next event in; raises what `evolve` raises."""
        worker = self.build.find(event.worker) if isinstance(event, ev.WorkerEvent) else None
        before = worker.status if worker is not None else None
        ready = advance(self.build, self._ready, event)
        cause = None
        if isinstance(event, ev.PlanDefined | ev.PlanImported | ev.PlanAmended):
            cause = self._cause(event)
            self.traces += [Trace(cause) for _ in self.build.workers[len(self.traces) :]]
        elif worker is not None and worker.status != before:
            cause = self._cause(event)
            trace = self.traces[cause.place]
            trace.changed = cause
            if isinstance(event, ev.WorkerSpawned):
                trace.spawned = cause
            elif isinstance(event, ev.WorkerFailed | ev.WorkerTimedOut | ev.WorkerRejected):
                trace.failed = cause
        for place in ready:
            self.traces[place].ready = cause

    def _cause(self, event: ev.AnyEvent) -> Cause:
        return Cause(
            event.seq,
            event.time,
            event.actor,
            ev.tag_of(event),
            self.build.index[event.worker] if isinstance(event, ev.WorkerEvent) else -1,
            event.attempt if isinstance(event, ev.WorkerEvent) else 0,
            _reason(event),
            event.dispatcher if isinstance(event, ev.WorkerSpawned) else None,
            bool(getattr(event, "forced", False)),
            getattr(event, "retry_in", None),
        )


def causes(events: Iterable[ev.AnyEvent]) -> Causes:
    """Returns what `events`, a log from its beginning, say of each worker. Raises what `evolve` raises."""
    found = Causes()
    for event in events:
        found.take(event)
    return found


def _reason(event: ev.AnyEvent) -> str:
    match event:
        case ev.WorkerFailed():
            return ": ".join(part for part in (event.reason, event.error) if part and part != "reported")
        case ev.WorkerTimedOut():
            return f"took longer than {event.after:g} s"
        case ev.WorkerCancelled() | ev.WorkerRejected() | ev.WorkerReset():
            return event.reason
        case ev.WorkerSpawned():
            return event.via
        case _:
            return ""
