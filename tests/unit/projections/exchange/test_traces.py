"""Exports of what happened: traces, events and tables, checked with what others read them with."""

from __future__ import annotations

import csv
import io
import json
from base64 import b64encode
from itertools import pairwise
from typing import Any

import pytest
from cloudevents.core.formats.json import JSONFormat
from google.protobuf import json_format
from hypothesis import given
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status, TracesData

from eventlog.codec import encode
from eventlog.events import AnyEvent, Event, KnownEvent, WorkerCompleted, WorkerSpawned
from eventlog.head import START
from projections.exchange.attempts_csv import COLUMNS, attempts_csv
from projections.exchange.chrome_trace import chrome_trace
from projections.exchange.cloudevents import cloudevents
from projections.exchange.otlp_json import otlp_json
from projections.views.history import history
from tests.spec.histories import histories
from tests.unit.projections.render.markup import HOSTILE
from tests.unit.projections.told import at, begun, busy, hostile, numbered


def lined(events: list[KnownEvent]) -> list[tuple[AnyEvent, bytes]]:
    """Each event with its line in a log."""
    head, pairs = START, list[tuple[AnyEvent, bytes]]()
    for event in events:
        assert isinstance(event, Event)
        line, head = encode([event], head)
        pairs.append((event, line.rstrip(b"\n")))
    return pairs


def trace_of(events: list[KnownEvent]) -> list[dict[str, Any]]:
    document = json.loads(b"".join(chrome_trace(events, "auth")))
    assert set(document) == {"displayTimeUnit", "traceEvents"}
    found: list[dict[str, Any]] = document["traceEvents"]
    return found


def spans_of(events: list[KnownEvent]) -> list[Span]:
    """Reads the lines as OTLP's own messages; its JSON has ids in hex where protobuf has base64."""
    spans = []
    for line in b"".join(otlp_json(events, "auth")).splitlines():
        value = json.loads(line, object_hook=_with_base64_ids)
        data = json_format.ParseDict(value, TracesData(), ignore_unknown_fields=False)
        spans += [span for r in data.resource_spans for s in r.scope_spans for span in s.spans]
    return spans


def _with_base64_ids(value: dict[str, Any]) -> dict[str, Any]:
    return {
        key: b64encode(bytes.fromhex(item)).decode() if key in ("traceId", "spanId", "parentSpanId") else item
        for key, item in value.items()
    }


@given(histories())
def test_a_trace_has_the_shape_that_viewers_want(events: list[KnownEvent]) -> None:
    found = trace_of(events)
    for event in found:
        assert event["ph"] in "MXBCisf"
        assert isinstance(event["name"], str)
        assert event["pid"] == 1
        assert event["ph"] == "M" or event["ts"] >= 0
        assert event["ph"] != "X" or event["dur"] >= 0
    flows = [[e["id"] for e in found if e["ph"] == phase] for phase in "sf"]
    assert flows[0] == flows[1]


@given(histories())
def test_attempts_in_one_lane_do_not_overlap(events: list[KnownEvent]) -> None:
    lanes: dict[int, list[tuple[int, int]]] = {}
    for event in trace_of(events):
        if event["ph"] == "X":
            lanes.setdefault(event["tid"], []).append((event["ts"], event["ts"] + event["dur"]))
    for spans in lanes.values():
        spans.sort()
        assert all(end <= start for (_, end), (start, _) in pairwise(spans))


def test_a_trace_shows_each_attempt_with_its_outcome_and_who_it_waited_for() -> None:
    found = trace_of(busy())
    ran = {(e["args"]["worker"], e["args"]["attempt"]): e for e in found if e["ph"] in "XB"}
    assert {key: event["args"]["outcome"] for key, event in ran.items()} == {
        ("schema", 1): "completed",
        ("oauth", 1): "failed",
        ("jwt:v2", 1): "timed_out",
        ("oauth", 2): "running",
    }
    assert (ran["schema", 1]["ts"], ran["schema", 1]["dur"]) == (1_000_000, 10_000_000)
    assert sum(event["ph"] == "s" for event in found) == 2


