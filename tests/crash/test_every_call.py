"""Each system call of an append fails, or is the last of its process, in every state a log can be in."""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterator
from contextlib import suppress
from random import Random

import pytest

from eventlog import START, Conflict, Head, JsonlStore
from eventlog.errors import StorageFailed
from eventlog.lock import parse
from eventlog.recovery import Clean, Corrupt
from tests.crash.memory_disk import Killed, MemoryDisk
from tests.logs import note, notes, sealed, whole_lines

FOLDER = "/builds/project"
LOG = f"{FOLDER}/events.jsonl"
LOCK = f"{FOLDER}/.bo/lock"
LINES, END = sealed(notes(2))
SEEDS = range(6)


def store_on(disk: MemoryDisk) -> JsonlStore:
    return JsonlStore(LOG, disk=disk, lock_timeout=0)


def nothing(disk: MemoryDisk) -> None:
    """No folder, no log."""


def two_events(disk: MemoryDisk) -> None:
    """A log where all is well."""
    store_on(disk).append(notes(2), START)


def torn_tail(disk: MemoryDisk) -> None:
    """A writer was killed in the middle of its write, another knows nothing of it."""
    two_events(disk)
    disk.put_file(LOG, LINES + b'{"seq":3,"time":"2026')


def writer_killed_at_its_sync(disk: MemoryDisk) -> None:
    """Whole lines that nobody acknowledged, and the system may have told the dead of a lost write."""
    two_events(disk)
    disk.die_in_next("sync")
    with suppress(Killed):
        store_on(disk).append([note("dead 1"), note("dead 2")], END)
    disk.restart_process()


def failed_sync(disk: MemoryDisk) -> None:
    """A sync failed: what is seen is not what is on the platter."""
    two_events(disk)
    disk.fail_next("sync", errno.EIO)
    with suppress(StorageFailed):
        store_on(disk).append([note("dead 1"), note("dead 2")], END)
    disk.restart_process()


def first_writer_killed(disk: MemoryDisk) -> None:
    """The log's name may not be safe although its first event was synced."""
    disk.die_in_next("sync_directory", 4)
    with suppress(Killed):
        store_on(disk).append([note("dead 1")], START)
    disk.restart_process()


def lock_file_lost(disk: MemoryDisk) -> None:
    """Somebody cleaned up."""
    two_events(disk)
    disk.delete(LOCK)


STATES = [
    nothing,
    two_events,
    torn_tail,
    writer_killed_at_its_sync,
    failed_sync,
    first_writer_killed,
    lock_file_lost,
]


def end_of(disk: MemoryDisk) -> Head:
    """The head behind the valid lines, found by the oracle."""
    lines = whole_lines(disk.content(LOG) or b"")
    return Head(len(lines), lines[-1][-67:-3].decode(), sum(map(len, lines))) if lines else START


def append(disk: MemoryDisk, text: str) -> bool:
    """Appends as a command would; whether it was acknowledged."""
    for _ in range(3):
        with suppress(Conflict):
            store_on(disk).append([note(text)], end_of(disk))
            return True
    raise AssertionError("nobody else is there to conflict with")


def faults(state: Callable[[MemoryDisk], None]) -> Iterator[tuple[int, MemoryDisk]]:
    """A disk in that state for each call that an append makes on it, and each seed."""
    probe = MemoryDisk(Random(0))
    state(probe)
    before = len(probe.calls)
    append(probe, "probe")
    most = len(probe.calls) - before
    assert most >= 10
    for call in range(most + 5):
        for seed in SEEDS:
            disk = MemoryDisk(Random(seed))
            state(disk)
            yield call, disk


def check(disk: MemoryDisk, acknowledged: bytes) -> bytes:
    """Nothing acknowledged is lost or can be, reading works, and an append is acknowledged and safe."""
    assert (disk.content(LOG) or b"").startswith(acknowledged)
    assert all(left.startswith(acknowledged) for left in disk.survivors(LOG))
    assert append(disk, "after")
    content = disk.content(LOG)
    assert content is not None
    assert content.startswith(acknowledged)
    assert disk.survivors(LOG) == [content] * len(disk.survivors(LOG))
    assert store_on(disk).examine().verdict == Clean()
    # As a witness the lock file may be behind, where its own write was cut short, but never ahead.
    assert content.startswith(content[: parse(disk.content(LOCK) or b"")[0].offset])
    return content


def safe_before(disk: MemoryDisk) -> bytes:
    """What was acknowledged before: it survives in every case."""
    return LINES if (disk.content(LOG) or b"").startswith(LINES) else b""


