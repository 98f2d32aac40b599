"""The processes of an attempt wherever they went: in another group, another session, without a parent.

A process belongs to an attempt when it still holds the attempt's lock file, or when the environment
it was started with names the attempt. Both are asked of the process itself, so a number that the
system has given to somebody else meanwhile is never taken for ours. Needs /proc: elsewhere only the
worker is found, by its parent's command line.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

from cli.dispatch.keeper import LOCK_FD


def signal_members(
    lock: str, marker: str, number: signal.Signals, *, except_group: int | None = None
) -> None:
    """Sends a signal to the processes that hold `lock` or have `marker` (NAME=value) in their environment.

    Those of `except_group` have got theirs.
    """
    for pid in _numbers():
        try:
            if os.getpgid(pid) == except_group:
                continue
            fd = os.pidfd_open(pid)
        except OSError:
            continue
        try:
            if _belongs(pid, lock, marker):  # asked once the number is held: it cannot change hands now
                signal.pidfd_send_signal(fd, number)
        except OSError:
            pass
        finally:
            os.close(fd)


def _numbers() -> Iterator[int]:
    try:
        names = os.listdir("/proc")
    except OSError:
        return
    own = os.getpid()
    yield from (int(name) for name in names if name.isdigit() and int(name) != own)


def _belongs(pid: int, lock: str, marker: str) -> bool:
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:
            if os.fsencode(marker) in file.read().split(b"\0"):
                return True
        return os.path.samefile(f"/proc/{pid}/fd/{LOCK_FD}", lock)
    except OSError:
        return False


def is_child_of(pid: int, word: str) -> bool:
    """Whether the parent of process `pid` has `word` in its command line; for systems without /proc."""
    return word.encode() in _listed("command=", _listed("ppid=", b"%d" % pid))


def _listed(what: str, pid: bytes) -> bytes:
    from subprocess import run

    return run(["ps", "-ww", "-o", what, "-p", pid.strip()], capture_output=True, check=False).stdout
