"""Why a worker is where it is, and who set what."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from msgspec import Raw
from msgspec.structs import replace

from eventlog import events as ev
from eventlog.errors import Refused
from projections import fold
from projections.views.blame import Blame, blame_view
from projections.views.causes import Causes, causes
from projections.views.why import why_view
from projections.worker_object import worker_objects
from tests.spec.histories import histories
from tests.spec.scenario import happened, planned


def minutes(*events: ev.KnownEvent) -> list[ev.KnownEvent]:
    """The events as a log has them, a minute apart, from event 1 at 04:01 on."""
    return [replace(e, seq=n, time=f"2026-11-23T04:{n:02}:00.000000Z") for n, e in enumerate(events, 1)]


def told(*events: ev.KnownEvent) -> Causes:
    return causes(minutes(*events))


def links(found: Causes, worker: str) -> list[tuple[str, str, int]]:
    """The chain of causes as worker, state and event."""
    chain = why_view(found, "p", worker)["chain"]
    return [(step["worker"], step["status"], step["seq"]) for step in chain]


PLAN = planned("a", "b", "c: a b", "d: c")
A_DONE = happened(ev.WorkerCompleted, worker="a")
B_SPAWNED = happened(ev.WorkerSpawned, worker="b", attempt=1, via="zo", dispatcher="d1")
B_DONE = happened(ev.WorkerCompleted, worker="b", attempt=1)


def test_a_ready_worker_names_the_last_of_its_dependencies_and_how_long_it_waited_for_it() -> None:
    found = told(PLAN, A_DONE, B_SPAWNED, happened(ev.NoteAdded, text="x"), B_DONE)
    answer = why_view(found, "p", "c")
    assert answer["because"] == (
        "ready since event 5, because b completed; waited 3 min for it after the other 1"
    )
    assert answer["chain"][0]["waited_seconds"] == 180.0
    assert links(found, "c") == [("c", "ready", 5), ("b", "completed", 5), ("b", "ready", 1)]
    assert "depends on nothing" in answer["chain"][2]["text"]
    assert answer["chain"][1]["text"] == "completed at event 5 by ada@example (attempt 1) after 2 min"


def test_a_blocked_worker_names_the_root_with_the_path_to_it() -> None:
    found = told(
        PLAN,
        A_DONE,
        B_SPAWNED,
        happened(ev.WorkerFailed, worker="b", attempt=1, reason="exit", error="code 2"),
    )
    answer = why_view(found, "p", "d")
    assert links(found, "d") == [("d", "blocked", 1), ("c", "blocked", 1), ("b", "failed", 4)]
    [blocker] = answer["blockers"]
    assert blocker["path"] == ["d", "c", "b"]
    assert blocker["text"] == "failed at event 4 by ada@example (attempt 1) after 1 min: exit: code 2"
    assert answer["next"] == "`bo reset -w b` reopens b"
    assert answer["because"] == "waits for c (blocked); 0 of 1 dependencies are completed"


def test_what_only_moves_when_somebody_acts_is_told_before_what_runs() -> None:
    found = told(PLAN, B_SPAWNED, happened(ev.WorkerCancelled, worker="a", reason="no need"))
    blockers = why_view(found, "p", "d")["blockers"]
    assert [(b["worker"], b["status"]) for b in blockers] == [("a", "cancelled"), ("b", "in_progress")]
    assert blockers[0]["text"].endswith("(without an attempt): no need")
    assert blockers[1]["text"] == (
        "running since event 2: attempt 1, spawned by ada@example by dispatcher d1 via zo"
    )


def test_a_retry_names_the_failure_before_it() -> None:
    failed = happened(ev.WorkerTimedOut, worker="b", attempt=1, after=600.0, retry_in=5.0)
    reset = happened(ev.WorkerReset, worker="b", attempt=1, reason="retry", retry=True)
    again = replace(B_SPAWNED, attempt=2)
    before = why_view(told(PLAN, B_SPAWNED, failed), "p", "b")
    assert before["because"].endswith("took longer than 600 s; is tried again 5.0 s later")
    assert before["next"] == "`bo run` tries b again"
    ready = why_view(told(PLAN, B_SPAWNED, failed, reset), "p", "b")
    assert ready["because"] == (
        "ready since event 4, when it was reset: retry; attempt 1 timed out (event 3): took longer than 600 s"
    )
    running = why_view(told(PLAN, B_SPAWNED, failed, reset, again), "p", "b")
    assert "attempt 1 timed out (event 3)" in running["because"]
    assert [step["seq"] for step in running["chain"]] == [5, 4]


def test_a_review_and_a_rejection_are_told() -> None:
    handed_in = happened(ev.WorkerSubmitted, worker="b", attempt=1)
    rejected = happened(ev.WorkerRejected, worker="b", attempt=1, reason="tests fail")
    waiting = why_view(told(PLAN, B_SPAWNED, handed_in), "p", "b")
    assert waiting["because"].startswith("awaits review since event 3: handed in by ada@example (attempt 1)")
    assert "bo approve -w b" in waiting["next"]
    back = why_view(told(PLAN, B_SPAWNED, handed_in, rejected), "p", "b")
    assert back["because"].startswith("ready since event 4, when its work was rejected: tests fail")


def test_what_was_forced_has_no_cause_before_it() -> None:
    found = told(PLAN, happened(ev.WorkerSpawned, worker="d", attempt=1, forced=True))
    assert links(found, "d") == [("d", "in_progress", 2)]
    assert "by force" in why_view(found, "p", "d")["because"]
    done = told(PLAN, happened(ev.WorkerCompleted, worker="d", forced=True))
    assert links(done, "d") == [("d", "completed", 2)]


def test_an_amendment_can_make_a_worker_ready_or_bring_it() -> None:
    amended = happened(
        ev.PlanAmended, workers=Raw(b'[{"id":"e","dependencies":["d"]}]'), dependencies={"c": []}
    )
    found = told(PLAN, amended)
    assert why_view(found, "p", "c")["because"] == (
        "ready since event 2, when it was amended: it depends on nothing"
    )
    assert links(found, "e") == [("e", "blocked", 2), ("d", "blocked", 1), ("c", "ready", 2)]


def test_an_unknown_worker_is_refused_with_the_one_that_was_meant() -> None:
    with pytest.raises(Refused, match="not found"):
        why_view(told(PLAN), "p", "x")


def test_a_long_row_of_blocked_workers_and_many_blockers_are_told_in_bounds() -> None:
    count = 3_000
    row = planned("w0", *(f"w{n}: w{n - 1}" for n in range(1, count)))
    assert len(why_view(told(row), "p", f"w{count - 1}")["chain"]) == count
    names = [f"v{n}" for n in range(count)]
    wide = why_view(told(planned(*names, "z: " + " ".join(names))), "p", "z")
    assert (len(wide["blockers"]), wide["blockers_count"]) == (100, count)
    assert wide["because"].startswith("waits for v0 (ready), v1 (ready), v2 (ready) and 2997 more")


@given(histories())
def test_every_worker_of_every_history_has_a_reason_and_an_end_to_it(events: list[ev.KnownEvent]) -> None:
    found = causes(events)
    build = fold(events)
    assert found.build == build
    for place, worker in enumerate(build.workers):
        answer = why_view(found, "p", worker.id)
        assert answer["state"] == build.shown_status(place)
        assert answer["because"]
        seqs = [step["seq"] for step in answer["chain"]]
        assert all(1 <= seq <= len(events) for seq in seqs)
        if answer["state"] == "blocked":
            roots = {b["worker"] for b in answer["blockers"]}
            assert roots == unfinished_ancestors(events, worker.id)
        else:
            assert seqs == sorted(seqs, reverse=True)


def unfinished_ancestors(events: Sequence[ev.KnownEvent], worker: str) -> set[str]:
    """What a worker waits for at the roots, found by definition."""
    build = fold(events)
    open_, seen = [build.index[worker]], set()
    while open_:
        place = open_.pop()
        if place in seen or build.workers[place].status == "completed":
            continue
        seen.add(place)
        if build.shown_status(place) == "blocked":
            open_ += build.workers[place].dependencies
    return {build.workers[p].id for p in seen if build.shown_status(p) != "blocked"}


# --- blame


def blamed(worker: str, events: Sequence[ev.AnyEvent]) -> Blame:
    found = Blame(worker)
    for event in events:
        found.take(event)
    return found


def test_the_last_event_that_changed_a_field_is_named_with_what_was_before() -> None:
    amended = happened(ev.PlanAmended, estimates={"b": 3.0})
    found = blamed(
        "b", minutes(PLAN, B_SPAWNED, happened(ev.NoteAdded, text="x", worker="b"), B_DONE, amended)
    )
    status = blame_view(found, "p", "b", "status")
    assert (status["seq"], status["value"], status["previous"], status["changes"]) == (
        4,
        "completed",
        "in_progress",
        3,
    )
    assert blame_view(found, "p", "b", "estimated_hours")["seq"] == 5
    assert blame_view(found, "p", "b", "spawned_via")["type"] == "worker_spawned"
    assert blame_view(found, "p", "b", "dependencies")["seq"] == 1


def test_a_field_that_was_cleared_names_who_cleared_it() -> None:
    reset = happened(ev.WorkerReset, worker="b", attempt=1)
    found = blamed("b", minutes(PLAN, B_SPAWNED, replace(B_DONE, output="x"), reset))
    gone = blame_view(found, "p", "b", "output_path")
    assert (gone["value"], gone["previous"], gone["type"]) == (None, "x", "worker_reset")


@pytest.mark.parametrize(("field", "hint"), [("statsu", "'status'"), ("colour", "it has id, ")])
def test_a_field_that_never_was_is_refused_with_a_hint(field: str, hint: str) -> None:
    with pytest.raises(Refused) as refusal:
        blame_view(blamed("a", minutes(PLAN)), "p", "a", field)
    assert refusal.value.code == "unknown_field"
    assert hint in refusal.value.hint


@given(histories())
def test_blame_ends_at_the_fields_that_status_shows(events: list[ev.KnownEvent]) -> None:
    build = fold(events)
    for shown in worker_objects(build):
        fields = blamed(shown["id"], events).fields
        assert {name: s.value for name, s in fields.items() if s.value is not None or name in shown} == shown
        assert all(s.value != s.previous or s.changes == 1 for s in fields.values())
