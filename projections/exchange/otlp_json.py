"""OpenTelemetry traces as OTLP/JSON, one `TracesData` a line, as the Collector's file receiver reads them.

The build is the root span, every attempt a child; links lead to the attempts that it waited for. Ids
are made from the build's random id, so that a second export says the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from hashlib import sha256
from typing import Any

import msgspec

from eventlog import events as ev
from projections.build import Build
from projections.exchange.moments import microseconds
from projections.exchange.spans import Span, Spans

BATCH = 200
"""Spans on a line."""

INTERNAL = 1
OK, ERROR = 1, 2
_FAILED = frozenset(("failed", "timed_out"))


def otlp_json(events: Iterable[ev.AnyEvent], project: str) -> Iterator[bytes]:
    """Yields lines. Attempts that still run end where the log does. Raises what `evolve` raises."""
    spans, batch = Spans(), list[dict[str, Any]]()
    notes: list[dict[str, Any]] = []
    for event in events:
        if (span := spans.take(event)) is not None:
            batch.append(_attempt(span, spans.told.build))
        elif isinstance(event, ev.NoteAdded):
            notes.append(_happened(event.time, "note", {"text": event.text, "worker": event.worker}))
        if len(batch) == BATCH:
            yield _line(batch, project)
            batch = []
    build = spans.told.build
    batch += [_attempt(span, build) for span in spans.running.values()]
    yield _line([*batch, _root(build, project, notes)], project)


def _line(spans: list[dict[str, Any]], project: str) -> bytes:
    resource = {"attributes": _attributes({"service.name": "build-orchestrator", "bo.project": project})}
    scoped = [{"scope": {"name": "build-orchestrator"}, "spans": spans}]
    return msgspec.json.encode({"resourceSpans": [{"resource": resource, "scopeSpans": scoped}]}) + b"\n"


def _attempt(span: Span, build: Build) -> dict[str, Any]:
    attempt = span.attempt
    failed = attempt.outcome in _FAILED
    status: dict[str, Any] = {"code": OK} if attempt.outcome == "completed" else {}
    if failed:
        status = {"code": ERROR, "message": attempt.error or attempt.reason or ""}
    begin, end = attempt.spawned_at, attempt.ended_at or build.updated_at
    return {
        "traceId": _trace(build),
        "spanId": _span_id(build, span.worker, attempt.number),
        "parentSpanId": _span_id(build, "", 0),
        "name": span.worker,
        "kind": INTERNAL,
        "startTimeUnixNano": _nano(begin),
        "endTimeUnixNano": _nano(max(begin, end)),
        "attributes": _attributes(
            {
                "bo.worker": span.worker,
                "bo.attempt": attempt.number,
                "bo.outcome": attempt.outcome or "running",
                "bo.reason": attempt.reason,
                "bo.via": attempt.via,
                "bo.actor": attempt.actor,
                "bo.seq": attempt.seq_spawned,
                "bo.queue_seconds": attempt.waited,
            }
        ),
        "events": [_happened(time, "progress", {"text": text}) for time, text in span.steps],
        "links": [
            {"traceId": _trace(build), "spanId": _span_id(build, worker, number)}
            for worker, number in span.after
        ],
        "status": status,
    }


def _root(build: Build, project: str, notes: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "traceId": _trace(build),
        "spanId": _span_id(build, "", 0),
        "name": project,
        "kind": INTERNAL,
        "startTimeUnixNano": _nano(build.created_at),
        "endTimeUnixNano": _nano(max(build.created_at, build.updated_at)),
        "attributes": _attributes(
            {"bo.status": build.status, "bo.workers": len(build.workers), "bo.seq": build.seq}
        ),
        "events": notes,
        "status": {"code": OK} if build.status == "completed" else {},
    }


def _attributes(values: dict[str, str | int | float | None]) -> list[dict[str, Any]]:
    return [{"key": key, "value": _value(value)} for key, value in values.items() if value is not None]


def _value(value: str | int | float) -> dict[str, Any]:
    if isinstance(value, str):
        return {"stringValue": value}
    return {"intValue": str(value)} if isinstance(value, int) else {"doubleValue": value}


def _happened(time: str, name: str, values: dict[str, str | int | float | None]) -> dict[str, Any]:
    return {"timeUnixNano": _nano(time), "name": name, "attributes": _attributes(values)}


def _nano(time: str) -> str:
    return str(microseconds(time) * 1000)


def _trace(build: Build) -> str:
    return sha256(f"trace {build.build_id}".encode()).hexdigest()[:32]


def _span_id(build: Build, worker: str, attempt: int) -> str:
    return sha256(f"span {build.build_id} {worker} {attempt}".encode()).hexdigest()[:16]
