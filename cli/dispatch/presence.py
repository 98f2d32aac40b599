"""Who is at work on a project: every dispatcher holds a lock for as long as it lives, and a lease.

A lock ends with its process, however that ends, so it never lies about a number that the system
has given to another process meanwhile; it decides about the dispatchers of this folder. About those
of other machines the leases decide, where the log is on servers.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable
from typing import TYPE_CHECKING

from cli.project import Project

if TYPE_CHECKING:
    from eventlog.leases import Holder


class Presence:
    """The lock file of the dispatcher `name` and its lease; held while entered, gone with the process.

    Left by an error the lock file stays, free: it tells the next dispatcher here that this one is
    dead, and its lease has to run out before others take its attempts. `lasts` (seconds) is for
    whoever is the first to need leases; `stop` is told what `bo stop` says on another machine.
    """

    def __init__(
        self,
        project: Project,
        name: str,
        *,
        lasts: float | None = None,
        stop: Callable[[bool], None] = lambda _: None,
    ) -> None:
        self._project = project
        self._name = name
        self._lasts = lasts
        self._stop = stop
        self._path = _path(project, name)
        self._fd = -1
        self._holder: Holder | None = None
        self._dead: set[str] = set()

    def __enter__(self) -> Presence:
        os.makedirs(os.path.dirname(self._path), exist_ok=True)
        self._fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o644)
        fcntl.flock(self._fd, fcntl.LOCK_EX)
        os.pwrite(self._fd, b"%d\n" % os.getpid(), 0)
        if (log := self._project.on_servers) is not None:
            from eventlog.leases import LASTS

            self._holder = log.leases.hold(self._name, self._lasts or LASTS, self._stop)
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if self._holder is not None:
            self._holder.end(give_back=kind is None)
        if kind is None:
            _remove(self._path)
        os.close(self._fd)

    def is_alive(self, name: str) -> bool:
        """Whether the dispatcher `name` lives, wherever it is; True as long as that is unknown."""
        if name == self._name:
            return True
        here = is_here(self._project, name)
        if here is not None or self._holder is None:
            return here or False
        return not self._holder.is_gone(name)

    def is_elsewhere(self, name: str) -> bool:
        """Whether the dispatcher `name` is, or was, at work on another machine."""
        return self._holder is not None and is_here(self._project, name) is None

    def stand_in(self, dead: set[str], in_hand: set[str], named: set[str]) -> None:
        """Forgets the `dead` dispatchers of this folder, but not those `named` by attempts that run.

        Whose attempts are `in_hand` here, their leases are renewed: for others they are here.
        """
        self._dead |= dead | in_hand
        for name in self._dead - in_hand - named:
            _remove(_path(self._project, name))
        self._dead &= in_hand | named
        if self._holder is not None:
            self._holder.keep(in_hand)


def is_present(project: Project, name: str) -> bool | None:
    """Whether the dispatcher `name` lives, asked from outside; None when nobody here can know."""
    here = is_here(project, name)
    if here is not None:
        return here
    log = project.on_servers
    if log is None:
        return None if project.is_mirror() else False
    return None if log.away is not None else log.leases.look(name)


def ask_elsewhere(project: Project, name: str, *, at_once: bool) -> bool:
    """Asks the dispatcher `name` to end if it is at work on another machine; returns whether it is."""
    log = project.on_servers
    if log is None or is_here(project, name) is not None or not is_present(project, name):
        return False
    log.leases.ask_to_stop(name, at_once=at_once)
    return True


def is_here(project: Project, name: str) -> bool | None:
    """Whether the dispatcher `name` of this folder lives; None when there is none of that name."""
    try:
        fd = os.open(_path(project, name), os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:
        return None
    try:
        return not is_free(fd)
    finally:
        os.close(fd)


def find_pid(project: Project, name: str) -> int | None:
    """Returns the process number of the dispatcher `name` of this folder if it lives, else None."""
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
