"""Who is at work on a project: every dispatcher holds a lock for as long as it lives.

A lock ends with its process, however that ends, so it never lies about a number that the system
has given to another process meanwhile.
"""

from __future__ import annotations

import fcntl
import os

from cli.project import Project


class Presence:
    """The lock file of the dispatcher `name`; held while entered, gone with the process at the latest."""

    def __init__(self, project: Project, name: str) -> None:
        self._path = _path(project, name)
        self._fd = -1

    def __enter__(self) -> Presence:
        os.makedirs(os.path.dirname(self._path), exist_ok=True)
        self._fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o644)
        fcntl.flock(self._fd, fcntl.LOCK_EX)
        os.pwrite(self._fd, b"%d\n" % os.getpid(), 0)
        return self

    def __exit__(self, *_: object) -> None:
        _remove(self._path)
        os.close(self._fd)


def is_present(project: Project, name: str) -> bool:
    """Whether the dispatcher `name` lives."""
    return find_pid(project, name) is not None


def find_pid(project: Project, name: str) -> int | None:
    """Returns the process number of the dispatcher `name` if it lives, else None."""
    try:
        fd = os.open(_path(project, name), os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:
        return None
    try:
        if is_free(fd):
            return None
        number = os.pread(fd, 32, 0).strip()
        # 0 would be our own group, and what has more digits is no process.
        return int(number) if number.isdigit() and len(number) < 10 and int(number) > 1 else None
    finally:
        os.close(fd)


def forget(project: Project, name: str) -> None:
    """Removes what a dispatcher left that died."""
    _remove(_path(project, name))


def is_free(fd: int) -> bool:
    """Whether nobody holds the lock of the file behind `fd`."""
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    fcntl.flock(fd, fcntl.LOCK_UN)
    return True


def _path(project: Project, name: str) -> str:
    return project.path(".bo", "dispatchers", f"{name}.lock")


def _remove(path: str) -> None:
    try:
        os.unlink(path)
    except FileNotFoundError:
        pass
