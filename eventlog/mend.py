"""What a writer does with a log that a crash or a failed sync left behind; only under the lock."""

from __future__ import annotations

import os
from hashlib import sha256

from eventlog.disk import Disk
from eventlog.head import Head
from eventlog.recovery import BLOCK, Corrupt, Scan, TornTail


def write_all(disk: Disk, fd: int, data: bytes, offset: int) -> None:
    """Writes all of `data` at `offset`, in as many calls as the system wants."""
    view = memoryview(data)
    while view:
        written = disk.write_at(fd, view, offset)
        view = view[written:]
        offset += written


def cut_tail(disk: Disk, path: str, fd: int, tail: TornTail) -> None:
    """Cuts a torn tail off the log behind `fd`, after its bytes are safe in a file beside it."""
    _save_tail(disk, path, fd, tail)
    disk.truncate(fd, tail.offset)
    disk.sync(fd)


def move_to_new_file(disk: Disk, path: str) -> Head:
    """Replaces the log by a synced copy of its valid prefix, returns its head.

    After a failed sync the old file's pages may be in memory only, marked as written. Raises
    CorruptLog, and replaces nothing, when there is damage before the end.
    """
    fd = disk.open_for_reading(path)
    try:
        scan = Scan(lambda offset, size: disk.read_at(fd, offset, size))
        verdict = scan.finish()
        if isinstance(verdict, Corrupt):
            raise verdict.error()
        if isinstance(verdict, TornTail):
            _save_tail(disk, path, fd, verdict)
        out = disk.open(f"{path}.new", create=True)
        try:
            disk.truncate(out, 0)
            for offset in range(0, scan.head.offset, BLOCK):
                size = min(BLOCK, scan.head.offset - offset)
                write_all(disk, out, disk.read_at(fd, offset, size), offset)
            disk.sync(out)
        finally:
            disk.close(out)
        disk.replace(f"{path}.new", path)
        disk.sync_directory(os.path.dirname(os.path.abspath(path)))
        return scan.head
    finally:
        disk.close(fd)


def _save_tail(disk: Disk, path: str, fd: int, tail: TornTail) -> None:
    """Copies the tail to `<log>.torn-<offset>-<8 hex of its SHA-256>`; the same tail has the same name."""
    torn = disk.read_at(fd, tail.offset, tail.size)
    out = disk.open(f"{path}.torn-{tail.offset}-{sha256(torn).hexdigest()[:8]}", create=True)
    try:
        disk.truncate(out, 0)
        write_all(disk, out, torn, 0)
        disk.sync(out)
    finally:
        disk.close(out)
    disk.sync_directory(os.path.dirname(os.path.abspath(path)))
