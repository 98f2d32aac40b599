"""Small logs to test with, and an oracle that knows the line format from its description alone."""

from __future__ import annotations

import json
from collections.abc import Iterable
from hashlib import sha256
from typing import Any

import msgspec

from eventlog.events import (
    AnyEvent,
    DispatcherStarted,
    KnownEvent,
    NoteAdded,
    PlanDefined,
    WorkerCompleted,
    WorkerSpawned,
)
from eventlog.head import START, Head
from eventlog.store import EventStore, seal

TIME = "2026-11-23T04:00:00.123456Z"


def note(text: str) -> NoteAdded:
    """An event whose text tells it from the others."""
    return NoteAdded(time=TIME, actor="con_X", text=text)


def notes(count: int, prefix: str = "note") -> list[KnownEvent]:
    """`count` events, told apart by their texts."""
    return [note(f"{prefix} {number}") for number in range(1, count + 1)]


def sealed(events: Iterable[KnownEvent], after: Head = START) -> tuple[bytes, Head]:
    """The lines of `events` behind `after`, and the head behind them."""
    batch = seal(list(events), after)
    return batch.lines, batch.head


def ten_events() -> list[KnownEvent]:
    """Ten events of several types, with text outside ASCII and raw JSON."""
    plan = msgspec.Raw('{"workers":[{"id":"w1"},{"id":"w2","title":"größer"}]}'.encode())
    return [
        PlanDefined(time=TIME, actor="con_X", build_id="b1", plan=plan),
        DispatcherStarted(time=TIME, actor="con_X", dispatcher="d1", pid=7, jobs=2),
        *(WorkerSpawned(time=TIME, actor="d1", worker=f"w{n}", attempt=1, via="hand") for n in (1, 2)),
        WorkerCompleted(time=TIME, actor="w1", worker="w1", attempt=1, output="out/w1"),
        WorkerCompleted(time=TIME, actor="w2", worker="w2", attempt=1, summary='a "quoted" \\ text\n'),
        *(note(text) for text in ("seven", "\u2028 eight", "nine", "🙂 ten")),
    ]


def chained_line(body: dict[str, Any] | bytes, previous: str = START.hash) -> bytes:
    """A line with a correct hash around any content, as a newer version or a forger would write it."""
    raw = body if isinstance(body, bytes) else json.dumps(body, separators=(",", ":")).encode()
    begin = raw.removesuffix(b"}")
    return begin + b',"hash":"%s"}\n' % sha256(previous.encode() + begin).hexdigest().encode()


def whole_lines(data: bytes) -> list[bytes]:
    """The oracle: the longest prefix of lines whose hashes and numbers are right, found the slow way."""
    previous = sha256(b"build-orchestrator event log 1").hexdigest()
    good: list[bytes] = []
    for line in data.split(b"\n")[:-1]:
        begin, comma, end = line.rpartition(b',"hash":"')
        digest = sha256(previous.encode() + begin).hexdigest()
        if not comma or end != digest.encode() + b'"}' or json.loads(line)["seq"] != len(good) + 1:
            break
        good.append(line + b"\n")
        previous = digest
    return good


def everything(store: EventStore, after: Head = START) -> list[AnyEvent]:
    """All events of a log behind `after`."""
    return [event for batch in store.read(after) for event in batch.events]


def texts(store: EventStore) -> list[str]:
    """The texts of all notes of a log, in order."""
    return [event.text for event in everything(store) if isinstance(event, NoteAdded)]


def end_of(store: EventStore) -> Head:
    """The head of a log, found by reading all of it."""
    head = START
    for batch in store.read():
        head = batch.head
    return head
