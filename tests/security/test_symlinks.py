"""A symbolic link at each step of the way: refused or replaced, and nothing is touched through it."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

import cli.publish
from tests.cli.running import Bo, chain

COMMANDS = (
    "status",
    "ready",
    "list",
    "log",
    "tail",
    "replay",
    "note hello",
    "spawn-cmd -w w1 --parent c",
    "complete -w w1",
    "reset -w w1",
    "complete -w w2 --force",
    "verify",
    "rebuild",
    "verify",
)
"""Most of what can be done to a project."""


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    """A folder and a file that are none of the tool's business."""
    folder = tmp_path / "outside"
    folder.mkdir()
    (folder / "file").write_text("precious")
    return folder


def state(folder: Path) -> dict[str, tuple[bytes, int]]:
    return {
        path.name: (path.read_bytes() if path.is_file() else b"", path.stat().st_mtime_ns)
        for path in [folder, *folder.rglob("*")]
    }


def all_of_it(bo: Bo) -> list[int]:
    return [
        bo(*command.split(), "-p", "auth").code if command != "list" else bo("list").code
        for command in COMMANDS
    ]


@pytest.mark.parametrize("name", [".", ".bo", "outputs"])
@pytest.mark.parametrize("dangling", [False, True])
def test_a_folder_that_is_a_link_is_refused(bo: Bo, outside: Path, name: str, dangling: bool) -> None:
    bo.init("auth", chain(2)).init("other", chain(2))
    link = bo.path("auth", name) if name != "." else bo.path("auth")
    if link.exists():
        shutil.move(link, outside / "moved")
    link.symlink_to(outside / "nothing" if dangling else outside / "moved" if name != "outputs" else outside)
    before = state(outside)
    for command in COMMANDS:
        if command != "list":
            answer = bo(*command.split(), "-p", "auth")
            assert (answer.code, answer.json["code"]) == (1, "symbolic_link"), command
    assert bo("init", "-p", "auth", "--plan", '{"workers": [{"id": "a"}]}').json["code"] == "symbolic_link"
    assert "other" in [entry["project"] for entry in bo("list").json["projects"]]
    assert bo("tail", "--all").code in (0, 1)
    assert state(outside) == before


@pytest.mark.parametrize("name", ["events.jsonl", ".bo/lock"])
@pytest.mark.parametrize("target", ["file", "nothing", "itself"])
def test_a_log_or_a_lock_that_is_a_link_is_refused(bo: Bo, outside: Path, name: str, target: str) -> None:
    bo.init("auth", chain(2))
    link = bo.path("auth", name)
    shutil.move(link, outside / "itself")
    link.symlink_to(outside / target)
    before = state(outside)
    for command in ("note hello", "complete -w w1"):
        answer = bo(*command.split(), "-p", "auth")
        assert (answer.code, answer.json["code"]) == (4, "storage_failed"), command
    codes = dict(zip(COMMANDS, all_of_it(bo), strict=True))
    assert codes["list"] == 0
    assert (codes["status"], codes["log"]) == ((4, 4) if name == "events.jsonl" else (0, 0))
    assert state(outside) == before
    assert link.is_symlink()


@pytest.mark.parametrize(
    "name",
    ["plan.json", "README.md", "spawn_results.jsonl", ".bo/published", ".bo/snapshot", "events.jsonl.new"],
)
@pytest.mark.parametrize("target", ["file", "nothing", "itself", "folder"])
def test_a_derived_file_that_is_a_link_is_replaced_or_left_and_never_followed(
    bo: Bo, outside: Path, name: str, target: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cli.publish, "PATIENCE", 0.02)
    (outside / "folder").mkdir()
    bo.init("auth", chain(2))
    for command in ("spawn-cmd -w w1 --parent c", "complete -w w1", "reset -w w1"):
        bo(*command.split())
    link = bo.path("auth", name)
    if link.exists():
        shutil.move(link, outside / "itself")
    link.symlink_to(outside / target)
    before = state(outside)
    codes = dict(zip(COMMANDS, all_of_it(bo), strict=True))
    assert state(outside) == before
    for command in ("status", "note hello", "complete -w w1", "complete -w w2 --force"):
        assert codes[command] == 0, command
    if name in ("plan.json", "README.md", "spawn_results.jsonl"):
        assert not link.is_symlink()
        assert codes["verify"] == 0
    if name == ".bo/published":
        link.unlink()
        assert bo("rebuild").code == 0
    assert bo("verify").code == 0


def test_new_files_are_never_written_through_a_link(bo: Bo, outside: Path) -> None:
    bo.init("auth", chain(2))
    before = state(outside)
    for name in ("plan.json", "README.md", "spawn_results.jsonl", "snapshot"):
        bo.path("auth", ".bo", f"{name}.{os.getpid()}.new").symlink_to(outside / "file")
    for command in ("spawn-cmd -w w1 --parent c", "complete -w w1"):
        answer = bo(*command.split())
        assert answer.code == 0
        assert "could not be written" in answer.stderr
    assert bo("rebuild").code == 4
    assert state(outside) == before
    assert bo.types() == ["plan_defined", "worker_spawned", "worker_completed"]


def test_a_context_file_is_never_written_through_a_link(bo: Bo, outside: Path) -> None:
    bo.init("auth", {"workers": [{"id": "w1", "description": "long " * 30_000}]})
    bo.path("auth", "outputs").mkdir()
    link = bo.path("auth", "outputs", "w1.context.json")
    link.symlink_to(outside / "file")
    before = state(outside)
    assert bo("spawn-cmd", "-w", "w1", "--parent", "c").code == 0
    assert state(outside) == before
    assert "long long" in link.read_text()
    assert not link.is_symlink()


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "name", ["plan.json", "README.md", "spawn_results.jsonl", ".bo/snapshot", "events.jsonl"]
)
def test_a_pipe_in_the_place_of_a_file_makes_nobody_wait(bo: Bo, name: str) -> None:
    bo.init("auth", chain(2))
    pipe = bo.path("auth", name)
    pipe.unlink(missing_ok=True)
    os.mkfifo(pipe)
    codes = all_of_it(bo)
    assert (codes[0] == 0) == (name != "events.jsonl")


def test_a_plan_file_may_be_a_link_because_the_person_named_it(bo: Bo, outside: Path) -> None:
    (outside / "plan.json").write_text('{"workers": [{"id": "a"}]}')
    (bo.folder / "link.json").symlink_to(outside / "plan.json")
    assert bo("init", "-p", "auth", "--plan-file", "link.json").code == 0
