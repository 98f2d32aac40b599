"""Learning that child processes ended: through pidfds on Linux, by asking elsewhere."""

from __future__ import annotations

import os
import select
import sys

from cli.dispatch.runner import Key


class Exits:
    """Watches children. `descriptor` is readable when `ended` has news (where there are no pidfds: never)."""

    def __init__(self) -> None:
        self._pids: dict[int, Key] = {}
        self._fds: dict[int, int] = {}
        self._reader, self._writer = (
            os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK) if sys.platform == "linux" else os.pipe()
        )
        self._epoll = select.epoll() if sys.platform == "linux" else None
        if self._epoll is not None:
            self._epoll.register(self._reader, select.EPOLLIN)

    @property
    def descriptor(self) -> int:
        """What to wait for."""
        return self._epoll.fileno() if self._epoll is not None else self._reader

    def watch(self, pid: int, key: Key) -> None:
        """Watches the child `pid`; its end is told as `key`."""
        self._pids[pid] = key
        if self._epoll is not None:
            fd = os.pidfd_open(pid)
            self._fds[fd] = pid
            self._epoll.register(fd, select.EPOLLIN)

    def wake(self) -> None:
        """Makes `descriptor` readable until the next call of `ended`."""
        os.write(self._writer, b"x")

    def ended(self) -> list[Key]:
        """Returns the keys of the children that have ended since the last call; they wait to be reaped."""
        if self._epoll is None:
            select.select([self._reader], [], [], 0)[0] and os.read(self._reader, 65536)
            ended = [
                pid for pid in self._pids if os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            ]
        else:
            ended = []
            for fd, _ in self._epoll.poll(0):
                if fd == self._reader:
                    os.read(self._reader, 65536)
                    continue
                self._epoll.unregister(fd)
                ended.append(self._fds.pop(fd))
                os.close(fd)
        return [self._pids.pop(pid) for pid in ended]

    def reap(self, pid: int) -> None:
        """Gives the ended child's number back to the system."""
        os.waitpid(pid, 0)

    def close(self) -> None:
        """Gives the descriptors back; children go on."""
        for fd in (*self._fds, self._reader, self._writer):
            os.close(fd)
        self._fds.clear()
        if self._epoll is not None:
            self._epoll.close()
