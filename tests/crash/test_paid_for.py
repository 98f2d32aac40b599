"""Bugs that other event logs already paid for, each held down by its name."""

from __future__ import annotations

import errno
from collections.abc import Callable
from pathlib import Path

import pytest

from eventlog import START, CorruptLog, JsonlStore, RegressedLog
from eventlog.codec import MAX_LINE
from eventlog.disk import OsDisk
from eventlog.errors import InvalidEvent, StorageFailed
from eventlog.recovery import Clean, Corrupt
from tests import damage
from tests.logs import end_of, everything, note, notes, sealed, texts, whole_lines

LINES, END = sealed(notes(5))


@pytest.fixture
def log(tmp_path: Path) -> Path:
    log = tmp_path / "project" / "events.jsonl"
    JsonlStore(log).append(notes(5), START)
    return log


class Failing(OsDisk):
    """A disk whose next sync fails, after the write went through."""

    def sync(self, fd: int) -> None:
        raise OSError(errno.EIO, "Input/output error")


def test_a_torn_tail_does_not_reset_the_chain_to_its_start(log: Path) -> None:
    damage.put_back(log, LINES + b'{"seq":6,"time":"2026')
    head = JsonlStore(log).append([note("six")], END).head
    assert head == sealed([note("six")], END)[1]
    assert len(whole_lines(log.read_bytes())) == 6


def test_a_failed_sync_does_not_lead_to_a_second_event_with_the_same_number(log: Path) -> None:
    store = JsonlStore(log, disk=Failing())
    for _ in range(2):
        with pytest.raises(StorageFailed):
            store.append([note("perhaps")], END)
    # The line may be there or not; whoever comes next goes on behind what is there.
    store = JsonlStore(log)
    store.append([note("next")], end_of(store))
    assert [event.seq for event in everything(store)] == list(range(1, len(everything(store)) + 1))
    assert texts(store)[5:] in (["perhaps", "next"], ["next"])


def test_a_retry_with_the_old_head_after_a_failed_sync_does_not_write_the_number_again(log: Path) -> None:
    with pytest.raises(StorageFailed):
        JsonlStore(log, disk=Failing()).append([note("perhaps")], END)
    with pytest.raises(Exception, match="expected the log at event 5, found it at event 6"):
        JsonlStore(log).append([note("perhaps")], END)
    assert texts(JsonlStore(log)).count("perhaps") == 1


def with_line(line: int, change: Callable[[bytes], bytes]) -> bytes:
    """The log with one line (from 0) changed."""
    lines = LINES.splitlines(keepends=True)
    lines[line] = change(lines[line])
    return b"".join(lines)


UNVERIFIED = {
    "a line with another line's hash": with_line(
        3, lambda line: line[:-67] + LINES.splitlines()[2][-66:] + b"\n"
    ),
    "a line without a hash": with_line(
        4, lambda _: b'{"seq":5,"time":"t","actor":"a","type":"note_added","text":"x"}\n'
    ),
    "JSON that is none": with_line(4, lambda _: b"{{{\n"),
    "an empty line": LINES + b"\n",
}


@pytest.mark.parametrize("data", UNVERIFIED.values(), ids=UNVERIFIED)
@pytest.mark.parametrize("word", [b"ok", b"--", b"no"])
def test_recovery_trusts_no_line_that_it_did_not_verify(log: Path, data: bytes, word: bytes) -> None:
    record = log.parent / ".bo" / "lock"
    record.write_bytes(record.read_bytes()[:-3] + word + b"\n")
    damage.put_back(log, data)
    good = len(whole_lines(data))
    with pytest.raises((CorruptLog, RegressedLog)):
        JsonlStore(log).append([note("more")], sealed(notes(good))[1])
    assert log.read_bytes() == data


@pytest.mark.parametrize("line", range(5))
def test_a_bad_line_is_never_dropped_with_the_rest_called_verified(log: Path, line: int) -> None:
    data = with_line(line, lambda good: good.replace(b"note ", b"nope "))
    damage.put_back(log, data)
    batches = JsonlStore(log).read()
    if line:
        assert len(next(batches).events) == line
    with pytest.raises(CorruptLog) as found:
        next(batches)
    assert found.value.line == line + 1
    assert isinstance(JsonlStore(log).examine().verdict, Corrupt)


def test_a_snapshot_that_is_newer_than_the_log_is_noticed_by_whoever_reads_on_from_it(log: Path) -> None:
    _, newer = sealed(notes(2), END)
    for unseen in (log.parent / "no-witness", None):
        store = JsonlStore(log, lock_path=unseen)
        with pytest.raises(RegressedLog, match="events 6 to 7 are lost"):
            next(store.read(newer))
        with pytest.raises(RegressedLog):
            store.append([note("more")], newer)
    assert log.read_bytes() == LINES


@pytest.mark.timeout(30)
@pytest.mark.parametrize(
    "data", [LINES + b"bad\n", LINES + b"bad", LINES + b"bad\n" * 1000, b"\0" * 200_000, b"\n" * 9]
)
def test_recovery_neither_goes_past_a_bad_line_nor_goes_on_for_ever(log: Path, data: bytes) -> None:
    damage.put_back(log, data)
    found = JsonlStore(log, lock_path=log.parent / "no-witness").examine()
    assert found.head == (END if data.startswith(LINES) else START)
    assert found.verdict != Clean()


def test_one_huge_event_does_not_kill_the_log(log: Path) -> None:
    store = JsonlStore(log)
    with pytest.raises(InvalidEvent):
        store.append([note("x" * MAX_LINE)], END)
    room = MAX_LINE - len(sealed([note("")], END)[0])
    head = store.append([note("x" * room)], END).head
    head = store.append([note("behind it")], head).head
    assert store.head() == head
    assert store.examine().verdict == Clean()
    assert [event.seq for event in everything(store, store.head(1))] == [7]
