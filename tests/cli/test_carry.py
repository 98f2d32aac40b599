"""Projects on their way between this machine and the servers: push, pull, fork, verify --remote."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.dispatch.presence import Presence
from cli.project import Project
from eventlog import START, JsonlStore
from eventlog.events import DispatcherStarted
from eventlog.names import ProjectName
from tests import damage
from tests.cli.remote import HERE, RemoteBo, impatient, ok
from tests.cli.running import Bo, chain, independent
from tests.logs import notes
from tests.remote.behind import Behind, shared_node
from tests.remote.nodes import Node


@pytest.fixture
def behind() -> Iterator[Behind]:
    made = Behind(shared_node().url, "auth")
    yield made
    made.close()


@pytest.fixture
def bo(tmp_path: Path, behind: Behind) -> RemoteBo:
    return RemoteBo(tmp_path / "here", behind.address)


@pytest.fixture
def local(bo: RemoteBo) -> Bo:
    """The same folder without servers, with a project in it."""
    return Bo(bo.folder).init()


def content(bo: Bo) -> bytes:
    return bo.path("auth", "events.jsonl").read_bytes()


def test_a_project_goes_up_as_it_is_and_its_folder_is_a_mirror_then(
    bo: RemoteBo, local: Bo, behind: Behind
) -> None:
    ok(local("complete", "-w", "worker_schema"))
    before = content(local)
    pushed = ok(bo("push", "-p", "auth")).json
    assert (pushed["events"], pushed["pushed"], pushed["already"]) == (2, 2, False)
    assert b"".join(behind.messages()) == content(bo) == before
    assert local("note", "x").json["code"] == "mirror"
    ok(bo("note", "x"))
    again = ok(bo("push")).json
    assert (again["events"], again["pushed"], again["already"]) == (3, 0, True)


def test_what_was_interrupted_goes_on_and_what_the_servers_lost_they_get_back(
    bo: RemoteBo, local: Bo, behind: Behind
) -> None:
    for word in ("a", "b", "c"):
        ok(local("note", word))
    lines = content(local).splitlines(keepends=True)
    behind.put(b"".join(lines[:2]))
    assert ok(bo("push")).json["pushed"] == 2
    behind.put(lines[0])
    assert bo("status").json["code"] == "regressed_log"
    assert ok(bo("push")).json["pushed"] == 3
    assert ok(bo("status")).json["seq"] == 4
    behind.delete()
    behind.create()
    assert ok(bo("push")).json["pushed"] == 4
    ok(bo("verify", "--remote"))


def test_another_log_of_that_name_is_left_alone_and_so_is_the_one_here(
    bo: RemoteBo, local: Bo, behind: Behind
) -> None:
    bo.elsewhere().init("auth", chain(1))
    before = content(local), behind.messages()
    answer = bo("push", "-p", "auth")
    assert (answer.code, answer.json["code"]) == (1, "other_log")
    assert (content(local), behind.messages()) == before
    ok(local("note", "still a log of this machine"))
    longer = bo.elsewhere()
    ok(longer("note", "x", "-p", "auth"))
    ok(longer("note", "y", "-p", "auth"))
    answer = bo("push", "-p", "auth")
    assert (answer.code, answer.json["code"]) == (1, "remote_ahead")
    read = bo("status", "-p", "auth")
    assert (read.code, read.json["code"]) == (3, "regressed_log")


def test_the_beginning_of_a_log_on_the_servers_becomes_its_mirror(bo: RemoteBo, local: Bo) -> None:
    first = content(local)
    ok(bo("push"))
    ok(bo("note", "x"))
    other = bo.elsewhere()
    other.path("auth").mkdir(parents=True)
    other.path("auth", "events.jsonl").write_bytes(first)
    pulled = ok(other("pull", "-p", "auth")).json["projects"]
    assert pulled == [{"project": "auth", "events": 2, "new": 2}]
    assert content(other) == content(bo)


def test_a_damaged_log_sends_nothing(bo: RemoteBo, local: Bo, behind: Behind) -> None:
    ok(local("note", "x"))
    path = bo.path("auth", "events.jsonl")
    path.write_bytes(damage.flip_bit(path.read_bytes(), 900))
    assert bo("push").code == 3
    assert behind.messages() == []


def test_a_log_into_which_a_dispatcher_writes_stays_where_it_is(
    bo: RemoteBo, local: Bo, behind: Behind
) -> None:
    store = JsonlStore(bo.path("auth", "events.jsonl"))
    started = DispatcherStarted(time="2026-11-23T04:00:00.000000Z", actor="x", dispatcher="d1")
    store.append([started], store.head())
    with Presence(Project(str(bo.builds), ProjectName("auth")), "d1"):
        answer = bo("push")
        assert (answer.code, answer.json["code"]) == (1, "still_running")
        assert behind.messages() == []
    ok(bo("push"))


def test_an_event_that_is_too_long_for_the_servers_is_refused_by_the_name_of_the_setting(
    bo: RemoteBo, tmp_path: Path
) -> None:
    with Node(tmp_path / "node", extra="max_payload: 4096") as node:
        behind = Behind(node.url, "auth")
        bo.address = behind.address
        plan = json.dumps(independent(300))
        ok(bo("init", "-p", "auth", "--plan", plan, env=HERE))
        for command in (("push", "-p", "auth"), ("init", "-p", "large", "--plan", plan)):
            answer = bo(*command)
            assert (answer.code, answer.json["code"]) == (1, "invalid_event")
            assert "max_payload" in answer.json["hint"]
        assert behind.messages() == []
        assert not bo.path("large").exists()
        behind.close()


def test_pull_brings_all_projects_with_their_derived_files(bo: RemoteBo) -> None:
    bo.init("auth").init("second", chain(2))
    other = bo.elsewhere()
    rows = ok(other("pull")).json["projects"]
    assert rows == [{"project": "auth", "events": 1, "new": 1}, {"project": "second", "events": 1, "new": 1}]
    for name in ("plan.json", "README.md", "spawn_results.jsonl", "events.jsonl"):
        for project in ("auth", "second"):
            assert other.path(project, name).exists() == bo.path(project, name).exists()
    ok(bo("complete", "-p", "auth", "-w", "worker_schema"))
    # A command that reads takes the lines, and pull the files that are made of them.
    ok(other("status", "-p", "auth"))
    assert other.path("auth", "plan.json").read_bytes() != bo.path("auth", "plan.json").read_bytes()
    ok(other("pull", "-p", "auth"))
    assert other.path("auth", "plan.json").read_bytes() == bo.path("auth", "plan.json").read_bytes()
    assert ok(other("pull", "--table")).stdout.count("auth") == 1
    missing = other("pull", "-p", "third")
    assert (missing.code, missing.json["code"]) == (1, "no_project")


def test_pull_goes_on_behind_a_damaged_project_and_needs_the_servers(
    bo: RemoteBo, behind: Behind, monkeypatch: pytest.MonkeyPatch
) -> None:
    bo.init("auth").init("second", chain(2))
    behind.publish(b"not a line\n")
    answer = bo.elsewhere()("pull")
    assert answer.code == 3
    rows = {row["project"]: row for row in answer.json["projects"]}
    assert "damaged at line 2" in rows["auth"]["error"]
    assert rows["second"]["events"] == 1
    impatient(monkeypatch)
    bo.address = "nats://127.0.0.1:9/x"
    assert bo("pull").code == bo("push", "-p", "second").code == 4


@pytest.mark.parametrize("what", ["altered", "hole", "restarted", "not a line"])
def test_what_the_servers_hold_damaged_is_named_with_exit_3(bo: RemoteBo, behind: Behind, what: str) -> None:
    bo.init()
    for word in ("a", "b", "c"):
        ok(bo("note", word))
    lines = behind.messages()
    assert ok(bo("verify", "--remote")).json["compared"]["events"] == 4
    if what == "altered":
        behind.put(b"".join([lines[0], lines[1].replace(b'"a"', b'"A"'), *lines[2:]]))
    elif what == "hole":
        behind.put(b"".join([lines[0], lines[1], lines[3]]))
    elif what == "restarted":
        behind.put(b"".join(JsonlStoreIn(bo.folder / "made").lines()))
    else:
        behind.publish(b"not a line\n")
    here = content(bo)
    answer = bo("verify", "--remote")
    assert answer.code == 3, answer
    assert answer.json["code"] in ("corrupt_log", "regressed_log")
    fresh = bo.elsewhere()("verify", "-p", "auth", "--remote")
    assert (fresh.code == 3) == (what != "restarted"), fresh
    assert content(bo) == here
    if what != "altered":  # what lies far back is not read again for every event
        assert bo("note", "x").code == 3
        assert content(bo) == here


class JsonlStoreIn:
    """Another log of as many events, in a folder."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "events.jsonl"
        JsonlStore(self._path).append(notes(6, "other"), START)

    def lines(self) -> list[bytes]:
        """Its lines."""
        return self._path.read_bytes().splitlines(keepends=True)


