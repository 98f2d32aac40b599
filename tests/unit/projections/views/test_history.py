"""The history of each worker, told from its events."""

from hypothesis import given
from msgspec.structs import replace

from eventlog import events as ev
from projections import fold
from projections.views.history import History, history, seconds
from tests.spec.histories import histories
from tests.spec.scenario import happened, planned


def told(*events: ev.KnownEvent) -> History:
    """The history of events that lie a minute apart, from event 1 at 04:01 on."""
    return history(
        replace(e, seq=n, time=f"2026-11-23T04:{n:02}:00.000000Z") for n, e in enumerate(events, 1)
    )


def test_an_attempt_knows_how_long_it_waited_and_ran() -> None:
    worker = told(
        planned("a", "b: a"),
        happened(ev.WorkerSpawned, worker="a", attempt=1, via="command", dispatcher="d1"),
        happened(ev.NoteAdded, text="x"),
        happened(ev.WorkerCompleted, worker="a", attempt=1),
        happened(ev.NoteAdded, text="y"),
        happened(ev.WorkerSpawned, worker="b", attempt=1),
    )
    a, b = worker.workers
    [first] = a.attempts
    assert (first.waited, first.seconds, first.outcome) == (60.0, 120.0, "completed")
    assert (first.seq_spawned, first.seq_ended, first.dispatcher) == (2, 4, "d1")
    assert (b.seq_ready, b.ready_at) == (4, first.ended_at)
    assert (b.attempts[0].waited, b.attempts[0].seconds, b.running) == (120.0, None, b.attempts[0])


def test_every_attempt_is_kept_with_its_end() -> None:
    [a] = told(
        planned("a"),
        happened(ev.WorkerSpawned, worker="a", attempt=1),
        happened(ev.WorkerFailed, worker="a", attempt=1, error="no", retry_in=5.0),
        happened(ev.WorkerReset, worker="a", attempt=1, retry=True),
        happened(ev.WorkerSpawned, worker="a", attempt=2),
        happened(ev.WorkerSubmitted, worker="a", attempt=2),
        happened(ev.WorkerRejected, worker="a", attempt=2, reason="again"),
        happened(ev.WorkerSpawned, worker="a", attempt=3),
        happened(ev.WorkerCancelled, worker="a", attempt=3, reason="enough"),
        happened(ev.LateResultReceived, worker="a", attempt=3, outcome="completed"),
    ).workers
    assert [(x.number, x.outcome, x.error) for x in a.attempts] == [
        (1, "failed", "no"),
        (2, "rejected", "again"),
        (3, "cancelled", "enough"),
    ]
    assert [(mark.kind, mark.seq) for mark in a.marks] == [("retry", 4), ("rejected", 7), ("late", 10)]
    assert [x.ready_at and x.ready_at[14:16] for x in a.attempts] == ["01", "04", "07"]


def test_what_was_forced_or_done_without_an_attempt_is_marked() -> None:
    _, b = told(
        planned("a", "b: a"),
        happened(ev.WorkerSpawned, worker="b", attempt=1, forced=True),
        happened(ev.WorkerFailed, worker="b", attempt=1),
        happened(ev.WorkerReset, worker="b", attempt=1),
        happened(ev.WorkerCompleted, worker="b", forced=True),
    ).workers
    assert [mark.kind for mark in b.marks] == ["forced", "reset", "forced", "by_hand"]
    assert b.attempts[0].waited is None
    assert b.ready_at is None


@given(histories())
def test_the_histories_agree_with_the_state(events: list[ev.KnownEvent]) -> None:
    build = fold(events)
    now = history(events)
    assert now.build == build
    for place, (worker, story) in enumerate(zip(build.workers, now.workers, strict=True)):
        assert story.id == worker.id
        assert [attempt.number for attempt in story.attempts] == list(range(1, worker.attempts + 1))
        assert (story.running is not None) == (worker.current > 0)
        assert story.ready_at is not None or place not in build.ready
        assert tuple(mark.attempt for mark in story.marks if mark.kind == "late") == worker.late


def test_times_that_are_none_have_no_distance() -> None:
    assert seconds("2026-11-23T04:00:00Z", "2026-11-23T04:00:01.5Z") == 1.5
    assert seconds("2026-11-23T04:00:01Z", "2026-11-23T04:00:00Z") == 0.0
    assert seconds("yesterday", "2026-11-23T04:00:00Z") is None
    assert seconds("2026-11-23T04:00:00", "2026-11-23T04:00:00Z") is None
