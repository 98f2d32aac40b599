"""Whole lives of a log on a disk that does its worst, against a model that knows what was acknowledged.

Promised: what was acknowledged is there after whatever happens, in order; of what was not, at most
whole events behind it. A log is damaged only where a loss of power itself left a finished line of
garbage in bytes that were never synced, and then it says so.
"""

from __future__ import annotations

import errno
from random import Random

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from eventlog import START, Batch, Conflict, CorruptLog, Head, JsonlStore
from eventlog.errors import StorageFailed
from eventlog.lock import parse
from eventlog.recovery import Clean, Corrupt, TornTail
from eventlog.store import seal
from tests.crash.memory_disk import Killed, MemoryDisk
from tests.logs import note, whole_lines

FOLDER = "/builds/project"
LOG = f"{FOLDER}/events.jsonl"
LOCK = f"{FOLDER}/.bo/lock"

COUNTS = st.integers(1, 3)
CALLS = st.sampled_from(
    "sync write_at sync_directory truncate replace make_directory open read_at try_lock".split()
)
SKIPS = st.integers(0, 3)
SIZES = st.sampled_from([0, 10, 300, 5_000])


class LivesOfALog(RuleBasedStateMachine):
    """Two processes, one of them at a time, on one disk."""

    @initialize(seed=st.integers(0, 2**32))
    def begin(self, seed: int) -> None:
        self.disk = MemoryDisk(Random(seed))
        self.acknowledged = b""
        self.offered: set[bytes] = set()
        self.number = 0
        self.stores = [self.store(), self.store()]

    def store(self) -> JsonlStore:
        return JsonlStore(LOG, disk=self.disk, lock_timeout=0)

    # --- what happens

    @rule(which=st.integers(0, 1), count=COUNTS, size=SIZES)
    def append(self, which: int, count: int, size: int) -> None:
        """An append where all is well, or where a fault waits that an earlier rule has planned."""
        self.number += 1
        events = [note(f"{self.number}.{part} {'x' * size}") for part in range(count)]
        store = self.stores[which]
        try:
            head = self.end()
            batch = seal(events, head)
            self.offered.update(batch.lines.splitlines(keepends=True))
            assert store.append(events, head) == batch
        except StorageFailed:
            return
        except Killed:
            self.restart()
            return
        self.acknowledge(batch.head)

    @rule(which=st.integers(0, 1))
    def make_sure(self, which: int) -> None:
        """Somebody relies on what was read."""
        try:
            head = self.end()
            assert self.stores[which].append([], head) == Batch([], head)
        except StorageFailed:
            return
        except Killed:
            self.restart()
            return
        self.acknowledge(head)

    @rule(which=st.integers(0, 1), count=COUNTS)
    def append_behind_an_old_head(self, which: int, count: int) -> None:
        """A writer that has not seen the newest events."""
        if self.acknowledged:
            with pytest.raises((Conflict, StorageFailed, Killed)):
                self.stores[which].append([note("late")] * count, START)
            if self.disk.is_dead:
                self.restart()

    @rule(call=CALLS, skip=SKIPS, error=st.sampled_from([errno.EIO, errno.ENOSPC]))
    def plan_a_fault(self, call: str, skip: int, error: int) -> None:
        self.disk.fail_next(call, error, skip)

    @rule(call=CALLS, skip=SKIPS)
    def plan_a_kill(self, call: str, skip: int) -> None:
        self.disk.die_in_next(call, skip)

    @rule(room=st.integers(0, 900))
    def fill_the_disk(self, room: int) -> None:
        self.disk.room = room

    @rule()
    def free_space(self) -> None:
        self.disk.room = None

    @rule(which=st.integers(0, 1))
    def reopen(self, which: int) -> None:
        self.stores[which] = self.store()

    @rule()
    def restart(self) -> None:
        """All processes end; what the system has in memory stays."""
        self.disk.restart_process()
        self.stores = [self.store(), self.store()]

    @precondition(lambda self: parse(self.disk.content(LOCK) or b"")[1] == "ok")
    @rule()
    def delete_the_lock_file(self) -> None:
        self.restart()
        if self.disk.exists(LOCK):
            self.disk.delete(LOCK)

    @rule()
    def lose_power(self) -> None:
        self.disk.lose_power()
        self.stores = [self.store(), self.store()]
        data = self.disk.content(LOG)
        if data is None:
            assert self.acknowledged == b""
            return
        assert data.startswith(self.acknowledged)
        good = b"".join(whole_lines(data))
        if b"\n" in data[len(good) :]:
            self.report_damage(good)

    def report_damage(self, good: bytes) -> None:
        """A finished line of garbage in bytes that were never synced: named, then taken away by hand."""
        head = self.end()
        verdict = self.stores[0].examine().verdict
        assert isinstance(verdict, Corrupt)
        assert (verdict.line, verdict.offset) == (head.seq + 1, len(good))
        with pytest.raises(CorruptLog):
            self.stores[0].append([note("more")], head)
        self.disk.put_file(LOG, good)

    # --- what is known

    def end(self) -> Head:
        """The head behind the valid lines, found by the oracle."""
        lines = whole_lines(self.disk.content(LOG) or b"")
        if not lines:
            return START
        return Head(len(lines), lines[-1][-67:-3].decode(), sum(map(len, lines)))

    def acknowledge(self, head: Head) -> None:
        data = self.disk.content(LOG)
        assert data is not None or head == START
        assert (data or b"").startswith(self.acknowledged)
        self.acknowledged = (data or b"")[: head.offset]

    @invariant()
    def nothing_acknowledged_is_lost_and_nothing_is_made_up(self) -> None:
        data = self.disk.content(LOG) or b""
        lines = whole_lines(data)
        assert data.startswith(self.acknowledged)
        assert set(lines) <= self.offered
        assert b"\n" not in data[len(b"".join(lines)) :]

    @invariant()
    def what_was_acknowledged_is_safe_already(self) -> None:
        for left in self.disk.survivors(LOG):
            assert left.startswith(self.acknowledged)

    @invariant()
    def reading_gives_the_lines_and_no_others(self) -> None:
        if self.disk.content(LOG) is None or self.disk.has_plans:
            return
        store = self.store()
        head = self.end()
        assert [event.seq for batch in store.read() for event in batch.events] == list(range(1, head.seq + 1))
        examination = store.examine()
        assert examination.head == head
        assert isinstance(examination.verdict, Clean | TornTail)
        assert examination.regression is None

    def teardown(self) -> None:
        """Whatever happened: with space and without faults, the next append goes through."""
        self.disk.restart_process()
        self.disk.room = None
        store = self.store()
        head = self.end()
        after = store.append([note("last")], head).head
        assert after.seq == head.seq + 1
        assert store.examine().verdict == Clean()
        self.disk.lose_power()
        assert self.store().examine().head == after


TestLivesOfALog = LivesOfALog.TestCase
