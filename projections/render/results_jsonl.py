"""`spawn_results.jsonl`: one line per finished attempt, made from its event alone, so it only ever grows."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from eventlog import events as ev

PREVIEW = 500
"""Characters of an answer that a result line shows."""


def results_jsonl(events: Iterable[ev.AnyEvent]) -> bytes:
    """Returns the lines of the attempts that `events` finished; attempt 0 (by hand) is none."""
    lines = (_result(event) for event in events)
    return b"".join(msgspec.json.encode(line) + b"\n" for line in lines if line is not None)


def _result(event: ev.AnyEvent) -> dict[str, Any] | None:
    match event:
        case ev.WorkerCompleted():
            status, error = "completed", None
        case ev.WorkerFailed():
            status, error = "error", event.error
        case ev.WorkerTimedOut():
            status, error = "timeout", f"Worker timed out after {event.after:g} s"
        case ev.WorkerCancelled():
            status, error = "error", "cancelled" + (f": {event.reason}" if event.reason else "")
        case ev.WorkerRejected():
            status, error = "error", "rejected" + (f": {event.reason}" if event.reason else "")
        case _:
            return None
    if event.attempt == 0:
        return None
    answer = getattr(event, "answer", None)  # what people decide comes without one
    return {
        "worker_id": event.worker,
        "status": status,
        "conversation_id": getattr(event, "conversation", None),
        "output_preview": answer.text[:PREVIEW] if answer else "",
        "error": error,
        "attempt": event.attempt,
        "seq": event.seq,
        "time": event.time,
    }
