"""The file backend: `events.jsonl`, one event a line, safe against crashes and parallel writers.

An append takes the lock, checks that the expected head is still the end of the file, writes once,
syncs, and only then acknowledges. After a failed write or sync nothing is acknowledged, no sync is
tried again (Linux reports a lost write once and then forgets it), and this store never writes
again. Torn tails are cut by the next writer, after a copy of what is cut was put beside the log.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from eventlog.disk import Disk, OsDisk, make_folders
from eventlog.errors import Conflict, DamagedLog, RegressedLog, StorageFailed
from eventlog.events import KnownEvent
from eventlog.head import START, Head
from eventlog.lock import LockedFile, LockFile, read_witness
from eventlog.mend import move_to_new_file, renew, save_tail, write_all
from eventlog.recovery import Corrupt, ReadAt, Scan, TornTail, check_place, find_head
from eventlog.store import Batch, Examination, batches, follow_on, seal

if TYPE_CHECKING:
    from eventlog.watch import Watch

_OUT_OF_SPACE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class JsonlStore:
    """An EventStore in the file `path`; the folder is made by the first append.

    `lock_timeout` (seconds) bounds the wait for other writers. One thread at a time may use it.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        lock_path: str | os.PathLike[str] | None = None,
        lock_timeout: float = 10.0,
        disk: Disk | None = None,
    ) -> None:
        self.path = os.fspath(path)
        self._folder = os.path.dirname(os.path.abspath(self.path))
        self._lock_path = os.path.abspath(lock_path or os.path.join(self._folder, ".bo", "lock"))
        self._disk = disk or OsDisk()
        self._lock = LockFile(self._disk, self._lock_path, lock_timeout)
        self._log = LockedFile(self._disk, self.path, lock_timeout)
        self._process = os.getpid()
        self._failure: StorageFailed | None = None

    def exists(self) -> bool:
        """Whether there is a log."""
        return self._disk.exists(self.path)

    def close(self) -> None:
        """Gives the descriptors back; the store may be used again."""
        self._lock.close()
        self._log.close()

    def append(self, events: Sequence[KnownEvent], expected: Head) -> Batch:
        """See EventStore."""
        batch = seal(events, expected)
        self._append(batch.lines, expected, batch.head)
        return batch

    def append_lines(self, lines: bytes, expected: Head) -> Head:
        """See FileStore."""
        head = follow_on(lines, expected)
        self._append(lines, expected, head)
        return head

    def _append(self, lines: bytes, expected: Head, head: Head) -> None:
        if self._failure is not None:
            raise StorageFailed(f"this process does not write again after: {self._failure}")
        if not lines and read_witness(self._disk, self._lock_path).offset >= expected.offset:
            return
        if self._process != os.getpid():
            # A lock belongs to the open file, and a fork has that in common with its parent.
            self._process = os.getpid()
            self.close()
        try:
            with self._lock as lock:
                try:
                    fd = self._take_settled(lock, expected, growing=bool(lines))
                    if lines:
                        self._write(lock, fd, lines, expected)
                        lock.acknowledge(head)
                        self._log.left = head
                finally:
                    self._log.give_back()
        except OSError as error:
            raise self._cannot("write", error) from error

    def read(self, after: Head = START, until: int | None = None) -> Iterator[Batch]:
        """See EventStore. Also raises RegressedLog when the log lacks what was acknowledged here."""
        seen = read_witness(self._disk, self._lock_path)
        with self._reading() as fd:
            for place in dict.fromkeys((seen, after)):
                self._check_seen(fd, place)
            scan = Scan(self._read_at(fd), after)
            try:
                yield from batches(scan, until)
                return
            except DamagedLog:
                if not isinstance(scan.verdict, Corrupt):
                    raise
        # A writer may have cut a torn tail and written anew while we read: look a second time.
        with self._reading() as fd:
            yield from batches(Scan(self._read_at(fd), scan.head), until)

    def salvage(self, until: int) -> Iterator[Batch]:
        """See FileStore."""
        with self._reading() as fd:
            yield from batches(Scan(self._read_at(fd)), until)

    def follow(self, after: Head, idle: float | None = None) -> Iterator[Batch]:
        """See EventStore."""
        with self.watch() as watch:
            while True:
                for batch in self.read(after):
                    yield batch
                    after = batch.head
                # From here on the same file is read as long as it is the log, without asking again who
                # has seen what of it: a follower is told of new lines sooner than of a lost past.
                with self._reading() as fd:
                    file = self._disk.identity(fd)
                    while True:
                        try:
                            for batch in batches(Scan(self._read_at(fd), after)):
                                yield batch
                                after = batch.head
                        except DamagedLog:
                            break
                        named = self._disk.look(self.path)
                        if named is None or named[0] != file or named[1] < after.offset:
                            break
                        if not watch.wait(idle):
                            yield Batch((), after)

    def watch(self) -> Watch:
        """See FileStore."""
        from eventlog.watch import Watch

        return Watch(self.path)

    def head(self, back: int = 0) -> Head:
        """See EventStore."""
        with self._reading() as fd:
            return find_head(self._read_at(fd), self._disk.size(fd), back)

    def examine(self) -> Examination:
        """See FileStore."""
        from eventlog.parallel import check, jobs_for

        seen = read_witness(self._disk, self._lock_path)
        with self._reading() as fd:
            size = self._disk.size(fd)
            head, verdict = check(self._read_at(fd), size, jobs_for(size))
            regression = None
            if not isinstance(verdict, Corrupt):
                try:
                    check_place(self._read_at(fd), seen)
                except RegressedLog:
                    regression = RegressedLog(seen, head)
            return Examination(head, verdict, regression)

    # --- reading

    def _read_at(self, fd: int) -> ReadAt:
        return lambda offset, size: self._disk.read_at(fd, offset, size)

    @contextmanager
    def _reading(self) -> Iterator[int]:
        try:
            fd = self._disk.open_for_reading(self.path)
        except OSError as error:
            seen = read_witness(self._disk, self._lock_path)
            if isinstance(error, FileNotFoundError) and seen != START:
                raise RegressedLog(seen, START) from None
            raise self._cannot("read", error) from error
        try:
            yield fd
        except OSError as error:
            raise self._cannot("read", error) from error
        finally:
            self._disk.close(fd)

    def _check_seen(self, fd: int, seen: Head) -> None:
        try:
            check_place(self._read_at(fd), seen)
        except RegressedLog:
            scan = Scan(self._read_at(fd))
            verdict = scan.finish()
            raise (
                verdict.error() if isinstance(verdict, Corrupt) else RegressedLog(seen, scan.head)
            ) from None

    # --- writing

    def _take_settled(self, lock: LockFile, expected: Head, *, growing: bool) -> int:
        """Locks the log too, mended and durable; one that is `growing` has to end at `expected`.

        Somebody may delete the lock file while a writer is at work: then this lock keeps others out.
        """
        seen, state = lock.witness()
        first = seen == expected == START
        if first:
            make_folders(self._disk, self._folder)
        try:
            fd = self._log.take(create=first)
        except FileNotFoundError:
            raise RegressedLog(max(seen, expected, key=lambda head: head.offset), START) from None
        if state == "ok" and seen == expected == self._log.left and self._log.size == expected.offset:
            return fd  # all is as this store left it
        for place in dict.fromkeys((seen, expected)):
            self._check_seen(fd, place)
        if state == "no":
            with self._poisoned_by_failure(lock):
                seen, state = move_to_new_file(self._disk, self.path, fd), "ok"
            fd = self._log.take(create=False)
            lock.acknowledge(seen)
        actual = self._settle(lock, fd, seen, expected, doubtful=state == "--")
        if growing and actual != expected:
            raise Conflict(expected, actual)
        return fd

    def _settle(self, lock: LockFile, fd: int, seen: Head, expected: Head, *, doubtful: bool) -> Head:
        """Cuts a torn tail, makes all whole lines durable, returns the log's head; one read if all is well.

        `doubtful`: lines behind `seen` may be in memory only, marked as written.
        """
        start = min(seen, expected, key=lambda head: head.offset) if doubtful else expected
        scan = Scan(self._read_at(fd), start)
        verdict = scan.finish()
        if isinstance(verdict, Corrupt):
            raise verdict.error()
        if isinstance(verdict, TornTail):
            save_tail(self._disk, self.path, fd, verdict)
            with self._poisoned_by_failure(lock):
                self._disk.truncate(fd, verdict.offset)  # safe with the next sync; until then nobody minds
        if scan.head.offset > seen.offset:
            # Nobody acknowledged these: their writer died before it could, or the record was lost.
            with self._poisoned_by_failure(lock):
                if doubtful:
                    renew(self._disk, fd, seen.offset, scan.head.offset)
                self._disk.sync(fd)
                self._disk.sync_directory(self._folder)
            lock.acknowledge(scan.head)
        return scan.head

    def _write(self, lock: LockFile, fd: int, lines: bytes, after: Head) -> None:
        lock.begin(after)
        try:
            write_all(self._disk, fd, lines, after.offset)
            self._disk.sync(fd)
            if after == START:
                self._disk.sync_directory(self._folder)
        except OSError as error:
            self._poison(lock, error)
            raise

    @contextmanager
    def _poisoned_by_failure(self, lock: LockFile) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            self._poison(lock, error)
            raise

    def _poison(self, lock: LockFile, error: OSError) -> None:
        self._failure = self._cannot("write", error)
        # Without space, writing once more is enough; that this is needed, the lock file says already.
        if error.errno not in _OUT_OF_SPACE:
            lock.distrust()

    def _cannot(self, act: str, error: OSError) -> StorageFailed:
        return StorageFailed(f"cannot {act} {self.path}: {error.strerror or error}")
