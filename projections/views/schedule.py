"""The critical path method (Kelley and Walker 1959) on a graph: when each worker can start, and its slack.

Plain lists by place, so that it serves a build, a build that might be, and any graph in a test.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from projections.graph import dependents_of, topological


class Schedule(Struct, frozen=True):
    """When each worker runs if nothing but its dependencies holds it up. All in hours, by place.

    `path` are the places of one longest path in order, `hours` its length; `slack` is by how much a
    worker may be late without making the whole later.
    """

    hours: float
    path: list[int]
    start: list[float]
    slack: list[float]
    order: list[int]
    tail: list[float]


def schedule(dependencies: Sequence[Sequence[int]], hours: Sequence[float]) -> Schedule:
    """Returns the schedule; `dependencies` has no cycle, as no plan has one. O(workers + dependencies).

    Of several longest paths it is the one through the earliest places, seen from its end.
    """
    order = topological(dependencies, dependents_of(dependencies))
    start = [0.0] * len(hours)
    for place in order:
        start[place] = max((start[d] + hours[d] for d in dependencies[place]), default=0.0)
    tail = list(hours)
    for place in reversed(order):
        for dependency in dependencies[place]:
            tail[dependency] = max(tail[dependency], hours[dependency] + tail[place])
    total = max((begun + taken for begun, taken in zip(start, hours, strict=True)), default=0.0)
    # Sums in another order differ in their last bits: that is no slack.
    least = total * 1e-12
    slack = [total - begun - rest for begun, rest in zip(start, tail, strict=True)]
    slack = [value if value > least else 0.0 for value in slack]
    return Schedule(total, _longest(dependencies, start, hours), start, slack, order, tail)


def _longest(
    dependencies: Sequence[Sequence[int]], start: Sequence[float], hours: Sequence[float]
) -> list[int]:
    if not hours:
        return []

    def end(place: int) -> tuple[float, int]:
        return start[place] + hours[place], -place

    path = [max(range(len(hours)), key=end)]
    while dependencies[path[-1]]:
        path.append(max(dependencies[path[-1]], key=end))
    return path[::-1]


def potential_gains(
    dependencies: Sequence[Sequence[int]], hours: Sequence[float], planned: Schedule
) -> list[float]:
    """Returns by how many hours the longest path would be shorter if a worker took no time, for each.

    That is the most that can be won by making it faster, which is often less than its hours: then
    another path is the longest. O((workers + dependencies) log dependencies): a path that avoids a
    worker has an edge that leaps over its place in a topological order, or lies whole on one side of it.
    """
    order, start, tail = planned.order, planned.start, planned.tail
    count = len(order)
    position = [0] * count
    for at, place in enumerate(order):
        position[place] = at
    avoiding = [0.0] * count  # by position: the longest path that does not go through what is there
    best = 0.0
    for at, place in enumerate(order):
        avoiding[at] = best
        best = max(best, start[place] + hours[place])
    best = 0.0
    for at in range(count - 1, -1, -1):
        avoiding[at] = max(avoiding[at], best)
        best = max(best, tail[order[at]])
    leaps = [
        (start[dependency] + hours[dependency] + tail[place], position[dependency] + 1, position[place])
        for place, needed in enumerate(dependencies)
        for dependency in needed
        if position[place] - position[dependency] > 1
    ]
    leaps.sort(reverse=True)
    # Longest first, so that each position is settled once: `after` finds the next one that is not.
    after = list(range(count + 1))
    for length, at, end in leaps:
        at = _find(after, at)
        while at < end:
            avoiding[at] = max(avoiding[at], length)
            after[at] = at + 1
            at = _find(after, at)
    total, least = planned.hours, planned.hours * 1e-12
    gains = [
        min(total - avoiding[position[place]], hours[place] + planned.slack[place]) for place in range(count)
    ]
    return [gain if gain > least else 0.0 for gain in gains]


def _find(after: list[int], at: int) -> int:
    while after[at] != at:
        after[at] = after[after[at]]
        at = after[at]
    return at
