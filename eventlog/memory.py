"""The reference backend: a log in memory, the oracle of the contract tests."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from threading import Condition

from eventlog.errors import Conflict
from eventlog.events import KnownEvent
from eventlog.head import START, Head
from eventlog.recovery import Corrupt, Scan, check_place, find_head
from eventlog.store import Batch, batches, seal


class MemoryStore:
    """An EventStore that forgets everything when it goes. `data` are the bytes of the log."""

    def __init__(self, data: bytes = b"") -> None:
        self.data = bytearray(data)
        self._grown = Condition()

    def append(self, events: Sequence[KnownEvent], expected: Head) -> Batch:
        """See EventStore."""
        batch = seal(events, expected)
        with self._grown:
            check_place(self._read_at, expected)
            if not batch.lines:
                return batch
            actual = self._end()
            if actual != expected:
                raise Conflict(expected, actual)
            self.data[expected.offset :] = batch.lines
            self._grown.notify_all()
            return batch

    def read(self, after: Head = START, until: int | None = None) -> Iterator[Batch]:
        """See EventStore."""
        check_place(self._read_at, after)
        yield from batches(Scan(self._read_at, after), until)

    def follow(self, after: Head, idle: float | None = None) -> Iterator[Batch]:
        """See EventStore."""
        while True:
            size = len(self.data)
            for batch in self.read(after):
                yield batch
                after = batch.head
            with self._grown:
                if self._grown.wait_for(lambda: len(self.data) != size, idle):  # noqa: B023
                    continue
            yield Batch((), after)

    def head(self, back: int = 0) -> Head:
        """See EventStore."""
        return find_head(self._read_at, len(self.data), back)

    def _end(self) -> Head:
        scan = Scan(self._read_at)
        verdict = scan.finish()
        if isinstance(verdict, Corrupt):
            raise verdict.error()
        return scan.head

    def _read_at(self, offset: int, size: int) -> bytes:
        return bytes(self.data[offset : offset + size])
