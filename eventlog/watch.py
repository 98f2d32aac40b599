"""Waiting until a file may have changed: inotify on Linux, looking at it elsewhere."""

from __future__ import annotations

import ctypes
import math
import os
import select
import sys
import time

_IN_MODIFY = 0x2
_IN_MOVED_TO = 0x80
_IN_CREATE = 0x100
_MISSED = b"\xff\xff\xff\xff"
"""What stands in place of a watch's number when there was more news than the system keeps."""
_POLL = 0.05
"""Seconds between two looks where there is no inotify."""


class Watch:
    """Watches the file `path`, also across its replacement by another one of the same name.

    The folder is watched rather than the file, so a rename is seen like a write. Use it with `with`,
    and look at the file once after entering and before the first `wait`: nothing is missed then.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._name = os.fsencode(os.path.basename(path)) + b"\0"  # as it stands in what inotify tells
        self._fd = -1

    def __enter__(self) -> Watch:
        self._fd = _inotify(os.path.dirname(os.path.abspath(self._path)))
        self._seen = self._stamp()
        return self

    def __exit__(self, *_: object) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    @property
    def descriptor(self) -> int:
        """A descriptor that is readable when the file may have changed, -1 where there is no inotify."""
        return self._fd

    def drain(self) -> None:
        """Makes `descriptor` wait for what happens from now on; look at the file after it."""
        if self._fd >= 0:
            try:
                os.read(self._fd, 65536)
            except BlockingIOError:
                pass

    def wait(self, timeout: float | None = None) -> bool:
        """Returns True as soon as the file may have changed, False after `timeout` seconds without news."""
        deadline = None if timeout is None else time.monotonic() + timeout
        while True:
            left = None if deadline is None else max(0.0, deadline - time.monotonic())
            if self._fd >= 0:
                # Not `select`: that one knows no descriptor above 1023.
                poll = select.poll()
                poll.register(self._fd, select.POLLIN)
                if not poll.poll(None if left is None else math.ceil(left * 1000)):
                    return False
                news = os.read(self._fd, 65536)
                if self._name in news or _MISSED in news:
                    return True
                continue
            stamp = self._stamp()
            if stamp != self._seen:
                self._seen = stamp
                return True
            if left is not None and left <= 0:
                return False
            time.sleep(_POLL if left is None else min(_POLL, left))

    def _stamp(self) -> tuple[int, int, int] | None:
        try:
            status = os.stat(self._path)
        except OSError:
            return None
        return status.st_ino, status.st_size, status.st_mtime_ns


def _inotify(folder: str) -> int:
    """Returns a descriptor that becomes readable when something in `folder` changes, -1 if there is none."""
    if sys.platform != "linux":
        return -1
    try:
        libc = ctypes.CDLL(None, use_errno=True)
        fd: int = libc.inotify_init1(os.O_CLOEXEC | os.O_NONBLOCK)
        if fd < 0:
            return -1
        if libc.inotify_add_watch(fd, os.fsencode(folder), _IN_MODIFY | _IN_MOVED_TO | _IN_CREATE) < 0:
            os.close(fd)
            return -1
    except (OSError, AttributeError):
        return -1
    return fd
