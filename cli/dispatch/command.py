"""The `command` runner: local programs, started without a shell, that outlive their dispatcher.

Each attempt is a small `sh` wrapper in a session of its own. Its output goes straight to its file,
its exit status to another, so that a dispatcher killed at any moment loses nothing. From before the
start until the last process of the attempt has ended somebody holds the lock of the attempt's lock
file: the dispatcher first, then the wrapper and what it started. So the next dispatcher knows
whether an attempt still runs, ended, or (lock free and no status) never will.
"""

from __future__ import annotations

import fcntl
import os
import signal

from cli.dispatch.exits import Exits
from cli.dispatch.presence import is_free
from cli.dispatch.runner import Job, Key, Outcome, Site
from cli.secrets import SECRET_VARIABLES

# $0 is the status file. The trap keeps the wrapper alive through a polite end of its process group, so
# that the status is written; the worker itself gets the signal as usual.
_WRAPPER = 'echo $$ >&9; trap : TERM INT HUP; "$@"; echo $? >"$0"'
_LOCK_FD = 9
_DEFAULT_SIGNALS = [signal.SIGPIPE, signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGXFSZ]
_LONGEST_ARGUMENT = 131_071  # Linux: MAX_ARG_STRLEN, with the NUL


class CommandRunner:
    """See Runner. Workers inherit the environment without this tool's secrets, and the working folder."""

    name = "command"

    def __init__(self, site: Site) -> None:
        self.jobs = os.cpu_count() or 1
        self._site = site
        self._exits = Exits()
        self._running: dict[Key, int] = {}
        self._aborted: set[Key] = set()
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
            self._refuse(job, "no_command", "nothing says which command runs this worker")
            return
        if any(len(os.fsencode(word)) > _LONGEST_ARGUMENT for word in job.command):
            self._refuse(job, "too_long", "an argument is too long; use {assignment_file} or standard input")
            return
        try:
            pid = self._spawn(job)
        except (OSError, ValueError) as error:
            self._refuse(job, "spawn", f"cannot start it: {error}")
            return
        self._running[job.key] = pid
        self._exits.watch(pid, job.key)

    def _refuse(self, job: Job, reason: str, error: str) -> None:
        self._early.append(Outcome(job.worker, job.attempt, "failed", reason, error, retry=False))
        self._exits.wake()

    def _spawn(self, job: Job) -> int:
        assignment = self._site.assignment_file(job.key)
        with open(assignment, "w", encoding="utf-8") as file:
            file.write(job.assignment)
        environment = {key: value for key, value in os.environ.items() if key not in SECRET_VARIABLES}
        lock = os.open(self._file(job.key, "lock"), os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            return os.posix_spawn(
                "/bin/sh",
                ["/bin/sh", "-c", _WRAPPER, self._file(job.key, "status"), *job.command],
                environment | dict(job.environment),
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
                    (os.POSIX_SPAWN_DUP2, lock, _LOCK_FD),
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
            aborted = key in self._aborted
            if aborted:
                # The wrapper is gone but not yet waited for, so its group cannot be anybody else's.
                _signal_group(pid, signal.SIGKILL)
            self._exits.reap(pid)
            outcomes.append(self._outcome(key))
        for key, fd in list(self._adopted.items()):
            if is_free(fd):
                os.close(self._adopted.pop(key))
                outcomes.append(self._outcome(key))
        return outcomes

    def _outcome(self, key: Key) -> Outcome:
        worker, attempt = key
        status = _read(self._file(key, "status")).strip()
        if key in self._aborted:
            self._aborted.discard(key)
            return Outcome(worker, attempt, "aborted")
        if not status.isdigit():
            return Outcome(worker, attempt, "failed", "lost", "it ended without leaving an exit status")
        if status == b"0":
            return Outcome(worker, attempt, "completed")
        return Outcome(worker, attempt, "failed", "exit", _describe(int(status)))

    def abort(self, key: Key, *, force: bool) -> None:
        """See Runner."""
        pid = self._running.get(key) or self._recorded_pid(key)
        if pid is None or (key not in self._running and key not in self._adopted):
            return
        self._aborted.add(key)
        _signal_group(pid, signal.SIGKILL if force else signal.SIGTERM)

    def release(self, key: Key) -> None:
        """See Runner."""
        for kind in ("lock", "status", "assignment"):
            try:
                os.unlink(self._file(key, kind))
            except FileNotFoundError:
                pass

    def recover(self, job: Job) -> Outcome | None:
        """See Runner."""
        status = _read(self._file(job.key, "status")).strip()
        if status.isdigit():
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
        return None

    def close(self) -> None:
        """See Runner."""
        for fd in self._adopted.values():
            os.close(fd)
        self._adopted.clear()
        self._exits.close()

    def _recorded_pid(self, key: Key) -> int | None:
        """Returns the wrapper's process number, if it is certain that it is still the wrapper's."""
        number = _read(self._file(key, "lock")).strip()
        if not number.isdigit():
            return None
        words = _read(f"/proc/{int(number)}/cmdline").split(b"\0")
        return int(number) if os.fsencode(self._file(key, "status")) in words else None

    def _file(self, key: Key, kind: str) -> str:
        return os.path.join(self._site.scratch, f"{key[0]}.{key[1]}.{kind}")


def _never_began(job: Job) -> Outcome:
    error = "its dispatcher died before it began"
    return Outcome(job.worker, job.attempt, "failed", "lost", error, began=False)


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
    try:
        with open(path, "rb") as file:
            return file.read(65536)
    except OSError:
        return b""
