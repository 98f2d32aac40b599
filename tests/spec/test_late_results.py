"""A result of an attempt that is over is kept, once, and changes nothing."""

from collections.abc import Callable

import pytest

from eventlog.events import (
    Answer,
    KnownEvent,
    LateResultReceived,
    WorkerCancelled,
    WorkerCompleted,
    WorkerFailed,
    WorkerRejected,
    WorkerReset,
    WorkerSpawned,
    WorkerSubmitted,
    WorkerTimedOut,
)
from projections import commands as cmd
from tests.spec.scenario import folded, given, happened, planned

SPAWNED = happened(WorkerSpawned, worker="a", attempt=1)
TIMED_OUT = happened(WorkerTimedOut, worker="a", attempt=1, after=600.0)
RESET = happened(WorkerReset, worker="a", attempt=1)
AGAIN = happened(WorkerSpawned, worker="a", attempt=2)
REJECTED = [
    happened(WorkerSubmitted, worker="a", attempt=1),
    happened(WorkerRejected, worker="a", attempt=1),
]
CANCELLED = happened(WorkerCancelled, worker="a", attempt=1)

OVER: dict[str, list[KnownEvent]] = {
    "timed_out": [SPAWNED, TIMED_OUT],
    "cancelled": [SPAWNED, CANCELLED],
    "reset": [SPAWNED, TIMED_OUT, RESET],
    "rejected": [SPAWNED, *REJECTED],
    "followed_by_another": [SPAWNED, TIMED_OUT, RESET, AGAIN],
    "followed_by_another_in_review": [
        SPAWNED,
        TIMED_OUT,
        RESET,
        AGAIN,
        happened(WorkerSubmitted, worker="a", attempt=2),
    ],
    "followed_by_a_completed_one": [
        SPAWNED,
        TIMED_OUT,
        RESET,
        AGAIN,
        happened(WorkerCompleted, worker="a", attempt=2),
    ],
}


@pytest.mark.parametrize("events", OVER.values(), ids=OVER)
def test_a_completion_that_comes_late_is_kept(events: list[KnownEvent]) -> None:
    answer = Answer(text="here")
    given(planned("a"), *events).when(
        cmd.Complete(worker="a", attempt=1, output="a.py", conversation="con_1", answer=answer)
    ).then(
        LateResultReceived,
        worker="a",
        attempt=1,
        outcome="completed",
        output="a.py",
        conversation="con_1",
        answer=answer,
    )


def test_a_failure_that_comes_late_is_kept() -> None:
    given(planned("a"), *OVER["reset"]).when(cmd.Fail(worker="a", attempt=1, error="e")).then(
        LateResultReceived, worker="a", attempt=1, outcome="failed", error="e"
    )


def test_a_timeout_that_comes_late_is_kept() -> None:
    given(planned("a"), *OVER["cancelled"]).when(cmd.TimeOut(worker="a", attempt=1, after=90.0)).then(
        LateResultReceived, worker="a", attempt=1, outcome="timed_out", error="timed out after 90 s"
    )


def test_a_late_result_changes_no_worker() -> None:
    before = [planned("a", "b: a"), *OVER["followed_by_another"]]
    late = happened(LateResultReceived, worker="a", attempt=1, outcome="completed", output="a.py")
    worker, other = folded([*before, late]).workers
    worker.late = ()
    assert [worker, other] == folded(before).workers


def test_an_attempt_is_heard_late_only_once() -> None:
    late = happened(LateResultReceived, worker="a", attempt=1, outcome="completed")
    given(planned("a"), *OVER["reset"], late).when(cmd.Fail(worker="a", attempt=1)).then_nothing_happened()


def test_each_attempt_is_heard_late() -> None:
    late = happened(LateResultReceived, worker="a", attempt=1, outcome="completed")
    again = happened(WorkerFailed, worker="a", attempt=2)
    given(planned("a"), *OVER["followed_by_another"], late, again).when(
        cmd.Complete(worker="a", attempt=2)
    ).then(LateResultReceived, worker="a", attempt=2, outcome="completed")


def test_an_earlier_attempt_that_says_what_the_latest_said_is_kept() -> None:
    done = happened(WorkerCompleted, worker="a", attempt=2, output="a.py")
    given(planned("a"), *OVER["followed_by_another"], done).when(
        cmd.Complete(worker="a", attempt=1, output="a.py")
    ).then(LateResultReceived, worker="a", attempt=1, outcome="completed", output="a.py")


@pytest.mark.parametrize(
    ("ending", "command"),
    [
        (
            happened(WorkerCompleted, worker="a", attempt=1, output="a.py"),
            cmd.Complete(worker="a", attempt=1, output="a.py"),
        ),
        (
            happened(WorkerCompleted, worker="a", attempt=1, output="a.py"),
            cmd.Complete(worker="a", attempt=1),
        ),
        (
            happened(WorkerFailed, worker="a", attempt=1, error="e"),
            cmd.Fail(worker="a", attempt=1, error="e"),
        ),
        (TIMED_OUT, cmd.TimeOut(worker="a", attempt=1, after=600.0)),
    ],
    ids=["completed", "completed_unsaid", "failed", "timed_out"],
)
def test_an_attempt_that_repeats_its_result_changes_nothing(
    ending: KnownEvent, command: cmd.AnyCommand
) -> None:
    given(planned("a"), SPAWNED, ending).when(command).then_nothing_happened()


def test_another_output_after_a_completion_is_kept() -> None:
    done = happened(WorkerCompleted, worker="a", attempt=1, output="a.py")
    given(planned("a"), SPAWNED, done).when(cmd.Complete(worker="a", attempt=1, output="b.py")).then(
        LateResultReceived, worker="a", attempt=1, outcome="completed", output="b.py"
    )


def test_what_an_attempt_that_was_taken_for_lost_says_of_its_end_is_kept() -> None:
    lost = happened(WorkerFailed, worker="a", attempt=1, reason="lost")
    given(planned("a"), SPAWNED, lost).when(cmd.Fail(worker="a", attempt=1, error="exit 3")).then(
        LateResultReceived, worker="a", attempt=1, outcome="failed", error="exit 3"
    )


@pytest.mark.parametrize("attempt", [-1, 0, 2])
@pytest.mark.parametrize(
    "command",
    [
        lambda n: cmd.Complete(worker="a", attempt=n),
        lambda n: cmd.Fail(worker="a", attempt=n),
        lambda n: cmd.TimeOut(worker="a", attempt=n, after=1.0),
    ],
    ids=["complete", "fail", "time_out"],
)
def test_an_attempt_that_never_began_is_refused(
    command: Callable[[int], cmd.AnyCommand], attempt: int
) -> None:
    given(planned("a"), SPAWNED).when(command(attempt)).then_refused("unknown_attempt", "its latest is 1")
