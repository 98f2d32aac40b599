"""How a build would go on: list scheduling, suppositions, and the critical path of what is real."""

from __future__ import annotations

import math

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from eventlog import events as ev
from eventlog.errors import InvalidPlan, Refused
from projections import Build, fold
from projections.views.critical_path import critical_path_view
from projections.views.history import history
from projections.views.schedule import schedule
from projections.views.simulation import simulate
from projections.views.what_if import Suppositions, difference, outlook, suppose
from tests.spec.histories import histories
from tests.spec.scenario import EARLIER, NOW, happened, planned
from tests.unit.projections.views.test_schedule import Graph, graphs


def build_of(graph: Graph) -> Build:
    """A build in which nothing has happened yet."""
    dependencies, hours = graph
    return fold(
        [
            planned(
                *(
                    {"id": f"w{n}", "dependencies": [f"w{d}" for d in needed], "estimated_hours": taken}
                    for n, (needed, taken) in enumerate(zip(dependencies, hours, strict=True))
                )
            )
        ]
    )


def approx(value: float) -> object:
    return pytest.approx(value, abs=1e-6)


@given(graphs())
def test_with_room_for_all_a_build_takes_its_longest_path(graph: Graph) -> None:
    made = simulate(build_of(graph), graph[1], len(graph[1]), {})
    planned_ = schedule(*graph)
    assert made.finish == approx(planned_.hours)
    assert made.ends == [approx(start + hours) for start, hours in zip(planned_.start, graph[1], strict=True)]


@given(graphs(), st.integers(1, 4))
def test_a_build_takes_no_longer_than_grahams_bound_and_one_at_a_time_takes_the_sum(
    graph: Graph, jobs: int
) -> None:
    hours = graph[1]
    longest = schedule(*graph).hours
    assert simulate(build_of(graph), hours, 1, {}).finish == approx(sum(hours))
    finish = simulate(build_of(graph), hours, jobs, {}).finish
    assert finish >= max(longest, sum(hours) / jobs) - 1e-6
    assert finish <= longest + (sum(hours) - longest) / jobs + 1e-6


def test_the_order_is_the_dispatchers_priority_first() -> None:
    build = build_of(([[], [], []], [1.0, 3.0, 2.0]))
    assert simulate(build, [1.0, 3.0, 2.0], 1, {}).ends == [6.0, 3.0, 5.0]
    assert simulate(build, [1.0, 3.0, 2.0], 1, {"w0": 1.0}).ends == [1.0, 4.0, 6.0]


def test_what_runs_goes_on_and_what_awaits_review_takes_no_place() -> None:
    build = fold(
        [
            planned("a", "b", "c: b", "d"),
            happened(ev.WorkerSpawned, worker="a", attempt=1),
            happened(ev.WorkerSpawned, worker="b", attempt=1),
            happened(ev.WorkerSubmitted, worker="b", attempt=1),
        ]
    )
    # An hour later `a` has used up its hour; `b` is as good as approved.
    told = outlook(build, 1, {}, NOW)
    assert told["finish_hours"] == 2.0
    assert simulate(build, [0.5, 0.0, 1.0, 1.0], 1, {}).ends == [0.5, 0.0, 1.5, 2.5]


PLAN = planned(
    {"id": "a", "estimated_hours": 2},
    {"id": "b", "dependencies": ["a"], "estimated_hours": 4},
    {"id": "c", "dependencies": ["a"], "estimated_hours": 3},
    {"id": "d", "dependencies": ["b"], "estimated_hours": 3},
)


def supposed(suppositions: Suppositions, *events: ev.KnownEvent, jobs: int = 2) -> dict[str, object]:
    """How the outlook changes."""
    build = fold([PLAN, *events])
    before = outlook(build, 2, {}, EARLIER)
    suppose(build, suppositions, EARLIER)
    after = outlook(build, jobs, {}, EARLIER)
    return {"ready": after["ready"], "never": after["never"]} | difference(before, after)


@pytest.mark.parametrize(
    ("suppositions", "hours", "ready", "never"),
    [
        (Suppositions(), 0.0, ["a"], []),
        (Suppositions(complete=("a",)), -2.0, ["b", "c"], []),
        (Suppositions(fail=("b",)), -4.0, ["a"], ["d"]),
        (Suppositions(fail=("a",)), -9.0, [], ["b", "c", "d"]),
        (Suppositions(skip=("b",)), -4.0, ["a", "d"], []),
        (Suppositions(slower={"d": 2.0}), 3.0, ["a"], []),
        (Suppositions(slower={"c": 0.0}), 0.0, ["a"], []),
        (Suppositions(add=b'[{"id":"e","dependencies":["d"],"estimated_hours":5}]'), 5.0, ["a"], []),
        (Suppositions(complete=("a",), fail=("b",), slower={"c": 2.0}), -3.0, ["c"], ["d"]),
    ],
)
def test_a_supposition_changes_what_is_ready_and_when_all_is_finished(
    suppositions: Suppositions, hours: float, ready: list[str], never: list[str]
) -> None:
    told = supposed(suppositions)
    assert (told["finish_hours"], told["ready"], told["never"]) == (hours, ready, never)


def test_one_at_a_time_takes_the_sum() -> None:
    assert supposed(Suppositions(), jobs=1)["finish_hours"] == 3.0


