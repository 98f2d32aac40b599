"""The EventStore protocol: where a log rests. Every backend passes the same contract suite."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol, Self

from msgspec import Struct
from msgspec.structs import replace

from eventlog.codec import decode_lines, encode
from eventlog.errors import CorruptLog, RegressedLog
from eventlog.events import AnyEvent, KnownEvent
from eventlog.head import START, Head
from eventlog.recovery import Clean, Corrupt, Scan, Verdict, first_lines


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


class Examination(Struct, frozen=True):
    """What a log is: the head of its valid prefix, what follows it, and what is missing of what was seen."""

    head: Head
    verdict: Verdict
    regression: RegressedLog | None


class Waker(Protocol):
    """Wakes its user, who holds it with `with`, when a log may have grown.

    Look at the log once after entering and before the first `wait`: nothing is missed then.
    """

    @property
    def descriptor(self) -> int:
        """A descriptor that is readable when the log may have grown, -1 where there is none."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(self, *_: object) -> None: ...

    def drain(self) -> None:
        """Makes `descriptor` wait for what happens from now on; look at the log after it."""
        ...

    def wait(self, timeout: float | None = None) -> bool:
        """Returns True as soon as the log may have grown, False after `timeout` seconds without news."""
        ...


class FileStore(EventStore, Protocol):
    """A store that has all lines in the file `path` here: the log itself, or the mirror of one on servers."""

    path: str

    def exists(self) -> bool:
        """Whether there is a log."""
        ...

    def watch(self) -> Waker:
        """Returns what wakes its user when the log has grown."""
        ...

    def append_lines(self, lines: bytes, expected: Head) -> Head:
        """Makes whole lines of another copy of this log durable behind `expected`; returns the new head.

        Their chain is checked before anything is written. Raises CorruptLog, and what `append` does.
        """
        ...

    def salvage(self, until: int) -> Iterator[Batch]:
        """Yields the events up to `until` of a log that may be damaged or cut behind it.

        Raises CorruptLog when the damage comes before that.
        """
        ...

    def examine(self) -> Examination:
        """Returns what the whole log is, every byte checked; damage in the file here is no error."""
        ...

    def close(self) -> None:
        """Gives descriptors and connections back; the store may be used again."""
        ...


def seal(events: Sequence[KnownEvent], after: Head) -> Batch:
    """Returns `events` numbered from behind `after`, their lines, and the head behind them."""
    numbered = [replace(event, seq=seq) for seq, event in enumerate(events, after.seq + 1)]
    lines, head = encode(numbered, after)
    return Batch(numbered, head, lines)


def follow_on(lines: bytes, after: Head) -> Head:
    """Returns the head behind whole `lines` that follow `after`; raises CorruptLog if they do not."""
    base = after.offset
    scan = Scan(lambda offset, size: lines[offset - base : offset - base + size], after)
    if not isinstance(scan.finish(), Clean):
        raise CorruptLog(scan.head.seq + 1, scan.head.offset, "the lines do not go on from here")
    return scan.head


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
