"""A command on a terminal of its own: a pty whose screen is read, and whose keys are pressed."""

import os
import select
import signal
import struct
import sys
import termios
from collections.abc import Mapping
from fcntl import ioctl
from pathlib import Path
from time import monotonic

from tests.dispatch.runs import PATIENCE


class Terminal:
    """Runs the tool as the foreground process of a new session on a pty of 80 by 24; used with `with`."""

    def __init__(self, *arguments: str, env: Mapping[str, str], cwd: Path) -> None:
        self._command = [sys.executable, "-m", "cli", *arguments]
        self._env = {"TERM": "xterm", **env}
        self._cwd = cwd
        self.said = b""
        self.code: int | None = None

    def __enter__(self) -> "Terminal":
        self._master, slave = os.openpty()
        ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        self.before = termios.tcgetattr(slave)
        self._slave = slave  # kept open, so that what the terminal is afterwards can be asked
        self.pid = os.posix_spawn(
            "/bin/sh",
            # A process gets a controlling terminal by opening one when it leads a session without.
            [
                "/bin/sh",
                "-c",
                f'exec <{os.ttyname(slave)}; cd "$0"; exec "$@"',
                str(self._cwd),
                *self._command,
            ],
            self._env,
            file_actions=[(os.POSIX_SPAWN_DUP2, slave, 1), (os.POSIX_SPAWN_DUP2, slave, 2)],
            setsid=True,
            setsigdef=[signal.SIGINT, signal.SIGTERM],
        )
        return self

    def __exit__(self, *_: object) -> None:
        if self.code is None:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        os.close(self._master)
        os.close(self._slave)

    def press(self, keys: bytes) -> None:
        """Presses keys; b"\\x03" is Ctrl-C."""
        os.write(self._master, keys)

    def until(self, text: str) -> None:
        """Reads until the screen was told this, from now on."""
        start = len(self.said)
        deadline = monotonic() + PATIENCE
        while text.encode() not in self.said[start:]:
            assert monotonic() < deadline, f"never said {text!r}: {self.said[-2000:]!r}"
            self._read()

    def finish(self) -> int:
        """Reads until the process ends; returns its exit status."""
        deadline = monotonic() + PATIENCE
        while True:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            while self._read(0):
                pass
            if pid:
                self.code = os.waitstatus_to_exitcode(status)
                return self.code
            assert monotonic() < deadline, f"it never ended: {self.said[-2000:]!r}"
            self._read()

    @property
    def attributes(self) -> list[object]:
        """How the terminal is set now."""
        return termios.tcgetattr(self._slave)

    def _read(self, seconds: float = 0.05) -> bool:
        poll = select.poll()  # not `select`: that one knows no descriptor above 1023
        poll.register(self._master, select.POLLIN)
        if not poll.poll(seconds * 1000):
            return False
        self.said += os.read(self._master, 65536)
        return True
