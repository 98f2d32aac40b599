"""The `command` runner: local programs, their arguments read by no shell, that outlive their dispatcher.

Each attempt is a small `sh` wrapper in a session of its own. Its output goes straight to its file,
its exit status to another, so that a dispatcher killed at any moment loses nothing. From before the
start until the wrapper has ended somebody holds the lock of the attempt's lock file: the dispatcher
first, then the wrapper and what it started. So the next dispatcher knows whether an attempt still
runs, ended (a status is there), or neither: lock free and no status.
"""

from __future__ import annotations

import errno
import fcntl
import os
import signal
import stat

from cli.dispatch.exits import Exits
from cli.dispatch.members import LOCK_FD, is_command_of, signal_members
from cli.dispatch.presence import is_free
from cli.dispatch.runner import Job, Key, Outcome, Site
from cli.secrets import SECRET_VARIABLES

# $0 is the status file. The trap keeps the wrapper alive through a polite end of its process group, so
# that the status is written; the worker itself gets the signal as usual. `exec`, because a shell would
# run its own `echo`, `exit` or `eval` instead of a program of that name. What the wrapper itself would
# say (`Terminated`) is no output of the worker's.
_WRAPPER = (
    b"""
echo $$ >&%d; trap : TERM INT HUP
exec 3>&2 2>/dev/null
(exec "$@" 2>&3 3>&-)
echo $? >"$0"
"""
    % LOCK_FD
)
_DEFAULT_SIGNALS = [
    signal.SIGPIPE,
    signal.SIGINT,
    signal.SIGTERM,
    signal.SIGHUP,
    signal.SIGQUIT,
    signal.SIGXFSZ,
    signal.SIGCHLD,
]
_PASSING = (errno.EAGAIN, errno.ENOMEM, errno.EMFILE, errno.ENFILE)
_LONGEST_ARGUMENT = 131_071  # Linux: MAX_ARG_STRLEN, with the NUL


