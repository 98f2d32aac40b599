"""The file backend among others: writers that race, locks that vanish, readers and followers of it all."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from threading import Event as Signal
from threading import Thread
from typing import Any

import pytest

from eventlog import START, Conflict, CorruptLog, JsonlStore
from eventlog.disk import OsDisk
from eventlog.errors import LockTimeout
from tests import damage
from tests.logs import end_of, everything, note, notes, sealed, texts

LINES, END = sealed(notes(5))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "project" / "events.jsonl"


@pytest.fixture
def store(path: Path) -> JsonlStore:
    """A store of a log with five events."""
    store = JsonlStore(path)
    for event in notes(5):
        store.append([event], end_of(store) if store.exists() else START)
    return store


# --- others at the same time


class Interrupted(OsDisk):
    """A disk on which something happens just before a call with these arguments, once."""

    def __init__(self, call: str, act: Callable[[int], object], skip: int = 0) -> None:
        self._call, self._act, self._skip = call, act, skip

    def __getattribute__(self, name: str) -> Any:
        if name == object.__getattribute__(self, "__dict__").get("_call"):
            if self._skip == 0:
                self._call = ""
                return lambda fd, *rest: (self._act(fd), getattr(self, name)(fd, *rest))[1]
            self._skip -= 1
        return super().__getattribute__(name)


def test_while_one_writes_the_lock_file_that_is_named_is_locked_even_if_the_first_was_deleted(
    store: JsonlStore, path: Path
) -> None:
    lock = path.parent / ".bo" / "lock"
    free: list[bool] = []

    def is_free(_: int) -> None:
        other = os.open(lock, os.O_RDWR)
        free.append(OsDisk().try_lock(other))
        os.close(other)

    class Disk(Interrupted):
        def sync(self, fd: int) -> None:
            is_free(fd)
            super().sync(fd)

    JsonlStore(path, disk=Disk("try_lock", lambda _: lock.unlink())).append([note("six")], END)
    assert free
    assert not any(free)


def test_a_log_that_was_moved_while_a_writer_waited_for_it_is_written_at_its_new_place(
    store: JsonlStore, path: Path
) -> None:
    def move(_: int) -> None:
        shutil.copy(path, path.parent / "copy")
        (path.parent / "copy").replace(path)

    JsonlStore(path, disk=Interrupted("try_lock", move, skip=1)).append([note("six")], END)
    assert len(everything(store)) == 6


def test_a_child_that_still_has_the_descriptors_does_not_keep_the_lock(store: JsonlStore, path: Path) -> None:
    copies: list[int] = []
    JsonlStore(path, disk=Interrupted("sync", lambda fd: copies.append(os.dup(fd)))).append(
        [note("six")], END
    )
    try:
        JsonlStore(path, lock_timeout=0).append([note("seven")], end_of(store))
    finally:
        for fd in copies:
            os.close(fd)


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")  # the runner of the tests has threads
def test_a_fork_of_a_writer_is_kept_out_too(path: Path) -> None:
    endings: list[int] = []

    def fork(_: int) -> None:
        child = os.fork()
        if child == 0:
            try:
                writer.append([note("from the child")], END)
            except LockTimeout:
                os._exit(7)
            finally:
                os._exit(1)
        endings.append(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))

    writer = JsonlStore(path, lock_timeout=0.05, disk=Interrupted("sync", fork, skip=1))
    writer.append([note("six")], writer.append(notes(5), START).head)
    assert endings == [7]
    assert texts(writer)[5:] == ["six"]


def test_two_writers_keep_each_other_out_even_if_somebody_deletes_the_lock_file(
    store: JsonlStore, path: Path
) -> None:
    reached, go = Signal(), Signal()

    def pause(_: int) -> None:
        reached.set()
        assert go.wait(30)

    slow = JsonlStore(path, disk=Interrupted("sync", pause))
    writer = Thread(target=lambda: slow.append([note("slow")], END), daemon=True)
    writer.start()
    assert reached.wait(30)
    shutil.rmtree(path.parent / ".bo")
    try:
        with pytest.raises(LockTimeout):
            JsonlStore(path, lock_timeout=0.05).append([note("quick")], END)
    finally:
        go.set()
        writer.join(30)
    with pytest.raises(Conflict):
        store.append([note("quick")], END)
    assert texts(store)[5:] == ["slow"]


def test_the_lock_file_may_be_deleted_between_two_appends(store: JsonlStore, path: Path) -> None:
    head = END
    for number in range(3):
        shutil.rmtree(path.parent / ".bo")
        head = store.append([note(f"more {number}")], head).head
    assert len(everything(store)) == 8
    assert (path.parent / ".bo" / "lock").exists()


def test_a_reader_that_sees_half_of_a_mending_looks_again(store: JsonlStore, path: Path) -> None:
    class Mixed(OsDisk):
        mixed = False

        def read_at(self, fd: int, offset: int, size: int) -> bytes:
            data = super().read_at(fd, offset, size)
            if self.mixed or offset or LINES not in data:
                return data
            self.mixed = True
            return LINES + b'{"seq":6,"time":"2026' + sealed([note("six")], END)[0][21:] + b"\n"

    reader = JsonlStore(path, disk=Mixed())
    store.append([note("six")], END)
    assert texts(reader)[5:] == ["six"]
    damage.put_back(path, path.read_bytes() + b"damage that stays\n")
    with pytest.raises(CorruptLog):
        texts(JsonlStore(path, disk=Mixed()))


# --- following a file


def test_a_follower_without_idle_wakes_up_when_something_lands(store: JsonlStore) -> None:
    stream = store.follow(END)
    landed: list[int] = []
    follower = Thread(target=lambda: landed.extend(event.seq for event in next(stream).events), daemon=True)
    follower.start()
    store.append([note("six")], END)
    follower.join(30)
    assert landed == [6]


def test_a_follower_goes_on_when_the_file_is_replaced_by_a_longer_one(store: JsonlStore, path: Path) -> None:
    stream = store.follow(START, 0.05)
    assert len(next(stream).events) == 5
    new = path.parent / "new"
    new.write_bytes(LINES + sealed([note("six")], END)[0])
    new.replace(path)
    assert [event.seq for event in next(batch for batch in stream if batch.events).events] == [6]


def test_a_follower_that_is_closed_gives_everything_back(store: JsonlStore) -> None:
    before = set(os.listdir("/dev/fd"))  # noqa: PTH208
    stream = store.follow(START, 0.01)
    next(stream)
    next(stream)
    stream.close()  # type: ignore[attr-defined]
    assert set(os.listdir("/dev/fd")) == before  # noqa: PTH208


def test_a_store_that_is_closed_gives_everything_back_and_can_go_on(path: Path) -> None:
    before = set(os.listdir("/dev/fd"))  # noqa: PTH208
    store = JsonlStore(path)
    head = store.append(notes(1), START).head
    store.close()
    assert set(os.listdir("/dev/fd")) == before  # noqa: PTH208
    store.append(notes(1), head)
    store.close()
    assert len(everything(store)) == 2
