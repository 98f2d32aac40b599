"""Which column of a drawing each worker stands in, and where long arrows pass the columns between.

Sugiyama's method (Sugiyama, Tagawa, Toda 1981), first step: a worker stands right of all that it
depends on. An arrow over several columns gets a bend in each that it passes, so that no box lies on
it. Arrows from one worker share their bends until they part, or arrows to one worker once they have
met: what is drawn then stays far below workers times columns.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil, sqrt
from typing import NamedTuple

from projections.graph import dependents_of, topological

MOST_BENDS = 40_000
"""More than this many only cost time: the longest arrows are then drawn straight, below the boxes."""

FEWEST_ROWS = 18
"""A column of so many boxes is never split."""


class Columns(NamedTuple):
    """Nodes are the workers, by their place in the plan, and behind them the bends.

    `column` has the column of each node; `right` for each node those in the next column that it is
    joined with; `far` the arrows that pass columns without a bend.
    """

    workers: int
    column: list[int]
    right: list[list[int]]
    far: list[tuple[int, int]]

    @property
    def number(self) -> int:
        """How many columns there are."""
        return max(self.column, default=-1) + 1


def columns(dependencies: Sequence[Sequence[int]]) -> Columns:
    """Returns where the workers stand whose dependencies (as places) are given; they have no cycle."""
    dependents = dependents_of(dependencies)
    order = topological(dependencies, dependents)
    column = [0] * len(dependencies)
    for place in order:
        column[place] = max((column[d] + 1 for d in dependencies[place]), default=0)
    _shorten(order, dependencies, dependents, column)
    _split(order, dependencies, column)
    return _with_bends(dependencies, dependents, column)


def _shorten(
    order: list[int],
    dependencies: Sequence[Sequence[int]],
    dependents: Sequence[Sequence[int]],
    column: list[int],
) -> None:
    """Moves whoever has more arrows to the right than to the left as near to its dependents as it can."""
    for place in reversed(order):
        if len(dependents[place]) > len(dependencies[place]):
            column[place] = min(column[d] for d in dependents[place]) - 1


def _split(order: list[int], dependencies: Sequence[Sequence[int]], column: list[int]) -> None:
    """Splits columns that are much higher than the whole drawing is wide; siblings stay together."""
    rows = max(FEWEST_ROWS, ceil(2 * sqrt(len(column))))
    members: dict[int, list[int]] = {}
    for place in order:
        members.setdefault(column[place], []).append(place)
    following = 0
    for number in sorted(members):
        inside = members[number]
        if len(inside) > rows:
            inside.sort(key=lambda place: (*dependencies[place][:1], place))
        parts = ceil(len(inside) / rows)
        size = ceil(len(inside) / parts)
        for at, place in enumerate(inside):
            column[place] = following + at // size
        following += parts


def _with_bends(
    dependencies: Sequence[Sequence[int]], dependents: Sequence[Sequence[int]], column: list[int]
) -> Columns:
    right: list[list[int]] = [[] for _ in column]
    from_source: dict[int, list[int]] = {}
    to_target: dict[int, list[int]] = {}
    for place, needed in enumerate(dependencies):
        for dependency in needed:
            if column[place] - column[dependency] == 1:
                right[dependency].append(place)
            elif len(dependents[dependency]) >= len(needed):
                from_source.setdefault(dependency, []).append(place)
            else:
                to_target.setdefault(place, []).append(dependency)
    drawn = Columns(len(column), list(column), right, [])
    bundles = [(_reach(column, source, targets), source, targets) for source, targets in from_source.items()]
    bundles += [(_reach(column, target, sources), target, sources) for target, sources in to_target.items()]
    left = MOST_BENDS
    for reach, place, others in sorted(bundles, key=lambda bundle: bundle[0]):
        left -= reach
        if left < 0:
            drawn.far.extend(sorted((place, o) if column[o] > column[place] else (o, place) for o in others))
        elif column[others[0]] > column[place]:
            _fan_out(drawn, place, others)
        else:
            _fan_in(drawn, place, others)
    return drawn


def _reach(column: list[int], place: int, others: list[int]) -> int:
    return max(abs(column[other] - column[place]) for other in others) - 1


def _bend(drawn: Columns, column: int) -> int:
    drawn.column.append(column)
    drawn.right.append([])
    return len(drawn.column) - 1


def _fan_out(drawn: Columns, source: int, targets: list[int]) -> None:
    bends = {drawn.column[source]: source}
    for target in sorted(targets, key=lambda t: (drawn.column[t], t)):
        for number in range(max(bends) + 1, drawn.column[target]):
            bends[number] = _bend(drawn, number)
            drawn.right[bends[number - 1]].append(bends[number])
        drawn.right[bends[drawn.column[target] - 1]].append(target)


def _fan_in(drawn: Columns, target: int, sources: list[int]) -> None:
    bends = {drawn.column[target]: target}
    for source in sorted(sources, key=lambda s: (-drawn.column[s], s)):
        for number in range(min(bends) - 1, drawn.column[source], -1):
            bends[number] = _bend(drawn, number)
            drawn.right[bends[number]].append(bends[number + 1])
        drawn.right[source].append(bends[drawn.column[source] + 1])
