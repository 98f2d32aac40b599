"""fold(events, build): what events mean. In place: copying the state costs six times as much.

What an event says of its worker is in `worker_events.py`, what one says of the whole build in
`build_events.py`; a test holds that every event of `eventlog/events.py` has its handler. Events are
facts, so a handler never judges whether the event was wise: it only refuses one that speaks of
something which does not exist.

What follows from the statuses (counts, who waits, who is ready) is settled once for all the events of
a call, from the statuses before and after: what happened to a worker in between changes nothing else.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from eventlog import events as ev
from eventlog.errors import ImpossibleEvent, NewerEvent
from projections.build import Build, Status
from projections.build_events import BUILD_EVENTS, settle
from projections.worker_events import WORKER_EVENTS


def fold(events: Iterable[ev.AnyEvent], build: Build | None = None) -> Build:
    """Returns what `events` say, on top of `build` (changed in place) if there is one.

    Raises NewerEvent for an event that only a newer version can fold and ImpossibleEvent for one
    that cannot follow the events before it; these are folded then.
    """
    build = Build() if build is None else build
    index, workers = build.index, build.workers
    of_worker = WORKER_EVENTS
    before: dict[int, Status] = {}
    last: ev.AnyEvent | None = None
    event: Any  # its type is looked up, not checked: this loop is all that a replay does
    try:
        for event in events:
            try:
                handle, status = of_worker[type(event)]
            except KeyError:
                settle(build, before)
                before.clear()
                _fold_other(build, event)
                index, workers = build.index, build.workers
                last = event
                continue
            try:
                place = index[event.worker]
            except KeyError:
                raise ImpossibleEvent(event.seq, f"there is no worker '{event.worker}'") from None
            worker = workers[place]
            if status is not None and worker.status != status:
                if place not in before:
                    before[place] = worker.status
                worker.status = status
            handle(build, worker, event)
            last = event
    finally:
        settle(build, before)
        if last is not None:
            build.seq, build.updated_at = last.seq, last.time
    return build


def evolve(build: Build, event: ev.AnyEvent) -> None:
    """Changes `build` by one event. Raises as `fold` does."""
    fold((event,), build)


def _fold_other(build: Build, event: ev.AnyEvent) -> None:
    handle = BUILD_EVENTS.get(type(event))
    if handle is None:
        raise NewerEvent(event.seq, ev.tag_of(event))
    handle(build, event)
