"""In which order workers go: priority, then the longest path behind them, then the plan's order."""

import json
from functools import cache
from typing import Any

import networkx as nx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from projections.build import Build
from projections.fold import fold
from projections.rank import UNKNOWN_HOURS, ranks, remaining_hours
from projections.views.eta import seconds_left
from tests.dispatch.runs import (
    Runs,
    assert_dependencies_kept,
    assert_log_and_ledger_agree,
    most_at_once,
    worker,
)
from tests.spec.scenario import planned

Planned = list[tuple[list[int], float | None]]


@st.composite
def graphs(draw: st.DrawFn) -> Planned:
    """Workers that depend on earlier ones, with or without an estimate."""
    hours = st.one_of(st.none(), st.sampled_from((0.0, 0.25, 1.0, 3.0)))
    workers = []
    for place in range(draw(st.integers(1, 12))):
        earlier = st.lists(st.integers(0, place - 1), unique=True, max_size=4) if place else st.just([])
        workers.append((draw(earlier), draw(hours)))
    return workers


def build_of(workers: Planned) -> Build:
    planned_workers: list[dict[str, object]] = [
        {"id": f"w{place}", "dependencies": [f"w{n}" for n in needs], "estimated_hours": hours}
        for place, (needs, hours) in enumerate(workers)
    ]
    return fold([planned(*planned_workers)])


def hours_of(workers: Planned, place: int) -> float:
    hours = workers[place][1]
    return UNKNOWN_HOURS if hours is None else hours


def longest_paths(workers: Planned) -> list[float]:
    """The oracle: networkx's longest path among those that begin with each worker."""
    graph: nx.DiGraph[int | str] = nx.DiGraph()
    for place, (needs, _) in enumerate(workers):
        graph.add_edge(place, "end", weight=hours_of(workers, place))
        for needed in needs:
            graph.add_edge(needed, place, weight=hours_of(workers, needed))
    return [
        nx.dag_longest_path_length(graph.subgraph({place, *nx.descendants(graph, place)}))
        for place in range(len(workers))
    ]


@given(graphs())
def test_the_remaining_path_is_the_longest_that_networkx_finds(workers: Planned) -> None:
    assert remaining_hours(build_of(workers)) == pytest.approx(longest_paths(workers))


@given(graphs(), st.dictionaries(st.integers(0, 11), st.sampled_from((-1.0, 0.0, 2.0))))
def test_workers_rank_by_priority_then_longest_path_then_place(
    workers: Planned, chosen: dict[int, float]
) -> None:
    paths = longest_paths(workers)
    expected = sorted(range(len(workers)), key=lambda p: (-chosen.get(p, 0.0), -round(paths[p], 6), p))
    priorities = {f"w{place}": priority for place, priority in chosen.items()}
    assert [place for _, _, place in sorted(ranks(build_of(workers), priorities))] == expected


@given(graphs(), st.integers(1, 4), st.data())
def test_the_time_left_is_never_less_than_the_longest_path_or_a_share_of_the_work(
    workers: Planned, jobs: int, data: st.DataObject
) -> None:
    build = build_of(workers)
    done = data.draw(st.sets(st.sampled_from([w.id for w in build.workers]), min_size=1))
    for name in done:
        build.workers[build.index[name]].status = "completed"
    spent = {name: 2 * hours_of(workers, build.index[name]) for name in done}
    left = seconds_left(build, spent, jobs)
    if not sum(spent.values()):
        assert left is None
        return
    open_hours = [hours_of(workers, p) for p, w in enumerate(build.workers) if w.id not in done]
    assert left is not None
    assert left == pytest.approx(max(2 * max(remaining_hours(build)), 2 * sum(open_hours) / jobs))


def test_one_at_a_time_they_go_by_priority_then_longest_path_then_plan_order(bo: Runs) -> None:
    bo.begin(
        worker("last"),
        worker("last_too"),
        worker("begins_a_long_path", estimated_hours=0.1),
        worker("second", "begins_a_long_path", estimated_hours=5),
        worker("short", estimated_hours=2),
        worker("urgent", estimated_hours=0.1, priority=1),
        worker("can_wait", estimated_hours=9, priority=-1),
    )
    assert bo("run", "-j", "1").code == 0
    assert bo.started() == "urgent begins_a_long_path second short last last_too can_wait".split()


@pytest.mark.parametrize("jobs", [2, 5])
def test_no_edge_is_broken_and_never_more_than_jobs_run_at_once(bo: Runs, jobs: int) -> None:
    bo.begin(*layered())
    assert bo("run", "-j", str(jobs)).code == 0
    assert_dependencies_kept(bo, layered())
    assert most_at_once(bo.ledger()) == jobs
    assert_log_and_ledger_agree(bo)


@cache
def layered() -> tuple[dict[str, Any], ...]:
    """Thirty workers in five layers, each needing two of the layer before."""
    return tuple(
        worker(
            f"w{layer}.{place}",
            " ".join(f"w{layer - 1}.{(place + step) % 6}" for step in (0, 1)) if layer else "",
            "sleep 0.03",
        )
        for layer in range(5)
        for place in range(6)
    )


def test_only_the_workers_asked_for_are_run(bo: Runs) -> None:
    bo.begin(worker("a"), worker("b", "a"), worker("c"), worker("d", "b"))
    answer = bo("run", "-w", "a", "-w", "b")
    assert answer.code == 0
    assert bo.started() == ["a", "b"]
    assert bo.statuses("run") == {"a": "completed", "b": "completed", "c": "pending", "d": "pending"}


def test_what_is_amended_while_it_runs_is_run_too(bo: Runs) -> None:
    bo.begin(worker("a", work="until [ -e $GATES/go ]; do sleep 0.02; done"))
    running = bo.start("run")
    bo.until_started("a")
    added = json.dumps([worker("b", "a"), worker("c", priority=3)])
    assert bo("amend", "-p", "run", "--add", added).code == 0
    bo.until_started("c")
    bo.open_gate("go")
    assert running.wait(60) == 0
    running.communicate()
    assert sorted(bo.started()) == ["a", "b", "c"]
