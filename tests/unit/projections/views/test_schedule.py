"""The critical path method, held against networkx and against its definition."""

from __future__ import annotations

import networkx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from projections.views.schedule import potential_gains, schedule

Graph = tuple[list[list[int]], list[float]]


@st.composite
def graphs(draw: st.DrawFn) -> Graph:
    """Draws a graph without cycles whose places are in no particular order, with the hours of each."""
    count = draw(st.integers(1, 14))
    places = draw(st.permutations(range(count)))
    dependencies: list[list[int]] = [[] for _ in range(count)]
    for at, place in enumerate(places):
        if at:
            dependencies[place] = draw(st.lists(st.sampled_from(places[:at]), unique=True, max_size=4))
    hours = draw(st.lists(st.sampled_from([0.0, 1.0, 2.0, 5.0]) | st.floats(0, 100), min_size=count))
    return dependencies, hours[:count]


def longest(graph: Graph) -> float:
    """The length of the longest path as networkx finds it: hours on the edges into each worker."""
    dependencies, hours = graph
    drawn = networkx.DiGraph()
    for place, needed in enumerate(dependencies):
        for dependency in needed or [-1]:
            drawn.add_edge(dependency, place, weight=hours[place])
    return float(networkx.dag_longest_path_length(drawn))


@given(graphs())
def test_the_path_is_as_long_as_the_longest_that_networkx_finds(graph: Graph) -> None:
    dependencies, hours = graph
    made = schedule(*graph)
    assert made.hours == pytest.approx(longest(graph))
    assert sum(hours[place] for place in made.path) == pytest.approx(made.hours)
    assert all(a in dependencies[b] for a, b in zip(made.path, made.path[1:], strict=False))
    assert dependencies[made.path[0]] == []
    assert [made.slack[place] for place in made.path] == pytest.approx([0.0] * len(made.path))


@given(graphs(), st.data())
def test_slack_is_exactly_what_a_worker_may_take_longer(graph: Graph, data: st.DataObject) -> None:
    dependencies, hours = graph
    made = schedule(*graph)
    place = data.draw(st.integers(0, len(hours) - 1))
    for more, later in ((made.slack[place], 0.0), (made.slack[place] + 3.0, 3.0)):
        slower = [*hours]
        slower[place] += more
        assert longest((dependencies, slower)) == pytest.approx(made.hours + later)


@given(graphs())
def test_every_worker_starts_when_the_last_of_its_dependencies_ends(graph: Graph) -> None:
    dependencies, hours = graph
    start = schedule(*graph).start
    for place, needed in enumerate(dependencies):
        assert start[place] == max((start[d] + hours[d] for d in needed), default=0.0)


@given(graphs())
def test_the_potential_gain_is_what_is_won_when_a_worker_takes_no_time(graph: Graph) -> None:
    dependencies, hours = graph
    made = schedule(*graph)
    gains = potential_gains(dependencies, hours, made)
    for place, gain in enumerate(gains):
        instant = [*hours]
        instant[place] = 0.0
        assert gain == pytest.approx(made.hours - longest((dependencies, instant)), abs=1e-9)


def test_sums_in_another_order_make_no_slack() -> None:
    made = schedule([[], [0], [1], [], [3], [4]], [0.1, 0.2, 0.3, 0.3, 0.2, 0.1])
    assert made.slack == [0.0] * 6


def test_nothing_takes_no_time() -> None:
    made = schedule([], [])
    assert (made.hours, made.path, potential_gains([], [], made)) == (0.0, [], [])


def test_a_long_row_and_a_wide_plan_are_scheduled_without_delay() -> None:
    count = 50_000
    for dependencies in ([[n - 1] if n else [] for n in range(count)], [[], *[[0]] * (count - 1)]):
        made = schedule(dependencies, [1.0] * count)
        assert len(potential_gains(dependencies, [1.0] * count, made)) == count
