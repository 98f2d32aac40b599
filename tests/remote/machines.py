"""Machines that work on one project: folders of their own, processes of their own, one log on servers."""

from __future__ import annotations

import os
import signal
import subprocess
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from tests.dispatch.runs import Runs, family, lives

LEASE = "1s"


class Machine(Runs):
    """The command `bo` on one machine; those of a `place` write one ledger and wait at the same gates."""

    def __init__(self, place: Path, name: str, address: str) -> None:
        folder = place / name
        folder.mkdir(exist_ok=True)
        super().__init__(folder)
        self.name = name
        self.address = address
        self.ledger_file = place / "ledger"
        self.ledger_file.touch()
        self.gates = place / "gates"
        self.gates.mkdir(exist_ok=True)
        self.running: list[subprocess.Popen[bytes]] = []

    def environment(self) -> dict[str, str]:
        """As always, with the address of the log, and what tells this machine's processes from others'."""
        return {
            **super().environment(),
            "BO_LOG": self.address,
            "BO_LEASE": LEASE,
            "MACHINE": str(self.folder),
            "PLACE": self.name,
            "BO_ACTOR": self.name,
        }

    def dispatch(self, *options: str) -> subprocess.Popen[bytes]:
        """Starts a dispatcher."""
        self.running.append(self.start("run", "--retry-delay", "10ms", *options))
        return self.running[-1]

    def lose(self) -> None:
        """Ends all processes of the machine at once, as when its power fails."""
        for pid in family(f"MACHINE={self.folder}"):
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        self.until(lambda: not family(f"MACHINE={self.folder}"), f"the end of {self.name}")
        self.reap()

    def reap(self) -> None:
        """Forgets the dispatchers that have ended."""
        for process in self.running:
            if process.poll() is not None:
                process.communicate()
        self.running = [process for process in self.running if process.poll() is None]

    def end(self) -> None:
        """Ends whatever is left of the machine's processes."""
        for process in self.running:
            if lives(process.pid):
                process.send_signal(signal.SIGCONT)
        self.lose()


def assert_same_log(machines: Sequence[Machine]) -> None:
    """Every machine's mirror has the same bytes, and they are what the servers have."""
    for machine in machines:
        for options in ((), ("--remote",)):
            answer = machine("verify", "-p", "run", *options)
            assert answer.code == 0, answer
    assert len({machine.path("run", "events.jsonl").read_bytes() for machine in machines}) == 1


def assert_each_attempt_ran_once_at_most(machine: Machine) -> None:
    """Nothing is doubled, in the world or in the log, and nothing ran that the log does not know."""
    spawned = Counter((e["worker"], e["attempt"]) for e in machine.events("worker_spawned"))
    assert set(spawned.values()) <= {1}, "an attempt was spawned twice"
    ran = Counter(machine.ledger())
    assert set(ran.values()) <= {1}, "an attempt ran twice"
    assert {(name, attempt) for _, name, attempt in ran} <= set(spawned), "something ran unknown to the log"
    ends = [
        (e["worker"], e["attempt"])
        for e in machine.events()
        if e["type"] in ("worker_completed", "worker_failed", "worker_timed_out", "late_result_received")
    ]
    late = {(e["worker"], e["attempt"]) for e in machine.events("late_result_received")}
    assert set(ends) == set(spawned), "an attempt has no end"
    told = Counter(ends)
    assert all(count == 1 + (key in late) for key, count in told.items()), "an attempt ended twice"