def test_a_mirror_that_is_damaged_or_gone_is_brought_again(bo: RemoteBo) -> None:
    bo.init()
    ok(bo("note", "x"))
    path, whole = bo.path("auth", "events.jsonl"), content(bo)
    path.write_bytes(damage.flip_bit(whole, 900))
    answer = bo("replay", "-p", "auth")
    assert (answer.code, answer.json["code"]) == (3, "corrupt_log")
    assert "`bo pull` brings it again" in answer.json["hint"]
    compared = bo("verify", "-p", "auth", "--remote")
    assert compared.code == 3
    assert compared.json["compared"]["events"] == 2  # the servers' copy is whole
    assert "line 1" in compared.json["problems"][0]
    path.unlink()
    gone = bo("status", "-p", "auth")
    assert (gone.code, gone.json["code"]) == (3, "regressed_log")
    assert "`bo pull` brings it again" in gone.json["hint"]
    shutil.rmtree(bo.path("auth", ".bo"))
    ok(bo("pull", "-p", "auth"))
    assert content(bo) == whole


def test_verify_of_the_servers_says_what_was_compared(bo: RemoteBo) -> None:
    bo.init()
    assert "compared with nats://127.0.0.1" in ok(bo("verify", "--remote", "--table")).stdout
    assert bo("verify", "--remote", env=HERE).code == 2
    assert "compared" not in ok(bo("verify")).json


