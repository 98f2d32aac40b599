"""Dependency graphs by name: cycles, found and written out in order."""

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