@pytest.mark.parametrize("state", STATES, ids=lambda state: state.__name__)
@pytest.mark.parametrize("error", [errno.EIO, errno.ENOSPC])
def test_a_failing_call_costs_at_most_what_was_not_acknowledged(
    state: Callable[[MemoryDisk], None], error: int
) -> None:
    for call, disk in faults(state):
        acknowledged = safe_before(disk)
        disk.fail_next("any", error, call)
        with suppress(StorageFailed):
            append(disk, "new")
            acknowledged = disk.content(LOG) or b""
        disk.restart_process()
        content = check(disk, acknowledged)
        disk.lose_power()
        assert disk.content(LOG) == content


@pytest.mark.parametrize("state", STATES, ids=lambda state: state.__name__)
def test_a_process_killed_in_any_call_leaves_what_was_acknowledged(
    state: Callable[[MemoryDisk], None],
) -> None:
    for call, disk in faults(state):
        acknowledged = safe_before(disk)
        disk.die_in_next("any", call)
        with suppress(Killed):
            append(disk, "new")
            acknowledged = disk.content(LOG) or b""
        disk.restart_process()
        content = check(disk, acknowledged)
        disk.lose_power()
        assert disk.content(LOG) == content


@pytest.mark.parametrize("state", STATES, ids=lambda state: state.__name__)
def test_power_lost_in_any_call_leaves_what_was_acknowledged(state: Callable[[MemoryDisk], None]) -> None:
    for call, disk in faults(state):
        acknowledged = safe_before(disk)
        disk.die_in_next("any", call)
        with suppress(Killed):
            append(disk, "new")
            acknowledged = disk.content(LOG) or b""
        disk.lose_power()
        content = disk.content(LOG) or b""
        assert content.startswith(acknowledged)
        if b"\n" in content[len(b"".join(whole_lines(content))) :]:
            assert isinstance(store_on(disk).examine().verdict, Corrupt)
        else:
            check(disk, acknowledged)


@pytest.mark.parametrize("state", STATES, ids=lambda state: state.__name__)
def test_who_relies_on_what_was_read_can_make_it_safe(state: Callable[[MemoryDisk], None]) -> None:
    for seed in SEEDS:
        disk = MemoryDisk(Random(seed))
        state(disk)
        read = end_of(disk)
        store_on(disk).append([], read)
        content = (disk.content(LOG) or b"")[: read.offset]
        assert all(left.startswith(content) for left in disk.survivors(LOG))
        disk.lose_power()
        assert (disk.content(LOG) or b"").startswith(content)


def going_on(seed: int) -> tuple[MemoryDisk, JsonlStore]:
    """A disk, and a store that has appended to its log already and keeps what it has open."""
    disk = MemoryDisk(Random(seed))
    store = store_on(disk)
    store.append(notes(2), START)
    return disk, store


@pytest.mark.parametrize("fault", ["EIO", "ENOSPC", "killed", "power lost"])
def test_whatever_happens_to_a_store_that_goes_on_costs_at_most_what_was_not_acknowledged(fault: str) -> None:
    probe, store = going_on(0)
    before = len(probe.calls)
    store.append([note("probe")], END)
    made = probe.calls[before:]
    assert made == ["try_lock", "read_at", "try_lock", "write_at", "write_at", "sync", "write_at"]
    for call in range(len(made)):
        for seed in SEEDS:
            disk, store = going_on(seed)
            if fault in ("EIO", "ENOSPC"):
                disk.fail_next("any", getattr(errno, fault), call)
            else:
                disk.die_in_next("any", call)
            acknowledged = LINES
            with suppress(StorageFailed, Killed):
                store.append([note("new")], END)
                acknowledged = disk.content(LOG) or b""
            if fault == "power lost":
                disk.lose_power()
            disk.restart_process()
            content = disk.content(LOG) or b""
            assert content.startswith(acknowledged)
            if b"\n" in content[len(b"".join(whole_lines(content))) :]:
                assert isinstance(store_on(disk).examine().verdict, Corrupt)
            else:
                check(disk, acknowledged)


