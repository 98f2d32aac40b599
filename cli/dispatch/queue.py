"""The ready workers in the order in which they go: a heap that tolerates what is no longer ready."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping

from projections.build import Build, Worker
from projections.rank import ranks


class ReadyQueue:
    """Hands out ready workers, best rank first. O(log workers) per worker."""

    def __init__(self, only: frozenset[str] | None = None) -> None:
        self._only = only
        self._ranks: list[tuple[float, float, int]] = []
        self._heap: list[tuple[float, float, int]] = []

    def rebuild(self, build: Build, priorities: Mapping[str, float]) -> None:
        """Ranks all workers anew: at the start and after an amendment."""
        self._ranks = ranks(build, priorities)
        self.refill(build)

    def refill(self, build: Build) -> None:
        """Begins again with what is ready now: after others have changed the build."""
        self._heap = [self._ranks[place] for place in build.ready if self._wanted(build, place)]
        heapq.heapify(self._heap)

    def add(self, build: Build, places: Iterable[int]) -> None:
        """Adds the ready ones among `places`."""
        for place in places:
            if place in build.ready and self._wanted(build, place):
                heapq.heappush(self._heap, self._ranks[place])

    def take(self, build: Build) -> Worker | None:
        """Returns the best worker that is ready, each once, or None."""
        while self._heap:
            place = heapq.heappop(self._heap)[2]
            if place in build.ready:
                return build.workers[place]
        return None

    def __bool__(self) -> bool:
        """Whether there may be one."""
        return bool(self._heap)

    def _wanted(self, build: Build, place: int) -> bool:
        return self._only is None or build.workers[place].id in self._only
