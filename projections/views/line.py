"""An event as one line for people."""

from __future__ import annotations

import msgspec

from eventlog.events import Answer, AnyEvent, Unrecognised, tag_of

_ENVELOPE = frozenset(("seq", "time", "actor", "type", "worker", "attempt"))
_LONGEST = 160


def subject(event: AnyEvent) -> str:
    """Returns the worker that the event is about, with its attempt, or nothing."""
    worker = getattr(event, "worker", None)
    attempt = getattr(event, "attempt", 0)
    return "" if worker is None else f"{worker} #{attempt}" if attempt else str(worker)


def details(event: AnyEvent) -> str:
    """Returns what else the event says, as `key=value` pairs, cut to a line's length."""
    if isinstance(event, Unrecognised):
        fields = event.body
    else:
        fields = {name: getattr(event, name) for name in event.__struct_fields__ if name not in _ENVELOPE}
        defaults = dict(
            zip(
                event.__struct_fields__[-len(event.__struct_defaults__) :],
                event.__struct_defaults__,
                strict=False,
            )
        )
        fields = {name: value for name, value in fields.items() if value != defaults.get(name, ...)}
    parts = [f"{name}={_short(value)}" for name, value in fields.items()]
    return " ".join(parts)


def _short(value: object) -> str:
    match value:
        case str():
            text = value
        case msgspec.Raw():
            text = f"{len(bytes(value)):,} bytes of JSON"
        case Answer():
            text = value.text
        case _:
            text = msgspec.json.encode(value).decode()
    text = text.replace("\n", " ")
    return text if len(text) <= _LONGEST else text[: _LONGEST - 3] + "..."


def line(event: AnyEvent) -> str:
    """Returns the event's number, time, actor, type, worker and details in one line."""
    time = event.time[:19].replace("T", " ")
    who, what = f"{event.actor:<16}", f"{tag_of(event):<20}"
    return f"{event.seq:>6} {time} {who} {what} {subject(event)} {details(event)}".rstrip()
