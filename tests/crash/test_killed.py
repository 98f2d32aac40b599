"""Writers killed, stopped and racing, as processes: what they acknowledged is there."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path
from random import Random
from time import monotonic

import pytest

from eventlog import START, Conflict, JsonlStore
from eventlog.errors import LockTimeout
from eventlog.recovery import Clean
from tests.crash.processes import SOAK_MINUTES, acknowledged, check_log, started, writer_command
from tests.logs import end_of, note, notes, sealed, texts


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "project" / "events.jsonl"


def kill_again_and_again(log: Path, chance: Random, rounds: Callable[[int], bool]) -> dict[str, int]:
    """Kills one writer after another in the middle of its work; each goes on where the last one ended.

    Returns what they went through.
    """
    acknowledgements = 0
    known: dict[int, str] = {}
    number = 0
    while rounds(number):
        command = writer_command(
            log, "--name", f"r{number}", "--count", "1000000", "--size", str(chance.choice([0, 200, 9_000]))
        )
        with started(command) as (writer,):
            writer.go()
            lines = [writer.said() for _ in range(chance.randint(0, 60))]
            writer.process.send_signal(signal.SIGKILL)
            told = acknowledged(lines + [line for line in writer.rest() if line])
            acknowledgements += len(told)
            known |= told
        if log.exists():
            left = check_log(log, known)
            assert len(left) <= max(known, default=0) + 1, "more than one event that nobody acknowledged"
            known = dict(enumerate(left, 1))
        number += 1
    store = JsonlStore(log)
    store.append([note("last")], end_of(store))
    assert store.examine().verdict == Clean()
    check_log(log, known)
    return {"lives": number, "kills": number, "events_acknowledged": acknowledgements, "events_lost": 0}


def test_writers_killed_at_any_moment_lose_nothing_that_they_acknowledged(log: Path) -> None:
    kill_again_and_again(log, Random(os.urandom(8)), lambda number: number < 12)


@pytest.mark.soak
@pytest.mark.timeout(0)
def test_writers_killed_for_minutes_lose_nothing_that_they_acknowledged(
    log: Path, record_property: Callable[[str, object], None]
) -> None:
    end = monotonic() + SOAK_MINUTES * 60
    record_property("soak", kill_again_and_again(log, Random(os.urandom(8)), lambda _: monotonic() < end))


def race(log: Path, writers: int, count: int) -> None:
    """Several writers append as fast as they can."""
    commands = [writer_command(log, "--name", f"w{n}", "--count", str(count)) for n in range(writers)]
    with started(*commands) as running:
        for writer in running:
            writer.go()
        said = [line for writer in running for line in writer.rest()]
        assert [writer.process.returncode for writer in running] == [0] * writers
    known = acknowledged(said)
    assert sorted(known) == list(range(1, writers * count + 1))
    found = check_log(log, known)
    assert len(found) == writers * count
    for n in range(writers):
        mine = [text for text in found if text.startswith(f"w{n}-")]
        assert mine == [f"w{n}-{number}-" for number in range(count)]


def test_eight_writers_at_once_leave_no_gap_and_no_number_twice(log: Path) -> None:
    race(log, 8, 30)


@pytest.mark.soak
@pytest.mark.timeout(0)
def test_eight_writers_for_long_leave_no_gap_and_no_number_twice(log: Path) -> None:
    race(log, 8, int(500 * SOAK_MINUTES))


def test_a_stopped_writer_that_holds_the_lock_makes_others_give_up_in_time(log: Path) -> None:
    JsonlStore(log).append(notes(1), START)
    with started([*LOCK_HOLDER, str(log)]) as (holder,):
        holder.process.send_signal(signal.SIGSTOP)
        store = JsonlStore(log, lock_timeout=0.1)
        with pytest.raises(LockTimeout):
            store.append([note("two")], end_of(store))
        assert texts(store) == ["note 1"]
        holder.process.send_signal(signal.SIGKILL)
        holder.process.wait(60)
        store.append([note("two")], end_of(store))
    assert texts(store) == ["note 1", "two"]


LOCK_HOLDER = [
    *writer_command(Path())[:1],
    "-c",
    """
import signal, sys
from eventlog.disk import OsDisk
from eventlog.lock import LockFile
from pathlib import Path
with LockFile(OsDisk(), str(Path(sys.argv[1]).parent / ".bo" / "lock"), 0):
    print("ready", flush=True)
    signal.pause()
""",
]


@pytest.mark.parametrize("tail", [b"{", sealed([note("torn")], sealed(notes(3))[1])[0][:-1]])
def test_two_writers_that_both_find_a_torn_tail_mend_it_once(log: Path, tail: bytes) -> None:
    lines, _ = sealed(notes(3))
    log.parent.mkdir()
    log.write_bytes(lines + tail)
    with started(*(writer_command(log, "--name", name, "--count", "5") for name in "ab")) as running:
        for writer in running:
            writer.go()
        known = acknowledged([line for writer in running for line in writer.rest()])
    assert sorted(known) == list(range(4, 14))
    assert check_log(log, known)[:3] == ["note 1", "note 2", "note 3"]
    (kept,) = log.parent.glob("events.jsonl.torn-*")
    assert kept.read_bytes() == tail


def test_a_writer_whose_outcome_is_unknown_finds_its_event_or_room_for_it(log: Path) -> None:
    """Killed between the write and the acknowledgement; the retry looks first and acts once."""
    for skip in range(6):
        with started(writer_command(log, "--name", f"r{skip}", "--count", "100")) as (writer,):
            writer.go()
            for _ in range(skip):
                writer.said()
            writer.process.kill()
            writer.process.wait(60)
        if not log.exists():
            continue
        store = JsonlStore(log)
        wanted = f"r{skip}-{skip}-"
        while wanted not in texts(store):
            try:
                store.append([note(wanted)], end_of(store))
            except Conflict:
                pytest.fail("nobody else writes")
        store.append([], end_of(store))
        assert texts(store).count(wanted) == 1
