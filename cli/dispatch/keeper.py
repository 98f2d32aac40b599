"""The keeper: starts a dispatcher's workers, outlives it, and notes how each of them ended.

One small process per dispatcher, run from this file with nothing but the standard library. Attempts
come through a socket, each with its lock file, which the dispatcher has locked already; how they
ended goes back. Without its dispatcher it goes on until the last worker has ended. A lock file says:

    (empty)   the worker was not started
    "\\n"      it is just being started
    "17\\n"    it was, as process 17, which leads a session of its own
    "17\\n0\\n" it has ended with exit status 0
"""

from __future__ import annotations

import array
import errno
import marshal
import os
import select
import signal
import socket
from collections import deque

LOCK_FD = 9
"""Under this number every process of an attempt inherits its lock file."""

HEADER = 4
"""Bytes before a message that say how long it is."""

_DEFAULT_SIGNALS = [
    signal.SIGPIPE,
    signal.SIGINT,
    signal.SIGTERM,
    signal.SIGHUP,
    signal.SIGQUIT,
    signal.SIGXFSZ,
    signal.SIGCHLD,
]
_NO_PROGRAM = (errno.ENOENT, errno.EACCES, errno.ENOEXEC, errno.ENOTDIR, errno.ELOOP)
# `exec`, because a shell would run its own `echo` instead of a program of that name.
_SHELL = [b"/bin/sh", b"-c", b'exec "$@"', b"sh"]


class Keeper:
    """What runs, by process number: the attempt's name and its lock file's descriptor."""

    def __init__(self, channel: socket.socket) -> None:
        self._channel = channel
        self._environment = dict(os.environb)
        self._running: dict[int, tuple[bytes, int]] = {}
        self._numbers: dict[bytes, int] = {}
        self._ending: set[bytes] = set()
        self._received = bytearray()
        self._locks: deque[int] = deque()
        self._unsent = b""
        self._is_alone = False

    def run(self) -> None:
        """Keeps attempts until there is no dispatcher and no attempt any more."""
        reader, writer = os.pipe()
        os.set_blocking(reader, False)
        os.set_blocking(writer, False)
        signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        poll = select.poll()
        poll.register(reader, select.POLLIN)
        while self._running or not self._is_alone:
            if not self._is_alone:
                # Never waits for a dispatcher that is just waiting for us.
                poll.register(self._channel, select.POLLIN | (select.POLLOUT if self._unsent else 0))
            for fd, _ in poll.poll():
                if fd == reader:
                    os.read(reader, 4096)
                    self._reap()
                else:
                    self._receive()
            self._tell(b"")
            if self._is_alone and self._channel.fileno() >= 0:
                poll.unregister(self._channel)
                self._channel.close()

    def _receive(self) -> None:
        try:
            content, ancillary, flags, _ = self._channel.recvmsg(1 << 16, 1024, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return
        except OSError:
            content, ancillary, flags = b"", [], 0
        for _, _, descriptors in ancillary:
            for lock in array.array("i", descriptors):
                os.set_inheritable(lock, False)
                self._locks.append(lock)
        if not content or flags & socket.MSG_CTRUNC:
            # It has died, or a lock file was lost on its way: then it adopts what we keep.
            self._is_alone = True
            while self._locks:
                os.close(self._locks.popleft())
            return
        self._received += content
        while len(self._received) >= HEADER:
            end = HEADER + int.from_bytes(self._received[:HEADER], "little")
            if len(self._received) < end:
                return
            name, *what = marshal.loads(self._received[HEADER:end])
            del self._received[:end]
            if len(what) == 1:
                self._signal(name, what[0])
            else:
                self._start(name, *what)

    def _start(
        self, name: bytes, command: list[bytes], more: dict[bytes, bytes], assignment: str, output: str
    ) -> None:
        lock = self._locks.popleft()
        try:
            os.pwrite(lock, b"\n", 0)
            pid = _spawn(command, self._environment | more, lock, assignment, output)
        except (OSError, ValueError) as error:
            os.ftruncate(lock, 0)
            os.close(lock)
            number = error.errno if isinstance(error, OSError) else None
            text = str(error).replace("\n", " ").encode("utf-8", "backslashreplace")
            self._tell(b"%s %d %s\n" % (name, -(number or errno.EINVAL), text))
            return
        os.pwrite(lock, b"%d\n" % pid, 0)
        self._running[pid] = name, lock
        self._numbers[name] = pid

    def _signal(self, name: bytes, number: int) -> None:
        if name in self._numbers:
            self._ending.add(name)
            _signal_group(self._numbers[name], number)

    def _reap(self) -> None:
        while self._running and (ended := _ended()):
            pid, status = ended
            name, lock = self._running.pop(pid)
            del self._numbers[name]
            if name in self._ending:
                # It is gone but not yet waited for, so its group cannot be anybody else's.
                self._ending.discard(name)
                _signal_group(pid, signal.SIGKILL)
            if hasattr(os, "waitid"):
                os.waitpid(pid, 0)
            os.pwrite(lock, b"%d\n%d\n" % (pid, status), 0)  # space for it was found at the start
            os.close(lock)
            self._tell(b"%s %d \n" % (name, status))

    def _tell(self, line: bytes) -> None:
        self._unsent += line
        if not self._unsent or self._is_alone:
            return
        try:
            self._unsent = self._unsent[self._channel.send(self._unsent, socket.MSG_DONTWAIT) :]
        except BlockingIOError:
            pass
        except OSError:
            self._is_alone = True


def _spawn(
    command: list[bytes], environment: dict[bytes, bytes], lock: int, assignment: str, output: str
) -> int:
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW
    actions = [
        (os.POSIX_SPAWN_OPEN, 0, assignment, os.O_RDONLY, 0),
        (os.POSIX_SPAWN_OPEN, 1, output, flags, 0o644),
        (os.POSIX_SPAWN_DUP2, 1, 2),
        (os.POSIX_SPAWN_DUP2, lock, LOCK_FD),
    ]

    def spawn(words: list[bytes]) -> int:
        return os.posix_spawnp(
            words[0],
            words,
            environment,
            file_actions=actions,
            setsid=True,
            setsigmask=[],
            setsigdef=_DEFAULT_SIGNALS,
        )

    try:
        return spawn(command)
    except OSError as error:
        if error.errno not in _NO_PROGRAM:
            raise
        return spawn([*_SHELL, *command])  # it says what is wrong in the words that people know


def _ended() -> tuple[int, int] | None:
    """Returns number and exit status of a child that has ended; it is not reaped where that can be had."""
    if hasattr(os, "waitid"):
        told = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        if told is None:
            return None
        return told.si_pid, told.si_status + (0 if told.si_code == os.CLD_EXITED else 128)
    pid, state = os.waitpid(-1, os.WNOHANG)
    status = os.waitstatus_to_exitcode(state)
    return (pid, status if status >= 0 else 128 - status) if pid else None


def _signal_group(pid: int, number: int) -> None:
    try:
        os.killpg(pid, number)
    except (ProcessLookupError, PermissionError):
        pass


if __name__ == "__main__":
    for ignored in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(ignored, signal.SIG_IGN)
    try:
        os.fstat(LOCK_FD)
    except OSError:
        # No lock that we hold may have that number, or we would be taken for a process of its attempt.
        os.dup2(1, LOCK_FD, inheritable=False)
    Keeper(socket.socket(fileno=0)).run()
