"""The mirror of a log that lies on servers: `events.jsonl` here, and how far it follows them.

What comes from the servers is checked against the chain and against what stands here before it is
taken. The record `.bo/remote` is a hint where to go on and when that was; without it, or where it
fits no more, everything is compared from the first event on.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from eventlog.disk import OsDisk, make_folders
from eventlog.errors import Conflict, CorruptLog, DamagedLog, Refused, RegressedLog
from eventlog.head import START, Head
from eventlog.jsonl import JsonlStore
from eventlog.recovery import Corrupt, Scan, first_lines
from eventlog.store import follow_on

if TYPE_CHECKING:
    from eventlog.stream import Message


class Place(Struct, frozen=True):
    """A line's number in the stream, and the head behind it."""

    seq: int
    head: Head


NOWHERE = Place(0, START)

_RECORD = 512
"""Bytes of a record unless its address is a long one: a later one never leaves the end of an earlier."""


class Record(Struct, frozen=True):
    """What `.bo/remote` holds: where the log is, how far the mirror follows it, and since when."""

    address: str
    place: Place
    time: float  # Unix time

    def age(self) -> float:
        """Returns the seconds since the mirror followed its log."""
        return max(0.0, time.time() - self.time)


_record = msgspec.json.Decoder(Record)  # made once: threads that make it at once can crash msgspec 0.22


class Mirror:
    """The mirror in the file `path` of the log at `address` (as it may be shown)."""

    def __init__(self, path: str, address: str) -> None:
        self.log = JsonlStore(path)
        self._address = address
        self._path = record_path(path)

    def place(self) -> Place:
        """Returns the place that the record names."""
        record = read_record(self._path)
        return record.place if record is not None and record.address == self._address else NOWHERE

    def followed(self) -> str:
        """Returns the address of the log that the file has followed so far, "" for a log of this machine."""
        record = read_record(self._path)
        return "" if record is None else record.address

    def is_ours(self) -> bool:
        """Whether the file has followed the log at our address before."""
        return self.followed() == self._address

    def note(self, place: Place) -> None:
        """Records that the mirror has followed the log up to `place`, now."""
        try:
            self._write(place)
        except OSError:
            pass  # how far it has followed is a hint

    def _write(self, place: Place, *, safe: bool = False) -> None:
        record = msgspec.json.encode(Record(self._address, place, time.time())).ljust(_RECORD)
        # O_NONBLOCK: a worker may have put a pipe there.
        flags = os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
        fd = os.open(self._path, flags, 0o644)
        try:
            # In place: to replace a file after every append would cost as much as the append.
            os.pwrite(fd, record, 0)
            if os.fstat(fd).st_size != len(record):
                os.ftruncate(fd, len(record))
            if safe:
                os.fsync(fd)
        finally:
            os.close(fd)

    def _begin(self) -> None:
        """Makes a record before there is a line, or the file would be a log of this machine after a crash."""
        folder = os.path.dirname(self._path)
        make_folders(OsDisk(), folder)
        self._write(NOWHERE, safe=True)
        OsDisk().sync_directory(folder)

    def take(self, messages: Sequence[Message], place: Place) -> Place:
        """Takes the messages that follow `place`; returns the place behind them.

        Raises CorruptLog at the first that fails its checks, with those before it taken, and
        RegressedLog when they differ from what stands here.
        """
        lines = b"".join([message.data for message in messages])
        if self.end().seq >= place.head.seq + len(messages):
            return self._compare(messages, place, lines)
        try:
            if not _are_lines(messages):
                raise _no_line(place.head)
            return Place(messages[-1].seq, self.add(lines, place.head))
        except CorruptLog as damage:
            good, theirs = _good_ones(messages, place.head)
            if theirs is None:
                raise damage from None  # it is here
            if good:
                self.add(good, place.head)
            raise theirs from None

    def _compare(self, messages: Sequence[Message], place: Place, lines: bytes) -> Place:
        """Does what `take` does with messages that the mirror has, or others in their place, already."""
        _, theirs = _good_ones(messages, place.head)
        if theirs is not None:
            raise theirs
        _, head = first_lines(lines, place.head, len(messages))
        self.check(head)
        return Place(messages[-1].seq, head)

    def add(self, lines: bytes, after: Head) -> Head:
        """Appends lines behind `after` unless they stand there already; returns the head behind them."""
        if not os.path.lexists(self._path) and self.end() == after:
            self._begin()
        try:
            with blamed(self.log.path):
                return self.log.append_lines(lines, after)
        except Conflict as conflict:
            actual = conflict.actual
        if actual.seq <= after.seq:
            raise RegressedLog(after, actual)
        known, head = first_lines(lines, after, min(actual.seq - after.seq, lines.count(b"\n")))
        self.check(head)
        return head if len(known) == len(lines) else self.add(lines[len(known) :], head)

    def check(self, head: Head) -> None:
        """Raises RegressedLog unless `head` is a place in the mirror."""
        if head != START:
            with blamed(self.log.path):
                next(self.log.read(head), None)

    def end(self) -> Head:
        """Returns the head of the mirror, START where there is none."""
        with blamed(self.log.path):
            return self.log.head() if self.log.exists() else START


