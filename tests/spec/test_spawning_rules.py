"""A ready worker begins an attempt; each attempt has the next number; only the running one makes progress."""

import math

import pytest

from eventlog.events import (
    Event,
    WorkerCancelled,
    WorkerCompleted,
    WorkerFailed,
    WorkerProgressed,
    WorkerReset,
    WorkerSpawned,
    WorkerSubmitted,
    WorkerTimedOut,
)
from projections import commands as cmd
from tests.spec.scenario import given, happened, planned

SPAWNED = happened(WorkerSpawned, worker="a", attempt=1)
SUBMITTED = happened(WorkerSubmitted, worker="a", attempt=1)


def test_a_ready_worker_begins_its_first_attempt() -> None:
    given(planned("a")).when(
        cmd.Spawn(worker="a", via="zo", parent="con_1", dispatcher="d1", timeout=600.0)
    ).then(WorkerSpawned, worker="a", attempt=1, via="zo", parent="con_1", dispatcher="d1", timeout=600.0)


def test_a_worker_in_progress_goes_on_as_it_is() -> None:
    given(planned("a"), SPAWNED).when(cmd.Spawn(worker="a", parent="con_2")).then_nothing_happened()


def test_a_worker_that_was_reset_begins_its_next_attempt() -> None:
    failed = happened(WorkerFailed, worker="a", attempt=1)
    reset = happened(WorkerReset, worker="a", attempt=1)
    given(planned("a"), SPAWNED, failed, reset).when(cmd.Spawn(worker="a")).then(
        WorkerSpawned, worker="a", attempt=2
    )


def test_a_worker_begins_when_all_its_dependencies_are_completed() -> None:
    done = [happened(WorkerCompleted, worker=name) for name in "ab"]
    given(planned("a", "b", "c: a b"), *done).when(cmd.Spawn(worker="c")).then(
        WorkerSpawned, worker="c", attempt=1
    )


def test_a_worker_with_open_dependencies_is_refused_and_they_are_named_with_their_status() -> None:
    done = happened(WorkerCompleted, worker="a")
    failed = happened(WorkerFailed, worker="b")
    given(planned("a", "b", "c", "d: a b c"), done, failed).when(cmd.Spawn(worker="d")).then_refused(
        "not_ready", "'d' waits for 'b' (failed), 'c' (pending)", "--force"
    )


@pytest.mark.parametrize(
    ("count", "words"),
    [(5, "'w4' (pending)\n"), (6, "'w4' (pending) and 1 more\n"), (8, "'w4' (pending) and 3 more\n")],
)
def test_of_many_open_dependencies_five_are_named_and_the_rest_counted(count: int, words: str) -> None:
    names = [f"w{number}" for number in range(count)]
    given(planned(*names, f"z: {' '.join(names)}")).when(cmd.Spawn(worker="z")).then_refused(
        "not_ready", words
    )


def test_force_begins_a_worker_with_open_dependencies_and_the_event_says_so() -> None:
    given(planned("a", "b: a")).when(cmd.Spawn(worker="b", force=True)).then(
        WorkerSpawned, worker="b", attempt=1, forced=True
    )


def test_force_that_was_not_needed_leaves_no_mark() -> None:
    given(planned("a")).when(cmd.Spawn(worker="a", force=True)).then(WorkerSpawned, worker="a", attempt=1)


@pytest.mark.parametrize("force", [False, True])
@pytest.mark.parametrize(
    ("ended", "status"),
    [
        (happened(WorkerCompleted, worker="a", attempt=1), "completed"),
        (happened(WorkerFailed, worker="a", attempt=1), "failed"),
        (happened(WorkerTimedOut, worker="a", attempt=1, after=1.0), "timed_out"),
        (happened(WorkerCancelled, worker="a", attempt=1), "cancelled"),
    ],
    ids=["completed", "failed", "timed_out", "cancelled"],
)
def test_a_finished_worker_is_not_spawned_again_before_it_is_reset(
    ended: Event, status: str, force: bool
) -> None:
    given(planned("a"), SPAWNED, ended).when(cmd.Spawn(worker="a", force=force)).then_refused(  # type: ignore[arg-type]
        "already_finished", status, "bo reset -w a"
    )


def test_a_worker_that_awaits_review_is_not_spawned() -> None:
    given(planned("a"), SPAWNED, SUBMITTED).when(cmd.Spawn(worker="a")).then_refused(
        "awaits_review", "bo approve", "bo reject"
    )


@pytest.mark.parametrize("attempt", [None, 1])
def test_a_running_worker_makes_progress(attempt: int | None) -> None:
    given(planned("a"), SPAWNED).when(
        cmd.Progress(worker="a", attempt=attempt, message="half", percent=50.0)
    ).then(WorkerProgressed, worker="a", attempt=1, message="half", percent=50.0)


def test_an_attempt_that_is_not_the_current_one_makes_no_progress() -> None:
    events = [
        SPAWNED,
        happened(WorkerFailed, worker="a", attempt=1),
        happened(WorkerReset, worker="a", attempt=1),
        happened(WorkerSpawned, worker="a", attempt=2),
    ]
    given(planned("a"), *events).when(cmd.Progress(worker="a", attempt=1)).then_refused(
        "stale_attempt", "attempt 1", "may stop"
    )


def test_an_attempt_that_is_over_makes_no_progress() -> None:
    failed = happened(WorkerFailed, worker="a", attempt=1)
    given(planned("a"), SPAWNED, failed).when(cmd.Progress(worker="a", attempt=1)).then_refused(
        "stale_attempt", "failed"
    )


def test_no_attempt_has_the_number_of_none() -> None:
    for command in (cmd.Progress(worker="a", attempt=0), cmd.Submit(worker="a", attempt=0)):
        given(planned("a")).when(command).then_refused("stale_attempt", "attempt 0")


@pytest.mark.parametrize("events", [[], [SPAWNED, SUBMITTED]], ids=["pending", "review_pending"])
def test_only_a_worker_in_progress_makes_progress(events: list[WorkerSpawned]) -> None:
    given(planned("a"), *events).when(cmd.Progress(worker="a")).then_refused("not_in_progress", "bo note")


@pytest.mark.parametrize("percent", [-1.0, 100.5, math.nan, math.inf])
def test_progress_is_a_percentage(percent: float) -> None:
    given(planned("a"), SPAWNED).when(cmd.Progress(worker="a", percent=percent)).then_refused(
        "invalid_amount", "0 to 100"
    )


@pytest.mark.parametrize("percent", [0.0, 0.5, 100.0])
def test_progress_goes_from_nothing_to_all(percent: float) -> None:
    given(planned("a"), SPAWNED).when(cmd.Progress(worker="a", percent=percent)).then(
        WorkerProgressed, worker="a", attempt=1, percent=percent
    )


@pytest.mark.parametrize("timeout", [-1.0, math.nan, math.inf])
def test_a_timeout_is_a_finite_number_of_seconds(timeout: float) -> None:
    given(planned("a")).when(cmd.Spawn(worker="a", timeout=timeout)).then_refused("invalid_amount")