def test_what_takes_long_says_how_far_it_is(bo: RemoteBo, local: Bo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cli.commands.carry.SAY_EVERY", -1.0)
    ok(local("note", "x"))
    assert "2 events taken up" in ok(bo("push")).stderr


def test_a_fork_is_on_the_servers_and_rescues_what_is_before_their_damage(
    bo: RemoteBo, behind: Behind
) -> None:
    bo.init()
    ok(bo("complete", "-w", "worker_schema"))
    behind.publish(b"not a line\n")
    assert bo("status").code == 3
    forked = ok(bo("fork", "-p", "auth", "--at", "2", "--as", "rescued")).json
    assert forked["forked_from"] == "auth@2"
    assert ok(bo.elsewhere()("status", "-p", "rescued")).json["seq"] == 3
    assert bo("fork", "-p", "auth", "--at", "2", "--as", "rescued").json["code"] == "project_exists"
    again = bo.elsewhere()
    ok(again("pull", "-p", "rescued"))
    assert again("fork", "-p", "rescued", "--at", "1", "--as", "rescued").json["code"] == "project_exists"


def test_a_fork_that_did_not_reach_the_servers_goes_up_later(
    bo: RemoteBo, monkeypatch: pytest.MonkeyPatch
) -> None:
    from eventlog.errors import ServersAway

    bo.init()

    def away(*_: object) -> None:
        raise ServersAway("gone")

    with monkeypatch.context() as patched:
        patched.setattr("cli.commands.carry.carry_up", away)
        answer = bo("fork", "-p", "auth", "--at", "1", "--as", "copy")
    assert answer.code == 4
    assert "`bo push -p copy`" in answer.json["hint"]
    assert ok(bo("push", "-p", "copy")).json["events"] == 2
