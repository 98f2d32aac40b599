"""Errors that the kernel gives, injected into a real writer with strace."""

from __future__ import annotations

import subprocess
from functools import cache
from pathlib import Path

import pytest

from eventlog import START, JsonlStore
from eventlog.lock import parse
from tests.crash.processes import acknowledged, check_log, started, writer_command
from tests.logs import end_of, note, notes, texts

pytestmark = pytest.mark.needs("strace")


@cache
def why_not() -> str:
    """Why strace cannot be used here; empty if it can."""
    probe = ["strace", "-qq", "-e", "trace=exit_group", "-e", "inject=fdatasync:error=EIO", "true"]
    done = subprocess.run(probe, capture_output=True, text=True, timeout=60)
    return "" if done.returncode == 0 else done.stderr.strip()[:200] or f"exit {done.returncode}"


@pytest.fixture
def log(tmp_path: Path) -> Path:
    if why_not():
        pytest.skip(f"strace cannot trace here: {why_not()}")
    log = tmp_path / "project" / "events.jsonl"
    JsonlStore(log).append(notes(2), START)
    return log


def traced(log: Path, inject: str, *options: str) -> tuple[list[str], list[str]]:
    """What a writer says while `inject` happens to it, and its writes and syncs."""
    trace = log.parent.parent / "trace"
    command = [
        "strace",
        "-qq",
        "-y",
        "-o",
        str(trace),
        "-e",
        "trace=fdatasync,pwrite64,fsync",
        "-e",
        f"inject={inject}",
    ]
    with started([*command, *writer_command(log, *options)]) as (writer,):
        writer.go()
        said = writer.rest()
    return said, [line for line in trace.read_text("utf-8").splitlines() if "events.jsonl>" in line]


@pytest.mark.parametrize("which", [1, 2, 3])
def test_after_a_failed_sync_nothing_is_acknowledged_and_the_process_never_writes_again(
    log: Path, which: int
) -> None:
    before = log.stat().st_ino
    said, calls = traced(log, f"fdatasync:error=EIO:when={which}", "--count", "4", "--again")
    failures = 4 - which + 1
    assert said[which - 1 :] == ["error storage_failed"] * (2 * failures)
    known = acknowledged(said)
    assert sorted(known) == list(range(3, 2 + which))
    assert "EIO" in calls[-1], "something was written or synced after the sync that failed"
    store = JsonlStore(log)
    assert parse((log.parent / ".bo" / "lock").read_bytes())[1] == "no"
    store.append([note("next")], end_of(store))
    assert log.stat().st_ino != before, "the next writer trusted pages that may be in memory only"
    assert check_log(log, known)[-1] == "next"


def test_an_error_of_the_disk_on_a_write_is_not_acknowledged(log: Path) -> None:
    # Two writes an append go to the lock file, the one between them to the log.
    said, calls = traced(log, "pwrite64:error=EIO:when=5", "--count", "3")
    assert said == ["ok 3 w-0-", "error storage_failed"]
    assert "EIO" in calls[-1]
    assert texts(JsonlStore(log)) == ["note 1", "note 2", "w-0-"]


def test_a_disk_without_space_is_not_acknowledged_and_keeps_its_file(log: Path) -> None:
    before = log.stat().st_ino
    said, calls = traced(log, "pwrite64:error=ENOSPC:when=5", "--count", "3")
    assert said == ["ok 3 w-0-", "error storage_failed"]
    assert "ENOSPC" in calls[-1]
    store = JsonlStore(log)
    store.append([note("next")], end_of(store))
    assert texts(store) == ["note 1", "note 2", "w-0-", "next"]
    assert log.stat().st_ino == before


@pytest.mark.parametrize("signal", ["SIGKILL"])
@pytest.mark.parametrize("which", range(1, 8))
def test_a_writer_killed_at_a_write_or_sync_leaves_what_it_acknowledged(
    log: Path, which: int, signal: str
) -> None:
    known: dict[int, str] = {}
    for call in ("fdatasync", "pwrite64"):
        said, _ = traced(log, f"{call}:signal={signal}:when={which}", "--count", "9", "--name", call)
        known |= acknowledged(said)
        left = check_log(log, known)
        assert len(left) <= max(known, default=2) + 1
        known = dict(enumerate(left, 1))
    store = JsonlStore(log)
    store.append([note("next")], end_of(store))
    check_log(log, known)
