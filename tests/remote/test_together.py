"""The proof: machines run a plan together to its end while servers, dispatchers and machines are harmed."""

from __future__ import annotations

import json
import random
import signal
import subprocess
from collections import Counter
from collections.abc import Callable
from itertools import cycle
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import pytest

from tests.cli.running import PLANS
from tests.crash.processes import SOAK_MINUTES
from tests.dispatch.runs import family, gate, sh
from tests.remote.behind import Behind
from tests.remote.machines import Machine, assert_each_attempt_ran_once_at_most, assert_same_log
from tests.remote.nodes import Cluster, until
from tests.remote.test_clients import HARMS as TO_SERVERS
from tests.remote.test_clients import harm as harm_servers

WORK = (
    'echo "start $BO_WORKER $BO_ATTEMPT $PLACE" >>"$LEDGER"; %s; '
    'echo "end $BO_WORKER $BO_ATTEMPT $PLACE" >>"$LEDGER"'
)
TO_MACHINES = ["kill dispatcher", "lose machine", "stop dispatcher"]
STEP = 5
"""Workers that have to complete between two harms."""

RUN = ("-j", "3", "--retries", "1000", "--patience", "30s")


def workers(seed: int) -> list[dict[str, Any]]:
    """The workers of a real plan where it lies beside the checkout, otherwise of one that looks like it."""
    chance = random.Random(seed)
    if (PLANS / "nfcore-rnaseq.json").exists():
        graph = json.loads((PLANS / "nfcore-rnaseq.json").read_text())["workers"]
    else:
        graph = [
            {"id": f"w{n}", "dependencies": [f"w{chance.randrange(n)}" for _ in range(min(n, 2))]}
            for n in range(150)
        ]
    return [
        {
            "id": one["id"],
            "dependencies": list(dict.fromkeys(one["dependencies"])),
            "command": sh(WORK % f"sleep {chance.uniform(0.005, 0.05):.3f}"),
        }
        for one in graph
    ]


