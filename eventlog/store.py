"""The EventStore protocol: where a log rests. Every backend passes the same contract suite."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

from msgspec import Struct
from msgspec.structs import replace

from eventlog.codec import decode_lines, encode
from eventlog.events import AnyEvent, KnownEvent
from eventlog.head import START, Head
from eventlog.recovery import Corrupt, Scan, first_lines


class Batch(Struct, frozen=True):
    """Some events in order, the head behind the last of them, and their lines as they stand in the log."""

    events: Sequence[AnyEvent]
    head: Head
    lines: bytes = b""

    def pairs(self) -> Iterator[tuple[AnyEvent, bytes]]:
        """Yields each event with its line, without the line's end."""
        return zip(self.events, self.lines.split(b"\n"), strict=False)


class EventStore(Protocol):
    """One log. Synchronous: a backend whose client is asynchronous hides its loop behind this."""

    def append(self, events: Sequence[KnownEvent], expected: Head) -> Batch:
        """Makes `events` durable behind `expected` with one write and one sync.

        Returns them with their numbers, and the new head; only then are they acknowledged. A crash
        may keep the first few of them: each must be true by itself. Raises Conflict when the head
        is no longer `expected` (START: the log must not exist yet), LockTimeout, StorageFailed
        (nothing acknowledged; this store refuses every later append), DamagedLog, InvalidEvent.

        No events: makes sure that all up to `expected` is durable, whoever wrote it. What was read
        may be the work of a writer that died before its sync; nobody may rely on it before this.
        """
        ...

    def read(self, after: Head = START, until: int | None = None) -> Iterator[Batch]:
        """Yields what lies behind `after`, up to event `until`, the chain checked, in bounded batches.

        A torn tail is passed over. Raises RegressedLog when `after` is not a place in this log, and
        CorruptLog at the first line that fails its checks, behind the last good batch.
        """
        ...

    def follow(self, after: Head, idle: float | None = None) -> Iterator[Batch]:
        """Like `read`, then yields new events as they land, without end.

        With `idle`, an empty batch comes whenever that many seconds pass without news.
        """
        ...

    def head(self, back: int = 0) -> Head:
        """Returns the head `back` events before the end, read from the end; START of an empty log."""
        ...


def seal(events: Sequence[KnownEvent], after: Head) -> Batch:
    """Returns `events` numbered from behind `after`, their lines, and the head behind them."""
    numbered: list[AnyEvent] = []
    lines: list[bytes] = []
    for event in events:
        event = replace(event, seq=after.seq + 1)
        line, after = encode(event, after)
        numbered.append(event)
        lines.append(line)
    return Batch(numbered, after, b"".join(lines))


def batches(scan: Scan, until: int | None = None) -> Iterator[Batch]:
    """Yields the events that `scan` walks over, up to number `until`.

    Raises CorruptLog where the verdict of the scan is damage.
    """
    before = scan.head
    for lines in scan:
        if until is not None and scan.head.seq >= until:
            lines, end = first_lines(lines, before, until - before.seq)
            if lines:
                yield Batch(decode_lines(lines, before), end, lines)
            return
        yield Batch(decode_lines(lines, before), scan.head, lines)
        before = scan.head
    if isinstance(scan.verdict, Corrupt):
        raise scan.verdict.error()
