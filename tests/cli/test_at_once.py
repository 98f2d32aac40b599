"""Many processes at once, and processes that are killed: nothing is lost, and readers see whole files."""

from __future__ import annotations

import json
import os
import random
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import TracebackType

import pytest

from cli.handle import Handler
from cli.moment import load_from_start
from cli.project import Project
from cli.publish import publish, rebuild
from eventlog.names import parse_project_name
from projections.commands import Complete
from tests.cli.running import Bo, BoProcess, independent

TWENTY = [f"w{number}" for number in range(1, 21)]


class Reader(threading.Thread):
    """Reads plan.json and README.md all the time; `seqs` are the events that it saw plan.json at."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.folder = folder
        self.seqs: list[int] = []
        self.faults: list[str] = []
        self.looks = 0
        self._ended = threading.Event()

    def run(self) -> None:
        while not self._ended.is_set():
            try:
                self._look()
            except (ValueError, OSError, AssertionError) as fault:
                self.faults.append(repr(fault))
            time.sleep(0.0005)

    def _look(self) -> None:
        plan = json.loads((self.folder / "plan.json").read_bytes())
        readme = (self.folder / "README.md").read_text()
        assert readme.startswith("---\ncreated: "), readme
        assert readme.rstrip("\n").endswith("## Relevant Files"), readme
        if not self.seqs or self.seqs[-1] != plan["_meta"]["seq"]:
            self.seqs.append(plan["_meta"]["seq"])
        self.looks += 1

    def __enter__(self) -> Reader:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self.join(30)

    def check(self) -> None:
        """Every look saw a whole file, never an older one than before."""
        assert self.faults == []
        assert self.looks > 0
        assert self.seqs == sorted(self.seqs)


def twenty_at_once(process: BoProcess, project: str) -> None:
    """Twenty processes complete twenty workers of a new project; all of it is there afterwards."""
    process.init(project, independent(20))
    with Reader(process.path(project)) as reader:
        commands = [process.start("complete", "-p", project, "-w", worker) for worker in TWENTY]
        answers = [command.communicate(timeout=100) for command in commands]
    assert [command.returncode for command in commands] == [0] * 20, answers
    assert [errors for _, errors in answers] == [b""] * 20
    told = {json.loads(answer)["worker_id"]: json.loads(answer)["seq"] for answer, _ in answers}
    log = process.log(project)
    assert told == {event["worker"]: event["seq"] for event in log[1:]}
    assert [event["seq"] for event in log] == list(range(1, 22))
    assert set(told) == set(TWENTY)
    reader.check()
    plan = process.plan(project)
    assert plan["_meta"]["seq"] == 21
    assert plan["_meta"]["status"] == "completed"
    assert process("verify", "-p", project).json["ok"] is True


def test_of_twenty_workers_completed_at_once_twenty_are_recorded(process: BoProcess) -> None:
    for number in range(4):
        twenty_at_once(process, f"round-{number}")


@pytest.mark.soak
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("number", range(50))
def test_of_twenty_workers_completed_at_once_twenty_are_recorded_every_time(
    process: BoProcess, number: int
) -> None:
    twenty_at_once(process, f"round-{number}")


def test_the_same_worker_completed_by_many_at_once_is_completed_once(process: BoProcess) -> None:
    process.init("auth", independent(1))
    commands = [process.start("complete", "-w", "w1", "--output", "same") for _ in range(8)]
    answers = [json.loads(command.communicate(timeout=100)[0]) for command in commands]
    assert sorted(answer["already"] for answer in answers) == [False] + [True] * 7
    assert process.types() == ["plan_defined", "worker_completed"]


def test_of_many_outputs_at_once_one_is_recorded_and_the_others_are_refused(process: BoProcess) -> None:
    process.init("auth", independent(1))
    commands = [process.start("complete", "-w", "w1", "--output", str(number)) for number in range(6)]
    answers = [json.loads(command.communicate(timeout=100)[0]) for command in commands]
    assert sorted(command.returncode for command in commands) == [0, 1, 1, 1, 1, 1]
    assert [answer["code"] for answer in answers if "code" in answer] == ["already_completed"] * 5
    [event] = process.log()[1:]
    assert commands[int(event["output"])].returncode == 0


def test_many_that_begin_the_same_project_at_once_begin_one(process: BoProcess) -> None:
    plans = [json.dumps(independent(1 + number % 2)) for number in range(6)]
    commands = [process.start("init", "-p", "auth", "--plan", plan) for plan in plans]
    for command in commands:
        command.communicate(timeout=100)
    codes = [command.returncode for command in commands]
    assert process.types() == ["plan_defined"]
    won = len(process.log()[0]["plan"]["workers"]) - 1
    assert codes == [0 if number % 2 == won else 1 for number in range(6)]
    assert process("verify").code == 0


BUSY = """
import sys
from cli.main import run
while True:
    for command in ("reset -w", "spawn-cmd --parent c -w", "complete -w"):
        run([*command.split(), sys.argv[1], "--table"])
