"""In which order the nodes of a drawing stand in their columns, so that few arrows cross.

Sugiyama's method, second step: columns are sorted by the mean place of what each node is joined with
in the column before, to the right and back again.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from itertools import pairwise

from projections.graph_columns import Columns

SWEEPS = 4
"""There and back, of a large graph."""

CAREFUL_SWEEPS = 24
CAREFUL = 6_000
"""Up to this many joints there is time for more sweeps, and to keep the best of them."""


def order(drawn: Columns) -> list[list[int]]:
    """Returns the nodes of each column from top to bottom; the same graph always in the same order."""
    standing: list[list[int]] = [[] for _ in range(drawn.number)]
    for node, column in enumerate(drawn.column):
        standing[column].append(node)
    left: list[list[int]] = [[] for _ in drawn.column]
    for node, joined in enumerate(drawn.right):
        for other in joined:
            left[other].append(node)
    joints = sum(map(len, drawn.right))
    place = [0.0] * len(drawn.column)
    _number(standing, place)
    best, fewest = standing, -1
    for sweep in range(CAREFUL_SWEEPS if joints <= CAREFUL else SWEEPS):
        if sweep % 2 == 0:
            standing = _sweep(standing, left, place)
        else:
            standing = _sweep(standing[::-1], drawn.right, place)[::-1]
        if joints > CAREFUL:
            best = standing
            continue
        count = crossings(standing, drawn.right)
        if fewest < 0 or count < fewest:
            best, fewest = standing, count
        if count == 0:
            break
    return best


def crossings(standing: list[list[int]], right: list[list[int]]) -> int:
    """Returns how often joints cross between neighbouring columns."""
    found = 0
    for column, following in pairwise(standing):
        place = {node: number for number, node in enumerate(following)}
        ends: list[int] = []  # of the joints that begin above
        for node in column:
            own = sorted(place[other] for other in right[node])
            found += sum(len(ends) - bisect_right(ends, end) for end in own)
            for end in own:
                insort(ends, end)
    return found


def _number(standing: list[list[int]], place: list[float]) -> None:
    for column in standing:
        for number, node in enumerate(column):
            place[node] = (number + 0.5) / len(column)


def _sweep(standing: list[list[int]], before: list[list[int]], place: list[float]) -> list[list[int]]:
    """Sorts each column by the mean place of `before`; who has none before keeps its own place."""
    swept = []
    for column in standing:
        for node in column:
            if joined := before[node]:
                place[node] = sum([place[other] for other in joined]) / len(joined)
        column = sorted(column, key=place.__getitem__)
        for number, node in enumerate(column):
            place[node] = (number + 0.5) / len(column)
        swept.append(column)
    return swept
