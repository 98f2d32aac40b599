"""Which logs the rules could have written: an intact chain is not enough."""

from __future__ import annotations

import pytest
from hypothesis import given
from msgspec import Raw
from msgspec.structs import replace

from eventlog import events as ev
from projections import Build, evolve
from projections.views.transitions import violation
from tests.golden import projected
from tests.golden.test_version_1 import frozen_log
from tests.spec.histories import histories
from tests.spec.scenario import happened, planned


def verdicts(*events: ev.AnyEvent) -> list[str | None]:
    """What is said of each event, on the build as the ones before it made it."""
    build, found = Build(), []
    for seq, event in enumerate(events, 1):
        event = replace(event, seq=seq)
        found.append(violation(build, event))
        evolve(build, event)
    return found


@given(histories())
def test_whatever_was_decided_is_allowed(history: list[ev.KnownEvent]) -> None:
    assert verdicts(*history) == [None] * len(history)


@pytest.mark.parametrize(("name", "written_by_hand"), [("imported", []), ("defined", [23, 26])])
def test_of_the_frozen_logs_only_what_no_command_ever_wrote_is_named(
    name: str, written_by_hand: list[int]
) -> None:
    build, named = Build(), []
    for event in projected.read(frozen_log(name))[0]:
        if violation(build, event) is not None:
            named.append(event.seq)
        evolve(build, event)
    assert named == written_by_hand


PLAN = planned("a", "b: a")
SPAWNED = happened(ev.WorkerSpawned, worker="a", attempt=1)
COMPLETED = happened(ev.WorkerCompleted, worker="a", attempt=1)


@pytest.mark.parametrize(
    ("events", "words"),
    [
        ([happened(ev.WorkerCompleted, worker="a", attempt=1)], "its attempt is 1, not 0"),
        ([SPAWNED, happened(ev.WorkerCompleted, worker="a", attempt=2)], "its attempt is 2, not 1"),
        ([happened(ev.WorkerSpawned, worker="b", attempt=1)], "waits for 'a' (pending)"),
        ([happened(ev.WorkerCompleted, worker="b")], "waits for 'a' (pending)"),
        ([happened(ev.WorkerSpawned, worker="a", attempt=1, forced=True)], "its forced is True, not False"),
        ([SPAWNED, happened(ev.WorkerSpawned, worker="a", attempt=2)], "it was so already"),
        ([happened(ev.WorkerSpawned, worker="a", attempt=7)], "its attempt is 7, not 1"),
        ([SPAWNED, COMPLETED, COMPLETED], "it was so already"),
        ([SPAWNED, COMPLETED, happened(ev.WorkerFailed, worker="a", attempt=1)], "is completed"),
        ([SPAWNED, COMPLETED, SPAWNED], "is completed"),
        ([happened(ev.WorkerRejected, worker="a")], "nothing was submitted"),
        ([happened(ev.WorkerCompleted, worker="a", approved=True)], "nothing was submitted"),
        ([happened(ev.WorkerProgressed, worker="a")], "not in progress"),
        ([happened(ev.WorkerTimedOut, worker="a", after=1.0)], "not in progress"),
        ([SPAWNED, COMPLETED, happened(ev.WorkerCancelled, worker="a", attempt=1)], "is completed"),
        ([SPAWNED, happened(ev.WorkerReset, worker="a", attempt=1)], "not finished"),
        ([happened(ev.LateResultReceived, worker="a", attempt=1, outcome="failed")], "has no attempt 1"),
        ([SPAWNED, happened(ev.LateResultReceived, worker="a", attempt=1, outcome="failed")], "is not over"),
        ([happened(ev.DispatcherStopped, dispatcher="d1")], "it was so already"),
        ([happened(ev.NoteAdded, text="x", worker="a"), happened(ev.PlanAmended)], "it was so already"),
        (
            [happened(ev.PlanAmended, workers=Raw(b'[{"id":"c","dependencies":["d"]}]'))],
            "depends on 'd'",
        ),
        ([SPAWNED, happened(ev.PlanAmended, dependencies={"a": ["b"]})], "cycle"),
    ],
)
def test_what_no_decision_would_have_written_is_named(events: list[ev.KnownEvent], words: str) -> None:
    build = Build()
    *before, last = [replace(event, seq=seq) for seq, event in enumerate([PLAN, *events], 1)]
    for event in before:
        evolve(build, event)
    said = violation(build, last)
    assert said is not None
    assert words in said


def test_a_late_result_that_came_twice_is_named() -> None:
    late = happened(ev.LateResultReceived, worker="a", attempt=1, outcome="completed")
    failed = happened(ev.WorkerFailed, worker="a", attempt=1)
    assert verdicts(PLAN, SPAWNED, failed, late, late)[3:] == [
        None,
        "a late result of attempt 1 of worker 'a' is there already",
    ]


def test_a_worker_that_the_plan_does_not_have_is_named() -> None:
    build = Build()
    evolve(build, replace(PLAN, seq=1))
    for event in (
        happened(ev.WorkerSpawned, worker="x", attempt=1),
        happened(ev.LateResultReceived, worker="x", attempt=1, outcome="failed"),
        happened(ev.NoteAdded, text="", worker="x"),
    ):
        assert violation(build, event) == "Worker 'x' not found"


@pytest.mark.parametrize(
    "plan",
    [
        b'{"workers":[{"id":"a","dependencies":["b"]},{"id":"b","dependencies":["a"]}]}',
        b'{"workers":[{"id":"a b"}]}',
        b'{"workers":[{"id":"a","estimated_hours":-1}]}',
        b"{",
    ],
)
def test_a_plan_that_would_have_been_refused_is_named(plan: bytes) -> None:
    assert violation(Build(), happened(ev.PlanDefined, build_id="b", plan=Raw(plan))) is not None


def test_extensions_are_not_judged() -> None:
    event = ev.Unrecognised(seq=1, time="", actor="", type="x_cost", body={})
    assert violation(Build(), event) is None
