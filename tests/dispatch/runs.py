"""Projects whose workers are real processes that keep a ledger of their own, and what must hold of any run.

The ledger is written by the workers with O_APPEND, a line at their start and one at their end, so it says
in which order things really happened, whatever the log says.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from time import monotonic, sleep
from typing import Any

from tests.cli.running import Bo, BoProcess

LEDGER = (
    'echo "start $BO_WORKER $BO_ATTEMPT $$" >>"$LEDGER"; %s; echo "end $BO_WORKER $BO_ATTEMPT $$" >>"$LEDGER"'
)
"""A worker that writes the ledger; the pieces between the lines are its work."""

ENDS = ("worker_completed", "worker_failed", "worker_timed_out", "worker_cancelled")
PATIENCE = 60.0
"""Seconds after which what is waited for will not come any more."""


def sh(script: str) -> list[str]:
    """The argument vector of a worker that is a shell script."""
    return ["sh", "-c", script]


def worker(name: str, needs: str = "", work: str = ":", **keys: object) -> dict[str, Any]:
    """A worker of a plan that writes the ledger around its work; `needs` are ids with spaces between."""
    return {"id": name, "dependencies": needs.split(), "command": sh(LEDGER % work), **keys}


def plan(*workers: dict[str, Any], **keys: object) -> dict[str, Any]:
    """A plan of these workers."""
    return {"name": "A run", "workers": list(workers), **keys}


class Runs(BoProcess):
    """The command `bo` as processes, with a ledger and one project called `run`."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.ledger_file = folder / "ledger"
        self.ledger_file.touch()
        self.gates = folder / "gates"
        self.gates.mkdir(exist_ok=True)

    def environment(self) -> dict[str, str]:
        """As always, and where workers find the ledger, the gates and the tool."""
        return {
            **super().environment(),
            "LEDGER": str(self.ledger_file),
            "GATES": str(self.gates),
            "PYTHON": sys.executable,
            "BO_PROJECT": "run",
        }

    def begin(self, *workers: dict[str, Any], **keys: object) -> Runs:
        """Begins the project with a plan of these workers; returns itself."""
        self.init("run", plan(*workers, **keys))
        return self

    def log(self, project: str = "run") -> list[dict[str, Any]]:
        """The whole lines of the log: somebody may be writing the next one."""
        lines = self.path(project, "events.jsonl").read_bytes().split(b"\n")[:-1]
        return [json.loads(line) for line in lines]

    def events(self, kind: str = "", worker: str = "") -> list[dict[str, Any]]:
        """The events of the project, of one type, of one worker."""
        return [
            event
            for event in self.log("run")
            if (not kind or event["type"] == kind) and (not worker or event.get("worker") == worker)
        ]

    def statuses_in_plan(self) -> dict[str, str]:
        """The status of each worker, as plan.json says."""
        return {one["id"]: one["status"] for one in self.plan("run")["workers"]}

    def ledger(self) -> list[tuple[str, str, int]]:
        """What the workers wrote: start or end, the worker, its attempt."""
        lines = [line.split() for line in self.ledger_file.read_text().splitlines()]
        return [(what, name, int(attempt)) for what, name, attempt, _ in lines]

    def started(self) -> list[str]:
        """The workers in the order in which they really started."""
        return [name for what, name, _ in self.ledger() if what == "start"]

    def output(self, worker: str, attempt: int = 1) -> bytes:
        """What an attempt said."""
        return self.path("run", "outputs", f"{worker}.{attempt}.txt").read_bytes()

    def pid_of(self, worker: str, attempt: int = 1) -> int:
        """The process number of an attempt that runs, as its keeper notes it."""
        lock = self.path("run", ".bo", "run", f"{worker}.{attempt}.lock")
        self.until(lambda: lock.exists() and lock.read_text().strip(), f"the process of {worker}")
        return int(lock.read_text())

    def open_gate(self, name: str) -> None:
        """Lets workers go on that wait at this gate: `until [ -e $GATES/name ]; do sleep .02; done`."""
        (self.gates / name).touch()

    def until(self, what: Callable[[], object], why: str) -> None:
        """Waits until something is so."""
        deadline = monotonic() + PATIENCE
        while not what():
            assert monotonic() < deadline, f"it never came: {why}"
            sleep(0.01)

    def until_event(self, kind: str, worker: str = "", count: int = 1) -> None:
        """Waits until the log has so many events of a kind."""
        self.until(lambda: len(self.events(kind, worker)) >= count, f"{count} {kind} {worker}")

    def until_started(self, *workers: str) -> None:
        """Waits until these workers have written so themselves."""
        self.until(lambda: set(workers) <= set(self.started()), f"the start of {workers}")


