"""A command whose disk fails, or that is killed before it can answer; and the same command once more."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.running import Answer, BoProcess, independent
from tests.crash.test_strace import why_not

pytestmark = pytest.mark.needs("strace")

COMPLETE = ("complete", "-w", "w1", "--summary", "done")


@pytest.fixture
def bo(tmp_path: Path) -> BoProcess:
    if why_not():
        pytest.skip(f"strace cannot trace here: {why_not()}")
    process = BoProcess(tmp_path)
    process.init("auth", independent(2))
    return process


def meeting(bo: BoProcess, inject: str, *arguments: str) -> Answer:
    """What a command answers that meets `inject` at one of its writes or syncs."""
    done = subprocess.run(
        [
            *("strace", "-qq", "-o", str(bo.folder / "trace"), "-e", f"trace={inject.partition(':')[0]}"),
            *("-e", f"inject={inject}", sys.executable, "-m", "cli", *arguments),
        ],
        capture_output=True,
        env=bo.environment(),
        cwd=bo.folder,
        timeout=100,
        check=False,
    )
    return Answer(done.returncode, done.stdout.decode(), done.stderr.decode())


STEPS = {
    "before it notes that it begins": ("pwrite64", 1, False),
    "before its event is written": ("pwrite64", 2, False),
    "before its event is synced": ("fdatasync", 1, True),
    "before it notes that its event is safe": ("pwrite64", 3, True),
}


@pytest.mark.parametrize(("call", "which", "written"), STEPS.values(), ids=STEPS)
def test_a_command_killed_before_it_answers_takes_effect_once_when_it_is_repeated(
    bo: BoProcess, call: str, which: int, written: bool
) -> None:
    killed = meeting(bo, f"{call}:signal=SIGKILL:when={which}", *COMPLETE)
    assert (killed.code, killed.stdout) == (-9, "")
    assert bo.types() == ["plan_defined"] + ["worker_completed"] * written
    for already in (written, True):
        again = bo(*COMPLETE)
        assert (again.code, again.json["already"]) == (0, already)
        assert bo.types() == ["plan_defined", "worker_completed"]
        assert bo("verify").json["problems"] == [], "its derived files are those of the time before it"


FAILURES = {
    "a disk that is full": ("pwrite64", "ENOSPC", 2, "No space left on device"),
    "a disk that fails at a write": ("pwrite64", "EIO", 2, "Input/output error"),
    "a disk that fails at a sync": ("fdatasync", "EIO", 1, "Input/output error"),
    "a file that may not grow": ("pwrite64", "EFBIG", 2, "File too large"),
}


@pytest.mark.parametrize(("call", "error", "which", "words"), FAILURES.values(), ids=FAILURES)
def test_a_command_on_a_disk_that_fails_says_so_with_exit_4_and_works_when_the_disk_does(
    bo: BoProcess, call: str, error: str, which: int, words: str
) -> None:
    before = bo.path("auth", "events.jsonl").read_bytes()
    failed = meeting(bo, f"{call}:error={error}:when={which}", *COMPLETE)
    assert failed.code == 4, failed
    told = json.loads(failed.stdout)
    assert told["code"] == "storage_failed"
    assert words in told["error"]
    assert told["hint"]
    assert "Traceback" not in failed.stderr
    assert bo.path("auth", "events.jsonl").read_bytes().startswith(before)
    assert bo(*COMPLETE).code == 0
    assert bo.types() == ["plan_defined", "worker_completed"]
    assert bo("verify").json["problems"] == []
