"""The file backend: what it keeps beside the log, what it notices, and whom it keeps out."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from eventlog import START, Conflict, CorruptLog, Head, JsonlStore, RegressedLog
from eventlog.errors import StorageFailed
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


# --- lines of another copy


def test_lines_of_another_copy_are_appended_byte_for_byte(store: JsonlStore, tmp_path: Path) -> None:
    copy = JsonlStore(tmp_path / "copy" / "events.jsonl")
    head = START
    for batch in store.read():
        head = copy.append_lines(batch.lines, head)
    assert head == END
    assert (tmp_path / "copy" / "events.jsonl").read_bytes() == LINES


@pytest.mark.parametrize(
    "lines",
    [
        damage.lose_newline(LINES),
        damage.swap_lines(LINES, 2),
        damage.delete_line(LINES, 0),
        damage.append_nuls(LINES, 3),
        LINES + b"{}\n",
    ],
)
def test_lines_that_do_not_go_on_from_the_head_are_refused_whole(tmp_path: Path, lines: bytes) -> None:
    copy = JsonlStore(tmp_path / "copy" / "events.jsonl")
    with pytest.raises(CorruptLog):
        copy.append_lines(lines, START)
    assert not copy.exists()


@pytest.mark.parametrize("kept", range(1, 5))
def test_the_intact_beginning_of_a_damaged_or_cut_log_can_be_salvaged(
    store: JsonlStore, path: Path, kept: int
) -> None:
    for damaged in (damage.cut_at(LINES, len(LINES) - 5), damage.delete_line(LINES, kept)):
        damage.put_back(path, damaged)
        assert [event.seq for batch in store.salvage(kept) for event in batch.events] == list(
            range(1, kept + 1)
        )


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


def test_another_log_of_the_same_size_in_its_place_is_noticed(store: JsonlStore, path: Path) -> None:
    other = path.parent / "other"
    other.write_bytes(sealed(notes(5, "nota"))[0])
    other.replace(path)
    assert path.stat().st_size == END.offset
    with pytest.raises(RegressedLog, match="differs"):
        store.append([note("more")], END)


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
