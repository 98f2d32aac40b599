"""Bytes <-> events: the line format, its hash chain, and the path for old shapes.

A line is `{"seq":..,"time":..,"actor":..,"type":..,<fields>,"hash":"<64 hex>"}` and a newline. The
hash covers the previous line's hash (as its 64 hex digits) and this line's bytes before `,"hash"`;
the full format is in `docs/log-format.md`. Nothing else catches the decoder errors of lines.
"""

from __future__ import annotations

from _thread import allocate_lock
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import msgspec

from eventlog.errors import CorruptLog, InvalidEvent
from eventlog.events import AnyEvent, Event, KnownEvent, Unrecognised
from eventlog.head import Head

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

MAX_LINE = 64 * 1024 * 1024
"""The most bytes a line may have, its newline included."""

HASH_SIZE = len(',"hash":""}') + 64
"""The bytes at the end of every line (before its newline) that carry the hash."""

UPCASTERS: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {}
"""A retired tag -> what turns its raw dict into the next shape (and tag). Version 1 has retired none."""

_DECODER_ERRORS = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, ValueError)
_encoder = msgspec.json.Encoder()
_decoder: msgspec.json.Decoder[Any] | None = None
_one_at_a_time = allocate_lock()


def link(body: bytes, previous: str) -> str:
    """Returns the hash of a line whose bytes before `,"hash"` are `body`, after a line hashed `previous`."""
    return sha256(previous.encode() + body).hexdigest()


def hash_field(hash_: str) -> bytes:
    """Returns the end of a line that carries `hash_`, without its newline."""
    return b',"hash":"%s"}' % hash_.encode()


def encode(events: Sequence[Event], after: Head) -> tuple[bytes, Head]:
    """Returns the lines of `events`, numbered from `after` on already, and the head after them.

    Raises InvalidEvent for what would not be read back as the same events (lone surrogates, NaN, raw
    JSON that is none or has spaces around it), a newline inside raw JSON, more than MAX_LINE bytes:
    a line once written is never taken back, and one that cannot be read ends its log.
    """
    hash_ = after.hash
    lines = []
    for event in events:
        try:
            whole = _encoder.encode(event)
            time, actor = _encoder.encode(event.time), _encoder.encode(event.actor)
        except (ValueError, OverflowError, RecursionError, msgspec.EncodeError) as error:
            raise InvalidEvent(f"the event cannot be written as JSON: {error}") from error
        # msgspec writes the tag first; the format wants seq, time and actor before it.
        tag = _TAGS.get(type(event), b"")
        envelope = b'{"seq":%d,"time":%b,"actor":%b,"type":"%b"' % (event.seq, time, actor, tag)
        body = envelope + whole[len(envelope) : -1]
        hash_ = link(body, hash_)
        line = b'%b,"hash":"%b"}\n' % (body, hash_.encode())
        if len(line) > MAX_LINE:
            raise InvalidEvent(
                f"the event has {len(line):,} bytes, the limit is {MAX_LINE:,}",
                hint="long texts belong into files: name the file in the event",
            )
        lines.append(line)
    if not lines:
        return b"", after
    whole = b"".join(lines)
    if whole.count(b"\n") != len(lines):
        raise InvalidEvent("the event holds raw JSON with a newline in it")
    if not _reads_back(events, whole):
        raise InvalidEvent("the event would not be read back as it is")
    return whole, Head(events[-1].seq, hash_, after.offset + len(whole))


def _reads_back(events: Sequence[Event], lines: bytes) -> bool:
    try:
        lines.isascii() or lines.decode()  # msgspec passes over raw JSON without looking at its text
        return bool(_known_events().decode_lines(lines) == list(events))
    except _DECODER_ERRORS:
        return False


def _known_events() -> msgspec.json.Decoder[Any]:
    """Returns the decoder of all events of this version; making it costs a millisecond."""
    global _decoder
    if _decoder is None:
        with _one_at_a_time:  # msgspec 0.22 crashes when two threads prepare the same types at once
            _decoder = msgspec.json.Decoder(KnownEvent)
    return _decoder


def decode_lines(lines: bytes, after: Head) -> Sequence[AnyEvent]:
    """Returns the events of whole lines whose chain has been checked and which follow `after`.

    Raises CorruptLog for a line that is chained but is not an event, or whose number is wrong.
    """
    events: Sequence[AnyEvent]
    try:
        events = _known_events().decode_lines(lines)
    except _DECODER_ERRORS:
        events = _decode_one_by_one(lines, after)
    first = after.seq + 1
    if [event.seq for event in events] != list(range(first, first + len(events))):
        wrong = next(i for i, event in enumerate(events) if event.seq != first + i)
        at = after.offset + sum(len(line) + 1 for line in lines.split(b"\n")[:wrong])
        raise CorruptLog(first + wrong, at, f"its seq is {events[wrong].seq}, not {first + wrong}")
    return events


def _decode_one_by_one(lines: bytes, after: Head) -> list[AnyEvent]:
    events: list[AnyEvent] = []
    offset = after.offset
    for number, line in enumerate(lines.split(b"\n")[:-1], after.seq + 1):
        try:
            events.append(_decode_line(line))
        except _DECODER_ERRORS as error:
            raise CorruptLog(number, offset, f"it is not an event: {error}") from error
        offset += len(line) + 1
    return events


def _decode_line(line: bytes) -> AnyEvent:
    raw = upcast(msgspec.json.decode(line, type=dict[str, Any]), UPCASTERS)
    if isinstance(tag := raw.get("type"), str) and tag in _KNOWN_TAGS:
        # Not `convert`, which cannot make the raw JSON of a plan.
        known: AnyEvent = _known_events().decode(_encoder.encode(raw))
        return known
    raw.pop("hash", None)
    envelope = {key: raw.pop(key, None) for key in ("seq", "time", "actor", "type")}
    return msgspec.convert(envelope | {"body": raw}, Unrecognised)


def upcast(
    raw: dict[str, Any], upcasters: Mapping[str, Callable[[dict[str, Any]], dict[str, Any]]]
) -> dict[str, Any]:
    """Returns `raw` (a line as a dict) in its newest shape, one step of `upcasters` after another."""
    while isinstance(tag := raw.get("type"), str) and (step := upcasters.get(tag)) is not None:
        raw = step(raw)
    return raw


_TAGS = {type_: str(type_.__struct_config__.tag).encode() for type_ in KnownEvent.__args__}
_KNOWN_TAGS = frozenset(tag.decode() for tag in _TAGS.values())