@pytest.mark.parametrize("status", [ev.WorkerFailed, ev.WorkerCancelled, ev.WorkerCompleted])
def test_what_is_finished_can_be_supposed_otherwise(status: type[ev.Event]) -> None:
    ended = happened(status, worker="a")
    assert supposed(Suppositions(complete=("a",)), ended)["ready"] == ["b", "c"]
    assert supposed(Suppositions(fail=("a",)), ended)["ready"] == []


def test_a_worker_that_is_tried_again_counts_until_it_is_supposed_to_have_failed() -> None:
    retried = happened(ev.WorkerFailed, worker="a", retry_in=5.0)
    build = fold([PLAN, retried])
    assert outlook(build, 2, {}, EARLIER)["finish_hours"] == 9.0
    assert supposed(Suppositions(fail=("a",)), retried)["newly_never"] == ["b", "c", "d"]


@pytest.mark.parametrize(
    ("suppositions", "error"),
    [
        (Suppositions(fail=("x",)), Refused),
        (Suppositions(skip=("x",)), Refused),
        (Suppositions(slower={"x": 2.0}), Refused),
        (Suppositions(add=b'[{"id":"a"}]'), InvalidPlan),
        (Suppositions(add=b'[{"id":"e","dependencies":["f"]}]'), InvalidPlan),
    ],
)
def test_what_cannot_be_supposed_is_refused(suppositions: Suppositions, error: type[Exception]) -> None:
    with pytest.raises(error):
        suppose(fold([PLAN]), suppositions, EARLIER)


@given(histories(), st.data())
def test_anything_may_be_supposed_of_any_build(events: list[ev.KnownEvent], data: st.DataObject) -> None:
    build = fold(events)
    some = st.lists(st.sampled_from([worker.id for worker in build.workers]), max_size=2).map(tuple)
    suppositions = Suppositions(
        complete=data.draw(some),
        fail=data.draw(some),
        skip=data.draw(some),
        slower={build.workers[0].id: 2.0},
    )
    suppose(build, suppositions, EARLIER)
    told = outlook(build, 2, {}, EARLIER)
    assert math.isfinite(told["finish_hours"])
    assert told["finish_hours"] >= told["critical_path"]["hours"] - 1e-6
    assert not set(told["never"]) & set(told["ready"])


# --- the critical path of a build


def at(minute: int, event: ev.KnownEvent) -> ev.KnownEvent:
    return replace(event, seq=minute + 1, time=f"2026-11-23T04:{minute:02}:00.000000Z")


def test_real_durations_go_before_estimates() -> None:
    told = history(
        [
            at(0, PLAN),
            at(1, happened(ev.WorkerSpawned, worker="a", attempt=1)),
            at(13, happened(ev.WorkerFailed, worker="a", attempt=1)),
            at(14, happened(ev.WorkerReset, worker="a", attempt=1)),
            at(15, happened(ev.WorkerSpawned, worker="a", attempt=2)),
            at(21, happened(ev.WorkerCompleted, worker="a", attempt=2)),
            at(22, happened(ev.WorkerCancelled, worker="d")),
        ]
    )
    answer = critical_path_view(told, "p", "2026-11-23T04:25:00.000000Z")
    workers = {worker["id"]: worker for worker in answer["workers"]}
    assert answer["path"] == ["a", "b"]
    assert answer["hours"] == 4.3
    assert {n: (w["hours"], w["source"], w["slack_hours"]) for n, w in workers.items()} == {
        "a": (0.3, "real", 0.0),
        "b": (4, "estimate", 0.0),
        "c": (3, "estimate", 1.0),
        "d": (0.0, "cancelled", 0.0),
    }
    assert workers["b"]["potential_gain_hours"] == 1.0
    assert workers["a"]["queue_wait_hours"] == approx(2 / 60)
    assert answer["pace"] == 0.05
    assert answer["measured"] | {"over_time": []} == {
        "attempts": 2,
        "wall_hours": approx(20 / 60),
        "run_hours": approx(18 / 60),
        "queue_wait_hours": approx(2 / 60),
        "average_parallelism": 0.9,
        "most_parallel": 1,
        "over_time": [],
    }
    assert len(answer["measured"]["over_time"]) == 24


def test_a_worker_that_runs_longer_than_its_estimate_counts_as_long_as_it_runs() -> None:
    told = history([at(0, planned("a")), at(1, happened(ev.WorkerSpawned, worker="a", attempt=1))])
    assert critical_path_view(told, "p", "2026-11-23T04:31:00Z")["hours"] == 1.0
    late = critical_path_view(told, "p", "2026-11-23T06:01:00Z")
    assert (late["hours"], late["workers"][0]["source"]) == (2.0, "running")


@given(histories())
def test_every_history_has_a_critical_path_that_can_be_written_as_json(events: list[ev.KnownEvent]) -> None:
    answer = critical_path_view(history(events), "p", NOW)
    text = msgspec.json.encode(answer)
    assert b"null" not in text.partition(b'"path":')[2].partition(b"]")[0]
    workers = {worker["id"]: worker for worker in answer["workers"]}
    rounded = 1e-9 * (len(answer["path"]) + 1)
    assert sum(workers[name]["hours"] for name in answer["path"]) == pytest.approx(
        answer["hours"], abs=rounded
    )
    assert all(workers[name]["slack_hours"] == 0 for name in answer["path"])
    for part in (answer["measured"] or {"over_time": []})["over_time"]:
        assert 0 <= part["running"] <= answer["measured"]["most_parallel"] + 1e-6
