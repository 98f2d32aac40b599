"""A canary in place of the agents' token goes through every flow: no file, answer or process list has it."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from cli.secrets import MASK, mask_all
from eventlog.events import Answer
from projections import commands as cmd
from tests.cli.running import Bo, chain
from tests.dispatch.runs import Runs, plan, sh

CANARY = "canary-7d1f6a"
ENV = {"ZO_CLIENT_IDENTITY_TOKEN": CANARY}

EVERYWHERE = [
    ["complete", "-w", "w1", "--output", CANARY, "--summary", f"it is {CANARY}."],
    ["reset", "-w", "w1", "--reason", CANARY, "--force"],
    ["submit", "-w", "w1", "--files", CANARY, "--summary", CANARY],
    ["reject", "-w", "w1", "--reason", CANARY],
    ["fail", "-w", "w1", "--reason", CANARY],
    ["reset", "-w", "w1", "--reason", CANARY],
    ["cancel", "-w", "w3", "--reason", CANARY],
    ["spawn-cmd", "-w", "w1", "--parent", CANARY],
    ["progress", "-w", "w1", "-m", CANARY],
    ["note", CANARY, "--actor", CANARY],
    ["amend", "--add", json.dumps([{"id": "w9", "description": CANARY, CANARY: [CANARY]}])],
]

REFUSED = [
    ["complete", "-w", CANARY],
    ["status", "-p", CANARY],
    ["status", "-p", f"../{CANARY}"],
    ["log", "--since", CANARY],
    [CANARY],
    ["status", f"--{CANARY}"],
    ["init", "-p", "other", "--plan", CANARY],
    ["init", "-p", "other", "--plan", json.dumps({"workers": [{"id": f"/{CANARY}"}]})],
    ["init", "-p", "other", "--plan-file", CANARY],
]


def assert_nowhere(folder: Path) -> None:
    """No file, and no name of a file, has the canary in it."""
    for path in folder.rglob("*"):
        assert CANARY not in str(path)
        assert not path.is_file() or CANARY.encode() not in path.read_bytes(), path


def test_a_secret_that_is_typed_into_any_option_is_masked_before_it_enters_the_log(bo: Bo) -> None:
    done = bo(
        "init",
        "-p",
        "auth",
        "--plan",
        json.dumps({**chain(3), "description": CANARY, CANARY: CANARY}),
        env=ENV,
    )
    assert done.code == 0, done
    masked = 0
    for arguments in EVERYWHERE:
        before = len(bo.log())
        answer = bo(arguments[0], "-p", "auth", *arguments[1:], env=ENV)
        assert answer.code == 0, answer
        assert len(bo.log()) == before + 1, arguments
        masked += MASK in json.dumps(bo.log()[-1])
    assert masked == len(EVERYWHERE)
    for command in ("status", "log", "review", "assignment -w w1", "audit", "verify", "rebuild", "graph"):
        answer = bo(*command.split(), "-p", "auth", env=ENV)
        assert CANARY not in answer.stdout + answer.stderr, command
    assert_nowhere(bo.folder)


@pytest.mark.parametrize("style", ["--json", "--table"])
@pytest.mark.parametrize("arguments", REFUSED, ids=lambda arguments: " ".join(arguments)[:30])
def test_a_secret_that_is_refused_is_not_repeated_by_the_error(
    bo: Bo, arguments: list[str], style: str
) -> None:
    bo.init("auth", chain(2))
    answer = bo(*arguments, *([style] if len(arguments) > 1 else []), env=ENV)
    assert answer.code in (1, 2, 4)
    assert CANARY not in answer.stdout + answer.stderr
    assert_nowhere(bo.folder)


def test_a_plan_whose_secrets_were_masked_is_the_same_plan_when_it_comes_again(bo: Bo) -> None:
    arguments = ["init", "-p", "auth", "--plan", json.dumps({**chain(2), "objective": CANARY})]
    assert bo(*arguments, env=ENV).code == bo(*arguments, env=ENV).code == 0
    assert bo.types() == ["plan_defined"]


def test_every_part_of_a_command_is_masked_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    command = cmd.Complete(worker="w", summary=f"a {CANARY} b", answer=Answer(text=CANARY, size=7))
    amended = cmd.AmendPlan(workers=f'["{CANARY}", "\udcff"]'.encode("utf-8", "surrogateescape"))
    assert mask_all(command) is command
    monkeypatch.setenv("ZO_CLIENT_IDENTITY_TOKEN", CANARY)
    answer = Answer(text=MASK, size=7)
    assert mask_all(command) == cmd.Complete(worker="w", summary=f"a {MASK} b", answer=answer)
    assert mask_all(amended).workers == b'["***", "\xff"]'
    moved = cmd.AmendPlan(dependencies={"w": [CANARY]}, estimates={CANARY: 1.0})
    assert mask_all(moved) == cmd.AmendPlan(dependencies={"w": [MASK]}, estimates={MASK: 1.0})


SPY = "import os, sys; sys.stdout.write(repr(dict(os.environ)))"


def test_a_worker_finds_the_token_neither_in_its_environment_nor_in_the_process_list(tmp_path: Path) -> None:
    runs = Runs(tmp_path)
    seen = tmp_path / "seen"
    spy = f'"{sys.executable}" -c "{SPY}" >"{seen}"; cat /proc/[0-9]*/cmdline >>"{seen}" 2>/dev/null; true'
    says = sh(f"echo 'the token is {CANARY}'; echo {CANARY} >&2; exit 3")
    runs.init("run", plan({"id": "spy", "command": sh(spy)}))
    runs("amend", "--add", json.dumps([{"id": "tells", "command": says}]))
    assert runs("run", "-j", "2", env=ENV).code == 1
    content = seen.read_bytes()
    assert b"BO_WORKER" in content
    assert not Path("/proc/self/cmdline").exists() or b"cli\0run" in content
    assert b"ZO_CLIENT_IDENTITY_TOKEN" not in content
    assert runs.events("worker_failed", "tells")
    assert CANARY not in json.dumps(runs.events("worker_failed", "tells"))
