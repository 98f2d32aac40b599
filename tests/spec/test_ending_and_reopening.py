"""What is not completed can be cancelled; what is finished can be reopened."""

import pytest

from eventlog.events import (
    KnownEvent,
    WorkerCancelled,
    WorkerCompleted,
    WorkerFailed,
    WorkerReset,
    WorkerSpawned,
    WorkerSubmitted,
    WorkerTimedOut,
)
from projections import commands as cmd
from projections.worker_rules import missing
from tests.spec.scenario import folded, given, happened, planned

SPAWNED = happened(WorkerSpawned, worker="a", attempt=1)
SUBMITTED = happened(WorkerSubmitted, worker="a", attempt=1)
COMPLETED = happened(WorkerCompleted, worker="a", attempt=1)
FAILED = happened(WorkerFailed, worker="a", attempt=1)
TIMED_OUT = happened(WorkerTimedOut, worker="a", attempt=1, after=1.0)
CANCELLED = happened(WorkerCancelled, worker="a", attempt=1)


@pytest.mark.parametrize(
    ("events", "attempt"),
    [([], 0), ([SPAWNED], 1), ([SPAWNED, SUBMITTED], 1), ([SPAWNED, FAILED], 0), ([SPAWNED, TIMED_OUT], 0)],
    ids=["pending", "in_progress", "review_pending", "failed", "timed_out"],
)
def test_whatever_is_not_completed_can_be_cancelled(events: list[KnownEvent], attempt: int) -> None:
    given(planned("a"), *events).when(cmd.Cancel(worker="a", reason="not needed")).then(
        WorkerCancelled, worker="a", attempt=attempt, reason="not needed"
    )


def test_a_blocked_worker_can_be_cancelled() -> None:
    given(planned("a", "b: a")).when(cmd.Cancel(worker="b")).then(WorkerCancelled, worker="b")


def test_cancelling_twice_changes_nothing() -> None:
    given(planned("a"), SPAWNED, CANCELLED).when(
        cmd.Cancel(worker="a", reason="again")
    ).then_nothing_happened()


def test_a_completed_worker_is_not_cancelled() -> None:
    given(planned("a"), SPAWNED, COMPLETED).when(cmd.Cancel(worker="a")).then_refused(
        "already_completed", "bo reset -w a"
    )


@pytest.mark.parametrize("ending", [COMPLETED, FAILED, TIMED_OUT, CANCELLED])
def test_a_finished_worker_is_reopened(ending: KnownEvent) -> None:
    given(planned("a"), SPAWNED, ending).when(cmd.Reset(worker="a", reason="try again")).then(
        WorkerReset, worker="a", attempt=1, reason="try again"
    )


def test_a_pending_worker_is_open_already() -> None:
    given(planned("a")).when(cmd.Reset(worker="a")).then_nothing_happened()


@pytest.mark.parametrize("force", [False, True])
@pytest.mark.parametrize("events", [[SPAWNED], [SPAWNED, SUBMITTED]], ids=["in_progress", "review_pending"])
def test_a_running_worker_is_ended_before_it_is_reopened(events: list[KnownEvent], force: bool) -> None:
    given(planned("a"), *events).when(cmd.Reset(worker="a", force=force)).then_refused(
        "in_progress", "bo fail", "bo cancel"
    )


def test_a_completed_worker_that_nobody_built_on_yet_is_reopened_and_blocks_its_dependents_again() -> None:
    events = [planned("a", "b: a"), SPAWNED, COMPLETED]
    decision = given(*events).when(cmd.Reset(worker="a"))
    decision.then(WorkerReset, worker="a", attempt=1)
    assert [worker.id for worker in folded([*events, *decision.events]).ready_workers()] == ["a"]


BEGUN = [planned("a", "b: a", "c: a"), SPAWNED, COMPLETED, happened(WorkerSpawned, worker="b", attempt=1)]


def test_a_completed_worker_that_others_built_on_is_not_reopened() -> None:
    given(*BEGUN).when(cmd.Reset(worker="a")).then_refused(
        "others_began", "1 that depend on it have begun: b", "--force"
    )


def test_of_many_that_built_on_it_five_are_named() -> None:
    names = [f"w{number}" for number in range(7)]
    begun = [happened(WorkerSpawned, worker=name, attempt=1) for name in names]
    given(planned("a", *(f"{name}: a" for name in names)), SPAWNED, COMPLETED, *begun).when(
        cmd.Reset(worker="a")
    ).then_refused("others_began", "7 that depend on it have begun: w0, w1, w2, w3, w4\n")


def test_force_reopens_a_completed_worker_that_others_built_on_and_the_event_says_so() -> None:
    given(*BEGUN).when(cmd.Reset(worker="a", force=True)).then(
        WorkerReset, worker="a", attempt=1, forced=True
    )


def test_what_was_built_on_a_reopened_worker_stays_as_it_is() -> None:
    before = folded(BEGUN)
    after = folded([*BEGUN, happened(WorkerReset, worker="a", attempt=1, forced=True)])
    for name in ("b", "c"):
        was, now = before.find(name), after.find(name)
        assert was is not None
        assert now is not None
        assert (now.status, now.attempt) == (was.status, was.attempt)
        assert [other.id for other in missing(after, now)] == ["a"]


def test_force_that_was_not_needed_leaves_no_mark() -> None:
    given(planned("a"), SPAWNED, FAILED).when(cmd.Reset(worker="a", force=True)).then(
        WorkerReset, worker="a", attempt=1
    )


def test_a_failed_worker_with_a_forced_dependent_is_reopened_without_force() -> None:
    forced = happened(WorkerSpawned, worker="b", attempt=1, forced=True)
    given(planned("a", "b: a"), SPAWNED, FAILED, forced).when(cmd.Reset(worker="a")).then(
        WorkerReset, worker="a", attempt=1
    )
