"""Results: a person speaks for the worker as it is now, an attempt for itself, and each is heard once."""

import math

import pytest

from eventlog.events import (
    Answer,
    KnownEvent,
    WorkerCancelled,
    WorkerCompleted,
    WorkerFailed,
    WorkerRejected,
    WorkerSpawned,
    WorkerSubmitted,
    WorkerTimedOut,
)
from projections import commands as cmd
from tests.spec.scenario import given, happened, planned

SPAWNED = happened(WorkerSpawned, worker="a", attempt=1)
SUBMITTED = happened(WorkerSubmitted, worker="a", attempt=1)
COMPLETED = happened(WorkerCompleted, worker="a", attempt=1, output="a.py", summary="s")
FAILED = happened(WorkerFailed, worker="a", attempt=1, error="e", reason="exit")
TIMED_OUT = happened(WorkerTimedOut, worker="a", attempt=1, after=600.0)
CANCELLED = happened(WorkerCancelled, worker="a", attempt=1)

ENDINGS = [COMPLETED, FAILED, TIMED_OUT, CANCELLED]
STATUSES = ["completed", "failed", "timed_out", "cancelled"]


@pytest.mark.parametrize("attempt", [None, 1])
def test_a_running_worker_completes_with_all_that_it_said(attempt: int | None) -> None:
    answer = Answer(text="here")
    given(planned("a"), SPAWNED).when(
        cmd.Complete(
            worker="a", attempt=attempt, output="a.py", summary="s", conversation="con_1", answer=answer
        )
    ).then(
        WorkerCompleted,
        worker="a",
        attempt=1,
        output="a.py",
        summary="s",
        conversation="con_1",
        answer=answer,
    )


def test_a_ready_worker_that_nobody_spawned_is_completed_by_hand() -> None:
    given(planned("a")).when(cmd.Complete(worker="a")).then(WorkerCompleted, worker="a", attempt=0)


def test_a_worker_with_open_dependencies_is_not_completed() -> None:
    given(planned("a", "b: a")).when(cmd.Complete(worker="b")).then_refused(
        "not_ready", "'a' (pending)", "--force"
    )


def test_force_completes_a_worker_with_open_dependencies_and_the_event_says_so() -> None:
    given(planned("a", "b: a")).when(cmd.Complete(worker="b", force=True)).then(
        WorkerCompleted, worker="b", forced=True
    )


def test_a_worker_that_was_spawned_by_force_completes_like_any_other() -> None:
    spawned = happened(WorkerSpawned, worker="b", attempt=1, forced=True)
    given(planned("a", "b: a"), spawned).when(cmd.Complete(worker="b", attempt=1)).then(
        WorkerCompleted, worker="b", attempt=1
    )


def test_force_that_was_not_needed_leaves_no_mark() -> None:
    given(planned("a"), SPAWNED).when(cmd.Complete(worker="a", force=True)).then(
        WorkerCompleted, worker="a", attempt=1
    )


def test_a_person_may_complete_what_awaits_review() -> None:
    given(planned("a"), SPAWNED, SUBMITTED).when(cmd.Complete(worker="a")).then(
        WorkerCompleted, worker="a", attempt=1
    )


@pytest.mark.parametrize(
    "command",
    [
        cmd.Complete(worker="a", attempt=1),
        cmd.Fail(worker="a", attempt=1),
        cmd.TimeOut(worker="a", attempt=1, after=1.0),
    ],
    ids=["complete", "fail", "time_out"],
)
def test_an_attempt_does_not_decide_on_its_own_review(command: cmd.AnyCommand) -> None:
    given(planned("a"), SPAWNED, SUBMITTED).when(command).then_refused(
        "awaits_review", "bo approve", "bo reject"
    )


@pytest.mark.parametrize(
    "command",
    [
        cmd.Complete(worker="a"),
        cmd.Complete(worker="a", output="a.py"),
        cmd.Complete(worker="a", output="a.py", summary="s"),
    ],
    ids=["nothing", "output", "all"],
)
def test_completing_twice_changes_nothing_and_what_is_left_unsaid_does_not_differ(
    command: cmd.Complete,
) -> None:
    given(planned("a"), SPAWNED, COMPLETED).when(command).then_nothing_happened()


