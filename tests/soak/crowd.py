"""A crowd of processes on one project, killed and stopped at any moment, and what came of it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import NamedTuple

from eventlog import JsonlStore
from eventlog.recovery import Clean
from projections.build import Build
from projections.fold import evolve
from projections.views.transitions import violation
from tests.logs import everything
from tests.soak.checker import Checker, backwards
from tests.soak.history import Call, Notebook, Outcome, Record
from tests.soak.member import WORKERS

ROOT = Path(__file__).resolve().parents[2]
CAST = ["appender", "appender", "unlucky", "decider", "decider", "reader", "looker", "bo", "bo", "bo", "tail"]
"""Who takes part: members by their role; `bo` is one command after another, `tail` is `bo tail -f`."""


class Figures(NamedTuple):
    """What a crowd went through."""

    lives: int
    kills: int
    stops: int
    faults: int
    looks: int
    events: int
    events_acknowledged: int
    events_refused: int
    events_unknown: int
    events_lost: int


class Place:
    """A place in the cast: one process after another, each with a number of calls that goes on."""

    def __init__(self, crowd: Crowd, role: str, name: str) -> None:
        self.crowd = crowd
        self.role = role
        self.name = name
        self.life = 0
        self.process: subprocess.Popen[bytes] | None = None
        self.stopped_until = 0.0
        self._number = 0
        self._call: Call | None = None
        self._command: list[str] = []
        self.commands = crowd.notes / f"{name}.commands"
        self._notebook = Notebook(self.commands)

    def _file(self, kind: str) -> Path:
        return self.crowd.notes / f"{self.name}.{self.life}.{kind}"

    def start(self) -> None:
        """Begins the next life."""
        self.life += 1
        if self.role == "bo":
            self._next_command()
            command = [sys.executable, "-m", "cli", *self._command]
        elif self.role == "tail":
            command = [sys.executable, "-m", "cli", "tail", "-p", "crowd", "-f", "-n", "1000000000", "--json"]
        else:
            command = [sys.executable, "-m", "tests.soak.member", self.role, str(self.crowd.folder)]
            # A member makes far fewer calls than this in one life.
            first, seed = self.life * 1_000_000, self.crowd.chance.getrandbits(32)
            command += [str(self._file("notes")), self.name, str(first), str(seed)]
        with self._file("out").open("wb") as out, self._file("err").open("wb") as errors:
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=errors,
                env=self.crowd.environment,
                cwd=ROOT,
            )

    def _next_command(self) -> None:
        """Asks for something new, or once more for what a killed command may have done."""
        last, chance = self._call, self.crowd.chance
        if last is not None and last.outcome == "unknown" and self._command[0] == "complete":
            self._call = self._notebook.begin(self.name, last.number)
            return
        self._number += 1
        self._call = self._notebook.begin(self.name, self._number)
        token, worker = str(self._call.tokens()[0]), chance.choice(WORKERS)
        self._command = chance.choice(
            [
                ["complete", "-w", worker, "--summary", token],
                ["complete", "-w", worker, "--summary", token, "--force"],
                ["reset", "-w", worker, "--reason", token, "--force"],
                ["note", token],
            ]
        )

    def kill(self) -> None:
        """Ends the process at once, whatever it is doing."""
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait(60)
            self.crowd.kills += 1

    def stop(self, seconds: float) -> None:
        """Makes the process stand still for a while."""
        if self.process is not None and self.process.poll() is None and not self.stopped_until:
            self.process.send_signal(signal.SIGSTOP)
            self.stopped_until = time.monotonic() + seconds
            self.crowd.stops += 1

    def look_after(self, now: float) -> None:
        """Lets a stopped process go on when its time has come, and notes how an ended one ended."""
        if self.process is None:
            return
        if self.stopped_until and now >= self.stopped_until:
            self.process.send_signal(signal.SIGCONT)
            self.stopped_until = 0.0
        if self.process.poll() is not None:
            self._ended(self.process.returncode)
            self.process, self.stopped_until = None, 0.0

    def _ended(self, code: int) -> None:
        said, errors = self._file("out").read_bytes(), self._file("err").read_text()
        if self.role == "bo":
            self._answered(code, said)
            expected: tuple[int, ...] = (-9, 0, 1, 5)
        else:
            expected = (-9, 0) if self.role == "unlucky" else (-9,)
        if code not in expected or errors:
            self.crowd.record.wrong.append(
                f"{self.name} ({self._command}) ended with {code}: {said!r} {errors}"
            )
        if self.role == "tail" and not self.crowd.log.read_bytes().startswith(said):
            self.crowd.record.wrong.append(f"{self.name} showed what is no beginning of the log")
        if self._file("notes").exists():
            self.crowd.record.read(self._file("notes"))
        for kind in ("out", "err", "notes"):
            self._file(kind).unlink(missing_ok=True)

    def _answered(self, code: int, said: bytes) -> None:
        """An answer that came out whole counts, also of a command that was killed behind it."""
        assert self._call is not None
        outcome: Outcome = "unknown"
        first = 0
        try:
            answer = json.loads(said)
        except ValueError:
            answer = {}
        if answer.get("success"):
            first = answer.get("seq") or 0
            outcome = "acknowledged" if first else "already" if self._command[0] == "complete" else "refused"
        elif answer:
            outcome = "refused"
        elif code >= 0:
            self.crowd.record.wrong.append(f"{self._command} ended with {code} and no answer")
        if outcome != "unknown":
            self._notebook.end(self._call, outcome, first)
        self._call = self._call._replace(outcome=outcome)


class Crowd:
    """A project, the cast on it, and chance, which decides whom something happens to."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.folder = folder / "builds" / "crowd"
        self.log = self.folder / "events.jsonl"
        self.notes = folder / "notes"
        self.notes.mkdir()
        self.seed = seed
        self.chance = Random(seed)
        self.record = Record()
        self.kills = self.stops = 0
        kept = {name: value for name, value in os.environ.items() if name.startswith("COVERAGE")}
        self.environment = kept | {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "LANG": "C.UTF-8",
            "PYTHONPATH": str(ROOT),
            "BO_BUILDS_DIR": str(folder / "builds"),
            "BO_PROJECT": "crowd",
            "BO_ACTOR": "crowd",
        }
        plan = {
            "name": "A crowd",
            "workers": [
                {"id": worker, "dependencies": WORKERS[:1] if place == 7 else []}
                for place, worker in enumerate(WORKERS)
            ],
        }
        assert self.bo("init", "--plan", json.dumps(plan))["success"]

    def bo(self, *arguments: str) -> dict[str, object]:
        """What a command answers."""
        done = subprocess.run(
            [sys.executable, "-m", "cli", *arguments], capture_output=True, env=self.environment, cwd=ROOT
        )
        assert not done.stderr, done.stderr
        answer: dict[str, object] = json.loads(done.stdout)
        return answer

    def live(self, seconds: float, cast: Sequence[str] = CAST) -> None:
        """Lets the cast work for so long, while its members are killed, stopped and replaced."""
        numbers = Counter[str]()
        places = []
        for role in cast:
            numbers[role] += 1
            places.append(Place(self, role, f"{role}-{numbers[role]}"))
        end = time.monotonic() + seconds
        try:
            while (now := time.monotonic()) < end:
                for place in places:
                    place.look_after(now)
                    if place.process is None:
                        place.start()
                victim = self.chance.choice(places)
                fate = self.chance.random()
                if fate < 0.08:
                    victim.kill()
                elif fate < 0.16:
                    victim.stop(self.chance.uniform(0.01, 0.5))
                time.sleep(self.chance.uniform(0, 0.05))
        finally:
            for place in places:
                if place.process is not None:
                    place.process.kill()
                    place.process.wait(60)
                place.look_after(now)
                self.record.read(place.commands)
        self.lives = sum(place.life for place in places)

    def check(self) -> Figures:
        """Checks all that was recorded against the log; the project has to be sound, and go on."""
        assert self.bo("note", "the last")["success"]
        verified = self.bo("verify")
        checker = Checker(self.log.read_bytes())
        store = JsonlStore(self.log)
        wrong = [
            *self.record.wrong,
            *checker.check(self.record.calls, self.record.looks),
            *backwards(self.record.looks),
            *backwards(self.record.published),
            *(
                wrong
                for look in self.record.published
                for wrong in checker.place_of(look.reader, look.seq, look.hash)
            ),
            *against_the_rules(store),
        ]
        assert wrong == [], f"seed {self.seed}"
        assert store.examine().verdict == Clean()
        assert verified["problems"] == []
        assert verified["events"] == len(checker.events)
        return Figures(
            lives=self.lives,
            kills=self.kills,
            stops=self.stops,
            faults=len(self.record.faults),
            events=len(checker.events),
            events_acknowledged=self.record.count("acknowledged"),
            events_refused=self.record.count("refused"),
            events_unknown=self.record.count("unknown"),
            looks=len(self.record.looks) + len(self.record.published),
            events_lost=checker.lost(self.record.calls),
        )


def against_the_rules(store: JsonlStore) -> list[str]:
    """Events that no decision would have made on the build as it was: somebody decided on an old one."""
    build = Build()
    found = []
    for event in everything(store):
        if (why := violation(build, event)) is not None:
            found.append(f"event {event.seq} is against the rules: {why}")
        evolve(build, event)
    return found
