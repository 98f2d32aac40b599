"""The Trace Event Format (JSON Object Format) that Perfetto and chrome://tracing open.

One row for each attempt that ran at the same time, arrows from dependencies to who waited for them,
and how many ran and were ready. Times are microseconds from the first event.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from eventlog import events as ev
from projections.build import RUNNING
from projections.exchange.moments import microseconds
from projections.exchange.spans import Span, Spans

PID = 1
_COLOURS = {"completed": "good", "failed": "terrible", "timed_out": "bad", "cancelled": "grey"}


def chrome_trace(events: Iterable[ev.AnyEvent], project: str) -> Iterator[bytes]:
    """Yields the document part by part, one trace event a line. Raises what `evolve` raises."""
    spans = Spans()
    ended: dict[tuple[str, int], tuple[int, int]] = {}
    named: set[int] = set()
    flows = start = now = 0
    yield b'{"displayTimeUnit":"ms","traceEvents":[\n'
    yield _line({"ph": "M", "name": "process_name", "pid": PID, "tid": 0, "args": {"name": project}}, False)
    for event in events:
        start = start or microseconds(event.time)
        now = max(now, microseconds(event.time) - start)
        span = spans.take(event)
        if span is not None:
            if span.lane not in named:
                named.add(span.lane)
                yield _line({"ph": "M", "name": "thread_name", "pid": PID, "tid": span.lane} | _lane(span))
            began = microseconds(span.attempt.spawned_at) - start
            ended[span.worker, span.attempt.number] = (span.lane, now)
            yield _line(_slice(span, began) | {"ph": "X", "dur": max(now - began, 0)})
            for before in span.after:
                if before in ended:
                    flows += 1
                    lane, at = ended[before]
                    yield _line(_flow("s", flows, lane, at))
                    yield _line(_flow("f", flows, span.lane, began) | {"bp": "e"})
        elif isinstance(event, ev.NoteAdded | ev.LateResultReceived):
            yield _line(_instant(event, now))
        if isinstance(event, ev.WorkerEvent):
            yield _line(_counter(spans, now))
    for span in spans.running.values():
        yield _line(_slice(span, microseconds(span.attempt.spawned_at) - start) | {"ph": "B"})
    yield b"\n]}\n"


def _line(event: dict[str, Any], comma: bool = True) -> bytes:
    return (b",\n" if comma else b"") + msgspec.json.encode(event)


def _lane(span: Span) -> dict[str, Any]:
    return {"args": {"name": f"lane {span.lane}"}}


def _slice(span: Span, began: int) -> dict[str, Any]:
    attempt = span.attempt
    args = {
        "worker": span.worker,
        "attempt": attempt.number,
        "outcome": attempt.outcome or "running",
        "waited_seconds": attempt.waited,
        "via": attempt.via,
        "actor": attempt.actor,
        "error": attempt.error or attempt.reason,
        "seq": attempt.seq_spawned,
    }
    made: dict[str, Any] = {"name": span.worker, "cat": "attempt", "pid": PID, "tid": span.lane, "ts": began}
    made["args"] = {key: value for key, value in args.items() if value is not None}
    return made | ({"cname": _COLOURS[attempt.outcome]} if attempt.outcome in _COLOURS else {})


def _flow(phase: str, number: int, lane: int, at: int) -> dict[str, Any]:
    return {
        "ph": phase,
        "id": number,
        "name": "dependency",
        "cat": "dependency",
        "pid": PID,
        "tid": lane,
        "ts": at,
    }


def _instant(event: ev.NoteAdded | ev.LateResultReceived, now: int) -> dict[str, Any]:
    about = event.text if isinstance(event, ev.NoteAdded) else f"late result: {event.outcome}"
    args = {"text": about, "worker": event.worker, "actor": event.actor, "seq": event.seq}
    return {"ph": "i", "s": "p", "name": ev.tag_of(event), "pid": PID, "tid": 0, "ts": now, "args": args}


def _counter(spans: Spans, now: int) -> dict[str, Any]:
    build = spans.told.build
    counts = {"running": sum(build.counts.get(status, 0) for status in RUNNING), "ready": len(build.ready)}
    return {"ph": "C", "name": "workers", "pid": PID, "tid": 0, "ts": now, "args": counts}
