"""A project begins once; nothing happens to one without a plan."""

import msgspec
import pytest

from eventlog.events import DispatcherStarted, DispatcherStopped, NoteAdded, PlanDefined, PlanImported
from projections import commands as cmd
from tests.spec.scenario import given, happened, planned

PLAN = b'{"workers":[{"id":"a"}]}'


def test_a_plan_begins_a_project() -> None:
    given().when(cmd.DefinePlan(plan=PLAN, build_id="b1")).then(
        PlanDefined, build_id="b1", plan=msgspec.Raw(PLAN)
    )


def test_another_tools_plan_is_imported() -> None:
    given().when(cmd.DefinePlan(plan=PLAN, build_id="b1", imported=True)).then(
        PlanImported, build_id="b1", plan=msgspec.Raw(PLAN)
    )


@pytest.mark.parametrize("imported", [False, True])
def test_the_same_plan_again_changes_nothing(imported: bool) -> None:
    began = happened(PlanDefined, build_id="b1", plan=msgspec.Raw(PLAN))
    given(began).when(cmd.DefinePlan(plan=PLAN, build_id="b2", imported=imported)).then_nothing_happened()


def test_the_same_plan_again_changes_nothing_after_an_amendment_either() -> None:
    began = happened(PlanDefined, build_id="b1", plan=msgspec.Raw(PLAN))
    build = given(began).when(cmd.AmendPlan(estimates={"a": 2}))
    given(began, *build.events).when(cmd.DefinePlan(plan=PLAN, build_id="b2")).then_nothing_happened()


def test_another_plan_is_refused_and_the_way_out_keeps_the_first() -> None:
    given(planned("a")).when(cmd.DefinePlan(plan=PLAN, build_id="b2")).then_refused(
        "project_exists", "bo amend", "another project name"
    )


@pytest.mark.parametrize(
    "command",
    [
        cmd.AmendPlan(estimates={"a": 1}),
        cmd.Spawn(worker="a"),
        cmd.Progress(worker="a"),
        cmd.Submit(worker="a"),
        cmd.Approve(worker="a"),
        cmd.Reject(worker="a"),
        cmd.Complete(worker="a"),
        cmd.Fail(worker="a"),
        cmd.TimeOut(worker="a", after=1),
        cmd.Cancel(worker="a"),
        cmd.Reset(worker="a"),
        cmd.AddNote(text="x"),
        cmd.StartDispatcher(dispatcher="d", host="h", pid=1, via="zo", jobs=1),
        cmd.StopDispatcher(dispatcher="d"),
    ],
    ids=lambda command: type(command).__name__,
)
def test_nothing_can_be_done_before_there_is_a_plan(command: cmd.AnyCommand) -> None:
    given().when(command).then_refused("no_plan", "bo init")


WORKER_COMMANDS = [
    cmd.Spawn,
    cmd.Progress,
    cmd.Submit,
    cmd.Approve,
    cmd.Reject,
    cmd.Complete,
    cmd.Fail,
    cmd.Cancel,
    cmd.Reset,
]


@pytest.mark.parametrize("command", WORKER_COMMANDS, ids=lambda type_: type_.__name__)
def test_an_unknown_worker_is_refused_and_the_name_that_was_meant_is_named(
    command: type[cmd.WorkerCommand],
) -> None:
    asked: cmd.AnyCommand = command(worker="worker_shema")  # type: ignore[assignment]
    given(planned("worker_schema")).when(asked).then_refused(
        "unknown_worker", "Worker 'worker_shema' not found", "did you mean 'worker_schema'?"
    )


def test_an_unknown_worker_that_is_like_none_is_refused_with_a_way_to_the_list() -> None:
    given(planned("a")).when(cmd.TimeOut(worker="zzzz", after=1)).then_refused(
        "unknown_worker", "Worker 'zzzz' not found", "bo status"
    )


def test_a_note_is_added_as_often_as_it_is_said() -> None:
    note = happened(NoteAdded, text="slow today")
    given(planned("a"), note).when(cmd.AddNote(text="slow today")).then(NoteAdded, text="slow today")


def test_a_note_may_be_about_a_worker() -> None:
    given(planned("a")).when(cmd.AddNote(text="x", worker="a")).then(NoteAdded, text="x", worker="a")


def test_a_note_about_an_unknown_worker_is_refused() -> None:
    given(planned("a")).when(cmd.AddNote(text="x", worker="b")).then_refused("unknown_worker")


def test_a_dispatcher_begins() -> None:
    given(planned("a")).when(cmd.StartDispatcher(dispatcher="d1", host="h", pid=7, via="zo", jobs=3)).then(
        DispatcherStarted, dispatcher="d1", host="h", pid=7, via="zo", jobs=3
    )


def test_a_dispatcher_ends() -> None:
    began = happened(DispatcherStarted, dispatcher="d1")
    given(planned("a"), began).when(cmd.StopDispatcher(dispatcher="d1", reason="done")).then(
        DispatcherStopped, dispatcher="d1", reason="done"
    )


def test_a_dispatcher_ends_once() -> None:
    events = [happened(DispatcherStarted, dispatcher="d1"), happened(DispatcherStopped, dispatcher="d1")]
    given(planned("a"), *events).when(cmd.StopDispatcher(dispatcher="d1")).then_nothing_happened()
