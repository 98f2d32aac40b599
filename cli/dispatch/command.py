"""The `command` runner: local programs, their arguments read by no shell, that outlive their dispatcher.

A keeper (keeper.py) starts them, each in a session of its own, and notes how they end. Their output
goes straight to its file, so a dispatcher killed at any moment loses nothing. From before the start
until the exit status is noted somebody holds the lock of the attempt's lock file: the dispatcher
first, then the keeper, the worker and what it started. So the next dispatcher knows whether an
attempt still runs, ended (a status is there), was lost, or never began.
"""

from __future__ import annotations

import errno
import fcntl
import os
import selectors
import signal
import stat

from msgspec.structs import replace

from cli.dispatch.keeping import Keeping, News, Note, parse_note
from cli.dispatch.members import is_child_of, signal_members
from cli.dispatch.presence import is_free
from cli.dispatch.runner import Job, Key, Outcome, Site
from eventlog.watch import Watch

_PASSING = (errno.EAGAIN, errno.ENOMEM, errno.EMFILE, errno.ENFILE)
_LONGEST_ARGUMENT = 131_071  # Linux: MAX_ARG_STRLEN, with the NUL


class CommandRunner:
    """See Runner. Workers inherit the environment without this tool's secrets, and the working folder."""

    name = "command"

    def __init__(self, site: Site) -> None:
        self.jobs = site.jobs or os.cpu_count() or 1
        self._site = site
        self._keeper: Keeping | None = None
        self._running: dict[str, Key] = {}
        self._adopted: dict[Key, int] = {}
        self._aborted: set[Key] = set()
        self._forced: set[Key] = set()
        self._early: list[Outcome] = []
        self._news = selectors.DefaultSelector()
        self._reader, self._writer = os.pipe()  # readable when there are early outcomes
        self._news.register(self._reader, selectors.EVENT_READ)
        self._watch: Watch | None = None
        os.makedirs(site.scratch, exist_ok=True)
        os.makedirs(os.path.join(site.folder, "outputs"), exist_ok=True)

    @property
    def descriptor(self) -> int:
        """See Runner."""
        return self._news.fileno()

    def start(self, job: Job) -> None:
        """See Runner."""
        if not job.command:
            error = "neither its key `command`, nor --command, nor `defaults` gives one that can be read"
            self._refuse(job.key, "no_command", error)
            return
        try:
            command = [_encoded(word) for word in job.command]
            if any(len(word) > _LONGEST_ARGUMENT for word in command):
                error = "an argument is too long; use {assignment_file} or standard input"
                self._refuse(job.key, "too_long", error)
                return
            self._start(job, command)
        except (OSError, ValueError) as error:
            passing = isinstance(error, OSError) and error.errno in _PASSING
            self._refuse(job.key, "spawn", f"cannot start it: {error}", retry=passing)

    def _refuse(self, key: Key, reason: str, error: str, *, retry: bool = False) -> None:
        if not self._early:
            os.write(self._writer, b"x")
        self._early.append(Outcome(*key, "failed", reason, error, retry=retry))

    def _start(self, job: Job, command: list[bytes]) -> None:
        assignment = self._site.assignment_file(job.key)
        _write_new(assignment, _encoded(job.assignment))
        if self._keeper is None:
            self._keeper = Keeping(self._site.scratch)
            self._news.register(self._keeper.descriptor, selectors.EVENT_READ)
        environment = {_encoded(key): _encoded(value) for key, value in job.environment.items()}
        output = os.path.join(self._site.folder, job.output)
        flags = os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW
        lock = os.open(self._file(job.key, "lock"), flags, 0o644)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            self._keeper.start(_name(job.key), lock, command, environment, assignment, output)
        finally:
            os.close(lock)
        self._running[_name(job.key)] = job.key

    def collect(self) -> list[Outcome]:
        """See Runner."""
        outcomes, self._early = self._early, []
        if outcomes:
            os.read(self._reader, 1)
        if self._keeper is not None:
            news, is_there = self._keeper.news()
            outcomes += [self._told(one) for one in news if one.name in self._running]
            if not is_there:
                outcomes += self._without_keeper(self._keeper)
        if self._watch is not None:
            self._watch.drain()
        for key, fd in list(self._adopted.items()):
            # What a worker left behind may hold the lock for long: with a status the worker itself is done.
            if key in self._forced or self._note(key).status is not None or is_free(fd):
                os.close(self._adopted.pop(key))
                outcomes.append(self._outcome(key, self._note(key).status))
        return outcomes

    def _told(self, news: News) -> Outcome:
        key = self._running.pop(news.name)
        if news.status < 0:
            self._aborted.discard(key)
            error = f"cannot start it: {news.error}"
            return Outcome(*key, "failed", "spawn", error, retry=-news.status in _PASSING)
        return self._outcome(key, news.status)

    def _outcome(self, key: Key, status: int | None) -> Outcome:
        if key in self._aborted:
            self._signal_strays(key, signal.SIGKILL)
            self._aborted.discard(key)
            self._forced.discard(key)
            return Outcome(*key, "aborted")
        if status is None:
            return Outcome(*key, "failed", "lost", "it ended without leaving an exit status")
        if status == 0:
            return Outcome(*key, "completed")
        return Outcome(*key, "failed", "exit", _describe(status))

    def _without_keeper(self, keeper: Keeping) -> list[Outcome]:
        """Somebody ended our keeper: its attempts are as those of another dispatcher that died."""
        self._news.unregister(keeper.descriptor)
        keeper.close()
        self._keeper = None
        keys = list(self._running.values())
        self._running.clear()
        found = [self._find(key, "keeper") for key in keys]
        # None of them is begun anew at once, or a keeper that ends at once would be started for ever.
        return [replace(outcome, began=True) for outcome in found if outcome is not None]

    def abort(self, key: Key, *, force: bool) -> None:
        """See Runner."""
        note = self._note(key)
        if note.status is not None or not (key in self._adopted or _name(key) in self._running):
            return  # it has ended by itself just now, and `collect` tells how
        self._aborted.add(key)
        number = signal.SIGKILL if force else signal.SIGTERM
        if key in self._adopted:
            self._forced.update({key} if force else ())
            self._signal_adopted(note, number)
            self._signal_strays(key, number)
        elif self._keeper is not None:
            self._keeper.signal(_name(key), number)
            self._signal_strays(key, number, except_group=note.pid)

    def _signal_strays(self, key: Key, number: signal.Signals, except_group: int | None = None) -> None:
        marker = f"BO_ASSIGNMENT_FILE={self._site.assignment_file(key)}"
        signal_members(self._file(key, "lock"), marker, number, except_group=except_group)

    def _signal_adopted(self, note: Note, number: signal.Signals) -> None:
        """Without /proc: the group of the process noted, if that is still the child of a keeper of ours."""
        if note.pid is None or os.path.isdir("/proc/self") or not is_child_of(note.pid, self._site.scratch):
            return
        try:
            os.killpg(note.pid, number)
        except (ProcessLookupError, PermissionError):
            pass

    def release(self, key: Key) -> None:
        """See Runner."""
        for kind in ("lock", "assignment"):
            _remove(self._file(key, kind))

    def recover(self, job: Job) -> Outcome | None:
        """See Runner."""
        return self._find(job.key)

    def _find(self, key: Key, died: str = "dispatcher") -> Outcome | None:
        """Returns how an attempt ended whose keeper is not ours; None: it runs, and is adopted."""
        if (status := self._note(key).status) is not None:
            return self._outcome(key, status)
        never_began = Outcome(*key, "failed", "lost", f"its {died} died before it began", began=False)
        try:
            fd = os.open(self._file(key, "lock"), os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            return never_began
        if is_free(fd):
            os.close(fd)
            note = self._note(key)  # once more: it may have ended meanwhile
            return self._outcome(key, note.status) if note.began else never_began
        self._adopted[key] = fd
        if key in self._aborted:
            self._signal_strays(key, signal.SIGKILL)  # its keeper may have died before it could do it
        if self._watch is None:
            self._watch = Watch(self._file(key, "lock")).__enter__()  # tells of all files in that folder
            if self._watch.descriptor >= 0:
                self._news.register(self._watch.descriptor, selectors.EVENT_READ)
        return None

    def close(self) -> None:
        """See Runner."""
        for fd in self._adopted.values():
            os.close(fd)
        self._adopted.clear()
        if self._keeper is not None:
            self._keeper.close()
        if self._watch is not None:
            self._watch.__exit__()
        self._news.close()
        os.close(self._reader)
        os.close(self._writer)

    def _note(self, key: Key) -> Note:
        return parse_note(_read(self._file(key, "lock")))

    def _file(self, key: Key, kind: str) -> str:
        return f"{self._site.scratch}/{_name(key)}.{kind}"


def _name(key: Key) -> str:
    return f"{key[0]}.{key[1]}"


def _write_new(path: str, content: bytes) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    try:
        fd = os.open(path, flags, 0o644)
    except FileExistsError:  # of a build that was in this folder before
        _remove(path)
        fd = os.open(path, flags, 0o644)
    try:
        while content:
            content = content[os.write(fd, content) :]
    finally:
        os.close(fd)


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
