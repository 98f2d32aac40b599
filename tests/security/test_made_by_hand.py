"""Files that somebody wrote by hand, in the right form: they lead nowhere and are not believed."""

from __future__ import annotations

import fcntl
import os
from hashlib import sha256
from pathlib import Path

import msgspec
import pytest

from cli.dispatch.presence import find_pid
from cli.project import Project
from cli.snapshot import read_snapshot, write_snapshot
from eventlog import START, JsonlStore
from eventlog.events import DispatcherStarted, PlanDefined, WorkerSpawned
from eventlog.names import ProjectName
from tests.cli.running import Bo

TIME = "2026-11-23T04:00:00.000000Z"


@pytest.mark.parametrize("name", ["../out", "/etc/x", "a/b", "..", "", "a\0b"])
@pytest.mark.parametrize("what", ["worker", "dispatcher", "dispatcher of an attempt"])
def test_a_log_with_a_name_that_is_a_path_is_refused_though_its_chain_is_whole(
    bo: Bo, what: str, name: str
) -> None:
    worker = name if what == "worker" else "a"
    plan = msgspec.Raw(msgspec.json.encode({"workers": [{"id": worker, "command": "true"}]}))
    store = JsonlStore(bo.path("auth", "events.jsonl"))
    batch = store.append([PlanDefined(time=TIME, actor="x", build_id="b", plan=plan)], START)
    if what == "dispatcher":
        store.append([DispatcherStarted(time=TIME, actor="x", dispatcher=name)], batch.head)
    elif what == "dispatcher of an attempt":
        spawned = WorkerSpawned(time=TIME, actor="x", worker="a", attempt=1, via="command", dispatcher=name)
        store.append([spawned], batch.head)
    before = sorted(bo.folder.rglob("*"))
    for command in ("status", "run", "complete -w a", "stop"):
        answer = bo(*command.split(), "-p", "auth")
        assert (answer.code, answer.json["code"]) == (3, "impossible_event")
    assert sorted(bo.folder.rglob("*")) == before


@pytest.mark.parametrize("number", [0, -3])
def test_an_attempt_that_cannot_be_is_refused(bo: Bo, number: int) -> None:
    assert _with_attempt(bo, WorkerSpawned(time=TIME, actor="x", worker="a", attempt=number)) == (
        3,
        "impossible_event",
    )


def test_an_attempt_whose_time_is_none_is_taken_over_like_any_other(bo: Bo) -> None:
    spawned = WorkerSpawned(time="soon", actor="x", worker="a", attempt=1, via="command", dispatcher="d")
    assert _with_attempt(bo, spawned) == (0, "")


def _with_attempt(bo: Bo, spawned: WorkerSpawned) -> tuple[int, str]:
    """How a run of a project ends in whose log somebody wrote that attempt."""
    plan = msgspec.Raw(b'{"workers":[{"id":"a","command":"true"}]}')
    store = JsonlStore(bo.path("auth", "events.jsonl"))
    batch = store.append([PlanDefined(time=TIME, actor="x", build_id="b", plan=plan)], START)
    store.append([spawned], batch.head)
    answer = bo("run", "-p", "auth")
    return answer.code, answer.json.get("code", "")


def test_a_snapshot_that_says_something_else_than_its_log_is_named_and_healed(bo: Bo) -> None:
    bo.init()
    project = Project(str(bo.builds), ProjectName("auth"))
    build, head = read_snapshot(project) or pytest.fail("there is no snapshot")
    build.plan = build.plan.replace(b"worker_jwt", b"worker_jwx")
    write_snapshot(project, build, head)
    content = bo.path("auth", ".bo", "snapshot").read_bytes()
    assert sha256(content[32:]).digest() == content[:32]
    answer = bo("verify", "-p", "auth")
    assert answer.code == 3
    assert "snapshot" in answer.json["problems"][0]
    assert bo("rebuild", "-p", "auth").code == 0
    assert bo("verify", "-p", "auth").code == 0


@pytest.mark.parametrize("number", [b"0", b"1", b"-1", b"99999999999999999999", b"", b"x"])
def test_what_is_no_process_of_ours_is_never_signalled(tmp_path: Path, number: bytes) -> None:
    project = Project(str(tmp_path), ProjectName("p"))
    lock = tmp_path / "p" / ".bo" / "dispatchers" / "d.lock"
    lock.parent.mkdir(parents=True)
    lock.write_bytes(number + b"\n")
    held = os.open(lock, os.O_RDONLY)
    try:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert find_pid(project, "d") is None
    finally:
        os.close(held)


@pytest.mark.parametrize("folder", ["run", "dispatchers"])
def test_a_link_in_the_hidden_folder_is_refused(bo: Bo, folder: str) -> None:
    bo.init()
    (bo.folder / "outside").mkdir()
    bo.path("auth", ".bo", folder).symlink_to(bo.folder / "outside")
    answer = bo("run", "-p", "auth")
    assert (answer.code, answer.json["code"]) == (1, "symbolic_link")
    assert list((bo.folder / "outside").iterdir()) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_a_folder_of_projects_found_above_that_is_a_strangers_has_to_be_named(bo: Bo) -> None:
    found = bo.folder / "N5" / "builds"
    found.mkdir(parents=True)
    os.chown(found, 12345, -1)
    below = bo.folder / "below"
    below.mkdir()
    here = Path.cwd()
    os.chdir(below)
    try:
        answer = bo("list", "--builds-dir", "")
        assert (answer.code, answer.json["code"]) == (1, "foreign_builds")
        assert bo("list", "--builds-dir", str(found)).code == 0
    finally:
        os.chdir(here)
