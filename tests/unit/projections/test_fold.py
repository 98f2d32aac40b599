"""What events mean: every type has a meaning, and what cannot follow is refused."""

import msgspec
import pytest
from hypothesis import given
from msgspec.structs import replace

from eventlog import events as ev
from eventlog.errors import ImpossibleEvent, NewerEvent
from projections import Build, evolve, fold
from projections.build import STATUSES
from projections.build_events import BUILD_EVENTS
from projections.worker_events import WORKER_EVENTS
from tests.spec.histories import histories, numbered
from tests.spec.scenario import folded, happened, planned


def test_every_type_of_event_has_a_meaning() -> None:
    assert {*BUILD_EVENTS, *WORKER_EVENTS} == {*ev.EVENT_TYPES, ev.Unrecognised}


def unrecognised(type_: str, seq: int = 2) -> ev.Unrecognised:
    return ev.Unrecognised(
        seq=seq, time="2026-11-23T06:00:00.000000Z", actor="ada", type=type_, body={"a": 1}
    )


def test_an_extension_is_passed_over_but_has_its_place_in_the_order() -> None:
    build = folded([planned("a")])
    before = msgspec.to_builtins(build)
    evolve(build, unrecognised("x_cost"))
    after = msgspec.to_builtins(build)
    changed = {
        name for name, was, now in zip(Build.__struct_fields__, before, after, strict=True) if was != now
    }
    assert changed == {"seq", "updated_at"}
    assert build.seq == 2


def test_an_event_of_a_newer_version_is_not_guessed_at() -> None:
    with pytest.raises(NewerEvent, match="worker_paused") as caught:
        fold([unrecognised("worker_paused", seq=9)])
    assert caught.value.seq == 9


def test_a_class_that_nobody_knows_is_refused_like_an_event_of_a_newer_version() -> None:
    class WorkerPaused(ev.WorkerEvent, frozen=True, kw_only=True, tag="worker_paused"):
        pass

    with pytest.raises(NewerEvent, match="worker_paused"):
        evolve(Build(), WorkerPaused(seq=1, time="", actor="", worker="a"))  # type: ignore[arg-type]


def test_what_came_before_an_event_that_cannot_follow_is_folded() -> None:
    events = [planned("a", "b: a"), happened(ev.WorkerCompleted, worker="a")]
    build = Build()
    with pytest.raises(ImpossibleEvent):
        fold([*numbered(events, Build()), happened(ev.WorkerCompleted, worker="c", seq=3)], build)
    assert (build.seq, build.counts, build.ready) == (2, folded(events).counts, {1})


@pytest.mark.parametrize(
    "event",
    [
        happened(ev.WorkerSpawned, worker="b", attempt=1),
        happened(ev.WorkerProgressed, worker="b"),
        happened(ev.WorkerSubmitted, worker="b"),
        happened(ev.WorkerRejected, worker="b"),
        happened(ev.WorkerCompleted, worker="b"),
        happened(ev.WorkerFailed, worker="b"),
        happened(ev.WorkerTimedOut, worker="b", after=1.0),
        happened(ev.WorkerCancelled, worker="b"),
        happened(ev.WorkerReset, worker="b"),
        happened(ev.LateResultReceived, worker="b", outcome="failed"),
        happened(ev.PlanAmended, dependencies={"b": []}),
        happened(ev.PlanAmended, dependencies={"a": ["b"]}),
        happened(ev.PlanAmended, estimates={"b": 1.0}),
        happened(ev.PlanAmended, workers=msgspec.Raw(b'[{"id":"a"}]')),
        happened(ev.PlanAmended, workers=msgspec.Raw(b'[{"id":"c","dependencies":["b"]}]')),
        happened(ev.PlanAmended, workers=msgspec.Raw(b'{"id":"c"}')),
        happened(ev.PlanAmended, workers=msgspec.Raw(b"[7]")),
        planned("a"),
    ],
    ids=lambda event: f"{ev.tag_of(event)}",
)
def test_an_event_that_speaks_of_what_does_not_exist_cannot_follow(event: ev.KnownEvent) -> None:
    build = folded([planned("a")])
    with pytest.raises(ImpossibleEvent, match="event 2 cannot follow"):
        evolve(build, replace(event, seq=2))


@pytest.mark.parametrize(
    "event",
    [
        happened(ev.PlanDefined, build_id="b", plan=msgspec.Raw(b"[]")),
        happened(ev.PlanDefined, build_id="b", plan=msgspec.Raw(b'{"workers":7}')),
        happened(ev.PlanImported, build_id="b", plan=msgspec.Raw(b'{"workers":[{"id":"a"},{"id":"a"}]}')),
        happened(
            ev.PlanDefined, build_id="b", plan=msgspec.Raw(b'{"workers":[{"id":"a","dependencies":["b"]}]}')
        ),
        happened(ev.PlanAmended, estimates={"a": 1.0}),
        happened(ev.WorkerCompleted, worker="a"),
        happened(ev.Forked, build_id="b", origin="o", origin_seq=1),
    ],
    ids=["list", "no_workers", "double", "unknown_dependency", "amended", "completed", "forked"],
)
def test_a_log_begins_with_a_plan_that_is_one(event: ev.KnownEvent) -> None:
    with pytest.raises(ImpossibleEvent, match="event 1 cannot follow"):
        fold([replace(event, seq=1)])


