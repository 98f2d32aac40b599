"""List scheduling (Graham 1966): how long what is left takes with so many workers at once."""

from __future__ import annotations

import heapq
from collections.abc import Mapping, Sequence

from msgspec import Struct

from projections.build import Build
from projections.rank import ranks


class Simulation(Struct, frozen=True):
    """What would happen from now on. `finish` in hours from now, when nothing more can run.

    `ends` says when each worker ends that is not finished; None for those that never begin, because
    something before them failed or was cancelled.
    """

    finish: float
    ends: list[float | None]


def simulate(build: Build, left: Sequence[float], jobs: int, priorities: Mapping[str, float]) -> Simulation:
    """Returns what comes when each worker takes its `left` hours and `jobs` run at once.

    The order is the dispatcher's. What runs now goes on; what awaits review takes no place. Nothing
    fails. O((workers + dependencies) log workers).
    """
    rank = ranks(build, priorities)
    waiting = build.waiting.copy()
    ends: list[float | None] = [None] * len(build.workers)
    ready = [rank[place] for place in build.ready | build.retrying]
    heapq.heapify(ready)
    running: list[tuple[float, int]] = []
    in_review = set()
    for place, worker in enumerate(build.workers):
        if worker.status in ("in_progress", "review_pending"):
            heapq.heappush(running, (left[place], place))
            if worker.status == "review_pending":
                in_review.add(place)
    now, busy = 0.0, len(running) - len(in_review)
    while running or ready:
        while ready and busy < jobs:
            place = heapq.heappop(ready)[2]
            heapq.heappush(running, (now + left[place], place))
            busy += 1
        now, place = heapq.heappop(running)
        ends[place] = now
        busy -= place not in in_review
        for dependent in build.dependents[place]:
            waiting[dependent] -= 1
            if waiting[dependent] == 0:
                heapq.heappush(ready, rank[dependent])
    return Simulation(now, ends)
