"""Work is handed in, then approved or sent back, by people, and once."""

import pytest

from eventlog.events import (
    KnownEvent,
    LateResultReceived,
    WorkerCompleted,
    WorkerFailed,
    WorkerRejected,
    WorkerReset,
    WorkerSpawned,
    WorkerSubmitted,
)
from projections import commands as cmd
from tests.spec.scenario import given, happened, planned

SPAWNED = happened(WorkerSpawned, worker="a", attempt=1)
SUBMITTED = happened(WorkerSubmitted, worker="a", attempt=1, files="a.py", summary="done")
REJECTED = happened(WorkerRejected, worker="a", attempt=1, reason="no tests")


@pytest.mark.parametrize("attempt", [None, 1])
def test_a_running_worker_hands_its_work_in(attempt: int | None) -> None:
    given(planned("a"), SPAWNED).when(
        cmd.Submit(worker="a", attempt=attempt, files="a.py", summary="done")
    ).then(WorkerSubmitted, worker="a", attempt=1, files="a.py", summary="done")


def test_work_on_a_ready_worker_that_nobody_spawned_is_handed_in_by_hand() -> None:
    given(planned("a")).when(cmd.Submit(worker="a", files="a.py")).then(
        WorkerSubmitted, worker="a", attempt=0, files="a.py"
    )


def test_work_on_a_worker_with_open_dependencies_is_not_handed_in() -> None:
    given(planned("a", "b: a")).when(cmd.Submit(worker="b")).then_refused("not_ready", "'a' (pending)")


def test_the_same_work_handed_in_twice_changes_nothing() -> None:
    given(planned("a"), SPAWNED, SUBMITTED).when(
        cmd.Submit(worker="a", files="a.py", summary="done")
    ).then_nothing_happened()


def test_other_work_may_be_handed_in_until_it_is_reviewed() -> None:
    given(planned("a"), SPAWNED, SUBMITTED).when(cmd.Submit(worker="a", files="b.py")).then(
        WorkerSubmitted, worker="a", attempt=1, files="b.py"
    )


def test_work_that_was_rejected_may_be_handed_in_again_by_hand() -> None:
    given(planned("a"), SPAWNED, SUBMITTED, REJECTED).when(
        cmd.Submit(worker="a", files="a.py", summary="done")
    ).then(WorkerSubmitted, worker="a", attempt=0, files="a.py", summary="done")


@pytest.mark.parametrize(
    "events",
    [
        [SPAWNED, SUBMITTED, REJECTED],
        [
            SPAWNED,
            happened(WorkerFailed, worker="a", attempt=1),
            happened(WorkerReset, worker="a", attempt=1),
        ],
        [
            SPAWNED,
            happened(WorkerFailed, worker="a", attempt=1),
            happened(WorkerReset, worker="a", attempt=1),
            happened(WorkerSpawned, worker="a", attempt=2),
        ],
    ],
    ids=["rejected", "reset", "followed"],
)
def test_an_attempt_that_is_over_hands_nothing_in(events: list[KnownEvent]) -> None:
    given(planned("a"), *events).when(cmd.Submit(worker="a", attempt=1)).then_refused("stale_attempt")


def test_nothing_is_handed_in_for_a_finished_worker() -> None:
    done = happened(WorkerCompleted, worker="a")
    given(planned("a"), done).when(cmd.Submit(worker="a")).then_refused("already_finished", "bo reset -w a")


@pytest.mark.parametrize("attempt", [None, 1])
def test_what_was_handed_in_is_approved_with_its_summary(attempt: int | None) -> None:
    given(planned("a"), SPAWNED, SUBMITTED).when(cmd.Approve(worker="a", attempt=attempt)).then(
        WorkerCompleted, worker="a", attempt=1, summary="done", approved=True
    )


def test_approving_twice_changes_nothing() -> None:
    approved = happened(WorkerCompleted, worker="a", attempt=1, approved=True)
    given(planned("a"), SPAWNED, SUBMITTED, approved).when(cmd.Approve(worker="a")).then_nothing_happened()


@pytest.mark.parametrize("command", [cmd.Approve(worker="a"), cmd.Reject(worker="a")])
@pytest.mark.parametrize("events", [[], [SPAWNED]], ids=["pending", "in_progress"])
def test_what_was_not_handed_in_is_not_reviewed(
    events: list[KnownEvent], command: cmd.Approve | cmd.Reject
) -> None:
    given(planned("a"), *events).when(command).then_refused("not_in_review", "bo review", "bo complete")


@pytest.mark.parametrize("command", [cmd.Approve(worker="a", attempt=2), cmd.Reject(worker="a", attempt=2)])
def test_a_review_of_another_attempt_is_refused(command: cmd.Approve | cmd.Reject) -> None:
    given(planned("a"), SPAWNED, SUBMITTED).when(command).then_refused("stale_attempt")


def test_what_was_handed_in_is_sent_back_with_a_reason() -> None:
    given(planned("a"), SPAWNED, SUBMITTED).when(cmd.Reject(worker="a", reason="no tests")).then(
        WorkerRejected, worker="a", attempt=1, reason="no tests"
    )


def test_work_that_was_sent_back_is_done_in_a_new_attempt() -> None:
    given(planned("a"), SPAWNED, SUBMITTED, REJECTED).when(cmd.Spawn(worker="a")).then(
        WorkerSpawned, worker="a", attempt=2
    )


def test_rejecting_twice_for_the_same_reason_changes_nothing() -> None:
    given(planned("a"), SPAWNED, SUBMITTED, REJECTED).when(
        cmd.Reject(worker="a", reason="no tests")
    ).then_nothing_happened()


def test_another_reason_for_work_that_was_sent_back_is_not_swallowed() -> None:
    given(planned("a"), SPAWNED, SUBMITTED, REJECTED).when(
        cmd.Reject(worker="a", reason="no docs")
    ).then_refused("not_in_review")


def test_what_was_handed_in_again_is_sent_back_again_for_the_same_reason() -> None:
    by_hand = happened(WorkerSubmitted, worker="a", attempt=0)
    given(planned("a"), SPAWNED, SUBMITTED, REJECTED, by_hand).when(
        cmd.Reject(worker="a", reason="no tests")
    ).then(WorkerRejected, worker="a", attempt=0, reason="no tests")


def test_completed_work_is_not_rejected() -> None:
    done = happened(WorkerCompleted, worker="a", attempt=1)
    given(planned("a"), SPAWNED, SUBMITTED, done).when(cmd.Reject(worker="a")).then_refused("not_in_review")


BY_HAND = [
    SPAWNED,
    happened(WorkerFailed, worker="a", attempt=1),
    happened(WorkerReset, worker="a", attempt=1),
    happened(WorkerSubmitted, worker="a", summary="by hand"),
]


def test_approving_what_a_person_did_ends_no_attempt() -> None:
    given(planned("a"), *BY_HAND).when(cmd.Approve(worker="a")).then(
        WorkerCompleted, worker="a", attempt=0, summary="by hand", approved=True
    )


def test_an_attempt_that_is_over_is_not_what_a_person_handed_in() -> None:
    given(planned("a"), *BY_HAND).when(cmd.Approve(worker="a", attempt=1)).then_refused("stale_attempt")
    given(planned("a"), *BY_HAND).when(cmd.Complete(worker="a", attempt=1)).then(
        LateResultReceived, worker="a", attempt=1, outcome="completed"
    )
