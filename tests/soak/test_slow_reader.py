"""Readers that are slow or stand still: no writer waits for them, and they hoard nothing."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from subprocess import Popen

import pytest

from eventlog import START, JsonlStore
from tests.cli.running import BoProcess, chain
from tests.logs import note

pytestmark = pytest.mark.skipif(
    not Path("/proc/self").is_dir(), reason="reads the memory of a process from /proc"
)
MEGABYTES = 60


def peak_kib(process: Popen[bytes]) -> int:
    """The most memory that a process ever held."""
    lines = Path(f"/proc/{process.pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))


@pytest.fixture
def tail(tmp_path: Path) -> Iterator[Popen[bytes]]:
    """`bo tail -f` that has shown the first event; nobody empties its pipe from now on."""
    bo = BoProcess(tmp_path)
    bo.init("auth", chain(1))
    process = bo.start("tail", "-f")
    assert process.stdout is not None
    assert os.read(process.stdout.fileno(), 1 << 16).endswith(b"\n")
    yield process
    process.kill()
    process.communicate(timeout=30)


def test_a_reader_whose_pipe_nobody_empties_holds_up_no_writer_and_hoards_nothing(
    tmp_path: Path, tail: Popen[bytes]
) -> None:
    before = peak_kib(tail)
    log = tmp_path / "builds" / "auth" / "events.jsonl"
    store = JsonlStore(log)
    head = start = store.head()
    for number in range(MEGABYTES):
        head = store.append([note(f"{number} " + "x" * 1_000_000)], head).head
    assert head.seq == start.seq + MEGABYTES
    assert tail.poll() is None
    assert tail.stdout is not None
    shown = b""
    for number in range(MEGABYTES):
        line = tail.stdout.readline()
        assert json.loads(line)["text"].startswith(f"{number} ")
        shown += line
    assert shown == log.read_bytes()[start.offset :]
    assert peak_kib(tail) - before < MEGABYTES * 1000 // 3


def test_a_writer_is_not_held_up_by_a_hundred_readers_that_stand_still(tmp_path: Path) -> None:
    store = JsonlStore(tmp_path / "auth" / "events.jsonl")
    head = store.append([note("first")], START).head
    readers = [JsonlStore(store.path).read() for _ in range(50)]
    followers = [JsonlStore(store.path).follow(START, 0) for _ in range(50)]
    for stream in [*readers, *followers]:
        assert [event.seq for event in next(stream).events] == [1]
    for _ in range(20):
        head = store.append([note("x")], head).head
    assert head.seq == 21
    for stream in [*readers, *followers]:
        assert [event.seq for event in next(stream).events] == list(range(2, 22))
    for stream in followers:
        stream.close()  # type: ignore[attr-defined]
