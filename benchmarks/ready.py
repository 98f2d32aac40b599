"""What does it cost to drain a plan of 100,000 workers and 300,000 edges, worker by worker?

The measure is a loop with a counter for each worker, over ints: the least that knows who is ready.
The real fold also keeps ids, results, times and counts, and is timed over the completions alone.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from graphlib import TopologicalSorter

from benchmarks import inputs
from benchmarks.measure import elapsed, interleave, ratio
from benchmarks.report import Report, Row
from benchmarks.setting import Setting, run_alone
from eventlog.events import WorkerCompleted
from projections.fold import fold

FOLD, COUNTERS, GRAPHLIB, NETWORKX = "fold", "int counters", "graphlib", "networkx"


def measure(setting: Setting) -> Report:
    """Compares the drain of one plan through the fold with bare counters and two libraries."""
    report = Report("ready", "What does it cost to know who is ready?")
    edges = inputs.edges(setting.choose(100_000, 500))
    ids = [inputs.worker_id(place) for place in range(len(edges))]
    defined = inputs.definition(len(edges))
    order = completion_order(edges)
    completions = [
        WorkerCompleted(time=defined.time, actor="d1", worker=ids[place], attempt=1, output="out/x")
        for place in order
    ]

    def through_fold() -> float:
        build = fold([defined])
        seconds = elapsed(lambda: fold(completions, build))
        if build.status != "completed":
            raise RuntimeError("the fold did not drain the plan")
        return seconds

    candidates: dict[str, Callable[[], float]] = {
        FOLD: through_fold,
        COUNTERS: lambda: drain_counters(edges),
        GRAPHLIB: lambda: _drain_graphlib(dict(zip(ids, ([ids[p] for p in e] for e in edges), strict=True))),
    }
    try:
        import networkx
    except ImportError:
        report.notes.append("skipped: networkx is not installed")
    else:
        pairs = [(ids[before], ids[place]) for place, befores in enumerate(edges) for before in befores]
        graph = networkx.DiGraph(pairs)
        graph.add_nodes_from(ids)
        candidates[NETWORKX] = lambda: elapsed(lambda: deque(networkx.topological_sort(graph), maxlen=0))
    rounds = interleave(candidates, setting.choose(9, 2))
    promise = "drain of 100,000 workers and 300,000 edges: time / "
    report.rows.append(
        Row(
            f"time of {FOLD} / {COUNTERS}",
            ratio(rounds, FOLD, COUNTERS),
            at_most=1.5,
            promise=promise + "int counters",
        )
    )
    for library in (GRAPHLIB, NETWORKX):
        if library in rounds:
            value = ratio(rounds, FOLD, library)
            report.rows.append(
                Row(f"time of {FOLD} / {library}", value, at_most=1.0, promise=promise + library)
            )
    report.add_times(rounds)
    return report


def completion_order(edges: list[list[int]]) -> list[int]:
    """Returns the places in an order in which they can be completed, breadth first."""
    order: list[int] = []
    drain_counters(edges, order)
    return order


def drain_counters(edges: list[list[int]], order: list[int] | None = None) -> float:
    """Drains the graph with one counter a worker; returns the seconds, without building the graph."""
    waiting = [len(befores) for befores in edges]
    dependents: list[list[int]] = [[] for _ in edges]
    for place, befores in enumerate(edges):
        for before in befores:
            dependents[before].append(place)
    ready = deque(place for place, waits in enumerate(waiting) if waits == 0)
    drained = [] if order is None else order

    def drain() -> None:
        while ready:
            place = ready.popleft()
            drained.append(place)
            for dependent in dependents[place]:
                waiting[dependent] -= 1
                if waiting[dependent] == 0:
                    ready.append(dependent)

    return elapsed(drain)


def _drain_graphlib(graph: dict[str, list[str]]) -> float:
    sorter = TopologicalSorter(graph)
    sorter.prepare()

    def drain() -> None:
        while sorter.is_active():
            for node in sorter.get_ready():
                sorter.done(node)

    return elapsed(drain)


if __name__ == "__main__":
    run_alone(measure)