@given(histories())
def test_opentelemetry_reads_the_lines_as_its_own_messages(events: list[KnownEvent]) -> None:
    spans = spans_of(events)
    attempts = sum(len(worker.attempts) for worker in history(events).workers)
    assert len(spans) == attempts + 1
    ids = {span.span_id for span in spans}
    assert len(ids) == len(spans)
    assert len({span.trace_id for span in spans}) == 1
    for span in spans:
        assert (len(span.trace_id), len(span.span_id)) == (16, 8)
        assert span.end_time_unix_nano >= span.start_time_unix_nano > 0
        assert all(link.span_id in ids for link in span.links)
    assert [span.parent_span_id in ids for span in spans] == [True] * attempts + [False]


def test_a_span_says_how_its_attempt_ended() -> None:
    spans = {(span.name, span.start_time_unix_nano): span for span in spans_of(busy("no key"))}
    by_name = {name: span for (name, _), span in sorted(spans.items())}
    assert by_name["schema"].status.code == Status.STATUS_CODE_OK
    assert by_name["schema"].events[0].name == "progress"
    assert by_name["jwt:v2"].status.code == Status.STATUS_CODE_ERROR
    failed = next(span for span in spans.values() if span.status.message == "no key")
    assert failed.name == "oauth"
    nanoseconds = by_name["schema"].end_time_unix_nano - by_name["schema"].start_time_unix_nano
    assert nanoseconds == 10_000_000_000


def test_a_large_trace_is_many_lines() -> None:
    events: list[KnownEvent] = [begun({"workers": [{"id": f"w{n}"} for n in range(300)]})]
    for n in range(300):
        events.append(at(n, WorkerSpawned, worker=f"w{n}", attempt=1))
        events.append(at(n + 0.5, WorkerCompleted, worker=f"w{n}", attempt=1))
    assert len(list(otlp_json(numbered(events), "auth"))) == 2
    assert len(spans_of(numbered(events))) == 301


@given(histories())
def test_the_sdk_of_cloudevents_accepts_every_event_and_finds_the_line_in_it(
    events: list[KnownEvent],
) -> None:
    pairs = lined(events)
    made = list(cloudevents(pairs, "auth"))
    read = [JSONFormat().read(None, line) for line in made]
    assert [event.get_data() for event in read] == [json.loads(line) for _, line in pairs]
    assert [event.get_id() for event in read] == [str(event.seq) for event in events]
    assert len({event.get_source() for event in read}) == 1
    assert [event.get_extension("sequence") for event in read] == sorted(
        event.get_extension("sequence") for event in read
    )


@pytest.mark.parametrize("said", HOSTILE)
def test_hostile_text_is_data_in_every_format(said: str) -> None:
    events = hostile(said)
    for event in cloudevents(lined(events), "auth"):
        assert JSONFormat().read(None, event).get_type().startswith("build_orchestrator.")
        assert event.count(b"\n") == 1
    assert len(trace_of(events)) == len(trace_of(hostile("plain")))
    assert len(spans_of(events)) == 5
    rows = list(csv.reader(io.StringIO(b"".join(attempts_csv(events)).decode(), newline=""), strict=True))
    assert {len(row) for row in rows} == {len(COLUMNS)}
    assert all(
        cell.isprintable() for row in rows for cell in row if "\u3000" not in cell and "\xa0" not in cell
    )


@pytest.mark.parametrize("said", ["=1+1", "+1", "-1", "@SUM(A1)", '=HYPERLINK("http://a.b")'])
def test_no_cell_of_the_table_becomes_a_formula(said: str) -> None:
    text = b"".join(attempts_csv(hostile(said))).decode()
    for row in csv.reader(io.StringIO(text, newline="")):
        assert not any(cell.startswith(("=", "+", "-", "@")) for cell in row)


def test_the_table_has_a_row_for_each_attempt_and_for_who_had_none() -> None:
    text = b"".join(attempts_csv(busy())).decode()
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    assert [(row["worker"], row["attempt"], row["outcome"]) for row in rows] == [
        ("schema", "1", "completed"),
        ("oauth", "1", "failed"),
        ("jwt:v2", "1", "timed_out"),
        ("oauth", "2", "running"),
        ("docs", "", "pending"),
        ("extra", "", "cancelled"),
    ]
    assert (rows[0]["waited_seconds"], rows[0]["ran_seconds"]) == ("1", "10")
