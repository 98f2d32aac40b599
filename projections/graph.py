"""Dependency graphs: an order of places, and cycles of names, written out in order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence


def find_cycles(dependencies: Mapping[str, Sequence[str]]) -> list[list[str]]:
    """Returns cycles, each as its members in order of dependency; at least one for every knot.

    `dependencies` maps each name to the names it depends on; names that are not keys are passed
    over. Empty when the graph has an order (Kahn 1962); otherwise every node that is left depends on
    another one that is left, so walking along the dependencies always ends in a cycle.
    """
    waiting = {name: sum(d in dependencies for d in needed) for name, needed in dependencies.items()}
    dependents: dict[str, list[str]] = {name: [] for name in dependencies}
    for name, needed in dependencies.items():
        for dependency in needed:
            if dependency in dependents:
                dependents[dependency].append(name)
    free = [name for name, count in waiting.items() if count == 0]
    while free:
        name = free.pop()
        del waiting[name]
        for dependent in dependents[name]:
            waiting[dependent] -= 1
            if waiting[dependent] == 0:
                free.append(dependent)

    cycles: list[list[str]] = []
    visited: set[str] = set()
    for start in waiting:
        walk: dict[str, int] = {}
        name = start
        while name not in visited:
            visited.add(name)
            walk[name] = len(walk)
            name = next(d for d in dependencies[name] if d in waiting)
        if name in walk:
            cycles.append(list(walk)[walk[name] :])
    return cycles


def dependents_of(dependencies: Sequence[Sequence[int]]) -> list[list[int]]:
    """Returns for each place those that depend on it, in plan order."""
    dependents: list[list[int]] = [[] for _ in dependencies]
    for place, needed in enumerate(dependencies):
        for dependency in needed:
            dependents[dependency].append(place)
    return dependents


def topological(dependencies: Sequence[Sequence[int]], dependents: Sequence[Sequence[int]]) -> list[int]:
    """Returns the places, each behind all that it depends on; there is no cycle (Kahn 1962)."""
    waiting = [len(needed) for needed in dependencies]
    order = [place for place, count in enumerate(waiting) if count == 0]
    for place in order:
        for dependent in dependents[place]:
            waiting[dependent] -= 1
            if waiting[dependent] == 0:
                order.append(dependent)  # it is the queue that is walked
    return order