@pytest.mark.parametrize("force", [False, True])
@pytest.mark.parametrize(
    ("output", "summary"), [("b.py", None), ("a.py", "other")], ids=["output", "summary"]
)
def test_something_else_about_a_completed_worker_is_refused(
    output: str, summary: str | None, force: bool
) -> None:
    given(planned("a"), SPAWNED, COMPLETED).when(
        cmd.Complete(worker="a", force=force, output=output, summary=summary)
    ).then_refused("already_completed", "bo reset -w a", "bo note")


@pytest.mark.parametrize("ending", ENDINGS[1:], ids=STATUSES[1:])
def test_a_worker_that_ended_otherwise_is_not_completed_before_it_is_reset(ending: KnownEvent) -> None:
    given(planned("a"), SPAWNED, ending).when(cmd.Complete(worker="a")).then_refused(
        "already_finished", "bo reset -w a"
    )


@pytest.mark.parametrize(
    ("events", "attempt"), [([], 0), ([SPAWNED], 1), ([SPAWNED, SUBMITTED], 1)], ids=["0", "1", "review"]
)
def test_whatever_is_not_finished_can_fail(events: list[KnownEvent], attempt: int) -> None:
    given(planned("a"), *events).when(cmd.Fail(worker="a", reason="exit", error="e")).then(
        WorkerFailed, worker="a", attempt=attempt, reason="exit", error="e"
    )


def test_a_blocked_worker_can_fail() -> None:
    given(planned("a", "b: a")).when(cmd.Fail(worker="b")).then(WorkerFailed, worker="b")


def test_failing_twice_with_the_same_error_changes_nothing() -> None:
    given(planned("a"), SPAWNED, FAILED).when(cmd.Fail(worker="a", error="e")).then_nothing_happened()


def test_another_error_of_a_failed_worker_is_refused() -> None:
    given(planned("a"), SPAWNED, FAILED).when(cmd.Fail(worker="a", error="f")).then_refused(
        "already_finished", "bo reset -w a"
    )


def test_a_failure_with_the_words_of_a_rejection_is_not_taken_for_it() -> None:
    rejected = happened(WorkerRejected, worker="a", attempt=1, reason="no tests")
    given(planned("a"), SPAWNED, SUBMITTED, rejected).when(cmd.Fail(worker="a", error="no tests")).then(
        WorkerFailed, worker="a", attempt=0, error="no tests"
    )


@pytest.mark.parametrize("ending", [COMPLETED, TIMED_OUT, CANCELLED])
def test_a_worker_that_ended_otherwise_does_not_fail(ending: KnownEvent) -> None:
    given(planned("a"), SPAWNED, ending).when(cmd.Fail(worker="a")).then_refused("already_finished")


@pytest.mark.parametrize("attempt", [None, 1])
def test_a_running_attempt_runs_out_of_time(attempt: int | None) -> None:
    given(planned("a"), SPAWNED).when(cmd.TimeOut(worker="a", attempt=attempt, after=600.0)).then(
        WorkerTimedOut, worker="a", attempt=1, after=600.0
    )


def test_running_out_of_time_twice_changes_nothing() -> None:
    given(planned("a"), SPAWNED, TIMED_OUT).when(cmd.TimeOut(worker="a", after=9.0)).then_nothing_happened()


def test_what_does_not_run_does_not_run_out_of_time() -> None:
    given(planned("a")).when(cmd.TimeOut(worker="a", after=1.0)).then_refused("not_in_progress")


@pytest.mark.parametrize("ending", [COMPLETED, FAILED, CANCELLED])
def test_a_finished_worker_does_not_run_out_of_time(ending: KnownEvent) -> None:
    given(planned("a"), SPAWNED, ending).when(cmd.TimeOut(worker="a", after=1.0)).then_refused(
        "already_finished"
    )


@pytest.mark.parametrize("after", [-1.0, math.nan, math.inf])
def test_a_worker_ran_for_a_finite_number_of_seconds(after: float) -> None:
    given(planned("a"), SPAWNED).when(cmd.TimeOut(worker="a", after=after)).then_refused("invalid_amount")
