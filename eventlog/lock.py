"""The lock file beside a log: who may write, and how far the last writer got.

Its content is one record of fixed width: the last acknowledged head, and `ok` or `no`. `no` (or
anything unreadable) says that a sync of the log failed: what the log's file then shows may be in
memory only, so the next writer moves the valid part to a new file. The record is not synced: it
has to live as long as the page cache that it speaks of. As a witness it is only ever behind.
"""

from __future__ import annotations

from time import monotonic, sleep

from eventlog.disk import Disk
from eventlog.errors import LockTimeout
from eventlog.head import Head

_WIDTH = 20 + 1 + 20 + 1 + 64 + 1 + 2 + 1


class LockFile:
    """An exclusive lock on the file `path`, taken with `with`; waits at most `timeout` seconds."""

    def __init__(self, disk: Disk, path: str, timeout: float) -> None:
        self._disk = disk
        self._path = path
        self._timeout = timeout
        self._fd: int | None = None

    def __enter__(self) -> LockFile:
        deadline = monotonic() + self._timeout
        pause = 0.0005
        while not self._try():
            if monotonic() >= deadline:
                raise LockTimeout(f"the lock was not free within {self._timeout:g} s")
            sleep(pause)
            pause = min(pause * 1.5, 0.01)
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
            self._disk.close(self._fd)
            self._fd = None

    def witness(self) -> tuple[Head | None, bool]:
        """Returns the last acknowledged head, if known, and whether the log's file can be trusted.

        Only for the holder of the lock.
        """
        assert self._fd is not None
        return parse(self._disk.read_at(self._fd, 0, _WIDTH))

    def acknowledge(self, head: Head) -> None:
        """Notes that `head` is durable. A failure costs the witness, never the event: it is passed over."""
        assert self._fd is not None
        record = b"%020d %020d %s ok\n" % (head.seq, head.offset, head.hash.encode())
        try:
            self._disk.write_at(self._fd, record, 0)
        except OSError:
            pass

    def distrust(self) -> None:
        """Notes that a sync of the log failed."""
        assert self._fd is not None
        try:
            if self._disk.size(self._fd) < _WIDTH:
                self._disk.truncate(self._fd, _WIDTH)  # a hole of NULs: needs no space
            else:
                self._disk.write_at(self._fd, b"no", _WIDTH - 3)
        except OSError:
            pass


def read_witness(disk: Disk, path: str) -> Head | None:
    """Returns the head last acknowledged on this machine, if there is a readable record of it."""
    try:
        fd = disk.open_for_reading(path)
    except OSError:
        return None
    try:
        return parse(disk.read_at(fd, 0, _WIDTH))[0]
    except OSError:
        return None
    finally:
        disk.close(fd)


def parse(record: bytes) -> tuple[Head | None, bool]:
    """Returns the head in a lock file's content, if any, and whether it says `ok`; no content is fine."""
    if not record:
        return None, True
    fields = record.split(b" ")
    if len(record) != _WIDTH or len(fields) != 4 or not (fields[0].isdigit() and fields[1].isdigit()):
        return None, False
    try:
        head = Head(int(fields[0]), fields[2].decode("ascii"), int(fields[1]))
    except UnicodeDecodeError:
        return None, False
    return head, fields[3] == b"ok\n"
