"""Every command gives the same answer, byte for byte, whether the log is a file or on servers."""

from __future__ import annotations

import importlib
import json
import shlex
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from cli.table_of_commands import COMMANDS
from tests.cli.remote import RemoteBo, ok
from tests.cli.running import ROOT, Bo, BoProcess
from tests.remote.behind import Behind, shared_node

SESSION = f"""
init -p auth --plan-file {ROOT}/examples/auth-system.json
init -p auth --plan-file {ROOT}/examples/auth-system.json
status
ready --table
list --table
prime
completion bash
schema plan
amend --add '{{"id": "docs", "dependencies": ["worker_jwt"]}}'
note 'providers wait for the legal check'
spawn-cmd -w worker_schema --parent con_7f3a
assignment -w worker_schema
progress -w worker_schema -m 'tests written' --percent 60
submit -w worker_schema --files schema.sql --summary 'it works'
review
reject -w worker_schema --reason 'no tests'
submit -w worker_schema --files schema.sql
approve -w worker_schema
complete -w worker_oauth --output oauth.py
complete -w worker_oauth --output other.py
complete -w worker_nobody
fail -w worker_jwt --reason 'no signing key'
reset -w worker_jwt --reason 'the key is there now'
cancel -w worker_providers --reason 'not this quarter'
status --table
why -w docs
blame -w worker_schema status
log
log --type worker_completed -n 1 --table
log --since 3 --until 5
tail -n 2
tail --all -n 1
replay --at 5
replay
plan
plan --at 3
readme
diff 1 6
critical-path
what-if --slower worker_oauth=2 --jobs 4
graph
timeline
report
export --format jsonl
export --format wfformat
audit
audit --format markdown
rebuild
verify
status --at 99
fork -p auth --at 4 --as copy
diff -p auth --other copy
status -p copy
import {{plan}} -p adopted
complete -p adopted -w docs --force
list
run -p copy -w worker_jwt --command false --table --dry
wait -p auth -w worker_oauth
stop -p auth
spawn -p auth -w worker_oauth
"""
"""Commands that do not depend on chance, one a line."""

ELSEWHERE = {"doctor", "fake-agent", "pull", "push", "remote"}
"""Commands that say something else of a log on servers, or nothing of a log at all."""


@pytest.fixture
def behind() -> Iterator[Behind]:
    made = Behind(shared_node().url, "auth")
    yield made
    made.close()


def answers(bo: Bo, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the session says, as if it had been at the same time, by the same chance, in the same folder."""
    chance = count(1)
    said = []
    with monkeypatch.context() as patched:
        patched.setattr("cli.clock.now", lambda: "2026-11-23T04:00:00.000000Z")
        for module in ("define", "fork"):
            patched.setattr(f"cli.commands.{module}.new_build_id", lambda: f"{next(chance):032x}")
        for line in SESSION.strip().splitlines():
            arguments = shlex.split(line.replace("{plan}", str(bo.path("auth", "plan.json"))))
            answer = bo(*arguments, env={"BO_PROJECT": "auth", "BO_ACTOR": "me"})
            shown = answer.stdout.replace(str(bo.folder), "FOLDER")
            said.append(f"{line}\n{answer.code}\n{answer.stderr}{without_whereabouts(shown)}")
    return said


def without_whereabouts(text: str) -> str:
    """What `status` says, without where the log is."""
    before, found, rest = text.partition('  "log": {')
    text = before.rstrip().removesuffix(",") + "\n" + rest.partition("}\n")[2] if found else text
    return "".join(line for line in text.splitlines(True) if not line.startswith("log: nats://"))


def test_a_session_of_every_command_has_the_same_answers(
    tmp_path: Path, behind: Behind, monkeypatch: pytest.MonkeyPatch
) -> None:
    for row in COMMANDS:
        importlib.import_module(f"cli.commands.{row.module}")  # or one would keep the clock of this test
    (tmp_path / "a").mkdir()
    with_file = answers(Bo(tmp_path / "a"), monkeypatch)
    with_servers = answers(RemoteBo(tmp_path / "b", behind.address), monkeypatch)
    for file, servers in zip(with_file, with_servers, strict=True):
        assert servers == file
    for name in ("auth", "copy", "adopted"):
        for file in ("events.jsonl", "plan.json", "README.md"):
            one, other = (tmp_path / folder / "builds" / name / file for folder in "ab")
            assert one.read_bytes() == other.read_bytes()
    tried = {line.split()[0] for line in SESSION.strip().splitlines()}
    assert {row.name for row in COMMANDS} == tried | ELSEWHERE


@pytest.mark.parametrize("detached", [False, True])
def test_a_run_ends_in_the_same_state(tmp_path: Path, behind: Behind, detached: bool) -> None:
    states = []
    process = BoProcess(tmp_path)
    for name, address in (("file", ""), ("servers", behind.address)):
        env = {"BO_BUILDS_DIR": str(tmp_path / name), "BO_LOG": address, "BO_PROJECT": "auth"}
        plan = json.dumps({"workers": [{"id": f"w{n}", "command": f"test {n} != 3"} for n in range(1, 5)]})
        ok(process("init", "--plan", plan, env=env))
        # The address reaches the dispatcher without being in the list of processes.
        started = process("run", "-j", "2", *(["--detach"] if detached else []), env=env)
        assert started.code == (0 if detached else 1), started
        assert process("wait", env=env).code == 1
        assert ok(process("stop", env=env)).json["ended"]
        workers = ok(process("status", env=env)).json["workers"]
        types = [event["type"] for event in ok(process("log", env=env)).lines]
        states.append(({worker["id"]: worker["status"] for worker in workers}, sorted(types)))
        assert ok(process("verify", env=env)).json["ok"]
    assert states[0] == states[1]
    assert len(behind.messages()) == len(states[0][1])


def test_a_tail_shows_what_others_write(tmp_path: Path, behind: Behind) -> None:
    bo = RemoteBo(tmp_path / "b", behind.address).init()
    elsewhere = BoProcess(tmp_path)
    tail = elsewhere.start("tail", "-f", "-p", "auth", "--table", env={"BO_LOG": behind.address})
    assert tail.stdout is not None
    try:
        assert b"plan_defined" in tail.stdout.readline()
        ok(bo("note", "hello"))
        assert b"hello" in tail.stdout.readline()
    finally:
        tail.kill()
        tail.communicate()
