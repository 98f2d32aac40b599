"""Small builds to draw and to export: one that had everything happen to it, and one full of hostile text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec.structs import replace

from eventlog.events import (
    Answer,
    DispatcherStarted,
    Event,
    KnownEvent,
    LateResultReceived,
    NoteAdded,
    PlanDefined,
    WorkerCancelled,
    WorkerCompleted,
    WorkerFailed,
    WorkerProgressed,
    WorkerReset,
    WorkerSpawned,
    WorkerSubmitted,
    WorkerTimedOut,
)

PLAN: dict[str, Any] = {
    "name": "Auth",
    "description": "OAuth for all",
    "objective": "one login",
    "key_decisions": ["SQLite", "JWT"],
    "x_unknown": {"kept": [1, None, "ü"]},
    "workers": [
        {"id": "schema", "component": "tables", "description": "make tables", "estimated_hours": 2},
        {"id": "oauth", "dependencies": ["schema"], "estimated_hours": 4, "retries": 1},
        {"id": "jwt:v2", "dependencies": ["schema"]},
        {"id": "docs", "dependencies": ["oauth", "jwt:v2"]},
        {"id": "extra"},
    ],
}


def at(second: float, type_: type[Event], **fields: Any) -> KnownEvent:
    """Returns an event so many seconds after four."""
    whole, micro = divmod(round(second * 1_000_000), 1_000_000)
    time = f"2026-11-23T04:{whole // 60:02}:{whole % 60:02}.{micro:06}Z"
    made: KnownEvent = type_(time=time, actor=fields.pop("actor", "ada@example"), **fields)  # type: ignore[assignment]
    return made


def numbered(events: Sequence[KnownEvent]) -> list[KnownEvent]:
    """Returns the events with their places in a log."""
    return [replace(event, seq=seq) for seq, event in enumerate(events, 1)]


def begun(plan: dict[str, Any]) -> PlanDefined:
    """Returns the beginning of a log with a plan."""
    event = at(0, PlanDefined, build_id="b1", plan=msgspec.Raw(msgspec.json.encode(plan)))
    assert isinstance(event, PlanDefined)
    return event


def busy(said: str = "done") -> list[KnownEvent]:
    """Returns a log with a failure, a retry, a timeout, a late result, notes and a submission."""
    return numbered(
        [
            begun(PLAN),
            at(0.5, DispatcherStarted, dispatcher="d1", host="h", pid=7, via="command", jobs=2),
            at(1, WorkerSpawned, worker="schema", attempt=1, via="command", dispatcher="d1"),
            at(2, WorkerProgressed, worker="schema", attempt=1, message=said, percent=50.0),
            at(
                11,
                WorkerCompleted,
                worker="schema",
                attempt=1,
                answer=Answer(text=said),
                summary=said,
                output=said,
            ),
            at(15, WorkerSpawned, worker="oauth", attempt=1, via="command", dispatcher="d1"),
            at(15, WorkerSpawned, worker="jwt:v2", attempt=1, via="command", dispatcher="d1"),
            at(20, WorkerFailed, worker="oauth", attempt=1, error=said, reason="exit", retry_in=1.0),
            at(21, WorkerReset, worker="oauth", retry=True),
            at(22, WorkerSpawned, worker="oauth", attempt=2, via="command", dispatcher="d1"),
            at(23, LateResultReceived, worker="oauth", attempt=1, outcome="completed", output=said),
            at(25, WorkerTimedOut, worker="jwt:v2", attempt=1, after=10.0),
            at(30, NoteAdded, text=said, worker="oauth", actor=said or "x"),
            at(31, NoteAdded, text=said),
            at(40, WorkerSubmitted, worker="oauth", attempt=2, files=said, summary=said),
            at(50, WorkerCancelled, worker="extra", reason=said),
        ]
    )


def hostile(said: str) -> list[KnownEvent]:
    """Returns the same log with `said` wherever people and workers may write."""
    plan = {
        "name": said,
        "description": said,
        "objective": said,
        "key_decisions": [said],
        "workers": [worker | {"component": said, "description": said} for worker in PLAN["workers"]],
    }
    return numbered([begun(plan), *busy(said)[1:]])
