"""The layout of the graph: who stands where, whatever the graph."""

from __future__ import annotations

from itertools import pairwise
from time import process_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from projections import graph_columns
from projections.graph_columns import Columns, columns
from projections.render.graph_order import crossings, order
from projections.render.graph_place import heights


@st.composite
def graphs(draw: st.DrawFn) -> list[list[int]]:
    """Draws dependencies by place, none on itself or on one behind it, in a random order of places."""
    count = draw(st.integers(1, 40))
    places = draw(st.permutations(range(count)))
    graph: list[list[int]] = [[] for _ in range(count)]
    for at, place in enumerate(places[1:], 1):
        graph[place] = draw(st.lists(st.sampled_from(places[:at]), max_size=4, unique=True))
    return graph


def ways(drawn: Columns, place: int) -> set[int]:
    """The workers that the arrows from a worker end at, followed over their bends."""
    ends, nodes = set(), list(drawn.right[place])
    while nodes:
        node = nodes.pop()
        if node < drawn.workers:
            ends.add(node)
        else:
            nodes += drawn.right[node]
    return ends | {target for source, target in drawn.far if source == place}


@given(graphs())
def test_whoever_depends_on_another_stands_right_of_it_and_is_joined_with_it_alone(
    graph: list[list[int]],
) -> None:
    drawn = columns(graph)
    for place, needed in enumerate(graph):
        assert all(drawn.column[d] < drawn.column[place] for d in needed)
    dependents = {(d, place) for place, needed in enumerate(graph) for d in needed}
    assert {(place, end) for place in range(len(graph)) for end in ways(drawn, place)} == dependents


@given(graphs())
def test_joints_lead_to_the_next_column(graph: list[list[int]]) -> None:
    drawn = columns(graph)
    assert all(
        drawn.column[other] == drawn.column[node] + 1
        for node, joined in enumerate(drawn.right)
        for other in joined
    )


@given(graphs())
def test_nothing_overlaps_and_nothing_lies_above_the_top(graph: list[list[int]]) -> None:
    drawn = columns(graph)
    standing = order(drawn)
    assert sorted(node for column in standing for node in column) == list(range(len(drawn.column)))
    sizes = [40.0 if node < drawn.workers else 5.0 for node in range(len(drawn.column))]
    middle = heights(drawn, standing, sizes, 10.0)
    assert min(at - size / 2 for at, size in zip(middle, sizes, strict=True)) == pytest.approx(0)
    for column in standing:
        for above, below in pairwise(column):
            assert middle[below] - middle[above] >= (sizes[above] + sizes[below]) / 2 + 10 - 1e-6


@given(graphs())
def test_crossings_are_those_that_comparing_all_pairs_finds(graph: list[list[int]]) -> None:
    drawn = columns(graph)
    standing = order(drawn)
    slow = 0
    for column, following in pairwise(standing):
        ends = [(a, following.index(b)) for a, node in enumerate(column) for b in drawn.right[node]]
        slow += sum(a < c and b > d for a, b in ends for c, d in ends)
    assert crossings(standing, drawn.right) == slow


def test_a_tree_is_drawn_without_a_crossing() -> None:
    tree: list[list[int]] = [[], *([(place - 1) // 3] for place in range(1, 40))]
    drawn = columns(tree)
    assert crossings(order(drawn), drawn.right) == 0


def test_a_column_that_would_be_much_too_high_is_split() -> None:
    drawn = columns([[] for _ in range(400)])
    assert max(drawn.column.count(number) for number in range(drawn.number)) <= 40


def test_the_longest_arrows_give_up_their_bends_when_there_are_too_many(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(graph_columns, "MOST_BENDS", 3)
    chain = [[], *([place - 1] for place in range(1, 9))]
    chain[4] = [3, 1]
    chain[8] = [7, 0]
    drawn = columns(chain)
    assert drawn.far == [(0, 8)]
    assert ways(drawn, 1) == {2, 4}


def test_ten_thousand_workers_are_laid_out_in_about_a_second() -> None:
    graph = [
        [] if place < 100 else [(place // 100 - 1) * 100 + (place * 7 + n * 13) % 100 for n in range(2)]
        for place in range(10_000)
    ]
    begun = process_time()
    drawn = columns(graph)
    standing = order(drawn)
    heights(drawn, standing, [40.0] * len(drawn.column), 10.0)
    assert process_time() - begun < 2  # of a machine that does something else as well
