"""The least that a fold of these logs can do: the measure for the real one.

It knows the status and attempt of each worker, who waits for how many others, and who is ready; nothing
about times, results or counts. A dict of handlers, plain lists, no checks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import msgspec

from eventlog import events as ev


class Folded:
    """What is known: lists by the worker's place in the plan, and the set of ready places."""

    def __init__(self) -> None:
        self.index: dict[str, int] = {}
        self.status: list[str] = []
        self.attempt: list[int] = []
        self.waiting: list[int] = []
        self.dependents: list[list[int]] = []
        self.ready: set[int] = set()


def fold(events: Iterable[ev.AnyEvent], state: Folded) -> None:
    """Folds events of the types that `inputs.py` writes."""
    handlers = _HANDLERS
    for event in events:
        handlers[type(event)](state, event)


def _defined(state: Folded, event: ev.PlanDefined) -> None:
    workers = msgspec.json.decode(event.plan)["workers"]
    state.index = {worker["id"]: place for place, worker in enumerate(workers)}
    state.status = ["pending"] * len(workers)
    state.attempt = [0] * len(workers)
    state.waiting = [len(worker["dependencies"]) for worker in workers]
    state.dependents = [[] for _ in workers]
    for place, worker in enumerate(workers):
        for name in worker["dependencies"]:
            state.dependents[state.index[name]].append(place)
    state.ready = {place for place, waits in enumerate(state.waiting) if waits == 0}


def _spawned(state: Folded, event: ev.WorkerSpawned) -> None:
    place = state.index[event.worker]
    state.status[place] = "in_progress"
    state.attempt[place] = event.attempt
    state.ready.discard(place)


def _progressed(state: Folded, event: ev.WorkerProgressed) -> None:
    pass


def _completed(state: Folded, event: ev.WorkerCompleted) -> None:
    place = state.index[event.worker]
    state.status[place] = "completed"
    for dependent in state.dependents[place]:
        state.waiting[dependent] -= 1
        if state.waiting[dependent] == 0 and state.status[dependent] == "pending":
            state.ready.add(dependent)


def _failed(state: Folded, event: ev.WorkerFailed) -> None:
    state.status[state.index[event.worker]] = "failed"


def _reset(state: Folded, event: ev.WorkerReset) -> None:
    place = state.index[event.worker]
    if state.status[place] == "completed":
        for dependent in state.dependents[place]:
            state.waiting[dependent] += 1
            state.ready.discard(dependent)
    state.status[place] = "pending"
    if state.waiting[place] == 0:
        state.ready.add(place)


_HANDLERS: dict[type, Callable[[Folded, Any], None]] = {
    ev.PlanDefined: _defined,
    ev.WorkerSpawned: _spawned,
    ev.WorkerProgressed: _progressed,
    ev.WorkerCompleted: _completed,
    ev.WorkerFailed: _failed,
    ev.WorkerReset: _reset,
}
