"""Bytes <-> events: what is written is read back the same, and what would not be is never written."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import fields, replace

from eventlog import codec
from eventlog.codec import MAX_LINE, decode_lines, encode, upcast
from eventlog.errors import CorruptLog, InvalidEvent
from eventlog.events import (
    EVENT_TYPES,
    Answer,
    KnownEvent,
    NoteAdded,
    PlanDefined,
    Unrecognised,
    WorkerProgressed,
    WorkerTimedOut,
    tag_of,
)
from eventlog.head import START, Head
from tests.logs import TIME, chained_line, note, notes, sealed

NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | NUMBERS | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)
RAW = JSON.map(lambda value: msgspec.Raw(json.dumps(value, separators=(",", ":")).encode()))
ANSWERS = st.builds(
    Answer,
    text=st.text(),
    file=st.none() | st.text(),
    sha256=st.none() | st.text(),
    size=st.none() | st.integers(),
)
BY_TYPE: list[tuple[Any, st.SearchStrategy[Any]]] = [
    (msgspec.Raw, RAW),
    (float, NUMBERS),
    (float | None, st.none() | NUMBERS),
    (dict[str, float | None], st.dictionaries(st.text(), st.none() | NUMBERS, max_size=3)),
    (Answer | None, st.none() | ANSWERS),
]


def any_value(type_: Any) -> st.SearchStrategy[Any]:
    """Values of a field's type that JSON can hold."""
    return next((values for known, values in BY_TYPE if known == type_), st.from_type(type_))


def any_event(type_: type[KnownEvent]) -> st.SearchStrategy[KnownEvent]:
    """Events of one type with anything in their fields."""
    values = {
        field.name: st.just(1) if field.name == "seq" else any_value(field.type) for field in fields(type_)
    }
    return st.builds(type_, **values)


def only(line: bytes) -> Any:
    """The one event in a line."""
    (event,) = decode_lines(line, START)
    return event


def as_it_came(fields: dict[str, Any]) -> Any:
    """What becomes of a line with these fields and a correct hash."""
    return only(chained_line({"seq": 1, "time": TIME, "actor": "a", **fields}))


@pytest.mark.parametrize("type_", EVENT_TYPES, ids=lambda type_: type_.__name__)
def test_every_event_is_read_back_the_same(type_: type[KnownEvent]) -> None:
    @given(any_event(type_))
    def holds(event: KnownEvent) -> None:
        line, head = encode([event], START)
        assert only(line) == event
        assert json.loads(line)["type"] == tag_of(event)
        assert head.offset == len(line)

    holds()


@given(st.lists(st.sampled_from(EVENT_TYPES).flatmap(any_event), max_size=8))
def test_many_lines_are_read_back_in_order(events: list[KnownEvent]) -> None:
    lines, _ = sealed(events)
    numbered = [replace(event, seq=seq) for seq, event in enumerate(events, 1)]
    assert list(decode_lines(lines, START)) == numbered


NOT_JSON = [
    b"", b"{", b"nul", b"1,", b'1,"seq":9', b'"a"}', b" 1", b"1 ", b"{}{}", b"'a'", b'"\xff"', b'"\x00"',
    b"\xef\xbb\xbf{}", b"[" * 100_000, b"[" * 100_000 + b"]" * 100_000,
]  # fmt: skip


@pytest.mark.parametrize("raw", NOT_JSON, ids=lambda raw: repr(raw[:12]))
def test_raw_json_that_would_end_the_log_is_never_written(raw: bytes) -> None:
    with pytest.raises(InvalidEvent):
        encode([PlanDefined(seq=1, time=TIME, actor="a", build_id="b", plan=msgspec.Raw(raw))], START)


@pytest.mark.parametrize("raw", [b'{\n"a":1}', b"[1,\n2]", b"1\n"])
def test_raw_json_with_a_newline_is_never_written(raw: bytes) -> None:
    with pytest.raises(InvalidEvent, match="newline"):
        encode([PlanDefined(seq=1, time=TIME, actor="a", build_id="b", plan=msgspec.Raw(raw))], START)


@pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf")])
def test_a_number_that_json_has_not_is_never_written(number: float) -> None:
    for event in (
        WorkerTimedOut(seq=1, time=TIME, actor="a", worker="w", after=number),
        WorkerProgressed(seq=1, time=TIME, actor="a", worker="w", percent=number),
    ):
        with pytest.raises(InvalidEvent):
            encode([event], START)


@pytest.mark.parametrize("field", ["time", "actor", "text", "worker"])
def test_a_lone_surrogate_is_refused_wherever_it_stands(field: str) -> None:
    event = replace(NoteAdded(seq=1, time=TIME, actor="a", text="x"), **{field: "a\ud800"})
    with pytest.raises(InvalidEvent, match="surrogates"):
        encode([event], START)


@pytest.mark.parametrize("number", [2**63, 2**64, -(2**63) - 1, 10**400])
def test_a_number_beyond_64_bits_is_read_back_whole(number: int) -> None:
    event = WorkerProgressed(seq=1, time=TIME, actor="a", worker="w", attempt=number)
    assert only(encode([event], START)[0]) == event


def test_a_number_with_more_digits_than_can_be_read_is_never_written() -> None:
    with pytest.raises(InvalidEvent):
        encode([WorkerProgressed(seq=1, time=TIME, actor="a", worker="w", attempt=10**5_000)], START)


@pytest.mark.parametrize("text", ['"', "\\", '","seq":7,"x":"', "\n", "\0"])
def test_text_that_looks_like_json_stays_text(text: str) -> None:
    event = NoteAdded(seq=1, time=text, actor=text, text=text)
    assert only(encode([event], START)[0]) == event


