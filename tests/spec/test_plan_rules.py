"""Amendments: workers are added, dependencies change before a worker begins, estimates always."""

import msgspec
import pytest

from eventlog.errors import InvalidPlan
from eventlog.events import PlanAmended, PlanImported, WorkerCompleted, WorkerSpawned, WorkerSubmitted
from projections import commands as cmd
from tests.spec.scenario import EARLIER, folded, given, happened, planned

PLAN = planned({"id": "a", "estimated_hours": 2, "wave": 1}, "b: a", "c")


def raw(*workers: object) -> bytes:
    return msgspec.json.encode(list(workers))


def problems(command: cmd.AmendPlan) -> tuple[str, ...]:
    with pytest.raises(InvalidPlan) as caught:
        given(PLAN).when(command)
    return caught.value.problems


def test_workers_are_added_with_all_their_keys() -> None:
    added = raw({"id": "d", "dependencies": ["b", "e"], "wave": 2}, {"id": "e"})
    given(PLAN).when(cmd.AmendPlan(workers=added)).then(PlanAmended, workers=msgspec.Raw(added))


def test_dependencies_of_a_pending_worker_are_replaced() -> None:
    given(PLAN).when(cmd.AmendPlan(dependencies={"c": ["a", "b"]})).then(
        PlanAmended, dependencies={"c": ["a", "b"]}
    )


def test_a_pending_worker_may_come_to_depend_on_one_that_is_added_with_it() -> None:
    added = raw({"id": "d"})
    given(PLAN).when(cmd.AmendPlan(workers=added, dependencies={"b": ["a", "d"]})).then(
        PlanAmended, workers=msgspec.Raw(added), dependencies={"b": ["a", "d"]}
    )


@pytest.mark.parametrize("status", ["in_progress", "completed"])
def test_dependencies_of_a_worker_that_began_are_settled(status: str) -> None:
    events = [happened(WorkerSpawned, worker="c", attempt=1)]
    if status == "completed":
        events.append(happened(WorkerCompleted, worker="c", attempt=1))
    given(PLAN, *events).when(cmd.AmendPlan(dependencies={"c": ["a"]})).then_refused(
        "already_started", f"'c' is {status}", "add a new worker"
    )


def test_estimates_change_at_any_time() -> None:
    done = happened(WorkerCompleted, worker="a")
    given(PLAN, done).when(cmd.AmendPlan(estimates={"a": 3.5, "b": 1})).then(
        PlanAmended, estimates={"a": 3.5, "b": 1}
    )


def test_an_estimate_may_be_taken_away() -> None:
    given(PLAN).when(cmd.AmendPlan(estimates={"a": None})).then(PlanAmended, estimates={"a": None})


@pytest.mark.parametrize(
    "command",
    [
        cmd.AmendPlan(),
        cmd.AmendPlan(estimates={"a": 2, "b": None}),
        cmd.AmendPlan(dependencies={"b": ["a"], "c": []}),
        cmd.AmendPlan(workers=raw({"id": "a", "estimated_hours": 2, "wave": 1})),
    ],
    ids=["nothing", "estimates", "dependencies", "workers"],
)
def test_what_is_already_so_changes_nothing(command: cmd.AmendPlan) -> None:
    given(PLAN).when(command).then_nothing_happened()


def test_dependencies_that_stay_as_they_are_may_be_said_of_a_worker_that_began() -> None:
    given(PLAN, happened(WorkerSpawned, worker="c", attempt=1)).when(
        cmd.AmendPlan(dependencies={"c": []})
    ).then_nothing_happened()


def test_what_is_already_so_is_left_out_of_the_event() -> None:
    new = {"id": "d"}
    given(PLAN).when(
        cmd.AmendPlan(
            workers=raw({"id": "c", "dependencies": []}, new),
            dependencies={"b": ["a"], "c": ["b"]},
            estimates={"a": 2, "b": 4},
        )
    ).then(PlanAmended, workers=msgspec.Raw(raw(new)), dependencies={"c": ["b"]}, estimates={"b": 4})


def test_an_amendment_said_twice_changes_nothing() -> None:
    command = cmd.AmendPlan(
        workers=raw({"id": "d", "dependencies": ["c"]}), dependencies={"c": ["b"]}, estimates={"b": 1}
    )
    first = given(PLAN).when(command)
    given(PLAN, *first.events).when(command).then_nothing_happened()