@pytest.mark.parametrize("state", STATES[1:], ids=lambda state: state.__name__)
def test_a_store_that_goes_on_notices_what_others_did_meanwhile(state: Callable[[MemoryDisk], None]) -> None:
    for seed in SEEDS:
        disk, mine = MemoryDisk(Random(seed)), None
        state(disk)
        mine = store_on(disk)
        for text in ("one", "two"):
            head = end_of(disk)
            with suppress(Conflict):
                mine.append([note(text)], head)
            before = disk.content(LOG) or b""
            store_on(disk).append([note(f"{text} of another")], end_of(disk))
            with pytest.raises(Conflict):
                mine.append([note("late")], head)
            assert (disk.content(LOG) or b"").startswith(before)
        check(disk, disk.content(LOG) or b"")


@pytest.mark.parametrize("error", [errno.EIO, errno.ENOSPC])
@pytest.mark.parametrize("call", ["write_at", "sync"])
def test_a_store_that_failed_never_writes_again(call: str, error: int) -> None:
    disk = MemoryDisk()
    two_events(disk)
    store = store_on(disk)
    disk.fail_next(call, error, skip=1 if call == "write_at" else 0)
    with pytest.raises(StorageFailed):
        store.append([note("new")], END)
    before, calls = disk.content(LOG), len(disk.calls)
    for _ in range(3):
        with pytest.raises(StorageFailed, match="does not write again"):
            store.append([note("again")], END)
    assert disk.content(LOG) == before
    assert len(disk.calls) == calls
    assert [event.seq for batch in store.read() for event in batch.events][:2] == [1, 2]


@pytest.mark.parametrize(
    ("state", "call"), [(torn_tail, "truncate"), (torn_tail, "sync"), (writer_killed_at_its_sync, "sync")]
)
def test_a_store_that_failed_while_it_mended_never_writes_again(
    state: Callable[[MemoryDisk], None], call: str
) -> None:
    disk = MemoryDisk()
    state(disk)
    # The first truncation and the first sync of a cut are those of the file that keeps the torn bytes.
    disk.fail_next(call, errno.EIO, skip=1 if state is torn_tail else 0)
    store = store_on(disk)
    with pytest.raises(StorageFailed):
        store.append([note("new")], END)
    with pytest.raises(StorageFailed, match="does not write again"):
        store.append([note("new")], END)
    assert parse(disk.content(LOCK) or b"")[1] == "no"


def test_the_next_writer_after_a_failed_sync_moves_the_valid_prefix_to_a_new_file() -> None:
    disk = MemoryDisk()
    failed_sync(disk)
    before = disk.file_behind(LOG)
    append(disk, "new")
    assert disk.file_behind(LOG) is not before
    assert disk.calls.count("replace") == 1
    append(disk, "newer")
    assert disk.calls.count("replace") == 1


def test_what_an_unfinished_move_left_behind_does_not_get_into_the_log() -> None:
    disk = MemoryDisk()
    failed_sync(disk)
    disk.put_file(f"{LOG}.new", sealed(notes(50, "stale"))[0])
    check(disk, LINES)
    assert b"stale" not in (disk.content(LOG) or b"")


def test_the_first_writer_says_that_it_began_before_it_writes() -> None:
    disk = MemoryDisk()
    disk.die_in_next("write_at", skip=1)
    with suppress(Killed):
        append(disk, "new")
    assert parse(disk.content(LOCK) or b"") == (START, "--")


def test_a_failed_sync_without_space_does_not_ask_for_space_twice() -> None:
    disk = MemoryDisk()
    two_events(disk)
    disk.fail_next("sync", errno.ENOSPC)
    with suppress(StorageFailed):
        store_on(disk).append([note("dead")], END)
    disk.room = 2 * len(LINES)
    append(disk, "new")
    assert "replace" not in disk.calls


def test_a_full_disk_keeps_the_log_as_it_is_and_works_again_when_there_is_space() -> None:
    for room in range(len(LINES)):
        disk = MemoryDisk(Random(room))
        two_events(disk)
        disk.room = room
        line = len(sealed([note("new")], END)[0])
        if room < line:
            with pytest.raises(StorageFailed, match="No space"):
                append(disk, "new")
        assert (disk.content(LOG) or b"").startswith(LINES)
        assert [event.seq for batch in store_on(disk).read() for event in batch.events][:2] == [1, 2]
        disk.room = None
        check(disk, LINES)


def test_a_write_that_takes_no_bytes_ends_in_an_error_and_not_in_a_loop() -> None:
    class Stubborn(MemoryDisk):
        def write_at(self, fd: int, data: bytes | memoryview, offset: int) -> int:
            return 0 if offset == END.offset else super().write_at(fd, data, offset)

    disk = Stubborn()
    two_events(disk)
    with pytest.raises(StorageFailed):
        append(disk, "new")
    assert disk.content(LOG) == LINES