class Together:
    """Two machines on a cluster, a dispatcher on each, and what was seen of them on the way."""

    def __init__(self, cluster: Cluster, place: Path, seed: int) -> None:
        place.mkdir(exist_ok=True)
        self.cluster = cluster.wait_ready()
        self.chance = random.Random(seed)
        self.figures = Counter[str]()
        self.behind = Behind(
            "nats://" + ",".join(url.removeprefix("nats://") for url in cluster.urls), "run", replicas=3
        )
        self.machines = [Machine(place, name, self.behind.address) for name in ("left", "right")]
        self._acknowledged: dict[str, int] = {}
        self._written: set[str] = set()
        self._turns = cycle(self.machines)
        self._seen = dict.fromkeys(self.machines, b"")
        self.plan = workers(seed)
        # It ends only when all harm is done.
        self.machines[0].begin(*self.plan, {"id": "over", "priority": 1, "command": sh(WORK % gate("over"))})

    def close(self) -> None:
        """Ends what is left, and removes the streams."""
        for machine in self.machines:
            machine.end()
        self.behind.api(f"STREAM.DELETE.KV_{self.behind.stream.name}-leases")
        self.behind.close()

    # --- what is done to them

    def live_through(self, harms: list[str]) -> None:
        """Does each harm in turn, and lets the plan go on between them; then lets it come to its end."""
        for machine in self.machines:
            self.look_after(machine)
        for how in harms:
            self.progress()
            if how in TO_SERVERS:
                harm_servers(self.cluster, self.behind.stream.name, how)
            else:
                self.harm_machine(next(self._turns), how)
            self.figures[f"harms_{how.replace(' ', '_')}"] += 1
            for machine in self.machines:
                self.look_after(machine)
                self.note(machine)
        self.machines[0].open_gate("over")
        while any(machine.running for machine in self.machines):
            for machine in self.machines:
                self.look_after(machine, again=not self.is_over())
            sleep(0.05)
        for machine in self.machines:
            until(lambda: not family(f"MACHINE={machine.folder}"), f"the end of {machine.name}")  # noqa: B023

    def harm_machine(self, machine: Machine, how: str) -> None:
        """Harms one machine for a while that is shorter or longer than a lease."""
        dispatchers = list(machine.running)
        match how:
            case "kill dispatcher":
                for process in dispatchers:
                    process.kill()
                sleep(self.chance.choice((0, 0, 2)))
            case "lose machine":
                machine.lose()
                sleep(self.chance.choice((0, 2)))
            case "stop dispatcher":
                for process in dispatchers:
                    process.send_signal(signal.SIGSTOP)
                sleep(self.chance.uniform(0.1, 4))
                for process in dispatchers:
                    process.send_signal(signal.SIGCONT)

    def look_after(self, machine: Machine, *, again: bool = True) -> None:
        """Starts the machine's dispatcher anew if it has ended, and takes down how it had."""
        for process in machine.running:
            if process.poll() is not None:
                _, said = process.communicate()
                assert b"Traceback" not in said, said.decode()
                assert process.returncode in (0, 4, -signal.SIGKILL), (process.returncode, said.decode())
                self.figures[f"dispatchers_that_ended_with_{process.returncode}"] += 1
        machine.reap()
        if again and not machine.running:
            machine.dispatch(*RUN)
            self.figures["dispatchers"] += 1
        self.look(machine)

    def note(self, machine: Machine) -> None:
        """Appends something besides, and remembers what was answered."""
        text = f"{machine.name} {self.figures['notes']}"
        self.figures["notes"] += 1
        self._written.add(text)
        try:
            answer = machine("note", "-p", "run", text)
        except subprocess.TimeoutExpired:  # it was killed, and nobody knows what became of it
            self.figures["notes_killed"] += 1
            return
        assert answer.code in (0, 4), answer
        if answer.code == 0:
            self._acknowledged[text] = answer.json["seq"]

    # --- what is seen of them

    def look(self, machine: Machine) -> None:
        """Remembers what the mirror has, which has to go on from what it had."""
        path = machine.path("run", "events.jsonl")
        log = path.read_bytes() if path.exists() else b""
        log = log[: log.rfind(b"\n") + 1]
        assert log.startswith(self._seen[machine]), "a mirror went back"
        self._seen[machine] = log

    def completed(self) -> int:
        """How many workers are completed, as far as anybody here has heard."""
        for machine in self.machines:
            self.look(machine)
        return max(log.count(b'"type":"worker_completed"') for log in self._seen.values())

    def is_over(self) -> bool:
        """Whether everything is completed."""
        return self.completed() > len(self.plan)

    def progress(self) -> None:
        """Waits until the plan has got on, unless all that it waits for is the end of harm."""
        before = self.completed()

        def got_on() -> bool:
            for machine in self.machines:
                self.look_after(machine)
            return self.completed() >= min(before + STEP, len(self.plan))

        until(got_on, f"{STEP} more workers than {before}")

    def check(self) -> Counter[str]:
        """Nothing is lost, nothing is doubled, all is done; returns figures."""
        assert_same_log(self.machines)
        left = self.machines[0]
        assert set(left.statuses("run").values()) == {"completed"}
        assert_each_attempt_ran_once_at_most(left)
        log = left.path("run", "events.jsonl").read_bytes()
        for machine, seen in self._seen.items():
            assert log.startswith(seen), f"what {machine.name} had seen is not there any more"
        self._check_notes()
        self._check_ledger()
        for event in left.events():
            self.figures[f"events_{event['type']}"] += 1
        self.figures["events"] = log.count(b"\n")
        self.figures["attempts"] = len(left.events("worker_spawned"))
        self.figures["workers"] = len(self.plan) + 1
        return self.figures

    def _check_notes(self) -> None:
        """What was acknowledged is there once, at its place; nothing is there that nobody wrote."""
        noted = self.machines[0].events("note_added")
        place = {event["text"]: event["seq"] for event in noted}
        assert len(place) == len(noted), "a note is there twice"
        for text, seq in self._acknowledged.items():
            assert place.get(text) == seq, f"{text} was acknowledged at {seq} and is at {place.get(text)}"
        assert place.keys() <= self._written, "there is a note that nobody wrote"

    def _check_ledger(self) -> None:
        """Workers ran where the log says, in their order, and what it calls completed was done."""
        left = self.machines[0]
        lines = [line.split() for line in left.ledger_file.read_text().splitlines()]
        spawned = {(e["worker"], e["attempt"]): e["actor"] for e in left.events("worker_spawned")}
        assert all(spawned[name, int(attempt)] == where for _, name, attempt, where in lines)
        done = {(name, int(attempt)) for what, name, attempt, _ in lines if what == "end"}
        assert {(e["worker"], e["attempt"]) for e in left.events("worker_completed")} <= done
        needs = {one["id"]: set(one["dependencies"]) for one in self.plan}
        ended: set[str] = set()
        for what, name, _, _ in lines:
            if what == "end":
                ended.add(name)
            else:
                assert needs.get(name, set()) <= ended, f"{name} started before {needs[name] - ended}"


def run(cluster: Cluster, place: Path, seed: int, harms: list[str]) -> Counter[str]:
    """Lets one plan come to its end through these harms; returns figures."""
    together = Together(cluster, place, seed)
    try:
        together.live_through(harms)
        return together.check()
    finally:
        together.close()


def test_a_plan_comes_to_its_end_while_servers_and_machines_are_harmed(
    cluster: Cluster, tmp_path: Path
) -> None:
    harms = ["kill leader", *TO_MACHINES, "isolate leader"]
    figures = run(cluster, tmp_path, 1, harms)
    assert figures["harms_lose_machine"] == figures["harms_isolate_leader"] == 1
    assert figures["events_dispatcher_started"] >= 4


@pytest.mark.soak
@pytest.mark.timeout(0)
def test_plans_come_to_their_ends_for_as_long_as_you_let_them(
    cluster: Cluster, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    seed = int.from_bytes(random.randbytes(4))
    chance, figures, deadline = random.Random(seed), Counter[str](), monotonic() + SOAK_MINUTES * 60
    while monotonic() < deadline:
        harms = [*TO_MACHINES, *TO_MACHINES, *TO_SERVERS]
        chance.shuffle(harms)
        place = tmp_path / str(figures["plans"])
        figures += run(cluster, place, chance.randrange(2**32), harms)
        figures["plans"] += 1
    record_property("soak", dict(figures))
