"""One verdict for a log, and the differences between moments."""

from __future__ import annotations

from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from eventlog import events as ev
from projections import fold
from projections.render.audit_md import audit_md, verdict
from projections.views.audit import Audit, audit_view
from projections.views.changes import Changes, compare
from projections.views.history import history
from tests.spec.histories import histories
from tests.spec.scenario import happened, planned
from tests.unit.projections.render.markup import PARSER

PLAN = planned("a", "b: a")
SPAWNED = happened(ev.WorkerSpawned, worker="a", attempt=1, via="zo", dispatcher="d1")


def audited(*events: ev.AnyEvent, living: tuple[str, ...] = (), numbered: bool = False) -> dict[str, Any]:
    """The audit of a log whose bytes and files are as they should be."""
    found = Audit()
    for seq, event in enumerate(events, 1):
        found.take(event if numbered else replace(event, seq=seq))
    return audit_view(found, "p", [], [], living)


def off(answer: dict[str, Any]) -> list[str]:
    """The checks that failed."""
    return [check["check"] for check in answer["checks"] if not check["ok"]]


@given(histories())
def test_whatever_was_decided_is_sound_as_long_as_its_dispatchers_live(events: list[ev.KnownEvent]) -> None:
    answer = audited(*events, living=("d1", "d2"), numbered=True)
    assert off(answer) == []
    totals, build = answer["totals"], fold(events)
    assert totals["events"] == len(events)
    assert totals["attempts"] == sum(worker.attempts for worker in build.workers)
    assert totals["late_results"] == build.late_results
    assert sum(one["events"] for one in answer["who"]) == len(events)
    msgspec.json.encode(answer)
    audit_md(answer)


def test_an_attempt_whose_dispatcher_is_gone_is_not_accounted_for() -> None:
    assert off(audited(PLAN, SPAWNED, living=("d1",))) == []
    answer = audited(PLAN, SPAWNED, living=("d2",))
    assert off(answer) == ["attempts"]
    assert "attempt 1 of a (event 2) is running, but its dispatcher d1 is gone" in str(answer["checks"][2])


def test_two_spawns_without_an_end_break_a_rule_and_lose_an_attempt() -> None:
    again = happened(ev.WorkerSpawned, worker="a", attempt=2)
    answer = audited(PLAN, SPAWNED, again)
    assert off(answer) == ["transitions", "attempts"]
    assert verdict(answer).startswith("NOT SOUND (transitions, attempts): 0 of 2 workers")
    assert "event 3 (worker_spawned) breaks a rule" in answer["checks"][1]["problems"][0]


def test_many_broken_rules_are_counted_and_some_of_them_told() -> None:
    answer = audited(PLAN, *[happened(ev.DispatcherStopped, dispatcher="x")] * 150)
    check = answer["checks"][1]
    assert (check["found"], len(check["problems"])) == ("150 problems", 100)


def test_who_did_what_and_what_was_unusual_is_told() -> None:
    answer = audited(
        PLAN,
        SPAWNED,
        happened(ev.WorkerFailed, worker="a", attempt=1, error="no"),
        replace(happened(ev.WorkerReset, worker="a", attempt=1, reason="again"), actor="bob"),
        happened(ev.WorkerCompleted, worker="b", forced=True),
        happened(ev.LateResultReceived, worker="a", attempt=1, outcome="completed"),
    )
    assert [(one["actor"], one["events"]) for one in answer["who"]] == [("ada@example", 5), ("bob", 1)]
    assert [(m["seq"], m["worker"], m["kind"], m["actor"]) for m in answer["unusual"]] == [
        (4, "a", "reset", "bob"),
        (5, "b", "forced", "ada@example"),
        (5, "b", "by_hand", "ada@example"),
        (6, "a", "late", "ada@example"),
    ]
    [attempt] = answer["workers"][0]["attempts"]
    assert (attempt["outcome"], attempt["error"], attempt["dispatcher"]) == ("failed", "no", "d1")


def test_hostile_text_in_an_audit_stays_text() -> None:
    evil = "x|y\n# z <script>alert(1)</script> [a](http://b.example) \x1b[31m"
    answer = audited(
        PLAN,
        SPAWNED,
        replace(happened(ev.WorkerFailed, worker="a", attempt=1), actor=evil),
        replace(happened(ev.WorkerReset, worker="a", attempt=1, reason=evil), actor=evil),
        replace(happened(ev.WorkerCompleted, worker="b", attempt=9), actor=evil),
    )
    blocks = PARSER.parse(audit_md(answer))
    kinds = {token.type for block in blocks for token in [block, *(block.children or [])]}
    assert not {"html_block", "html_inline", "link_open", "image"} & kinds
    assert "\x1b" not in audit_md(answer)
    headings = [line for line in audit_md(answer).splitlines() if line.startswith("#")]
    assert headings == [
        "# Audit of p",
        "## Who did what",
        "## Out of the usual way",
        "## Workers",
    ]


# --- diff


def changed(events: list[ev.KnownEvent], since: int) -> dict[str, Any]:
    changes = Changes(since)
    for event in events:
        changes.take(event)
    return changes.view("p")


@given(histories(), st.data())
def test_a_diff_has_exactly_the_workers_whose_state_differs(
    events: list[ev.KnownEvent], data: st.DataObject
) -> None:
    since = data.draw(st.integers(1, len(events)))
    answer = changed(events, since)
    before, after = fold(events[:since]), fold(events)
    states = [{w.id: b.shown_status(p) for p, w in enumerate(b.workers)} for b in (before, after)]
    expected = {name for name in states[1] if states[0].get(name) != states[1][name]}
    assert {row["id"] for row in answer["changed"]} == expected
    assert all((r["before"], r["after"]) == tuple(s.get(r["id"]) for s in states) for r in answer["changed"])
    assert answer["events_count"] == sum(answer["events"].values()) == len(events) - since
    assert (answer["from"]["seq"], answer["to"]["seq"]) == (since, len(events))


def test_a_diff_says_how_long_the_attempts_took_that_ended_in_between() -> None:
    events = [
        replace(event, seq=n, time=f"2026-11-23T04:{n:02}:00.000000Z")
        for n, event in enumerate(
            [
                PLAN,
                SPAWNED,
                happened(ev.NoteAdded, text="x"),
                happened(ev.WorkerCompleted, worker="a", attempt=1),
            ],
            1,
        )
    ]
    answer = changed(events, 3)
    assert answer["seconds"] == 60.0
    assert answer["changed"] == [
        {"id": "a", "before": "in_progress", "after": "completed", "seq": 4, "attempts": 1, "seconds": 120.0},
        {"id": "b", "before": "blocked", "after": "ready", "seq": None, "attempts": 0, "seconds": None},
    ]


def test_two_projects_are_compared_by_their_workers_ids() -> None:
    one = history([replace(PLAN, seq=1), replace(SPAWNED, seq=2)])
    two = history([replace(planned("b", "c"), seq=1)])
    answer = compare(one, two, "p", "q", 0)
    assert [(row["id"], row["here"], row["there"]) for row in answer["differing"]] == [
        ("a", "in_progress", None),
        ("b", "blocked", "ready"),
        ("c", None, "ready"),
    ]
    assert (answer["only_here"], answer["only_there"], answer["same_plan"]) == (["a"], ["c"], False)
    assert compare(one, one, "p", "q", 2)["differing"] == []