class CommandRunner:
    """See Runner. Workers inherit the environment without this tool's secrets, and the working folder."""

    name = "command"

    def __init__(self, site: Site) -> None:
        self.jobs = site.jobs or os.cpu_count() or 1
        self._site = site
        self._exits = Exits()
        self._running: dict[Key, int] = {}
        self._aborted: set[Key] = set()
        self._forced: set[Key] = set()
        self._early: list[Outcome] = []
        self._adopted: dict[Key, int] = {}
        os.makedirs(site.scratch, exist_ok=True)
        os.makedirs(os.path.join(site.folder, "outputs"), exist_ok=True)

    @property
    def descriptor(self) -> int:
        """See Runner."""
        return self._exits.descriptor

    def start(self, job: Job) -> None:
        """See Runner."""
        if not job.command:
            error = "neither its key `command`, nor --command, nor `defaults` gives one that can be read"
            self._refuse(job, "no_command", error)
            return
        try:
            command = [_encoded(word) for word in job.command]
            if any(len(word) > _LONGEST_ARGUMENT for word in command):
                error = "an argument is too long; use {assignment_file} or standard input"
                self._refuse(job, "too_long", error)
                return
            pid = self._spawn(job, command)
        except (OSError, ValueError) as error:
            passing = isinstance(error, OSError) and error.errno in _PASSING
            self._refuse(job, "spawn", f"cannot start it: {error}", retry=passing)
            return
        self._running[job.key] = pid
        self._exits.watch(pid, job.key)

    def _refuse(self, job: Job, reason: str, error: str, *, retry: bool = False) -> None:
        self._early.append(Outcome(*job.key, "failed", reason, error, retry=retry))
        self._exits.wake()

    def _spawn(self, job: Job, command: list[bytes]) -> int:
        assignment = self._site.assignment_file(job.key)
        _remove(assignment)
        with open(assignment, "x", encoding="utf-8") as file:
            file.write(job.assignment)
        secrets = {os.fsencode(name) for name in SECRET_VARIABLES}
        environment = {key: value for key, value in os.environb.items() if key not in secrets}
        environment |= {_encoded(key): _encoded(value) for key, value in job.environment.items()}
        _remove(self._file(job.key, "status"))  # of a build that was in this folder before
        flags = os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW
        lock = os.open(self._file(job.key, "lock"), flags, 0o644)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            return os.posix_spawn(
                "/bin/sh",
                [b"/bin/sh", b"-c", _WRAPPER, os.fsencode(self._file(job.key, "status")), *command],
                environment,
                file_actions=[
                    (os.POSIX_SPAWN_OPEN, 0, assignment, os.O_RDONLY, 0),
                    (
                        os.POSIX_SPAWN_OPEN,
                        1,
                        os.path.join(self._site.folder, job.output),
                        os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW,
                        0o644,
                    ),
                    (os.POSIX_SPAWN_DUP2, 1, 2),
                    (os.POSIX_SPAWN_DUP2, lock, LOCK_FD),
                ],
                setsid=True,
                setsigmask=[],
                setsigdef=_DEFAULT_SIGNALS,
            )
        finally:
            os.close(lock)

    def collect(self) -> list[Outcome]:
        """See Runner."""
        outcomes, self._early = self._early, []
        for key in self._exits.ended():
            pid = self._running.pop(key)
            if key in self._aborted:
                # The wrapper is gone but not yet waited for, so its group cannot be anybody else's.
                _signal_group(pid, signal.SIGKILL)
                self._signal_strays(key, signal.SIGKILL)
            self._exits.reap(pid)
            outcomes.append(self._outcome(key))
        for key, fd in list(self._adopted.items()):
            # What a worker left behind may hold the lock for long: with a status the worker itself is done.
            if key in self._forced or self._status(key) is not None or is_free(fd):
                if key in self._aborted:
                    self._signal_strays(key, signal.SIGKILL)
                os.close(self._adopted.pop(key))
                outcomes.append(self._outcome(key))
        return outcomes

    def _outcome(self, key: Key) -> Outcome:
        if key in self._aborted:
            self._aborted.discard(key)
            self._forced.discard(key)
            return Outcome(*key, "aborted")
        status = self._status(key)
        if status is None:
            return Outcome(*key, "failed", "lost", "it ended without leaving an exit status")
        return (
            Outcome(*key, "completed") if status == 0 else Outcome(*key, "failed", "exit", _describe(status))
        )

    def _status(self, key: Key) -> int | None:
        """Returns the attempt's exit status, None while there is none: it is there when its line ends."""
        number, end, _ = _read(self._file(key, "status")).partition(b"\n")
        return int(number) if end and number.isdigit() and len(number) < 4 else None

    def abort(self, key: Key, *, force: bool) -> None:
        """See Runner."""
        if key not in self._running and (key not in self._adopted or self._status(key) is not None):
            return  # it has ended by itself just now, and `collect` tells how
        self._aborted.add(key)
        number = signal.SIGKILL if force else signal.SIGTERM
        pid = self._running.get(key)
        if pid is not None:
            _signal_group(pid, number)
        else:
            self._signal_adopted(key, number)
            self._forced.update({key} if force else ())
        self._signal_strays(key, number, except_group=pid)

    def _signal_strays(self, key: Key, number: signal.Signals, except_group: int | None = None) -> None:
        marker = f"BO_ASSIGNMENT_FILE={self._site.assignment_file(key)}"
        signal_members(self._file(key, "lock"), marker, number, except_group=except_group)

    def _signal_adopted(self, key: Key, number: signal.Signals) -> None:
        """Without /proc: the group of the recorded wrapper, if that number is still the wrapper's."""
        pid = _read(self._file(key, "lock")).strip()
        if os.path.isdir("/proc/self") or not pid.isdigit():
            return
        if is_command_of(int(pid), self._file(key, "status")):
            _signal_group(int(pid), number)

    def release(self, key: Key) -> None:
        """See Runner."""
        for kind in ("lock", "status", "assignment"):
            _remove(self._file(key, kind))

    def recover(self, job: Job) -> Outcome | None:
        """See Runner."""
        if self._status(job.key) is not None:
            return self._outcome(job.key)
        try:
            fd = os.open(self._file(job.key, "lock"), os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            return _never_began(job)
        if is_free(fd):
            os.close(fd)
            # The wrapper's number is written before the worker is started: without it, it never was.
            if not _read(self._file(job.key, "lock")):
                return _never_began(job)
            return self._outcome(job.key)  # looks once more: it may have ended meanwhile
        self._adopted[job.key] = fd
        wrapper = _read(self._file(job.key, "lock")).strip()
        if wrapper.isdigit() and len(wrapper) < 10:
            self._exits.notice(int(wrapper))
        return None

    def close(self) -> None:
        """See Runner."""
        for fd in self._adopted.values():
            os.close(fd)
        self._adopted.clear()
        self._exits.close()

    def _file(self, key: Key, kind: str) -> str:
        return os.path.join(self._site.scratch, f"{key[0]}.{key[1]}.{kind}")


def _never_began(job: Job) -> Outcome:
    error = "its dispatcher died before it began"
    return Outcome(job.worker, job.attempt, "failed", "lost", error, began=False)


def _encoded(text: str) -> bytes:
    """UTF-8 whatever the locale says, so that each byte of the plan arrives."""
    return text.encode("utf-8", "surrogateescape")


def _remove(path: str) -> None:
    try:
        os.unlink(path)
    except OSError:
        pass  # not there, or a folder that a worker put there: it is in nobody's way


def _describe(status: int) -> str:
    if status > 128:
        try:
            return f"ended by {signal.Signals(status - 128).name} (exit status {status})"
        except ValueError:
            pass
    return f"exit status {status}"


def _signal_group(pid: int, number: signal.Signals) -> None:
    try:
        os.killpg(pid, number)
    except (ProcessLookupError, PermissionError):
        pass


def _read(path: str) -> bytes:
    """Returns the beginning of a small file; nothing for what a worker may have put there instead."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return b""
    try:
        return os.read(fd, 4096) if stat.S_ISREG(os.fstat(fd).st_mode) else b""
    except OSError:
        return b""
    finally:
        os.close(fd)
