"""The same log gives the same files, wherever and by whomever they are made."""

from __future__ import annotations

import os
import shutil
from hashlib import sha256
from pathlib import Path

import pytest

import cli.clock
from tests.cli.running import Bo, BoProcess

DERIVED = ("plan.json", "README.md", "spawn_results.jsonl")


@pytest.fixture
def lived(bo: Bo) -> Bo:
    """A project to which most things have happened, with texts in several scripts."""
    plan = {
        "name": "Größe 大小 حجم",
        "objective": "i \u0130 \u0131 I",
        "key_decisions": ["ß", "\u00e9", "e\u0301"],
        "relevant_files": ["a b", "ü"],
        "workers": [
            {"id": "a", "z": 1, "y": {"k": [1.5, 1e300]}, "description": "first"},
            {"id": "b", "dependencies": ["a"], "estimated_hours": 0.1},
            {"id": "c", "dependencies": ["b", "a"], "component": "🙂"},
            {"id": "d"},
        ],
    }
    bo.init("auth", plan)
    for command in (
        "spawn-cmd -w a --parent con_1",
        "progress -w a -m half --percent 50",
        "complete -w a --output out/a",
        "note hello",
        "fail -w b --reason größer",
        "reset -w b",
        "submit -w b --summary s",
        "reject -w b --reason r",
        "spawn-cmd -w d --parent con_2",
        "cancel -w d --reason no",
        "amend --hours c=2.5 --depend c=a",
    ):
        assert bo(*command.split()).code == 0, command
    return bo


def digests(folder: Path) -> dict[str, str]:
    return {name: sha256((folder / name).read_bytes()).hexdigest() for name in DERIVED}


ELSEWHERE = [
    {"PYTHONHASHSEED": "1", "TZ": "Pacific/Kiritimati", "LC_ALL": "C"},
    {"PYTHONHASHSEED": "4242", "TZ": "America/Los_Angeles", "LC_ALL": "tr_TR.UTF-8", "LANG": "tr_TR.UTF-8"},
    {
        "PYTHONHASHSEED": "random",
        "TZ": "Asia/Kathmandu",
        "PYTHONUTF8": "0",
        "USER": "nobody",
        "BO_ACTOR": "x",
    },
]


@pytest.mark.parametrize("env", ELSEWHERE, ids=lambda env: str(env["TZ"]))
@pytest.mark.parametrize("lost", ["all", "snapshot", "files"])
def test_what_was_lost_comes_back_byte_for_byte_anywhere(
    lived: Bo, process: BoProcess, env: dict[str, str], lost: str
) -> None:
    before = digests(lived.path("auth"))
    if lost != "snapshot":
        for name in DERIVED:
            lived.path("auth", name).unlink()
    if lost != "files":
        shutil.rmtree(lived.path("auth", ".bo"))
    answer = process("rebuild", "-p", "auth", env=env, cwd=Path("/"))
    assert answer.code == 0
    assert digests(lived.path("auth")) == before
    assert process("verify", "-p", "auth", env=env, cwd=Path("/")).code == 0


def test_publishing_step_by_step_gives_what_a_rebuild_gives(lived: Bo) -> None:
    assert lived("rebuild").json["rewritten"] == []


def test_the_clock_of_the_machine_is_not_asked(lived: Bo, monkeypatch: pytest.MonkeyPatch) -> None:
    before = digests(lived.path("auth"))
    for name in DERIVED:
        lived.path("auth", name).unlink()
    for entry in lived.path("auth").rglob("*"):
        os.utime(entry, (0, 0))
    monkeypatch.setattr(cli.clock, "now", lambda: pytest.fail("a rebuild wants to know the time"))
    assert lived("rebuild").code == 0
    assert digests(lived.path("auth")) == before


def test_a_copy_of_the_log_alone_is_the_project(lived: Bo) -> None:
    copy = lived.path("copy")
    copy.mkdir()
    shutil.copy(lived.path("auth", "events.jsonl"), copy)
    assert lived("rebuild", "-p", "copy").code == 0
    mine, theirs = lived.plan("auth"), lived.plan("copy")
    assert theirs["_meta"] == mine["_meta"] | {"project": "copy"}
    assert theirs["workers"] == mine["workers"]
    assert (copy / "README.md").read_bytes() == lived.path("auth", "README.md").read_bytes()


@pytest.mark.parametrize("every", [1, 2, 3])
def test_a_snapshot_changes_nothing_that_is_answered(lived: Bo, every: int) -> None:
    commands = ["status", "ready", "review", "assignment -w c", "replay"]
    snapshot = lived.path("auth", ".bo", "snapshot")
    for number in range(every):
        lived("note", str(number))
    with_snapshot = [lived(*command.split()).json for command in commands]
    snapshot.unlink(missing_ok=True)
    assert [lived(*command.split()).json for command in commands] == with_snapshot
