"""A log on servers from the command line: read through its mirror, written only where it is."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.remote import HERE, RemoteBo, impatient, ok
from tests.cli.running import Bo, chain
from tests.remote.behind import Behind, shared_node
from tests.remote.nodes import Node, until


@pytest.fixture
def behind() -> Iterator[Behind]:
    made = Behind(shared_node().url, "auth")
    yield made
    made.close()


@pytest.fixture
def bo(tmp_path: Path, behind: Behind) -> RemoteBo:
    return RemoteBo(tmp_path / "here", behind.address)


def test_what_is_written_in_one_place_is_read_in_another(bo: RemoteBo, behind: Behind) -> None:
    bo.init()
    other = bo.elsewhere()
    ok(other("complete", "-p", "auth", "-w", "worker_schema"))
    assert bo.statuses() == other.statuses()
    assert bo.statuses()["worker_schema"] == "completed"
    assert b"".join(behind.messages()) == bo.path("auth", "events.jsonl").read_bytes()
    assert ok(bo("verify")).json["ok"]
    assert ok(other("verify")).json["ok"]


def test_the_option_goes_before_the_variable_and_nothing_before_files(tmp_path: Path, behind: Behind) -> None:
    bo = Bo(tmp_path)
    ok(bo("init", "-p", "auth", "--log", behind.address, "--plan", json.dumps(chain(1)), env={"BO_LOG": "x"}))
    assert len(behind.messages()) == 1
    ok(bo("init", "-p", "here", "--log", "", "--plan", json.dumps(chain(1)), env={"BO_LOG": behind.address}))
    assert not bo.path("here", ".bo", "remote").exists()


@pytest.mark.parametrize("address", ["localhost", "http://h:1", "nats://", "nats://h/a.b", "nats://h:x"])
def test_what_is_no_address_is_refused_by_name(bo: RemoteBo, address: str) -> None:
    answer = bo("status", "--log", address)
    assert (answer.code, answer.json["code"]) == (1, "bad_address")


def test_without_the_address_a_mirror_is_read_and_never_written(bo: RemoteBo, behind: Behind) -> None:
    bo.init()
    kept = {path: path.read_bytes() for path in bo.path("auth").rglob("*") if path.is_file()}
    read = ok(bo("status", env=HERE))
    assert f"the mirror of the log at {behind.servers.address.shown}, 0 s old" in read.stderr
    assert read.json["log"] == {
        "address": behind.servers.address.shown,
        "reachable": False,
        "power_safe": None,
        "mirror_age": read.json["log"]["mirror_age"],
    }
    for command in ("complete -w", "run -w", "spawn-cmd --parent c -w", "note"):
        answer = bo(*command.split(), "worker_schema", env=HERE)
        assert (answer.code, answer.json["code"]) == (1, "mirror"), command
        assert f"`--log {behind.servers.address.shown}`" in answer.json["hint"]
        assert "BO_LOG" in answer.json["hint"]
    ok(bo("verify", env=HERE))
    assert "1 of these are mirrors" in ok(bo("list", env=HERE)).stderr
    now = {path: path.read_bytes() for path in bo.path("auth").rglob("*") if path.is_file()}
    assert {path: now.get(path) for path in kept} == kept


@pytest.mark.parametrize("record", [b"", b"{}", b'{"address":"a","place":3,"time":1}', b"\xff", b"[" * 9999])
def test_a_record_that_says_nothing_is_still_one_of_a_mirror(bo: RemoteBo, record: bytes) -> None:
    bo.init()
    bo.path("auth", ".bo", "remote").write_bytes(record)
    answer = bo("note", "x", env=HERE)
    assert (answer.code, answer.json["code"]) == (1, "mirror")
    assert "the mirror of another log" in answer.json["error"]
    ok(bo("note", "x"))
    assert "127.0.0.1" in ok(bo("status", env=HERE)).stderr


def test_servers_that_are_away_are_read_from_the_mirror_and_never_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    impatient(monkeypatch)
    with Node(tmp_path / "node") as node:
        behind = Behind(node.url, "auth")
        bo = RemoteBo(tmp_path / "here", behind.address).init()
        node.kill()
        for command in ("status", "ready", "log", "list", "tail", "audit", "verify", "replay", "plan"):
            answer = ok(bo(command, "-p", "auth") if command != "list" else bo(command))
            assert "does not answer" in answer.stderr, command
        away = bo("status", "-p", "auth")
        assert "this is the mirror of it here, " in away.stderr
        assert away.json["log"]["reachable"] is False
        assert away.json["log"]["mirror_age"] > 0
        assert "this is its mirror here, " in bo("status", "--table").stdout
        before = bo.log()
        for command in ("complete -w worker_schema", "note hello", "reset -w worker_jwt --force"):
            answer = bo(*command.split(), "-p", "auth")
            assert (answer.code, answer.json["code"]) == (4, "servers_away"), answer
        assert bo("init", "-p", "new", "--plan", json.dumps(chain(1))).code == 4
        assert not bo.path("new").exists()
        assert bo.log() == before
        node.start()
        ok(bo("complete", "-p", "auth", "-w", "worker_schema"))
        assert ok(bo("status")).json["log"] == {
            "address": behind.servers.address.shown,
            "reachable": True,
            "power_safe": True,
            "mirror_age": None,
        }
        behind.close()


def test_servers_that_do_not_sync_are_said_to_be_not_power_safe(tmp_path: Path) -> None:
    behind = Behind(shared_node().url, "auth", synced=False)
    bo = RemoteBo(tmp_path / "here", behind.address).init()
    assert ok(bo("status")).json["log"]["power_safe"] is False
    assert "not power-safe" in ok(bo("status", "--table")).stdout
    behind.close()


def test_without_a_name_the_only_project_on_the_servers_is_meant(bo: RemoteBo) -> None:
    bo.init()
    other = bo.elsewhere()
    assert other("list").json["projects"] == [
        {"project": "auth", "name": None, "status": "not_mirrored", "workers": None}
    ]
    assert ok(other("status")).json["project"] == "auth"
    bo.init("second", chain(1))
    answer = other("status")
    assert (answer.code, answer.json["code"]) == (1, "which_project")
    assert answer.json["hint"].endswith("auth, second")


def test_what_is_no_project_on_the_servers_is_passed_over(tmp_path: Path) -> None:
    behind = Behind(shared_node().url, "no$project")
    behind.publish(b"anything\n")
    bo = RemoteBo(tmp_path / "here", behind.address)
    assert ok(bo("list")).json["projects"] == []
    assert ok(bo("pull")).json["projects"] == []
    assert "there is no project at nats://" in ok(bo("pull", "--table")).stdout
    behind.close()


def test_a_large_plan_is_published_behind_the_command_from_the_same_log(
    bo: RemoteBo, monkeypatch: pytest.MonkeyPatch
) -> None:
    bo.init()
    monkeypatch.setattr("cli.trailing.MANY", 0)
    ok(bo("complete", "-w", "worker_schema"))
    until(lambda: bo.plan()["workers"][0]["status"] == "completed", "the new plan.json")
    ok(bo("verify"))


def test_a_command_without_servers_says_once_that_it_reads_a_mirror(bo: RemoteBo) -> None:
    bo.init()
    assert ok(bo("verify", env=HERE)).stderr.count("\n") == 1


def test_a_log_of_this_machine_is_not_taken_for_a_mirror(bo: RemoteBo, behind: Behind) -> None:
    local = Bo(bo.folder).init()
    answer = bo("status", "-p", "auth")
    assert (answer.code, answer.json["code"]) == (1, "not_pushed")
    assert "of its 1 events" in answer.json["error"]
    assert "`bo push`" in answer.json["hint"]
    assert bo("list").json["projects"][0]["status"] == "not_pushed"
    assert bo("note", "x", "-p", "auth").code == 1
    assert behind.messages() == []
    ok(local("note", "x"))


def test_a_stream_that_is_gone_or_made_anew_is_named(bo: RemoteBo, behind: Behind) -> None:
    bo.init()
    behind.delete()
    gone = bo("status", "-p", "auth")
    assert (gone.code, gone.json["code"]) == (1, "no_stream")
    assert "bo remote init" in gone.json["hint"]
    behind.create()
    lost = bo("status")
    assert (lost.code, lost.json["code"]) == (3, "regressed_log")
    assert "`bo push`" in lost.json["hint"]
    assert bo("note", "x").code == 3
    assert bo("verify").code == 3