def gate(name: str) -> str:
    """The work of waiting until somebody opens the gate."""
    return f'until [ -e "$GATES/{name}" ]; do sleep 0.02; done'


def until_said(process: subprocess.Popen[bytes], words: str) -> None:
    """Reads what a command says on standard error, up to the line with these words."""
    assert process.stderr is not None
    while line := process.stderr.readline():
        if words.encode() in line:
            return
    raise AssertionError(f"it never said {words!r}")


def end(process: subprocess.Popen[bytes], number: signal.Signals = signal.SIGKILL) -> int:
    """Sends a signal to a process that a test started, and returns its exit status."""
    process.send_signal(number)
    process.communicate(timeout=PATIENCE)
    return process.returncode


def finish(process: subprocess.Popen[bytes]) -> dict[str, Any]:
    """Waits for a command that a test started; returns the JSON that it printed."""
    stdout, stderr = process.communicate(timeout=PATIENCE)
    assert b"Traceback" not in stderr, stderr.decode()
    answer: dict[str, Any] = json.loads(stdout)
    return answer


def lives(pid: int) -> bool:
    """Whether there is a process with that number that has not ended."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state not in "ZX"


def family(marker: str) -> list[int]:
    """The processes whose environment has `marker`, as the system lists them."""
    found = []
    for entry in os.scandir("/proc"):
        if entry.name.isdigit():
            try:
                environment = Path(entry.path, "environ").read_bytes()
            except OSError:
                continue
            if marker.encode() in environment.split(b"\0") and lives(int(entry.name)):
                found.append(int(entry.name))
    return found


def most_at_once(ledger: Iterable[tuple[str, str, int]]) -> int:
    """The largest number of workers that ran at the same time."""
    running = most = 0
    for what, _, _ in ledger:
        running += 1 if what == "start" else -1
        most = max(most, running)
    return most


def assert_dependencies_kept(bo: Runs, workers: Iterable[dict[str, Any]]) -> None:
    """No worker started before all that it needs had ended."""
    ended: set[str] = set()
    needs = {one["id"]: set(one.get("dependencies", [])) for one in workers}
    for what, name, _ in bo.ledger():
        if what == "start":
            assert needs[name] <= ended, f"{name} started before {needs[name] - ended}"
        else:
            ended.add(name)


def assert_log_and_ledger_agree(bo: Runs) -> None:
    """Each attempt ran at most once, its end is in the log once, and nothing ran that the log does not know.

    An attempt of which the ledger knows nothing must be told as lost; one that wrote its end and was not
    ended from outside must be told as completed.
    """
    assert Bo(bo.folder)("verify", "-p", "run").code == 0
    spawned = Counter((e["worker"], e["attempt"]) for e in bo.events("worker_spawned"))
    assert set(spawned.values()) <= {1}, "an attempt was spawned twice"
    ends = [e for e in bo.log("run") if e["type"] in ENDS and e.get("attempt", 0)]
    told = {(e["worker"], e["attempt"]): e for e in ends}
    assert len(told) == len(ends), "an attempt ended twice"
    assert set(told) <= set(spawned)
    ran = Counter(entry for entry in bo.ledger())
    assert set(ran.values()) <= {1}, "an attempt ran twice"
    began = {(name, attempt) for what, name, attempt in ran if what == "start"}
    done = {(name, attempt) for what, name, attempt in ran if what == "end"}
    assert began <= set(spawned), "something ran that was not in the log"
    for key in spawned:
        if key in told and key not in began:
            assert told[key].get("reason") == "lost", told[key]
            assert "before it began" in told[key]["error"], told[key]
        if key in told and key in done:
            assert told[key]["type"] == "worker_completed", told[key]
    assert_results_match(bo)


def assert_results_match(bo: Runs) -> None:
    """spawn_results.jsonl has the same ends as the log, in the same order."""
    ends = [
        (e["worker"], e["attempt"], e["seq"]) for e in bo.log("run") if e["type"] in ENDS and e.get("attempt")
    ]
    results = bo.path("run", "spawn_results.jsonl")
    lines = results.read_bytes().splitlines() if results.exists() else []
    assert [(r["worker_id"], r["attempt"], r["seq"]) for r in map(json.loads, lines)] == ends


def keeper_of(pid: int) -> int:
    """The parent of a worker."""
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def children(pid: int) -> list[int]:
    """The processes that a process has started and that have not ended."""
    listed = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [int(number) for number in listed if lives(int(number))]
