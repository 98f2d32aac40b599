"""The keeper as its dispatcher knows it: given attempts, asked to signal them, heard of how they ended."""

from __future__ import annotations

import array
import marshal
import os
import socket
import sys
from collections.abc import Mapping
from typing import Any, NamedTuple

from cli.dispatch import keeper
from cli.secrets import SECRET_VARIABLES


class News(NamedTuple):
    """How the attempt `name` ended. A negative status is an error number: it could not be started."""

    name: str
    status: int
    error: str


class Note(NamedTuple):
    """What a lock file says: whether the worker may have begun, as which process, with which end."""

    began: bool
    pid: int | None
    status: int | None


def parse_note(content: bytes) -> Note:
    """Returns what a keeper noted in a lock file, or what somebody else put there as far as it is that."""
    pid, _, rest = content.partition(b"\n")
    status, end, _ = rest.partition(b"\n")
    return Note(bool(content), _number(pid, 9), _number(status, 3) if end else None)


def _number(text: bytes, longest: int) -> int | None:
    return int(text) if text.isdigit() and len(text) <= longest else None


class Keeping:
    """A keeper that has been started; `descriptor` is readable when it has news or is gone.

    Raises OSError if it cannot be started. `word` is on its command line.
    """

    def __init__(self, word: str) -> None:
        self._channel, other = socket.socketpair()
        self._heard = b""
        secrets = {os.fsencode(name) for name in SECRET_VARIABLES}
        environment = {key: value for key, value in os.environb.items() if key not in secrets}
        null = ((os.POSIX_SPAWN_OPEN, number, os.devnull, os.O_RDWR, 0) for number in (1, 2))
        try:
            self._pid = os.posix_spawn(
                sys.executable,
                # -I -S: it needs nothing but the standard library, and starts in half the time.
                [sys.executable, "-I", "-S", keeper.__file__, word],
                environment,
                file_actions=[(os.POSIX_SPAWN_DUP2, other.fileno(), 0), *null],
                setsid=True,
            )
        except BaseException:
            self._channel.close()
            raise
        finally:
            other.close()

    @property
    def descriptor(self) -> int:
        """What to wait for."""
        return self._channel.fileno()

    def start(
        self,
        name: str,
        lock: int,
        command: list[bytes],
        environment: Mapping[bytes, bytes],
        assignment: str,
        output: str,
    ) -> None:
        """Gives it an attempt and its locked lock file. An end that nobody hears of shows in `news`."""
        self._send((name.encode(), command, dict(environment), assignment, output), lock)

    def signal(self, name: str, number: int) -> None:
        """Has it send a signal to all processes of the attempt's group, if it still runs."""
        self._send((name.encode(), int(number)))

    def _send(self, message: tuple[Any, ...], *descriptors: int) -> None:
        content = marshal.dumps(message)
        content = len(content).to_bytes(keeper.HEADER, "little") + content
        rights = (
            [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", descriptors))] if descriptors else []
        )
        try:
            sent = self._channel.sendmsg([content], rights)
            if sent < len(content):
                self._channel.sendall(memoryview(content)[sent:])
        except OSError:
            pass  # it is gone, and whoever asks for its news learns that

    def news(self) -> tuple[list[News], bool]:
        """Returns what it has told since the last call, and whether it is still there; never waits."""
        try:
            content = self._channel.recv(1 << 16, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return [], True
        except OSError:
            content = b""
        *lines, self._heard = (self._heard + content).split(b"\n")
        return [_parse(line) for line in lines], bool(content)

    def close(self) -> None:
        """Leaves it alone: it ends when its last attempt has ended."""
        self._channel.close()
        try:
            os.waitpid(self._pid, os.WNOHANG)
        except ChildProcessError:
            pass  # who started us wanted no news of children, so the system reaps them by itself


def _parse(line: bytes) -> News:
    name, status, error = line.decode().split(" ", 2)
    return News(name, int(status), error)