def test_a_fork_remembers_where_it_comes_from_and_has_no_dispatchers() -> None:
    build = folded(
        [
            planned("a"),
            happened(ev.DispatcherStarted, dispatcher="d1"),
            happened(ev.Forked, build_id="b2", origin="auth", origin_seq=2),
        ]
    )
    assert (build.origin, build.build_id, build.dispatchers) == ("auth@2", "b2", {})


def test_what_runs_for_a_dispatcher_is_counted_by_its_host() -> None:
    spawned = happened(ev.WorkerSpawned, worker="a", attempt=1, dispatcher="d1")
    by_hand = happened(ev.WorkerSpawned, worker="b", attempt=1)
    begun = [planned("a", "b"), happened(ev.DispatcherStarted, dispatcher="d1", host="m1"), spawned, by_hand]
    assert folded(begun).hosts == {"m1": 1}
    assert folded([*begun, happened(ev.DispatcherStopped, dispatcher="d1")]).hosts == {"m1": 1}
    assert folded([*begun, happened(ev.WorkerFailed, worker="a", attempt=1)]).hosts == {}


def assert_consistent(build: Build) -> None:
    """Everything that is kept up to date step by step is what a look at all workers says."""
    completed = {place for place, worker in enumerate(build.workers) if worker.status == "completed"}
    for place, worker in enumerate(build.workers):
        assert build.index[worker.id] == place
        assert build.waiting[place] == len(set(worker.dependencies) - completed) + (
            worker.status != "pending"
        )
        assert sorted(build.dependents[place]) == [
            other for other, needs in enumerate(build.workers) if place in needs.dependencies
        ]
    assert build.ready == {
        place
        for place, worker in enumerate(build.workers)
        if worker.status == "pending" and completed.issuperset(worker.dependencies)
    }
    statuses = [worker.status for worker in build.workers]
    assert build.running == {place for place, status in enumerate(statuses) if status == "in_progress"}
    assert {status: build.counts.get(status, 0) for status in STATUSES} == {
        status: statuses.count(status) for status in STATUSES
    }
    assert all(build.workers[place].status in ("failed", "timed_out") for place in build.retrying)
    ids = [worker["id"] for worker in msgspec.json.decode(build.plan)["workers"]]
    assert ids == [worker.id for worker in build.workers]


@given(histories())
def test_the_ready_set_and_the_counts_are_those_of_a_fresh_look_at_every_moment(
    history: list[ev.KnownEvent],
) -> None:
    build = Build()
    for event in history:
        evolve(build, event)
        assert_consistent(build)


@given(histories())
def test_the_plans_text_says_what_the_fold_says(history: list[ev.KnownEvent]) -> None:
    build = fold(history)
    for planned_, worker in zip(msgspec.json.decode(build.plan)["workers"], build.workers, strict=True):
        assert planned_["dependencies"] == [build.workers[place].id for place in worker.dependencies]
        assert planned_.get("estimated_hours") == worker.hours


def test_a_build_is_completed_when_all_its_workers_are() -> None:
    assert folded([planned("a"), happened(ev.WorkerCompleted, worker="a")]).status == "completed"


def test_a_build_in_which_something_can_run_is_active() -> None:
    assert folded([planned("a", "b: a")]).status == "active"
    assert folded([planned("a"), happened(ev.WorkerSubmitted, worker="a")]).status == "active"


def test_a_build_in_which_nothing_runs_and_nothing_can_is_stuck() -> None:
    assert folded([planned("a", "b: a"), happened(ev.WorkerFailed, worker="a")]).status == "stuck"


def test_an_unknown_worker_is_not_found() -> None:
    assert folded([planned("a")]).find("b") is None


def test_what_runs_on_a_host_is_counted_until_it_ends_however_that_is() -> None:
    def spawned(worker: str, attempt: int, dispatcher: str | None) -> ev.KnownEvent:
        return happened(ev.WorkerSpawned, worker=worker, attempt=attempt, dispatcher=dispatcher)

    build = folded([planned("a", "b", "c", "d")])
    for event, hosts in (
        (happened(ev.DispatcherStarted, dispatcher="d1", host="left"), {}),
        (happened(ev.DispatcherStarted, dispatcher="d2", host="right"), {}),
        (spawned("a", 1, "d1"), {"left": 1}),
        (spawned("b", 1, "d1"), {"left": 2}),
        (spawned("c", 1, "d2"), {"left": 2, "right": 1}),
        (spawned("d", 1, None), {"left": 2, "right": 1}),
        (happened(ev.DispatcherStopped, dispatcher="d1"), {"left": 2, "right": 1}),
        (happened(ev.WorkerFailed, worker="a", attempt=1), {"left": 1, "right": 1}),
        (happened(ev.WorkerSubmitted, worker="b", attempt=1), {"right": 1}),
        (happened(ev.WorkerCompleted, worker="b", attempt=1), {"right": 1}),
        (spawned("c", 2, "d2"), {"right": 1}),
        (happened(ev.WorkerCancelled, worker="c"), {}),
        (happened(ev.WorkerCompleted, worker="d", attempt=1), {}),
    ):
        evolve(build, event)
        assert build.hosts == hosts, event
