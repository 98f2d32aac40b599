"""Cycles are found whenever there are any, and what is called a cycle is one."""

import networkx as nx
from hypothesis import given
from hypothesis import strategies as st

from projections.graph import find_cycles

names = st.sampled_from("abcdefgh")
graphs = st.dictionaries(names, st.lists(names, unique=True, max_size=4))


def as_digraph(dependencies: dict[str, list[str]]) -> "nx.DiGraph[str]":
    graph = nx.DiGraph()
    graph.add_nodes_from(dependencies)
    graph.add_edges_from(
        (name, needed) for name, all_ in dependencies.items() for needed in all_ if needed in dependencies
    )
    return graph


@given(graphs)
def test_there_is_a_cycle_exactly_when_networkx_says_so(dependencies: dict[str, list[str]]) -> None:
    assert bool(find_cycles(dependencies)) == (not nx.is_directed_acyclic_graph(as_digraph(dependencies)))


@given(graphs)
def test_each_cycle_runs_along_dependencies_and_meets_nobody_twice(
    dependencies: dict[str, list[str]],
) -> None:
    for cycle in find_cycles(dependencies):
        assert len(set(cycle)) == len(cycle)
        assert all(
            after in dependencies[before] for before, after in zip(cycle, [*cycle[1:], cycle[0]], strict=True)
        )


@given(graphs)
def test_no_two_of_the_cycles_have_a_member_in_common(dependencies: dict[str, list[str]]) -> None:
    members = [name for cycle in find_cycles(dependencies) for name in cycle]
    assert len(members) == len(set(members))


@given(graphs)
def test_every_knot_that_leads_to_no_other_has_its_cycle(dependencies: dict[str, list[str]]) -> None:
    graph = as_digraph(dependencies)
    knots = [
        knot
        for knot in nx.strongly_connected_components(graph)
        if len(knot) > 1 or any(graph.has_edge(name, name) for name in knot)
    ]
    cycles = find_cycles(dependencies)
    for knot in knots:
        reached = set().union(*(nx.descendants(graph, name) for name in knot)) - knot
        if not any(reached & other for other in knots):
            assert any(set(cycle) <= knot for cycle in cycles)


def test_a_chain_of_a_hundred_thousand_has_an_order() -> None:
    assert find_cycles({str(n): [str(n - 1)] if n else [] for n in range(100_000)}) == []


def test_a_circle_of_a_hundred_thousand_is_walked_without_recursion() -> None:
    assert len(find_cycles({str(n): [str((n + 1) % 100_000)] for n in range(100_000)})[0]) == 100_000
