"""spawn_results.jsonl: a line for each attempt that ended, made from its event alone."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from eventlog.events import (
    Answer,
    KnownEvent,
    LateResultReceived,
    WorkerCancelled,
    WorkerCompleted,
    WorkerFailed,
    WorkerSpawned,
    WorkerTimedOut,
)
from projections.render.results_jsonl import results_jsonl
from tests.spec.histories import histories
from tests.spec.scenario import EARLIER, happened


def lines(*events: KnownEvent) -> list[dict[str, Any]]:
    return [json.loads(line) for line in results_jsonl(events).splitlines()]


def test_a_completed_attempt_has_the_keys_of_the_origin() -> None:
    answer = Answer(text="x" * 499 + "äö")
    (line,) = lines(happened(WorkerCompleted, worker="a", attempt=2, conversation="con_1", answer=answer))
    assert line == {
        "worker_id": "a",
        "status": "completed",
        "conversation_id": "con_1",
        "output_preview": "x" * 499 + "ä",
        "error": None,
        "attempt": 2,
        "seq": 0,
        "time": EARLIER,
    }


def test_a_failed_a_timed_out_and_a_cancelled_attempt_say_why() -> None:
    found = lines(
        happened(WorkerFailed, worker="a", attempt=1, error="exit 3", answer=Answer(text="so far")),
        happened(WorkerTimedOut, worker="a", attempt=2, after=600.0),
        happened(WorkerCancelled, worker="a", attempt=3),
        happened(WorkerCancelled, worker="a", attempt=4, reason="not needed"),
    )
    assert [(line["status"], line["error"], line["output_preview"]) for line in found] == [
        ("error", "exit 3", "so far"),
        ("timeout", "Worker timed out after 600 s", ""),
        ("error", "cancelled", ""),
        ("error", "cancelled: not needed", ""),
    ]


def test_what_was_recorded_by_hand_and_what_came_late_ended_no_attempt() -> None:
    assert not lines(
        happened(WorkerCompleted, worker="a"),
        happened(WorkerCancelled, worker="a"),
        happened(WorkerSpawned, worker="a", attempt=1),
        happened(LateResultReceived, worker="a", attempt=1, outcome="completed"),
    )


def test_a_line_is_one_line_whatever_was_said() -> None:
    answer = Answer(text="a\nb\r\n\u2028\x85c")
    text = results_jsonl([happened(WorkerCompleted, worker="a", attempt=1, answer=answer)])
    assert text.count(b"\n") == 1
    assert text.endswith(b"}\n")


@given(histories(), st.data())
def test_the_lines_only_ever_grow(history: list[KnownEvent], data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(history)))
    assert results_jsonl(history) == results_jsonl(history[:at]) + results_jsonl(history[at:])


@given(histories())
def test_each_attempt_has_at_most_one_line(history: list[KnownEvent]) -> None:
    ended = [(line["worker_id"], line["attempt"]) for line in lines(*history)]
    assert len(ended) == len(set(ended))