def test_all_problems_of_an_amendment_are_named_at_once() -> None:
    found = problems(
        cmd.AmendPlan(
            workers=raw({"id": "a"}, {"id": "d", "status": "completed"}, 7, {"id": []}, {"id": "no/slash"}),
            dependencies={"c": ["ghost"], "zz": []},
            estimates={"b": -1, "yy": 1},
        )
    )
    for word in ("'a'", "d: is added with a status", "[2]: is 7", "[3].id: is a list", "no/slash", "ghost"):
        assert any(word in problem for problem in found), word
    for word in ("zz: is not a worker", "yy: is not a worker", "b: estimated_hours is -1"):
        assert any(word in problem for problem in found), word


def test_an_amendment_cannot_close_a_circle() -> None:
    assert problems(cmd.AmendPlan(dependencies={"a": ["b"]})) == ("dependency cycle: a -> b -> a",)


def test_a_worker_cannot_come_to_depend_on_itself() -> None:
    assert problems(cmd.AmendPlan(dependencies={"c": ["c"]})) == ("c: depends on itself",)


def test_the_dependencies_of_a_new_worker_are_said_where_it_is_added() -> None:
    found = problems(cmd.AmendPlan(workers=raw({"id": "d"}), dependencies={"d": ["ghost"]}))
    assert found == ("d: is not a worker of the plan so far",)


def test_what_is_added_is_a_list() -> None:
    assert problems(cmd.AmendPlan(workers=b'{"id":"d"}')) == ("workers: is not a list",)


@pytest.mark.parametrize("hours", [float("nan"), float("inf"), 10**400, True, "2"])
def test_an_estimate_is_a_finite_amount_that_can_be_written(hours: float) -> None:
    assert problems(cmd.AmendPlan(estimates={"a": hours}))


def test_an_added_worker_is_ready_when_its_dependencies_are_completed() -> None:
    events = [PLAN, happened(WorkerCompleted, worker="a")]
    decision = given(*events).when(cmd.AmendPlan(workers=raw({"id": "d", "dependencies": ["a"]})))
    assert [worker.id for worker in folded([*events, *decision.events]).ready_workers()] == ["b", "c", "d"]


IMPORTED = PlanImported(
    time=EARLIER,
    actor="ada",
    build_id="b1",
    plan=msgspec.Raw(
        msgspec.json.encode(
            {
                "workers": [
                    {"id": "a", "status": "completed", "completed_at": "2025-01-01T00:00:00+00:00"},
                    {"id": "b", "dependencies": ["a"], "status": "in_progress"},
                    {"id": "c", "dependencies": ["b"], "status": "blocked"},
                    {"id": "d", "dependencies": ["a"], "spawned_conversation": "con_1"},
                    {"id": "e", "status": "completed", "completed_at": None},
                ]
            }
        )
    ),
)


def test_an_import_adopts_statuses_and_times_and_what_is_blocked_is_pending() -> None:
    build = folded([IMPORTED])
    assert [worker.status for worker in build.workers] == [
        "completed",
        "in_progress",
        "pending",
        "pending",
        "completed",
    ]
    assert [worker.completed_at for worker in build.workers] == [
        "2025-01-01T00:00:00+00:00",
        None,
        None,
        None,
        EARLIER,
    ]
    assert build.workers[3].conversation == "con_1"
    assert [worker.id for worker in build.ready_workers()] == ["d"]


def test_an_imported_worker_that_was_running_is_completed_by_hand() -> None:
    given(IMPORTED).when(cmd.Complete(worker="b")).then(WorkerCompleted, worker="b", attempt=0)


def test_approving_an_imported_worker_keeps_the_conversation_that_it_came_with() -> None:
    submitted = happened(WorkerSubmitted, worker="d", attempt=0)
    given(IMPORTED, submitted).when(cmd.Approve(worker="d")).then(
        WorkerCompleted, worker="d", attempt=0, conversation="con_1", approved=True
    )


def test_an_imported_worker_that_was_completed_is_so_already() -> None:
    given(IMPORTED).when(cmd.Complete(worker="a")).then_nothing_happened()
