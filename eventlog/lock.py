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

import os
import re
from time import monotonic, sleep
from typing import Literal
from zlib import crc32

from eventlog.disk import Disk, Identity, make_folders
from eventlog.errors import LockTimeout
from eventlog.head import START, Head

State = Literal["ok", "--", "no"]

_PLACE = re.compile(rb"[0-9]{20} [0-9]{20} [0-9a-f]{64}")
_WIDTH = 20 + 1 + 20 + 1 + 64 + 1 + 8 + 1 + 2 + 1


class LockedFile:
    """The file `path` under its exclusive lock; its descriptor is kept from one lock to the next.

    A lock is waited for at most `timeout` seconds. `size` is the file's size when it was locked.
    `left` is where its holder left it, forgotten when another file has its name.
    """

    def __init__(self, disk: Disk, path: str, timeout: float) -> None:
        self._disk = disk
        self._path = path
        self._timeout = timeout
        self._fd: int | None = None
        self._identity: Identity = 0, 0
        self.size = 0
        self.left: Head | None = None

    def take(self, *, create: bool) -> int:
        """Locks the file that has the name, and returns its descriptor."""
        deadline = None
        pause = 0.0005
        while True:
            if self._fd is None:
                self._fd = self._disk.open(self._path, create=create)
                self._identity = self._disk.identity(self._fd)
            if self._disk.try_lock(self._fd):
                named = self._disk.look(self._path)
                if named is not None and named[0] == self._identity:
                    self.size = named[1]
                    return self._fd
                # Somebody deleted or replaced the file: a lock on one without a name keeps nobody out.
                self.close()
                continue
            deadline = deadline or monotonic() + self._timeout
            if monotonic() >= deadline:
                raise LockTimeout(f"the lock was not free within {self._timeout:g} s")
            sleep(pause)
            pause = min(pause * 1.5, 0.01)

    def give_back(self) -> None:
        """Gives the lock back. Closing is not enough: a child that is just being started has a copy."""
        if self._fd is not None:
            self._disk.unlock(self._fd)

    def close(self) -> None:
        """Gives the descriptor, and with it the lock, back."""
        self.left = None
        if self._fd is not None:
            fd, self._fd = self._fd, None
            self._disk.close(fd)


class LockFile(LockedFile):
    """The lock file, locked with `with`, and its record."""

    _content = b""  # of the record when it was last read or written, and what it says
    _said: tuple[Head, State] = START, "ok"

    def __enter__(self) -> LockFile:
        try:
            self.take(create=True)
        except FileNotFoundError:
            make_folders(self._disk, os.path.dirname(self._path))
            self.take(create=True)
        return self

    def __exit__(self, *_: object) -> None:
        self.give_back()

    # --- the record: only for the holder of the lock

    def witness(self) -> tuple[Head, State]:
        """Returns the last acknowledged head, START if none is known, and how the last append ended."""
        assert self._fd is not None
        content = self._disk.read_at(self._fd, 0, _WIDTH)
        if content != self._content:
            self._content, self._said = content, parse(content)
        return self._said

    def begin(self, head: Head) -> None:
        """Notes, before the log behind the acknowledged `head` is written, that an append began."""
        assert self._fd is not None
        if self._content and self._said == (head, "ok"):
            self._disk.write_at(self._fd, b"--", _WIDTH - 3)
        else:
            self._disk.write_at(self._fd, record(head, "--"), 0)

    def acknowledge(self, head: Head) -> None:
        """Notes that `head` is durable. A failure costs the witness, never the event: it is passed over."""
        assert self._fd is not None
        content = record(head, "ok")
        self._content, self._said = b"", (head, "ok")
        try:
            self._disk.write_at(self._fd, content, 0)
            self._content = content
        except OSError:
            pass

    def distrust(self) -> None:
        """Notes that a sync of the log failed."""
        assert self._fd is not None
        try:
            self._disk.write_at(self._fd, b"no", _WIDTH - 3)
        except OSError:
            pass


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