"""
"""A process that spawns, completes and resets a worker for ever, and says what it did."""


def kill_loop(process: BoProcess, rounds: int, seed: int) -> None:
    """Busy processes, two at a time, are killed at random moments while somebody reads."""
    choose = random.Random(seed)
    process.init("auth", independent(2))
    said = process.folder / "said"
    with Reader(process.path("auth")) as reader:
        for _ in range(rounds):
            with said.open("ab") as out:
                pair = [
                    subprocess.Popen(
                        [sys.executable, "-c", BUSY, worker],
                        stdout=out,
                        stderr=subprocess.STDOUT,
                        env=process.environment(),
                        cwd=process.folder,
                    )
                    for worker in ("w1", "w2")
                ]
            size = said.stat().st_size
            while said.stat().st_size < size + 2_000 and all(busy.poll() is None for busy in pair):
                time.sleep(0.001)
            for busy in pair:
                time.sleep(choose.uniform(0, 0.01))
                busy.send_signal(signal.SIGKILL)
                assert busy.wait(30) == -signal.SIGKILL
    reader.check()
    told = said.read_text()
    assert "Traceback" not in told
    log = process.log()
    acknowledged = re.findall(r"^(w[12]) is (completed|pending) \(event ([0-9]+)\)$", told, re.MULTILINE)
    assert len(acknowledged) > rounds
    for worker, status, seq in acknowledged:
        type_ = {"completed": "worker_completed", "pending": "worker_reset"}[status]
        assert log[int(seq) - 1].items() >= {"seq": int(seq), "worker": worker, "type": type_}.items()
    assert process("note", "goes on").code == 0
    assert process("verify").json["problems"] == []


def test_commands_that_are_killed_leave_whole_files_and_lose_nothing_they_acknowledged(
    process: BoProcess,
) -> None:
    kill_loop(process, 12, seed=1)


@pytest.mark.soak
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("seed", range(20))
def test_commands_that_are_killed_leave_whole_files_every_time(process: BoProcess, seed: int) -> None:
    kill_loop(process, 50, seed)


def test_a_publisher_that_died_is_never_followed_by_an_older_one(
    bo: Bo, monkeypatch: pytest.MonkeyPatch
) -> None:
    bo.init("auth", independent(3))
    older = Handler(Project(str(bo.builds), parse_project_name("auth")), "late").load()
    older.handle([Complete(worker="w1")])

    class Killed(BaseException):
        pass

    def die(source: str, target: str) -> None:
        real(source, target)
        if target.endswith("plan.json"):
            raise Killed

    real = os.replace
    monkeypatch.setattr(os, "replace", die)
    with pytest.raises(Killed):
        bo("complete", "-w", "w2")
    monkeypatch.undo()
    assert bo.plan()["_meta"]["seq"] == 3
    assert publish(older.project, older.build, older.head) is None
    assert bo.plan()["_meta"]["seq"] == 3
    bo("complete", "-w", "w3")
    assert bo("verify").code == 0


def test_a_rebuild_takes_in_what_was_appended_since_it_began(bo: Bo) -> None:
    bo.init("auth", independent(2))
    early = load_from_start(Project(str(bo.builds), parse_project_name("auth")))
    bo("complete", "-w", "w1")
    assert rebuild(early) == []
    assert bo.plan()["_meta"]["seq"] == 2


def test_verify_waits_for_those_who_are_publishing(process: BoProcess) -> None:
    process.init("auth", independent(20))
    commands = [process.start("complete", "-w", worker) for worker in TWENTY]
    while any(command.poll() is None for command in commands):
        assert process("verify").json["problems"] == []
    for command in commands:
        command.communicate(timeout=30)
    assert process("verify").json["events"] == 21
