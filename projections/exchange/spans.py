"""Attempts as they end, with who they waited for: what formats for traces are made of."""

from __future__ import annotations

from heapq import heappop, heappush

from msgspec import Struct

from eventlog import events as ev
from projections.views.history import Attempt, History

MOST_STEPS = 128
"""Progress messages of one attempt that are kept, the OpenTelemetry default for events of a span."""


class Span(Struct, gc=False):
    """One attempt. `lane` is a number that no other attempt had at the same time, as small as possible.

    `after` has the attempts of its dependencies that were the latest when it began; `steps` time and
    text of what it said on its way.
    """

    worker: str
    attempt: Attempt
    lane: int
    after: list[tuple[str, int]]
    steps: list[tuple[str, str]] = []


class Spans:
    """The events of a log, taken in one by one; `running` are the attempts that have not ended."""

    def __init__(self) -> None:
        self.told = History()
        self.running: dict[str, Span] = {}
        self._free: list[int] = []
        self._lanes = 0

    def take(self, event: ev.AnyEvent) -> Span | None:
        """Takes the next event in; returns the attempt that it ended, if any. Raises what `evolve` raises."""
        self.told.take(event)
        if isinstance(event, ev.WorkerSpawned):
            self.running[event.worker] = self._begin(event)
            return None
        if not isinstance(event, ev.WorkerEvent) or event.worker not in self.running:
            return None
        span = self.running[event.worker]
        if isinstance(event, ev.WorkerProgressed) and len(span.steps) < MOST_STEPS:
            percent = "" if event.percent is None else f" ({event.percent:g}%)"
            span.steps.append((event.time, event.message + percent))
        if span.attempt.outcome is None:
            return None
        heappush(self._free, span.lane)
        return self.running.pop(event.worker)

    def _begin(self, event: ev.WorkerSpawned) -> Span:
        build, told = self.told.build, self.told
        if self._free:
            lane = heappop(self._free)
        else:
            self._lanes += 1
            lane = self._lanes
        place = build.index[event.worker]
        after = [
            (told.workers[d].id, told.workers[d].attempts[-1].number)
            for d in build.workers[place].dependencies
            if told.workers[d].attempts
        ]
        return Span(event.worker, told.workers[place].attempts[-1], lane, after)
