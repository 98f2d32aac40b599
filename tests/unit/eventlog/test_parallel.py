"""A log checked in parts: whatever is wrong with it, what comes out is what one walk over it says."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventlog.head import START
from eventlog.parallel import PART, Found, Part, check, jobs_for
from eventlog.recovery import Clean, Corrupt, ReadAt, Scan
from tests import damage
from tests.logs import chained_line, note, notes, sealed

LINES, END = sealed([*notes(20), note("x" * 3000), *notes(20, "more")])


def reader(data: bytes) -> ReadAt:
    return lambda offset, size: data[offset : offset + size]


def walked(data: bytes) -> Found:
    scan = Scan(reader(data))
    verdict = scan.finish()
    return scan.head, verdict


def here(part: Part, _: ExitStack) -> Part:
    """Begins with nothing: the part is walked over when it is waited for."""
    return part


@st.composite
def logs(draw: st.DrawFn) -> bytes:
    """A log with up to three things wrong with it."""
    data = LINES
    for _ in range(draw(st.integers(0, 3))):
        line = draw(st.integers(0, max(0, data.count(b"\n") - 2)))
        place = draw(st.integers(0, max(0, len(data) - 1)))
        data = draw(
            st.sampled_from(
                [
                    damage.flip_bit(data, place * 8) if data else data,
                    damage.cut_at(data, place),
                    damage.append_nuls(data, 9),
                    damage.delete_line(data, line) if data.count(b"\n") > line else data,
                    data[:place] + b"\n" + data[place:],
                    data + data[place:],
                ]
            )
        )
    return data


@given(logs(), st.integers(1, 9))
def test_the_parts_together_say_what_one_walk_says(data: bytes, jobs: int) -> None:
    assert check(reader(data), len(data), jobs, here) == walked(data)


@pytest.mark.parametrize("jobs", range(1, 6))
@pytest.mark.parametrize("byte", range(0, len(LINES), 97))
def test_a_flipped_bit_anywhere_is_found_as_by_one_walk(byte: int, jobs: int) -> None:
    data = damage.flip_bit(LINES, byte * 8 + 1)
    found = check(reader(data), len(data), jobs, here)
    assert found == walked(data)
    assert isinstance(found[1], Corrupt)


@pytest.mark.parametrize("seq", [1, 3, 7])
def test_a_line_that_lies_about_its_number_begins_no_part(seq: int) -> None:
    data, head = b"", START
    for number in (1, seq, 3, seq, seq, 6):
        data += chained_line({"seq": number, "time": "t", "actor": "a", "type": "x_a"}, head.hash)
        head = head.__class__(head.seq + 1, data[-67:-3].decode(), len(data))
    for jobs in range(1, 7):
        assert check(reader(data), len(data), jobs, here) == (head, Clean())


def test_a_part_that_grows_while_it_is_walked_over_is_walked_to_its_end() -> None:
    more, end = sealed(notes(3, "new"), END)
    assert check(reader(LINES + more), len(LINES), 3, here) == (end, Clean())


FORKED = """
import os, signal, sys
from eventlog import parallel
from eventlog.jsonl import JsonlStore
parallel.PART = 20_000
parallel.jobs_for = lambda size: 3
if sys.argv[2] == "killed":
    walk, parent = parallel.Scan.finish, os.getpid()
    def finish(scan):
        if os.getpid() != parent:
            os.kill(os.getpid(), signal.SIGKILL)
        return walk(scan)
    parallel.Scan.finish = finish
before = os.listdir("/dev/fd")
print(JsonlStore(sys.argv[1]).examine())
assert os.listdir("/dev/fd") == before
try:
    os.waitpid(-1, os.WNOHANG)
except ChildProcessError:
    pass
else:
    raise AssertionError("a process is left")
"""


@pytest.mark.skipif(sys.platform != "linux", reason="forks on Linux only")
@pytest.mark.parametrize("fate", ["whole", "killed"])
@pytest.mark.parametrize("at", [None, 10, len(LINES) // 2, len(LINES) - 10])
def test_processes_say_the_same_also_when_they_are_killed_and_leave_nothing(
    tmp_path: Path, fate: str, at: int | None
) -> None:
    data = LINES if at is None else damage.flip_bit(LINES, at * 8)
    (tmp_path / "events.jsonl").write_bytes(data)
    done = subprocess.run(
        [sys.executable, "-c", FORKED, str(tmp_path / "events.jsonl"), fate],
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[3],
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    head, verdict = walked(data)
    assert done.stdout == f"Examination(head={head}, verdict={verdict}, regression=None)\n"


def test_small_logs_are_checked_by_one_process() -> None:
    assert jobs_for(0) == jobs_for(PART) == jobs_for(2 * PART - 1) == 1
    assert 1 <= jobs_for(1000 * PART) <= (os.cpu_count() or 1)
