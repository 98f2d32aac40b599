"""Where the nodes of a drawing lie: heights at which arrows run straight and nothing overlaps.

Each node wants the mean height of what it is joined with. In a column, in its order and with its
gaps, that is isotonic regression, which pooling neighbours solves exactly in one pass (pool adjacent
violators: Ayer et al. 1955); columns are placed in turn, to the right and back again.
"""

from __future__ import annotations

from collections.abc import Sequence

from projections.graph_columns import Columns

PASSES = 10
FEW_PASSES = 3
MANY = 8_000
"""With more nodes than this, only a few passes are made."""

STRAIGHT = 8.0
"""How much more a bend insists on its wish than a box: long arrows should look straight."""


def heights(drawn: Columns, standing: list[list[int]], sizes: Sequence[float], gap: float) -> list[float]:
    """Returns the middle of each node from the top of the drawing; `sizes` has the height of each."""
    left: list[list[int]] = [[] for _ in drawn.column]
    for node, joined in enumerate(drawn.right):
        for other in joined:
            left[other].append(node)
    weights = [1.0 if node < drawn.workers else STRAIGHT for node in range(len(drawn.column))]
    middle = [0.0] * len(drawn.column)
    offsets = [_stack(column, sizes, gap) for column in standing]
    tallest = max((offset[-1] for offset in offsets if offset), default=0.0)
    for column, offset in zip(standing, offsets, strict=True):
        for node, at in zip(column, offset, strict=True):
            middle[node] = at + (tallest - offset[-1]) / 2
    both = [a + b for a, b in zip(left, drawn.right, strict=True)]
    numbers = range(len(standing))
    for sweep in range(PASSES if len(middle) <= MANY else FEW_PASSES):
        forth = sweep % 2 == 0
        sought = both if sweep >= 2 else left if forth else drawn.right
        for number in numbers if forth else reversed(numbers):
            _settle(standing[number], offsets[number], sought, weights, middle)
    top = min((middle[node] - sizes[node] / 2 for node in range(len(middle))), default=0.0)
    return [at - top for at in middle]


def _stack(column: list[int], sizes: Sequence[float], gap: float) -> list[float]:
    """Returns the middles of the nodes when they are packed from the top, as close as they may lie."""
    offsets, bottom = [], -gap
    for node in column:
        offsets.append(bottom + gap + sizes[node] / 2)
        bottom = offsets[-1] + sizes[node] / 2
    return offsets


def _settle(
    column: list[int],
    offsets: list[float],
    joined: list[list[int]],
    weights: list[float],
    middle: list[float],
) -> None:
    """Moves the nodes of a column to where they want to be, as far as their order and gaps allow."""
    pools: list[tuple[float, float, int]] = []  # mean wish, weight, nodes
    for node, offset in zip(column, offsets, strict=True):
        others = joined[node]
        wish = sum([middle[other] for other in others]) / len(others) if others else middle[node]
        wish, weight, count = wish - offset, weights[node], 1
        while pools and pools[-1][0] >= wish:
            other_wish, other_weight, other_count = pools.pop()
            wish = (wish * weight + other_wish * other_weight) / (weight + other_weight)
            weight += other_weight
            count += other_count
        pools.append((wish, weight, count))
    at = 0
    for wish, _, count in pools:
        for number in range(at, at + count):
            middle[column[number]] = wish + offsets[number]
        at += count
