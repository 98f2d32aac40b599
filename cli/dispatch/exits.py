"""Learning that child processes ended: through pidfds on Linux, kqueue on macOS, by asking if need be."""

from __future__ import annotations

import os
import select
import sys

from cli.dispatch.runner import Key


class Exits:
    """Watches children. `descriptor` is readable when `ended` has news."""

    def __init__(self) -> None:
        self._pids: dict[int, Key] = {}
        self._unwatched: set[int] = set()
        self._reader, self._writer = os.pipe()
        os.set_blocking(self._reader, False)
        os.set_blocking(self._writer, False)
        self._notices = _Notices(self._reader)

    @property
    def descriptor(self) -> int:
        """What to wait for."""
        return self._notices.fileno()

    def watch(self, pid: int, key: Key) -> None:
        """Watches the child `pid`; its end is told as `key`."""
        self._pids[pid] = key
        try:
            self._notices.watch(pid)
        except OSError:
            # It has ended already (macOS), or descriptors are used up: it is asked at every look.
            self._unwatched.add(pid)
            self.wake()

    def notice(self, pid: int) -> None:
        """Makes `descriptor` readable when `pid`, which is no child of ours, ends, if that can be had."""
        try:
            self._notices.watch(pid)
        except OSError:
            pass

    def wake(self) -> None:
        """Makes `descriptor` readable until the next call of `ended`."""
        try:
            os.write(self._writer, b"x")
        except BlockingIOError:
            pass  # a full pipe is readable

    def ended(self) -> list[Key]:
        """Returns the keys of the children that have ended since the last call; they wait to be reaped."""
        try:
            os.read(self._reader, 65536)
        except BlockingIOError:
            pass
        ended = self._notices.ended()
        asked = [pid for pid in self._unwatched if _has_ended(pid)]
        self._unwatched.difference_update(asked)
        return [self._pids.pop(pid) for pid in (*ended, *asked) if pid in self._pids]

    def reap(self, pid: int) -> None:
        """Gives the ended child's number back to the system."""
        try:
            os.waitpid(pid, 0)
        except ChildProcessError:
            pass  # who started us wanted no news of children, so the system reaps them by itself

    def close(self) -> None:
        """Gives the descriptors back; children go on."""
        self._notices.close()
        os.close(self._reader)
        os.close(self._writer)


def _has_ended(pid: int) -> bool:
    try:
        if hasattr(os, "waitid"):
            return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
        return os.waitpid(pid, os.WNOHANG)[0] != 0
    except ChildProcessError:
        return True


if sys.platform == "darwin":

    class _Notices:
        """Exits told by a kqueue, which is readable for `wake` too."""

        def __init__(self, wake: int) -> None:
            self._queue = select.kqueue()
            self._add(select.kevent(wake, select.KQ_FILTER_READ, select.KQ_EV_ADD))

        def _add(self, event: select.kevent) -> None:
            self._queue.control([event], 0)

        def fileno(self) -> int:
            return self._queue.fileno()

        def watch(self, pid: int) -> None:
            flags = select.KQ_EV_ADD | select.KQ_EV_ONESHOT
            self._add(select.kevent(pid, select.KQ_FILTER_PROC, flags, select.KQ_NOTE_EXIT))

        def ended(self) -> list[int]:
            events = self._queue.control(None, 1024, 0)
            return [event.ident for event in events if event.filter == select.KQ_FILTER_PROC]

        def close(self) -> None:
            self._queue.close()

else:

    class _Notices:
        """Exits told by pidfds in an epoll, which is readable for `wake` too."""

        def __init__(self, wake: int) -> None:
            self._epoll = select.epoll()
            self._epoll.register(wake, select.EPOLLIN)
            self._fds: dict[int, int] = {}

        def fileno(self) -> int:
            return self._epoll.fileno()

        def watch(self, pid: int) -> None:
            fd = os.pidfd_open(pid)
            self._fds[fd] = pid
            self._epoll.register(fd, select.EPOLLIN)

        def ended(self) -> list[int]:
            ended = []
            for fd, _ in self._epoll.poll(0):
                if fd in self._fds:
                    self._epoll.unregister(fd)
                    os.close(fd)
                    ended.append(self._fds.pop(fd))
            return ended

        def close(self) -> None:
            for fd in self._fds:
                os.close(fd)
            self._fds.clear()
            self._epoll.close()
