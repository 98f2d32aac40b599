"""What does it cost to drain a plan of 100,000 workers and 300,000 edges, worker by worker?

The measure is a loop with a counter for each worker, over ints: the least that knows who is ready.
The ready set of a build answers the same question: a worker is completed, who is ready now? The fold of
all completions does more: it finds workers by their ids, and keeps results, times and counts.
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
from projections.build_events import release
from projections.fold import fold

READY, FOLD = "ready set", "fold of the completions"
COUNTERS, GRAPHLIB, NETWORKX = "int counters", "graphlib", "networkx"


def measure(setting: Setting) -> Report:
    """Compares the drain of one plan by the ready set, and by the fold, with counters and two libraries."""
    report = Report("ready", "What does it cost to know who is ready?")
    edges = inputs.edges(setting.choose(100_000, 500))
    ids = [inputs.worker_id(place) for place in range(len(edges))]
    defined = inputs.definition(len(edges))
    completions = [
        WorkerCompleted(time=defined.time, actor="d1", worker=name, attempt=1, output="out/x")
        for name in ids  # each worker stands behind those that it waits for
    ]

    def through_fold() -> float:
        build = fold([defined])
        seconds = elapsed(lambda: fold(completions, build))
        if build.status != "completed":
            raise RuntimeError("the fold did not drain the plan")
        return seconds

    def by_ready_set() -> float:
        build = fold([defined])
        ready = build.ready

        def drain() -> None:
            while ready:
                release(build, ready.pop())

        seconds = elapsed(drain)
        if any(build.waiting):
            raise RuntimeError("the ready set did not drain the plan")
        return seconds

    candidates: dict[str, Callable[[], float]] = {
        READY: by_ready_set,
        FOLD: through_fold,
        COUNTERS: lambda: _drain_counters(edges),
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
    for other, most in ((COUNTERS, 1.5), (GRAPHLIB, 1.0), (NETWORKX, 1.0)):
        if other in rounds:
            value = ratio(rounds, READY, other)
            report.rows.append(
                Row(f"time of {READY} / {other}", value, at_most=most, promise=promise + other)
            )
    for other in (COUNTERS, GRAPHLIB, NETWORKX):
        if other in rounds:
            report.rows.append(Row(f"time of {FOLD} / {other}", ratio(rounds, FOLD, other)))
    report.add_times(rounds)
    return report


def _drain_counters(edges: list[list[int]]) -> float:
    """Drains the graph with one counter a worker; returns the seconds, without building the graph."""
    waiting = [len(befores) for befores in edges]
    dependents: list[list[int]] = [[] for _ in edges]
    for place, befores in enumerate(edges):
        for before in befores:
            dependents[before].append(place)
    ready = {place for place, waits in enumerate(waiting) if waits == 0}

    def drain() -> None:
        while ready:
            for dependent in dependents[ready.pop()]:
                waiting[dependent] -= 1
                if not waiting[dependent]:
                    ready.add(dependent)

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
