"""The lock file beside a log: who may write, and how far the last writer got.

Its content is one record of fixed width: the last acknowledged head, a checksum, and one word.

    ok  the last append was acknowledged
    --  an append began and its end is not known: its writer died, or the disk was full
    no  a sync of the log failed: what the log's file shows may be in memory only

The word is written before the log is, because a writer may die at the very moment at which it
would learn of a failed sync. The record is not synced: it has to live as long as the page cache
that it speaks of. As a witness it is only ever behind.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from time import monotonic, sleep
from typing import Literal
from zlib import crc32

from eventlog.disk import Disk
from eventlog.errors import LockTimeout
from eventlog.head import START, Head

State = Literal["ok", "--", "no"]

_PLACE = re.compile(rb"[0-9]{20} [0-9]{20} [0-9a-f]{64}")
_WIDTH = 20 + 1 + 20 + 1 + 64 + 1 + 8 + 1 + 2 + 1


class LockFile:
    """An exclusive lock on the file `path`, taken with `with`; waits at most `timeout` seconds."""

    def __init__(self, disk: Disk, path: str, timeout: float) -> None:
        self._disk = disk
        self._path = path
        self._timeout = timeout
        self._fd: int | None = None
        self._noted = START  # the head in the record, while the lock is held

    def __enter__(self) -> LockFile:
        wait_for(self._try, self._timeout)
        return self

    def __exit__(self, *_: object) -> None:
        if self._fd is not None:
            self._disk.unlock(self._fd)

    def _try(self) -> bool:
        if self._fd is None:
            self._fd = self._disk.open(self._path, create=True)
        if not self._disk.try_lock(self._fd):
            return False
        if self._disk.is_named(self._fd, self._path):
            return True
        # Somebody deleted the file: a lock on a file without a name keeps nobody out.
        self.close()
        return False

    def close(self) -> None:
        """Gives the descriptor, and with it the lock, back."""
        if self._fd is not None:
            fd, self._fd = self._fd, None
            self._disk.close(fd)

    # --- the record: only for the holder of the lock

    def witness(self) -> tuple[Head, State]:
        """Returns the last acknowledged head, START if none is known, and how the last append ended."""
        assert self._fd is not None
        head, state = parse(self._disk.read_at(self._fd, 0, _WIDTH))
        self._noted = head if state != "no" else START
        return head, state

    def begin(self, head: Head) -> None:
        """Notes, before the log behind the acknowledged `head` is written, that an append began."""
        assert self._fd is not None
        if head == self._noted != START:
            self._disk.write_at(self._fd, b"--", _WIDTH - 3)
        else:
            self._disk.write_at(self._fd, record(head, "--"), 0)

    def acknowledge(self, head: Head) -> None:
        """Notes that `head` is durable. A failure costs the witness, never the event: it is passed over."""
        assert self._fd is not None
        self._noted = START
        try:
            self._disk.write_at(self._fd, record(head, "ok"), 0)
            self._noted = head
        except OSError:
            pass

    def distrust(self) -> None:
        """Notes that a sync of the log failed."""
        assert self._fd is not None
        try:
            self._disk.write_at(self._fd, b"no", _WIDTH - 3)
        except OSError:
            pass


def wait_for(attempt: Callable[[], bool], timeout: float) -> None:
    """Returns as soon as `attempt` succeeds; raises LockTimeout after `timeout` seconds without success."""
    deadline = monotonic() + timeout
    pause = 0.0005
    while not attempt():
        if monotonic() >= deadline:
            raise LockTimeout(f"the lock was not free within {timeout:g} s")
        sleep(pause)
        pause = min(pause * 1.5, 0.01)


def read_witness(disk: Disk, path: str) -> Head:
    """Returns the head last acknowledged on this machine, START if there is no readable record of one."""
    try:
        fd = disk.open_for_reading(path)
    except OSError:
        return START
    try:
        return parse(disk.read_at(fd, 0, _WIDTH))[0]
    except OSError:
        return START
    finally:
        disk.close(fd)


def record(head: Head, state: State) -> bytes:
    """Returns the content of a lock file."""
    place = b"%020d %020d %s" % (head.seq, head.offset, head.hash.encode())
    return b"%s %08x %s\n" % (place, crc32(place), state.encode())


def parse(content: bytes) -> tuple[Head, State]:
    """Returns what `record` was made of. An empty file says nothing; one that is no record says `no`.

    The checksum is for readers, who hold no lock and may see half of an old and half of a new record.
    """
    if not content:
        return START, "ok"
    place, checksum, state = content[:106], content[107:115], content[116:]
    if len(content) != _WIDTH or checksum != b"%08x" % crc32(place) or not _PLACE.fullmatch(place):
        return START, "no"
    seq, offset, hash_ = place.split(b" ")
    known: State = "ok" if state == b"ok\n" else "--" if state == b"--\n" else "no"
    return Head(int(seq), hash_.decode(), int(offset)), known
