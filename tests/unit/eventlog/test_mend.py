"""What a crash left behind is mended: the valid prefix and no byte more, nothing cut before it is safe."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from eventlog import START, CorruptLog, JsonlStore
from eventlog.disk import OsDisk
from eventlog.lock import record
from eventlog.mend import move_to_new_file, renew, save_tail
from eventlog.recovery import BLOCK, TornTail
from tests import damage
from tests.crash.memory_disk import MemoryDisk
from tests.logs import note, notes, sealed, texts

LINES, END = sealed(notes(3))
LONG, LONG_END = sealed([note("x" * 1000) for _ in range(5 * BLOCK // 1000)])
MORE, MORE_END = sealed(notes(2, "more"), END)
LOG = "/builds/project/events.jsonl"
LOCK = "/builds/project/.bo/lock"
TAIL = b'{"seq":4,"time":"2026'


class Noting(MemoryDisk):
    """A disk that notes which bytes were read and written at once."""

    def __init__(self, content: bytes) -> None:
        super().__init__()
        self.most_read = self.last_written = 0
        for folder in ("/builds", "/builds/project", "/builds/project/.bo"):
            self.make_directory(folder)
            self.sync_directory(folder.rpartition("/")[0] or "/")
        self.put_file(LOG, content)

    def read_at(self, fd: int, offset: int, size: int) -> bytes:
        self.most_read = max(self.most_read, size)
        return super().read_at(fd, offset, size)

    def write_at(self, fd: int, data: bytes | memoryview, offset: int) -> int:
        self.last_written = max(self.last_written, offset + len(data))
        return super().write_at(fd, data, offset)


@pytest.mark.parametrize(("lines", "end"), [(LINES, END), (LONG, LONG_END)], ids=["short", "long"])
@pytest.mark.parametrize("tail", [b"", TAIL, b"\0" * 100], ids=["clean", "torn", "nuls"])
def test_a_log_is_moved_without_its_torn_tail(lines: bytes, end: object, tail: bytes) -> None:
    disk = Noting(lines + tail)
    assert move_to_new_file(disk, LOG, disk.open_for_reading(LOG)) == end
    assert disk.content(LOG) == lines
    assert disk.survivors(LOG) == [lines]
    assert disk.most_read <= BLOCK
    torn = [name for name in disk.listing("/builds/project") if ".torn-" in name]
    assert [disk.content(f"/builds/project/{name}") for name in torn] == ([tail] if tail else [])


def test_what_is_damaged_is_not_moved() -> None:
    disk = Noting(damage.delete_line(LINES, 1))
    with pytest.raises(CorruptLog):
        move_to_new_file(disk, LOG, disk.open_for_reading(LOG))
    assert disk.listing("/builds/project") == [".bo", "events.jsonl"]


@pytest.mark.parametrize("start", [0, 1, BLOCK - 1, BLOCK, 2 * BLOCK + 5])
def test_what_is_renewed_is_written_block_by_block_and_nothing_behind_it(start: int) -> None:
    disk = Noting(LONG + TAIL)
    renew(disk, disk.open(LOG, create=False), start, len(LONG))
    assert disk.content(LOG) == LONG + TAIL
    assert disk.last_written == len(LONG)
    assert disk.most_read <= BLOCK


def test_the_bytes_that_are_cut_are_safe_with_their_name_before_they_are_cut() -> None:
    disk = Noting(LINES + TAIL)
    save_tail(disk, LOG, disk.open_for_reading(LOG), TornTail(len(LINES), len(TAIL)))
    (name,) = [name for name in disk.listing("/builds/project") if ".torn-" in name]
    assert disk.survivors(f"/builds/project/{name}") == [TAIL]


def test_lines_that_were_read_but_damaged_since_are_not_written_behind() -> None:
    disk = Noting(LINES + damage.edit(MORE, b"more 1", b"mord 1"))
    disk.put_file(LOCK, record(END, "--"))
    with pytest.raises(CorruptLog):
        JsonlStore(LOG, disk=disk, lock_timeout=0).append([note("behind it")], MORE_END)


def test_a_lock_file_that_cannot_be_read_costs_the_witness_and_nothing_else() -> None:
    disk = MemoryDisk()
    store = JsonlStore(LOG, disk=disk, lock_timeout=0)
    store.append(notes(3), START)
    disk.fail_next("read_at", errno.EIO)
    assert texts(store) == ["note 1", "note 2", "note 3"]


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="counts descriptors in /proc")
@pytest.mark.parametrize("state", [b"ok", b"no"])
def test_mending_leaves_no_descriptor_open(tmp_path: Path, state: bytes) -> None:
    log = tmp_path / "events.jsonl"
    JsonlStore(log).append(notes(3), START)
    lock = tmp_path / ".bo" / "lock"
    lock.write_bytes(lock.read_bytes()[:-3] + state + b"\n")
    log.write_bytes(LINES + TAIL)
    descriptors = Path("/proc/self/fd")
    before = len(list(descriptors.iterdir()))
    store = JsonlStore(log, disk=OsDisk())
    store.append([note("next")], END)
    store.close()
    assert len(list(descriptors.iterdir())) == before