def test_the_longest_line_is_written_and_one_byte_more_is_not() -> None:
    room = MAX_LINE - len(encode([replace(note("x"), seq=1)], START)[0]) + 1
    line, _ = encode([replace(note("x" * room), seq=1)], START)
    assert len(line) == MAX_LINE
    with pytest.raises(InvalidEvent, match="the limit is 67,108,864") as refused:
        encode([replace(note("x" * (room + 1)), seq=1)], START)
    assert "file" in refused.value.hint


@pytest.mark.parametrize("tag", ["x_ours", "worker_teleported", ""])
@pytest.mark.parametrize("body", [{}, {"a": 1, "b": [None, {"c": "ü"}]}, {"n": 2**70}])
def test_an_unknown_event_is_kept_with_all_it_holds(tag: str, body: dict[str, Any]) -> None:
    expected = Unrecognised(seq=1, time=TIME, actor="a", type=tag, body=body)
    assert as_it_came({"type": tag, **body}) == expected


def test_only_a_tag_that_starts_with_x_is_an_extension() -> None:
    assert as_it_came({"type": "x_ours"}).is_extension
    assert not as_it_came({"type": "xours"}).is_extension
    assert not as_it_came({"type": "worker_teleported"}).is_extension


def test_an_unknown_event_leaves_its_neighbours_what_they_are() -> None:
    first, head = sealed(notes(1))
    foreign = chained_line({"seq": 2, "time": TIME, "actor": "a", "type": "x_ours"}, head.hash)
    behind = Head(2, json.loads(foreign)["hash"], head.offset + len(foreign))
    last, _ = sealed(notes(1), behind)
    kinds = [type(event) for event in decode_lines(first + foreign + last, START)]
    assert kinds == [NoteAdded, Unrecognised, NoteAdded]


def test_a_field_that_a_newer_version_added_is_passed_over() -> None:
    assert as_it_came({"type": "note_added", "text": "x", "colour": "red"}) == replace(
        note("x"), seq=1, actor="a"
    )


WRONG = [
    {"type": "note_added", "text": 7},
    {"type": "note_added"},
    {"type": "note_added", "text": None},
    {"type": "worker_timed_out", "worker": "w", "after": None},
    {"type": "worker_spawned", "worker": "w", "attempt": "1"},
    {"type": "late_result_received", "worker": "w", "outcome": "vanished"},
    {"type": "note_added", "text": "x", "time": 5},
    {"type": "x_ours", "actor": None},
    {"type": []},
    {"type": {}},
    {"type": None},
    {"type": 7},
    {},
]


@pytest.mark.parametrize("fields", WRONG, ids=str)
def test_a_known_tag_with_wrong_fields_is_named_with_its_line_and_byte(fields: dict[str, Any]) -> None:
    good, head = sealed(notes(3))
    wrong = chained_line({"seq": 4, "time": TIME, "actor": "a", **fields}, head.hash)
    with pytest.raises(CorruptLog, match="it is not an event") as found:
        decode_lines(good + wrong, START)
    assert (found.value.line, found.value.offset) == (4, head.offset)


NOT_EVENTS = [
    b"[]", b"7", b'"text"', b"null", b"{}", b"", b"\xff", b'{"a":"\xff"}', b'{"a":' + b"[" * 100_000,
    b"[" * 100_000, b'{"a":' + b"1" * 5_000 + b"}", b'{"a":1e999}', b"\xef\xbb\xbf{}", b"\0" * 100,
]  # fmt: skip


@pytest.mark.parametrize("content", NOT_EVENTS, ids=lambda content: repr(content[:12]))
def test_a_chained_line_that_is_no_event_is_damage_and_never_a_traceback(content: bytes) -> None:
    with pytest.raises(CorruptLog) as found:
        decode_lines(chained_line(content), START)
    assert (found.value.line, found.value.offset) == (1, 0)


@given(st.binary(max_size=60))
def test_any_bytes_in_a_chained_line_give_an_event_or_damage(content: bytes) -> None:
    with suppress(CorruptLog):
        decode_lines(chained_line(content.replace(b"\n", b"")), START)


@pytest.mark.parametrize("seq", [0, 1, 3, -2, 2**63])
def test_a_wrong_number_inside_an_intact_chain_is_named(seq: int) -> None:
    good, head = sealed(notes(1))
    wrong = chained_line(
        {"seq": seq, "time": TIME, "actor": "a", "type": "note_added", "text": "x"}, head.hash
    )
    with pytest.raises(CorruptLog, match=f"its seq is {seq}, not 2") as found:
        decode_lines(good + wrong, START)
    assert (found.value.line, found.value.offset) == (2, head.offset)


def test_old_shapes_are_brought_up_one_step_after_another() -> None:
    steps = {
        "noted": lambda raw: raw | {"type": "note_made", "text": raw["words"]},
        "note_made": lambda raw: {**raw, "type": "note_added", "text": raw["text"].upper()},
    }
    assert upcast({"type": "noted", "words": "x"}, steps) == {"type": "note_added", "words": "x", "text": "X"}
    assert upcast({"type": "other"}, steps) == {"type": "other"}


def test_a_log_with_a_retired_tag_is_read_in_its_newest_shape(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(
        codec.UPCASTERS, "noted", lambda raw: raw | {"type": "note_added", "text": raw["words"]}
    )
    assert as_it_came({"type": "noted", "words": "x"}) == replace(note("x"), seq=1, actor="a")
