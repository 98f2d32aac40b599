"""How the frozen logs of format version 1 beside this file were made, once, by hand:

    python -m tests.golden.write_version_1

It refuses to write over them. A log that was released is readable for ever, so they never change;
a later version of the format gets logs of its own. Only the projections beside a log may be
replaced, by hand and on purpose, when a render is meant to change.
"""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
from msgspec.structs import replace

from eventlog import events as ev
from eventlog.codec import encode, hash_field, link
from eventlog.events import Event
from eventlog.head import START, Head
from tests.golden.projected import projections

HERE = Path(__file__).parent / "version_1"
ADA, DISPATCHER, CLOCK = "ada@example", "bo-run@host", "2026-11-23T04:{:02}:00.123456Z"

PLAN = {
    "name": "Authentication",
    "description": "OAuth for the API.\nWith *stars*, <b>tags</b>, | pipes | and `quotes`.",
    "objective": "Größe, 大きさ, حجم, 🙂 and \u202eturned\u202c text stay text",
    "key_decisions": ["SQLite", "[no](http://links.example)"],
    "relevant_files": ["N5/services/auth/README.md", "odd`name`.md"],
    "context": {"kept": [1, 2.5, None, True, {"deep": "äöü"}], "big": 18446744073709551615},
    "defaults": {"timeout_minutes": 20, "retries": 2},
    "workers": [
        {
            "id": "worker_schema",
            "component": "database_schema",
            "description": "Create the schema",
            "dependencies": [],
            "estimated_hours": 2,
            "wave": 1,
        },
        {
            "id": "worker_oauth",
            "component": "oauth_flow",
            "dependencies": ["worker_schema"],
            "estimated_hours": 4.5,
        },
        {
            "id": "worker_jwt",
            "component": "jwt",
            "dependencies": ["worker_schema"],
            "command": ["make", "jwt"],
        },
        {"id": "worker_docs", "dependencies": ["worker_oauth", "worker_jwt"], "estimated_hours": None},
        {"id": "worker_ui", "component": "it's a | pipe"},
    ],
}

ADOPTED = {
    "name": "Adopted",
    "workers": [
        {
            "id": "a",
            "component": "one",
            "status": "completed",
            "completed_at": "2025-12-31T23:59:59+00:00",
            "spawned_conversation": "con_old",
            "output_path": "a.py",
        },
        {"id": "b", "component": "two", "dependencies": ["a"], "status": "in_progress"},
        {"id": "c", "component": "three", "dependencies": ["b"], "status": "blocked"},
        {"id": "d", "component": "four", "dependencies": ["a"], "status": "pending", "completed_at": None},
    ],
    "_meta": {"project": "adopted", "created_at": "2025-12-01T00:00:00+00:00", "status": "active"},
}

EXTENSION = "x_cost"


def raw(value: object) -> msgspec.Raw:
    return msgspec.Raw(msgspec.json.encode(value))


