"""What a writer does with a log that a crash or a failed sync left behind; only under the lock."""

from __future__ import annotations

import errno
import os
from hashlib import sha256

from eventlog.disk import Disk
from eventlog.head import Head
from eventlog.recovery import BLOCK, Corrupt, Scan, TornTail


def write_all(disk: Disk, fd: int, data: bytes, offset: int) -> None:
    """Writes all of `data` at `offset`, in as many calls as the system wants."""
    rest: bytes | memoryview = data
    while rest:
        written = disk.write_at(fd, rest, offset)
        if written == len(rest):
            return
        if written <= 0:
            raise OSError(errno.EIO, "the system took no bytes")
        rest = memoryview(rest)[written:]
        offset += written


def save_tail(disk: Disk, path: str, fd: int, tail: TornTail) -> None:
    """Copies a tail, before it is cut, to `<log>.torn-<offset>-<8 hex of its SHA-256>`."""
    torn = disk.read_at(fd, tail.offset, tail.size)
    out = disk.open(f"{path}.torn-{tail.offset}-{sha256(torn).hexdigest()[:8]}", create=True)
    try:
        disk.truncate(out, 0)
        write_all(disk, out, torn, 0)
        disk.sync(out)
    finally:
        disk.close(out)
    disk.sync_directory(os.path.dirname(os.path.abspath(path)))


def renew(disk: Disk, fd: int, start: int, end: int) -> None:
    """Writes the bytes of the log from `start` to `end` once more, so that the next sync is about them.

    The system tells of a lost write once. If a writer died then, the bytes are in memory, marked as
    written, and no later sync would carry them to the disk.
    """
    for offset in range(start, end, BLOCK):
        write_all(disk, fd, disk.read_at(fd, offset, min(BLOCK, end - offset)), offset)


def move_to_new_file(disk: Disk, path: str, fd: int) -> Head:
    """Replaces the log behind `fd` by a synced copy of its valid prefix, returns its head.

    After a failed sync the old file's pages may be in memory only, and its place on the disk bad.
    Raises CorruptLog, and replaces nothing, when there is damage before the end.
    """
    scan = Scan(lambda offset, size: disk.read_at(fd, offset, size))
    verdict = scan.finish()
    if isinstance(verdict, Corrupt):
        raise verdict.error()
    if isinstance(verdict, TornTail):
        save_tail(disk, path, fd, verdict)
    out = disk.open(f"{path}.new", create=True)
    try:
        disk.truncate(out, 0)
        disk.copy_mode(fd, out)
        for offset in range(0, scan.head.offset, BLOCK):
            size = min(BLOCK, scan.head.offset - offset)
            write_all(disk, out, disk.read_at(fd, offset, size), offset)
        disk.sync(out)
    finally:
        disk.close(out)
    disk.replace(f"{path}.new", path)
    disk.sync_directory(os.path.dirname(os.path.abspath(path)))
    return scan.head
