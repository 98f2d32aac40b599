"""Who may use the servers: passwords that nobody sees, credentials and clients that are not there."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.remote import RemoteBo, ok
from tests.cli.running import Bo, BoProcess, chain
from tests.remote.nodes import Node, until

PASSWORD = "s3cret-w0rd"


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    """A server that lets in whoever knows the password."""
    users = f'authorization {{ user: "bo", password: "{PASSWORD}" }}'
    with Node(tmp_path_factory.mktemp("guarded"), extra=users) as node:
        yield node


def address(node: Node, password: str = PASSWORD, user: str = "bo") -> str:
    return f"nats://{user}:{password}@127.0.0.1:{node.port}/guarded"


@pytest.fixture
def bo(tmp_path: Path, guarded: Node) -> RemoteBo:
    made = RemoteBo(tmp_path / "here", address(guarded))
    ok(made("remote", "init", "--replicas", "1", "--monitor", guarded.monitor))
    return made


def assert_nowhere(folder: Path, secret: str = PASSWORD) -> None:
    """No file has the secret in it."""
    for path in folder.rglob("*"):
        assert not path.is_file() or secret.encode() not in path.read_bytes(), path


def test_the_password_is_in_no_answer_and_in_no_file(bo: RemoteBo, guarded: Node) -> None:
    name, said = "one", []
    for command in (
        ["init", "-p", name, "--plan", json.dumps(chain(2) | {"objective": f"reach {bo.address}"})],
        ["note", "-p", name, f"the log is at {bo.address}", "--actor", PASSWORD],
        ["status", "-p", name, "--table"],
        ["status", "-p", name],
        ["list"],
        ["verify", "-p", name, "--remote"],
        ["pull"],
        ["doctor", "--monitor", guarded.monitor],
        ["push", "-p", name],
        ["log", "-p", name],
        ["status", "-p", bo.address],
        ["complete", "-p", name, "-w", bo.address],
        ["remote", "init", "--replicas", "2", "--monitor", guarded.monitor],
    ):
        answer = bo(*command)
        said.append(answer.stdout + answer.stderr)
    assert PASSWORD not in "".join(said)
    assert "***" in said[9]
    assert_nowhere(bo.folder)
    without = bo("note", "-p", name, "x", env={"BO_LOG": ""})
    assert without.code == 1
    assert PASSWORD not in without.stdout + without.stderr


@pytest.mark.parametrize("wrong", [("other-word", "bo"), ("", "somebody"), (PASSWORD, "somebody")])
def test_a_wrong_password_is_refused_at_once_and_masked(
    bo: RemoteBo, guarded: Node, wrong: tuple[str, str]
) -> None:
    bo.address = address(guarded, *wrong)
    for command in (["status", "-p", "auth"], ["list"], ["remote", "init", "--replicas", "1"], ["pull"]):
        answer = bo(*command)
        assert answer.code == 4, answer
        assert "BO_NATS_CREDS" in answer.json["hint"]
        assert not wrong[0] or wrong[0] not in answer.stdout + answer.stderr


def test_a_detached_dispatcher_gets_the_address_and_nobody_reads_it(tmp_path: Path, guarded: Node) -> None:
    process = BoProcess(tmp_path)
    env = {"BO_PROJECT": "detached"}
    log = ["--log", address(guarded)]
    ok(
        RemoteBo(tmp_path, address(guarded))(
            "remote", "init", "--replicas", "1", "--monitor", guarded.monitor
        )
    )
    seen = tmp_path / "seen"
    spy = f"for p in /proc/[0-9]*; do tr '\\0' ' ' <$p/cmdline; done >{seen} 2>/dev/null"
    plan = {"workers": [{"id": "spy", "command": ["sh", "-c", spy]}]}
    ok(process("init", "--plan", json.dumps(plan), *log, env=env))
    started = ok(process("run", "--detach", *log, env=env)).json
    ok(process("wait", env=env | {"BO_LOG": address(guarded)}))
    assert started["dispatcher"] in seen.read_text()
    assert PASSWORD not in seen.read_text()
    said = Path(started["log"])
    # It says how it ended after it has recorded that, which is what `wait` waits for.
    until(lambda: '"status": "completed"' in said.read_text(), "the last word of the dispatcher")
    assert PASSWORD not in said.read_text()


def test_credentials_that_cannot_be_read_are_named(bo: RemoteBo) -> None:
    answer = bo("status", env={"BO_NATS_CREDS": "/nowhere/bo.creds"})
    assert (answer.code, answer.json["code"]) == (1, "no_credentials")
    assert "/nowhere/bo.creds" in answer.json["error"]


def test_without_the_client_of_nats_the_extra_is_named(bo: RemoteBo, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(sys.modules):
        if name == "nats" or name.startswith("nats."):
            monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.setitem(sys.modules, "nats", None)
    answer = bo("status", "-p", "auth")
    assert (answer.code, answer.json["code"]) == (1, "extra_missing")
    assert "build-orchestrator[nats]" in answer.json["hint"]
    ok(Bo(bo.folder)("list"))