def defined() -> list[tuple[type[Event] | str, dict[str, object]]]:
    """Every event but `plan_imported`, with every field that version 1 has, and an extension."""
    answer = ev.Answer(
        text="so far: 🙂\n\u2028done", file="outputs/worker_oauth.1.txt", sha256="0" * 64, size=20_000
    )
    jwt, oauth, schema = "worker_jwt", "worker_oauth", "worker_schema"
    return [
        (ev.PlanDefined, {"build_id": "11111111111111111111111111111111", "plan": raw(PLAN)}),
        (ev.DispatcherStarted, {"dispatcher": "d1", "host": "host", "pid": 4711, "via": "zo", "jobs": 3}),
        (
            ev.WorkerSpawned,
            {"worker": schema, "attempt": 1, "via": "zo", "dispatcher": "d1", "timeout": 600.0},
        ),
        (ev.WorkerProgressed, {"worker": schema, "attempt": 1, "message": "half\tway", "percent": 50.0}),
        (EXTENSION, {"worker": schema, "cents": 12, "of": {"tokens": [1, 2]}}),
        (
            ev.WorkerCompleted,
            {
                "worker": schema,
                "attempt": 1,
                "output": "N5/services/auth/schema.sql",
                "summary": 'a "schema"',
                "conversation": "con_1",
                "answer": ev.Answer(text="ok"),
            },
        ),
        (
            ev.WorkerSpawned,
            {"worker": oauth, "attempt": 1, "via": "zo", "parent": "con_0", "dispatcher": "d1"},
        ),
        (
            ev.WorkerTimedOut,
            {
                "worker": oauth,
                "attempt": 1,
                "after": 600.5,
                "conversation": "con_2",
                "answer": answer,
                "retry_in": 30.0,
            },
        ),
        (ev.WorkerReset, {"worker": oauth, "attempt": 1, "reason": "next try", "retry": True}),
        (ev.WorkerSpawned, {"worker": oauth, "attempt": 2, "via": "command", "dispatcher": "d1"}),
        (
            ev.LateResultReceived,
            {
                "worker": oauth,
                "attempt": 1,
                "outcome": "completed",
                "output": "late.py",
                "error": None,
                "conversation": "con_2",
                "answer": ev.Answer(text="late"),
            },
        ),
        (ev.WorkerSubmitted, {"worker": oauth, "attempt": 2, "files": "oauth.py", "summary": "please look"}),
        (ev.WorkerRejected, {"worker": oauth, "attempt": 2, "reason": "no tests"}),
        (ev.WorkerSpawned, {"worker": oauth, "attempt": 3}),
        (ev.WorkerSubmitted, {"worker": oauth, "attempt": 3, "files": "oauth.py, test_oauth.py"}),
        (ev.WorkerCompleted, {"worker": oauth, "attempt": 3, "approved": True}),
        (ev.WorkerSpawned, {"worker": jwt, "attempt": 1, "via": "command", "dispatcher": "d1"}),
        (
            ev.WorkerFailed,
            {
                "worker": jwt,
                "attempt": 1,
                "reason": "exit",
                "error": "exit 3\n\x1b[31mred",
                "conversation": "con_3",
                "answer": ev.Answer(text="boom"),
                "retry_in": 5.0,
            },
        ),
        (ev.LateResultReceived, {"worker": jwt, "attempt": 1, "outcome": "failed", "error": "again"}),
        (ev.NoteAdded, {"text": "the compiler is broken", "worker": jwt}),
        (ev.NoteAdded, {"text": "slow today"}),
        (ev.DispatcherStopped, {"dispatcher": "d1", "reason": "interrupted"}),
        (
            ev.PlanAmended,
            {
                "workers": raw([{"id": "worker_tests", "dependencies": [oauth], "wave": 2}]),
                "dependencies": {"worker_docs": [oauth, "worker_tests"]},
                "estimates": {schema: 3.0, jwt: 0.25, "worker_tests": None},
            },
        ),
        (ev.WorkerSpawned, {"worker": "worker_docs", "attempt": 1, "forced": True}),
        (ev.WorkerCancelled, {"worker": "worker_docs", "attempt": 1, "reason": "too early"}),
        (ev.WorkerCompleted, {"worker": "worker_tests", "forced": True}),
        (ev.WorkerReset, {"worker": schema, "attempt": 1, "reason": "wrong", "forced": True}),
        (
            ev.Forked,
            {"build_id": "22222222222222222222222222222222", "origin": "auth", "origin_seq": 27},
        ),
        (ev.DispatcherStarted, {"dispatcher": "d2", "host": "other"}),
    ]


def imported() -> list[tuple[type[Event] | str, dict[str, object]]]:
    """A plan.json of another tool, adopted, and what happened to it then."""
    return [
        (ev.PlanImported, {"build_id": "33333333333333333333333333333333", "plan": raw(ADOPTED)}),
        (ev.WorkerCompleted, {"worker": "b", "output": "b.py"}),
        (ev.WorkerFailed, {"worker": "d"}),
    ]


def lines(history: list[tuple[type[Event] | str, dict[str, object]]]) -> tuple[bytes, Head]:
    """The log of `history`. The clock runs backwards once, as clocks do."""
    log, head = b"", START
    for place, (type_, fields) in enumerate(history):
        minute = place if place != 5 else 1
        seq, time, actor = head.seq + 1, CLOCK.format(minute), DISPATCHER if place % 3 else ADA
        if isinstance(type_, str):
            envelope = {"seq": seq, "time": time, "actor": actor, "type": type_}
            body = json.dumps(envelope | fields, separators=(",", ":")).encode()[:-1]
            hash_ = link(body, head.hash)
            line = body + hash_field(hash_) + b"\n"
            head = Head(seq, hash_, head.offset + len(line))
        else:
            line, head = encode([replace(type_(time=time, actor=actor, **fields), seq=seq)], head)  # type: ignore[arg-type]
        log += line
    return log, head


def main() -> None:
    """Writes each log and its projections into a folder that must not exist yet."""
    for name, history in {"defined": defined(), "imported": imported()}.items():
        folder = HERE / name
        folder.mkdir(parents=True)
        log, _ = lines(history)
        for file, content in {"events.jsonl": log, **projections(log, name)}.items():
            (folder / file).write_bytes(content)


if __name__ == "__main__":
    main()
