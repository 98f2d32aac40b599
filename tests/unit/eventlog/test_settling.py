"""What a writer makes sure of before it relies on a log, and that it leaves nothing open behind it."""

from __future__ import annotations

import errno
import fcntl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from eventlog import START, CorruptLog, JsonlStore, RegressedLog
from eventlog.disk import OsDisk
from eventlog.errors import LockTimeout, StorageFailed
from eventlog.lock import parse
from tests import damage
from tests.crash.memory_disk import Killed, MemoryDisk
from tests.logs import end_of, note, notes, sealed, texts

LINES, END = sealed(notes(3))
MORE, MORE_END = sealed(notes(2, "more"), END)
LOG = "/builds/project/events.jsonl"
LOCK = "/builds/project/.bo/lock"
DESCRIPTORS = Path("/proc/self/fd")


@pytest.fixture
def disk() -> MemoryDisk:
    """A disk with a log of three events, all acknowledged."""
    disk = MemoryDisk()
    on(disk).append(notes(3), START)
    return disk


def on(disk: MemoryDisk) -> JsonlStore:
    return JsonlStore(LOG, disk=disk, lock_timeout=0)


def fail_a_sync(disk: MemoryDisk) -> None:
    """Leaves a log of which some may be in memory only."""
    disk.fail_next("sync", errno.EIO)
    with pytest.raises(StorageFailed):
        on(disk).append([note("perhaps")], END)
    disk.restart_process()


def end_on(disk: MemoryDisk) -> bytes:
    return disk.content(LOG) or b""


# --- lines of another copy


@pytest.mark.parametrize("size", [0, 200_000])
def test_lines_of_another_copy_are_appended_behind_any_head(tmp_path: Path, size: int) -> None:
    first, head = sealed([*notes(3), note("x" * size)])
    second, end = sealed([note("y" * size), *notes(3, "second")], head)
    store = JsonlStore(tmp_path / "events.jsonl")
    assert store.append_lines(first, START) == head
    assert store.append_lines(second, head) == end
    assert Path(store.path).read_bytes() == first + second


@pytest.mark.parametrize("line", [0, 1])
def test_lines_behind_a_head_that_do_not_go_on_are_refused_with_their_place(
    tmp_path: Path, line: int
) -> None:
    store = JsonlStore(tmp_path / "events.jsonl")
    store.append(notes(3), START)
    broken = damage.edit(MORE, b"more %d" % (line + 1), b"mord %d" % (line + 1))
    with pytest.raises(CorruptLog) as found:
        store.append_lines(broken, END)
    place = sealed(notes(line, "more"), END)[1] if line else END
    assert (found.value.line, found.value.offset) == (4 + line, place.offset)
    assert texts(store) == ["note 1", "note 2", "note 3"]


# --- to rely on what was read


def test_what_was_acknowledged_costs_nothing_to_rely_on(disk: MemoryDisk) -> None:
    before = len(disk.calls)
    on(disk).append([], END)
    assert set(disk.calls[before:]) == {"open_for_reading", "read_at"}


def test_to_rely_on_an_old_place_of_a_log_whose_lock_file_is_lost_is_no_conflict(disk: MemoryDisk) -> None:
    disk.delete(LOCK)
    first = sealed(notes(1))[1]
    on(disk).append([], first)
    assert end_on(disk) == LINES
    assert parse(disk.content(LOCK) or b"")[0] == END


def test_what_was_made_sure_of_is_missed_when_it_is_gone() -> None:
    disk = MemoryDisk()
    on(disk).append(notes(3), START)
    disk.die_in_next("sync")
    with suppress(Killed):
        on(disk).append(notes(2, "more"), END)
    disk.restart_process()
    assert end_on(disk) == LINES + MORE
    on(disk).append([], MORE_END)
    disk.put_file(LOG, LINES)
    with pytest.raises(RegressedLog, match="events 4 to 5 are lost"):
        list(on(disk).read())


def test_after_a_failed_sync_the_log_is_moved_once_also_by_who_only_makes_sure(disk: MemoryDisk) -> None:
    fail_a_sync(disk)
    head = on(disk).head()
    assert head.seq == 4
    for _ in range(3):
        on(disk).append([], head)
        assert parse(disk.content(LOCK) or b"") == (head, "ok")
    on(disk).append([note("next")], head)
    assert disk.calls.count("replace") == 1


# --- nothing is left open


@contextmanager
def as_many_descriptors_as_before() -> Iterator[None]:
    before = len(list(DESCRIPTORS.iterdir()))
    yield
    assert len(list(DESCRIPTORS.iterdir())) == before


needs_proc = pytest.mark.skipif(not DESCRIPTORS.is_dir(), reason="counts descriptors in /proc")


class FailingOnce(OsDisk):
    """A disk of which one sync fails."""

    failed = False

    def sync(self, fd: int) -> None:
        """Fails the first time."""
        if not self.failed:
            self.failed = True
            raise OSError(errno.EIO, "Input/output error")
        super().sync(fd)


@needs_proc
def test_a_log_that_is_moved_leaves_no_descriptor_open(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    JsonlStore(path).append(notes(3), START)
    with as_many_descriptors_as_before():
        store = JsonlStore(path, disk=FailingOnce())
        with pytest.raises(StorageFailed):
            store.append([note("perhaps")], END)
        store.close()
        store = JsonlStore(path)
        store.append([note("next")], end_of(store))
        store.close()


@needs_proc
def test_a_writer_that_gives_up_waiting_leaves_no_descriptor_open(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    JsonlStore(path).append(notes(3), START)
    with path.open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with as_many_descriptors_as_before():
            for _ in range(3):
                store = JsonlStore(path, lock_timeout=0)
                with pytest.raises(LockTimeout):
                    store.append([note("late")], END)
                store.close()
    JsonlStore(path).append([note("in time")], END)


class MovedMeanwhile(OsDisk):
    """A disk on which somebody else moves the log while we take its lock, once."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.moved = False

    def try_lock(self, fd: int) -> bool:
        """Locks, and finds that the file has another name."""
        named = self.look(str(self.path))
        if named is not None and named[0] == self.identity(fd) and not self.moved:
            self.moved = True
            copy = self.path.with_suffix(".copy")
            copy.write_bytes(self.path.read_bytes())
            copy.replace(self.path)
        return super().try_lock(fd)


@needs_proc
def test_a_writer_whose_log_was_moved_meanwhile_leaves_no_descriptor_open(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    JsonlStore(path).append(notes(3), START)
    disk = MovedMeanwhile(path)
    with as_many_descriptors_as_before():
        store = JsonlStore(path, disk=disk)
        store.append([note("four")], END)
        store.close()
    assert disk.moved
    assert texts(JsonlStore(path)) == ["note 1", "note 2", "note 3", "four"]
