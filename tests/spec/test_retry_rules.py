"""A failure may announce its next try; tries are counted from the last time that a person stepped in."""

import math

import pytest

from eventlog.events import (
    KnownEvent,
    WorkerCancelled,
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
FAILED = happened(WorkerFailed, worker="a", attempt=1, retry_in=5.0)
TIMED_OUT = happened(WorkerTimedOut, worker="a", attempt=1, after=9.0, retry_in=5.0)
RETRY = happened(WorkerReset, worker="a", attempt=1, retry=True)
AGAIN = happened(WorkerSpawned, worker="a", attempt=2)


def test_a_failure_may_announce_the_next_try() -> None:
    given(planned("a"), SPAWNED).when(cmd.Fail(worker="a", attempt=1, retry_in=5.0)).then(
        WorkerFailed, worker="a", attempt=1, retry_in=5.0
    )


def test_a_timeout_may_announce_the_next_try() -> None:
    given(planned("a"), SPAWNED).when(cmd.TimeOut(worker="a", attempt=1, after=9.0, retry_in=5.0)).then(
        WorkerTimedOut, worker="a", attempt=1, after=9.0, retry_in=5.0
    )


def test_a_dispatcher_reopens_a_worker_for_its_next_try() -> None:
    given(planned("a"), SPAWNED, FAILED).when(cmd.Reset(worker="a", retry=True)).then(
        WorkerReset, worker="a", attempt=1, retry=True
    )


@pytest.mark.parametrize("seconds", [-1.0, math.nan, math.inf])
@pytest.mark.parametrize("kind", ["fail", "time_out"])
def test_the_wait_before_the_next_try_is_a_finite_number_of_seconds(kind: str, seconds: float) -> None:
    command: cmd.AnyCommand = (
        cmd.Fail(worker="a", retry_in=seconds)
        if kind == "fail"
        else cmd.TimeOut(worker="a", after=1.0, retry_in=seconds)
    )
    given(planned("a"), SPAWNED).when(command).then_refused("invalid_amount")


@pytest.mark.parametrize("ending", [FAILED, TIMED_OUT], ids=["failed", "timed_out"])
def test_a_build_that_will_try_again_is_active(ending: KnownEvent) -> None:
    assert folded([planned("a"), SPAWNED, ending]).status == "active"


def test_a_build_whose_only_worker_failed_for_good_is_stuck() -> None:
    failed = happened(WorkerFailed, worker="a", attempt=1)
    assert folded([planned("a"), SPAWNED, failed]).status == "stuck"


def test_cancelling_a_worker_takes_its_next_try_back() -> None:
    cancelled = happened(WorkerCancelled, worker="a", attempt=1)
    assert folded([planned("a"), SPAWNED, FAILED, cancelled]).status == "cancelled"


@pytest.mark.parametrize(
    ("events", "tries"),
    [
        ([SPAWNED], 1),
        ([SPAWNED, FAILED, RETRY, AGAIN], 2),
        ([SPAWNED, FAILED, happened(WorkerReset, worker="a", attempt=1), AGAIN], 1),
        (
            [
                SPAWNED,
                happened(WorkerSubmitted, worker="a", attempt=1),
                happened(WorkerRejected, worker="a", attempt=1),
                AGAIN,
            ],
            1,
        ),
    ],
    ids=["first", "retried", "reopened_by_a_person", "rejected"],
)
def test_tries_are_counted_from_the_last_time_that_a_person_stepped_in(
    events: list[KnownEvent], tries: int
) -> None:
    worker = folded([planned("a"), *events]).workers[0]
    assert worker.tries == tries
