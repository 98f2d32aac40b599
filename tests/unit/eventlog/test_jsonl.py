"""The file backend: what it keeps beside the log, what it notices, and whom it keeps out."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from threading import Event as Signal
from threading import Thread
from typing import Any

import pytest

from eventlog import START, Conflict, CorruptLog, Head, JsonlStore, RegressedLog
from eventlog.disk import OsDisk
from eventlog.errors import LockTimeout, StorageFailed
from eventlog.recovery import Clean, TornTail
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


# --- files and folders


def test_the_log_is_exactly_its_lines(store: JsonlStore, path: Path) -> None:
    assert path.read_bytes() == LINES


def test_the_first_append_makes_the_folders(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "events.jsonl"
    store = JsonlStore(path)
    assert not store.exists()
    store.append(notes(1), START)
    assert store.exists()
    assert sorted(path.parent.iterdir()) == [path.parent / ".bo", path]


def test_the_lock_may_lie_elsewhere(tmp_path: Path) -> None:
    path, lock = tmp_path / "a" / "events.jsonl", tmp_path / "locks" / "deep" / "lock"
    JsonlStore(path, lock_path=lock).append(notes(1), START)
    assert lock.exists()
    assert list(path.parent.iterdir()) == [path]


def test_a_relative_path_means_what_it_meant_when_the_store_was_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    store = JsonlStore("events.jsonl")
    store.append(notes(1), START)
    assert sorted(os.listdir()) == [".bo", "events.jsonl"]  # noqa: PTH208


def test_no_log_is_no_damage_but_cannot_be_read(path: Path) -> None:
    store = JsonlStore(path)
    for act in (lambda: everything(store), store.head, store.examine):
        with pytest.raises(StorageFailed, match="No such file"):
            act()
    assert not path.parent.exists()


def test_reading_writes_nothing(store: JsonlStore, path: Path) -> None:
    damage.put_back(path, LINES + b'{"torn')
    before = {file: file.stat().st_mtime_ns for file in path.parent.rglob("*")}
    everything(store)
    store.examine()
    store.head()
    assert {file: file.stat().st_mtime_ns for file in path.parent.rglob("*")} == before


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written_is_a_storage_failure(path: Path, tmp_path: Path) -> None:
    tmp_path.chmod(0o555)
    with pytest.raises(StorageFailed):
        JsonlStore(path).append(notes(1), START)


def test_a_symbolic_link_in_place_of_the_lock_is_not_followed(path: Path, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_bytes(b"precious")
    (path.parent / ".bo").mkdir(parents=True)
    (path.parent / ".bo" / "lock").symlink_to(victim)
    with pytest.raises(StorageFailed):
        JsonlStore(path).append(notes(1), START)
    assert victim.read_bytes() == b"precious"


# --- torn tails

TAILS = [b"{", b'{"seq":6,"time":"2026', sealed([note("x" * 5000)], END)[0][:-1], b"\0" * 5000]


@pytest.mark.parametrize("tail", TAILS, ids=len)
def test_the_bytes_that_a_writer_cuts_are_kept_beside_the_log(
    store: JsonlStore, path: Path, tail: bytes
) -> None:
    damage.put_back(path, LINES + tail)
    assert store.examine().verdict == TornTail(len(LINES), len(tail))
    store.append([note("six")], END)
    (kept,) = path.parent.glob("events.jsonl.torn-*")
    assert kept.name.startswith(f"events.jsonl.torn-{len(LINES)}-")
    assert kept.read_bytes() == tail
    assert store.examine().verdict == Clean()
    assert texts(store)[5:] == ["six"]


def test_mending_twice_is_the_same_as_once(store: JsonlStore, path: Path) -> None:
    for _ in range(2):
        damage.put_back(path, LINES + b'{"torn')
        with pytest.raises(Conflict):
            store.append([note("late")], START)
    assert path.read_bytes() == LINES
    assert len(list(path.parent.glob("events.jsonl.torn-*"))) == 1


def test_different_torn_tails_at_the_same_place_are_all_kept(store: JsonlStore, path: Path) -> None:
    for tail in (b'{"one', b'{"two'):
        damage.put_back(path, LINES + tail)
        store.append([], START)
        with pytest.raises(Conflict):
            store.append([note("late")], START)
    assert {file.read_bytes() for file in path.parent.glob("*.torn-*")} == {b'{"one', b'{"two'}


# --- what this machine has seen


@pytest.mark.parametrize("kept", range(5))
def test_a_log_whose_end_was_cut_off_is_noticed_and_the_lost_range_named(
    store: JsonlStore, path: Path, kept: int
) -> None:
    damage.put_back(path, b"".join(LINES.splitlines(keepends=True)[:kept]))
    lost = f"events {kept + 1} to 5 are lost"
    for act in (
        lambda: everything(JsonlStore(path)),
        lambda: store.append([note("more")], store.head()),
        lambda: store.append([note("more")], START),
    ):
        with pytest.raises(RegressedLog, match=lost) as found:
            act()
        assert found.value.seen == END
    regression = store.examine().regression
    assert regression is not None
    assert lost in str(regression)
    assert len(path.read_bytes().splitlines()) == kept


def test_an_acknowledged_line_that_lost_its_newline_is_not_mistaken_for_a_torn_tail(
    store: JsonlStore, path: Path
) -> None:
    damage.put_back(path, damage.lose_newline(LINES))
    with pytest.raises(RegressedLog, match="events 5 to 5 are lost"):
        store.append([note("more")], store.head())
    assert path.read_bytes() == damage.lose_newline(LINES)


def test_another_log_in_its_place_is_noticed(store: JsonlStore, path: Path) -> None:
    damage.put_back(path, sealed(notes(7, "other"))[0])
    with pytest.raises(RegressedLog, match="differs"):
        everything(store)
    with pytest.raises(RegressedLog):
        store.append([note("more")], end_of(JsonlStore(path, lock_path=path.parent / "unseen")))


def test_a_log_that_goes_on_from_what_was_seen_is_fine(store: JsonlStore, path: Path) -> None:
    damage.put_back(path, LINES + sealed(notes(2), END)[0])
    assert len(everything(store)) == 7
    assert store.examine().regression is None


@pytest.mark.parametrize("expected", [START, END])
def test_a_log_that_vanished_is_noticed_and_not_begun_anew(
    store: JsonlStore, path: Path, expected: Head
) -> None:
    path.unlink()
    with pytest.raises(RegressedLog, match="events 1 to 5 are lost"):
        store.append([note("more")], expected)
    with pytest.raises(RegressedLog, match="events 1 to 5 are lost"):
        everything(store)
    assert not path.exists()


def test_a_failed_sync_does_not_make_a_lost_range_forgotten(store: JsonlStore, path: Path) -> None:
    record = path.parent / ".bo" / "lock"
    record.write_bytes(record.read_bytes()[:-3] + b"no\n")
    damage.put_back(path, b"".join(LINES.splitlines(keepends=True)[:3]))
    for _ in range(3):
        with pytest.raises(RegressedLog, match="events 4 to 5 are lost"):
            store.append([note("more")], store.head())


def test_a_folder_may_be_renamed_or_copied_with_its_log(
    store: JsonlStore, path: Path, tmp_path: Path
) -> None:
    path.parent.rename(tmp_path / "renamed")
    shutil.copytree(tmp_path / "renamed", tmp_path / "copied")
    for folder in ("renamed", "copied"):
        other = JsonlStore(tmp_path / folder / "events.jsonl")
        other.append([note("six")], END)
        assert len(everything(other)) == 6


def test_damage_before_what_was_seen_is_named_rather_than_the_loss(store: JsonlStore, path: Path) -> None:
    damage.put_back(path, damage.delete_line(LINES, 2))
    with pytest.raises(CorruptLog) as found:
        everything(store)
    assert found.value.line == 3


def test_a_move_keeps_the_permissions(store: JsonlStore, path: Path) -> None:
    path.chmod(0o600)
    record = path.parent / ".bo" / "lock"
    record.write_bytes(record.read_bytes()[:-3] + b"no\n")
    before = path.stat().st_ino
    store.append([note("six")], END)
    assert path.stat().st_ino != before
    assert path.stat().st_mode & 0o777 == 0o600
    assert len(everything(store)) == 6


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
