"""The few system calls that the file backend makes, behind one port, so that faults can be injected.

Each method is one system call or the shortest safe sequence of them. Errors are OSError; what they
mean is decided by the caller. A descriptor is whatever `open` gave.
"""

from __future__ import annotations

import fcntl
import os
from typing import Protocol

Identity = tuple[int, int]


class Disk(Protocol):
    """What `jsonl.py` needs of an operating system."""

    def open(self, path: str, *, create: bool) -> int:
        """Opens a file for reading and writing, never through a symbolic link as its last part."""
        ...

    def open_for_reading(self, path: str) -> int:
        """Opens an existing file for reading, never through a symbolic link as its last part."""
        ...

    def close(self, fd: int) -> None:
        """Gives the descriptor back."""
        ...

    def size(self, fd: int) -> int:
        """Returns the file's size in bytes."""
        ...

    def read_at(self, fd: int, offset: int, size: int) -> bytes:
        """Returns at most `size` bytes; fewer only at the end of the file."""
        ...

    def write_at(self, fd: int, data: bytes | memoryview, offset: int) -> int:
        """Writes some of `data`, returns how many bytes."""
        ...

    def truncate(self, fd: int, size: int) -> None:
        """Makes the file `size` bytes long."""
        ...

    def copy_mode(self, source: int, target: int) -> None:
        """Gives the file behind `target` the permissions of the one behind `source`."""
        ...

    def sync(self, fd: int) -> None:
        """Returns when the file's data and size would survive a loss of power."""
        ...

    def sync_directory(self, path: str) -> None:
        """Returns when the names in the directory would survive a loss of power."""
        ...

    def replace(self, source: str, target: str) -> None:
        """Gives `source` the name `target` in one step."""
        ...

    def make_directory(self, path: str) -> None:
        """Makes one directory; one that is there already is fine."""
        ...

    def exists(self, path: str) -> bool:
        """Whether something has that name."""
        ...

    def try_lock(self, fd: int) -> bool:
        """Takes the file's exclusive lock if it is free; it ends with the descriptor."""
        ...

    def unlock(self, fd: int) -> None:
        """Gives the lock back."""
        ...

    def identity(self, fd: int) -> Identity:
        """Returns what tells the file behind `fd` from all others while it is open."""
        ...

    def look(self, path: str) -> tuple[Identity, int] | None:
        """Returns the identity and the size of what has that name, None if nothing has."""
        ...


def _full_sync(fd: int) -> None:
    fcntl.fcntl(fd, fcntl.F_FULLFSYNC)  # type: ignore[attr-defined,unused-ignore]


# macOS has F_FULLFSYNC: its fsync stops at the drive's cache.
_sync = _full_sync if hasattr(fcntl, "F_FULLFSYNC") else os.fdatasync


class OsDisk:
    """The real one: Linux and macOS."""

    def open(self, path: str, *, create: bool) -> int:
        """See Disk."""
        flags = os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW | (os.O_CREAT if create else 0)
        return os.open(path, flags, 0o644)

    def open_for_reading(self, path: str) -> int:
        """See Disk."""
        return os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)

    def close(self, fd: int) -> None:
        """See Disk."""
        os.close(fd)

    def size(self, fd: int) -> int:
        """See Disk."""
        return os.fstat(fd).st_size

    def read_at(self, fd: int, offset: int, size: int) -> bytes:
        """See Disk."""
        data = os.pread(fd, size, offset)
        while data and len(data) < size and (more := os.pread(fd, size - len(data), offset + len(data))):
            data += more
        return data

    def write_at(self, fd: int, data: bytes | memoryview, offset: int) -> int:
        """See Disk."""
        return os.pwrite(fd, data, offset)

    def truncate(self, fd: int, size: int) -> None:
        """See Disk."""
        os.ftruncate(fd, size)

    def copy_mode(self, source: int, target: int) -> None:
        """See Disk."""
        os.fchmod(target, os.fstat(source).st_mode & 0o777)

    def sync(self, fd: int) -> None:
        """See Disk."""
        _sync(fd)

    def sync_directory(self, path: str) -> None:
        """See Disk."""
        fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)

    def replace(self, source: str, target: str) -> None:
        """See Disk."""
        os.replace(source, target)

    def make_directory(self, path: str) -> None:
        """See Disk."""
        try:
            os.mkdir(path)
        except FileExistsError:
            if not os.path.isdir(path):
                raise

    def exists(self, path: str) -> bool:
        """See Disk."""
        return os.path.lexists(path)

    def try_lock(self, fd: int) -> bool:
        """See Disk. `flock`, not `lockf`: that one is lost when any descriptor of the file closes."""
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def unlock(self, fd: int) -> None:
        """See Disk."""
        fcntl.flock(fd, fcntl.LOCK_UN)

    def identity(self, fd: int) -> Identity:
        """See Disk."""
        there = os.fstat(fd)
        return there.st_dev, there.st_ino

    def look(self, path: str) -> tuple[Identity, int] | None:
        """See Disk."""
        try:
            there = os.lstat(path)
        except FileNotFoundError:
            return None
        return (there.st_dev, there.st_ino), there.st_size


def make_folders(disk: Disk, folder: str) -> None:
    """Makes `folder`, and those above it that are missing; their names survive a loss of power."""
    missing = []
    while not disk.exists(folder):
        missing.append(folder)
        folder = os.path.dirname(folder)
    if missing:
        # Whoever made the one that is there may have died before it was durable.
        disk.sync_directory(os.path.dirname(folder))
    for folder in reversed(missing):
        disk.make_directory(folder)
        disk.sync_directory(os.path.dirname(folder))