@contextmanager
def blamed(path: str) -> Iterator[None]:
    """Says of damage in the mirror `path` what to do: there is another copy of all of it."""
    try:
        yield
    except DamagedLog as damage:
        damage.hint = (
            f"if the servers are right, move {path} and `.bo` beside it away: "
            "`bo pull` brings it again; `bo verify` says what is intact here"
        )
        raise


def record_path(log: str) -> str:
    """Returns the path of the record beside the log `log`."""
    return os.path.join(os.path.dirname(os.path.abspath(log)), ".bo", "remote")


def read_record(path: str) -> Record | None:
    """Returns the record at `path`, None where there is none that can be read."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
        try:
            # Twice, for somebody may be writing it at this very moment.
            return _parse(os.pread(fd, 65536, 0)) or _parse(os.pread(fd, 65536, 0))
        finally:
            os.close(fd)
    except OSError:
        return None


def _parse(content: bytes) -> Record | None:
    try:
        return _record.decode(content)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None


def shown_age(log: str) -> str:
    """Returns how old the mirror in the file `log` is, for people: `40 s old`."""
    record = read_record(record_path(log))
    if record is None:
        return "of unknown age"
    age = record.age()
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if age >= 2 * size:
            return f"{age // size:.0f} {unit} old"
    return f"{age:.0f} s old"


class MirrorAlone(JsonlStore):
    """The mirror in the file `path` without the servers: it is read as it is, and never written.

    `say` is told at once whose mirror this is, and how old.
    """

    def __init__(self, path: str, *, say: Callable[[str], None] = lambda _: None) -> None:
        super().__init__(path)
        record = read_record(record_path(path))
        self.address = record.address if record is not None else ""
        self.of = f"the mirror of the log at {self.address}" if self.address else "the mirror of another log"
        say(f"{path} is {self.of}, {shown_age(path)}")

    def _append(self, lines: bytes, expected: Head, head: Head) -> None:
        raise Refused(
            "mirror",
            f"{self.path} is {self.of}: nothing is written into it",
            hint=f"name the log: `--log {self.address or 'ADDRESS'}`, or in the variable BO_LOG",
        )


def _good_ones(messages: Sequence[Message], head: Head) -> tuple[bytes, CorruptLog | None]:
    """Returns the lines before the first message that fails its checks, and what is wrong with that one."""
    if _are_lines(messages):
        good = b"".join([message.data for message in messages])
        try:
            follow_on(good, head)
            return good, None
        except CorruptLog:
            pass
    good = b""
    for message in messages:
        line = message.data
        if not _are_lines([message]):
            return good, _no_line(head)
        base = head.offset
        scan = Scan(lambda offset, size: line[offset - base : offset - base + size], head)  # noqa: B023
        verdict = scan.finish()
        if isinstance(verdict, Corrupt):
            return good, verdict.error()
        good += line
        head = scan.head
    return good, None


def _are_lines(messages: Sequence[Message]) -> bool:
    """Whether each of the messages is one line."""
    return all(0 <= message.data.find(b"\n") == len(message.data) - 1 for message in messages)


def _no_line(after: Head) -> CorruptLog:
    return CorruptLog(after.seq + 1, after.offset, "the message is not one line")
