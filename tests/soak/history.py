"""What many processes did to one log, as they wrote it down themselves: one line before a call, one after.

A process that is killed leaves the beginning of a call: its outcome is unknown, and only that.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from time import monotonic_ns
from typing import Any, Literal, NamedTuple

Outcome = Literal["acknowledged", "already", "refused", "unknown"]
"""`refused`: nothing was written, says the answer. `already`: it is in the log, says the answer."""


class Token(NamedTuple):
    """The mark that an event carries: whose it is, of which call, and which part of it."""

    client: str
    number: int
    part: int = 0

    def __str__(self) -> str:
        return f"{self.client}#{self.number}.{self.part}"


class Call(NamedTuple):
    """One call of a client that asked for `parts` events; times in nanoseconds of one clock for all."""

    client: str
    number: int
    parts: int
    begun: int
    ended: int | None = None
    outcome: Outcome = "unknown"
    first: int = 0  # the number of the first event, where it was acknowledged

    def tokens(self) -> list[Token]:
        """The marks of its events, in order."""
        return [Token(self.client, self.number, part) for part in range(self.parts)]


class Look(NamedTuple):
    """Somebody read, and saw everything up to event `seq` with that hash."""

    reader: str
    begun: int
    ended: int
    seq: int
    hash: str


_TOKEN = re.compile(r"([a-z0-9-]+)#([0-9]+)\.([0-9]+)(?: |$)")
_MARKED = ("text", "summary", "parent", "error", "reason", "message")


def token_of(event: dict[str, Any]) -> Token | None:
    """The mark that an event carries, if it does."""
    for field in _MARKED:
        if isinstance(text := event.get(field), str) and (found := _TOKEN.match(text)):
            return Token(found[1], int(found[2]), int(found[3]))
    return None


class Notebook:
    """Where one life of one process writes down what it does; each line is one write of the system."""

    def __init__(self, path: Path) -> None:
        self._fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)

    def begin(self, client: str, number: int, parts: int = 1) -> Call:
        """Notes that a call begins; returns it."""
        call = Call(client, number, parts, monotonic_ns())
        self._write("call", call)
        return call

    def end(self, call: Call, outcome: Outcome, first: int = 0) -> None:
        """Notes how it ended."""
        self._write("call", call._replace(ended=monotonic_ns(), outcome=outcome, first=first))

    def saw(self, reader: str, begun: int, seq: int, hash_: str) -> None:
        """Notes what was read."""
        self._write("look", Look(reader, begun, monotonic_ns(), seq, hash_))

    def saw_published(self, reader: str, begun: int, seq: int, hash_: str) -> None:
        """Notes up to which event a derived file was; it may lag behind the log, but not go back."""
        self._write("published", Look(reader, begun, monotonic_ns(), seq, hash_))

    def fault(self, kind: str) -> None:
        """Notes that a fault was injected."""
        self._write("fault", [kind])

    def wrong(self, what: str) -> None:
        """Notes what must never happen."""
        self._write("wrong", [what])

    def _write(self, kind: str, values: Any) -> None:
        os.write(self._fd, json.dumps([kind, *values]).encode() + b"\n")


class Record:
    """What all notebooks say together."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.looks: list[Look] = []
        self.published: list[Look] = []
        self.faults: list[str] = []
        self.wrong: list[str] = []

    def read(self, path: Path) -> None:
        """Adds a notebook; a call without an end stays unknown, half a line is none."""
        open_: Call | None = None
        for kind, values in _lines(path):
            if kind == "look":
                self.looks.append(Look(*values))
            elif kind == "published":
                self.published.append(Look(*values))
            elif kind == "fault":
                self.faults += values
            elif kind == "wrong":
                self.wrong += values
            else:
                call = Call(*values)
                if open_ is not None and call.ended is None:
                    self.calls.append(open_)
                open_ = call if call.ended is None else None
                if call.ended is not None:
                    self.calls.append(call)
        if open_ is not None:
            self.calls.append(open_)

    def count(self, outcome: Outcome) -> int:
        """How many events were asked for with that outcome."""
        return sum(call.parts for call in self.calls if call.outcome == outcome)


def _lines(path: Path) -> Iterator[tuple[str, list[Any]]]:
    for line in path.read_bytes().split(b"\n")[:-1]:
        kind, *values = json.loads(line)
        yield kind, values
