"""The tool as a function, in this process or in one of its own, always with an environment made for it."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from contextlib import chdir, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any, NamedTuple, cast
from unittest.mock import patch

from cli.main import run

ROOT = Path(__file__).resolve().parents[2]
AUTH: dict[str, Any] = json.loads((ROOT / "examples" / "auth-system.json").read_text())
"""Four workers: oauth and jwt wait for schema, providers for oauth."""

PLANS = ROOT.parent / "shared" / "plans"
"""Plans of other people's builds, where they lie beside the checkout."""


class Answer(NamedTuple):
    """What a command answered."""

    code: int
    stdout: str
    stderr: str

    @property
    def json(self) -> dict[str, Any]:
        """The one object that it printed."""
        return cast("dict[str, Any]", json.loads(self.stdout))

    @property
    def lines(self) -> list[dict[str, Any]]:
        """The objects that it printed, one a line."""
        return [json.loads(line) for line in self.stdout.split("\n") if line]


class Bo:
    """The command `bo` with the projects in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.builds = folder / "builds"

    def __call__(
        self, *arguments: str, stdin: bytes = b"", env: Mapping[str, str] = {}, cwd: Path | None = None
    ) -> Answer:
        """Runs one command. Whatever comes of it, a person never sees a traceback."""
        answer = self._run(arguments, stdin, {**self.environment(), **env}, cwd or self.folder)
        assert "Traceback" not in answer.stderr, answer.stderr
        return answer

    def environment(self) -> dict[str, str]:
        """Nothing of whoever runs the tests, but what measures their reach."""
        kept = {name: value for name, value in os.environ.items() if name.startswith("COVERAGE")}
        return kept | {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder),
            "LANG": "C.UTF-8",
            "PYTHONPATH": str(ROOT),
            "BO_BUILDS_DIR": str(self.builds),
        }

    def init(self, project: str = "auth", plan: object = AUTH) -> Bo:
        """Begins a project; returns itself."""
        text = plan if isinstance(plan, str) else json.dumps(plan)
        answer = self("init", "-p", project, "--plan-file", "-", stdin=text.encode())
        assert answer.code == 0, answer
        return self

    def path(self, *parts: str) -> Path:
        """Something below the folder of all projects."""
        return self.builds.joinpath(*parts)

    def plan(self, project: str = "auth") -> dict[str, Any]:
        """The plan.json of a project."""
        return cast("dict[str, Any]", json.loads(self.path(project, "plan.json").read_bytes()))

    def log(self, project: str = "auth") -> list[dict[str, Any]]:
        """The events of a project, read without the tool."""
        content = self.path(project, "events.jsonl").read_bytes()
        return [json.loads(line) for line in content.split(b"\n") if line]

    def types(self, project: str = "auth") -> list[str]:
        """The types of a project's events, in order."""
        return [event["type"] for event in self.log(project)]

    def statuses(self, project: str = "auth") -> dict[str, str]:
        """The status of each worker, as `status` says."""
        return {worker["id"]: worker["status"] for worker in self("status", "-p", project).json["workers"]}

    def _run(self, arguments: tuple[str, ...], stdin: bytes, env: Mapping[str, str], cwd: Path) -> Answer:
        out, err = _stream(), _stream()
        with (
            patch.dict(os.environ, env, clear=True),
            patch.object(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin), "utf-8")),
            redirect_stdout(out),
            redirect_stderr(err),
            chdir(cwd),
        ):
            before = _lock_files()
            code = run(list(arguments))
            for descriptor in _lock_files() - before:
                os.close(descriptor)  # a process of its own would give it back by ending
        return Answer(code, _content(out), _content(err))


class BoProcess(Bo):
    """The same as processes, for what only a process shows."""

    def _run(self, arguments: tuple[str, ...], stdin: bytes, env: Mapping[str, str], cwd: Path) -> Answer:
        done = subprocess.run(
            [sys.executable, "-m", "cli", *arguments],
            input=stdin,
            capture_output=True,
            env=dict(env),
            cwd=cwd,
            timeout=60,
        )
        return Answer(done.returncode, done.stdout.decode(), done.stderr.decode(errors="backslashreplace"))

    def start(self, *arguments: str, env: Mapping[str, str] = {}) -> subprocess.Popen[bytes]:
        """Starts a command and does not wait for it."""
        return subprocess.Popen(
            [sys.executable, "-m", "cli", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**self.environment(), **env},
            cwd=self.folder,
        )


def _lock_files() -> set[int]:
    """The descriptors of this process that are lock files of projects."""
    found = set()
    for link in Path("/proc/self/fd").iterdir():
        try:
            if str(link.readlink()).removesuffix(" (deleted)").endswith("/.bo/lock"):
                found.add(int(link.name))
        except FileNotFoundError:
            continue
    return found


def _stream() -> io.TextIOWrapper:
    return io.TextIOWrapper(io.BytesIO(), "utf-8", newline="", write_through=True)


def _content(stream: io.TextIOWrapper) -> str:
    return cast("io.BytesIO", stream.buffer).getvalue().decode()


def chain(count: int) -> dict[str, Any]:
    """A plan of workers that wait for each other in a row: w1, w2, ..."""
    return {
        "name": "A row",
        "workers": [
            {"id": f"w{n}", "dependencies": [f"w{n - 1}"] if n > 1 else []} for n in range(1, count + 1)
        ],
    }


def independent(count: int) -> dict[str, Any]:
    """A plan of workers that wait for nobody: w1, w2, ..."""
    return {"name": "All at once", "workers": [{"id": f"w{n}"} for n in range(1, count + 1)]}
