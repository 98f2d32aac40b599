"""Which folder, which project: options, variables, the nearest one, the only one."""

from __future__ import annotations

import os
from contextlib import chdir
from pathlib import Path

import pytest

from cli.main import run
from tests.cli.running import Bo, chain


@pytest.fixture
def three(bo: Bo) -> Bo:
    """The project `x` in three places, with 1, 2 and 3 workers, and `bo` with no place of its own."""
    for place, folder in enumerate(("option", "variable", "workspace/N5/builds"), 1):
        bo.builds = bo.folder / folder
        bo.init("x", chain(place))
    bo.builds = Path()
    return bo


def workers(bo: Bo, *options: str, env: dict[str, str], cwd: Path | None = None) -> int:
    answer = bo("status", "-p", "x", *options, env={"BO_BUILDS_DIR": "", **env}, cwd=cwd)
    found = answer.json.get("total_workers", 0)
    assert isinstance(found, int)
    return found


def test_the_option_goes_before_the_variable_and_that_before_the_workspace(three: Bo) -> None:
    option = ("--builds-dir", str(three.folder / "option"))
    variable = {"BO_BUILDS_DIR": str(three.folder / "variable")}
    workspace = {"N5OS_WORKSPACE": str(three.folder / "workspace")}
    assert workers(three, *option, env=variable | workspace) == 1
    assert workers(three, env=variable | workspace) == 2
    assert workers(three, env=workspace) == 3


def test_relative_folders_are_below_the_working_directory(three: Bo) -> None:
    assert workers(three, "--builds-dir", "option", env={}) == 1
    assert workers(three, env={"BO_BUILDS_DIR": "./variable"}) == 2
    assert workers(three, env={"N5OS_WORKSPACE": "workspace"}) == 3


def test_without_any_the_nearest_builds_at_or_above_the_working_directory_are_meant(three: Bo) -> None:
    deep = three.folder / "workspace" / "a" / "b"
    deep.mkdir(parents=True)
    assert workers(three, env={}, cwd=deep) == 3
    assert workers(three, env={}, cwd=three.folder / "workspace" / "N5" / "builds" / "x") == 3
    (deep / "N5" / "builds").mkdir(parents=True)
    assert workers(three, env={}, cwd=deep) == 0


def test_where_there_are_none_they_are_made_below_the_working_directory(bo: Bo) -> None:
    here = bo.folder / "here"
    here.mkdir()
    answer = bo(
        "init", "-p", "x", "--plan", '{"workers": [{"id": "a"}]}', env={"BO_BUILDS_DIR": ""}, cwd=here
    )
    assert answer.json["project_dir"] == str(here / "N5" / "builds" / "x")
    assert (here / "N5" / "builds" / "x" / "events.jsonl").exists()


def test_the_project_comes_from_the_option_the_variable_or_is_the_only_one(bo: Bo) -> None:
    bo.init("one", chain(1))
    assert bo("status").json["project"] == "one"
    assert bo("complete", "-w", "w1").code == 0
    bo.init("two", chain(1))
    assert bo("status", env={"BO_PROJECT": "two"}).json["project"] == "two"
    assert bo("status", "-p", "one", env={"BO_PROJECT": "two"}).json["project"] == "one"


def test_among_several_projects_none_is_guessed(bo: Bo) -> None:
    for name in "abcdefghij":
        bo.init(name, chain(1))
    answer = bo("complete", "-w", "w1")
    assert (answer.code, answer.json["code"]) == (1, "which_project")
    assert answer.json["error"] == f"there are 10 projects in {bo.builds}"
    assert answer.json["hint"] == "choose one with -p: a, b, c, d, e, f, g, h ..."
    assert all(len(bo.log(name)) == 1 for name in "abcdefghij")


def test_where_there_is_no_project_the_way_to_begin_one_is_shown(bo: Bo) -> None:
    answer = bo("ready")
    assert (answer.code, answer.json["code"]) == (1, "no_project")
    assert "bo init" in answer.json["hint"]
    assert not bo.builds.exists()


ABOUT_A_PROJECT = (
    "status",
    "ready",
    "review",
    "complete -w a",
    "reset -w a",
    "note text",
    "log",
    "tail",
    "replay",
    "verify",
    "rebuild",
    "audit",
    "run",
    "spawn -w a",
    "wait",
    "stop",
    "why -w a",
    "blame -w a status",
    "diff 1",
    "critical-path",
    "what-if",
    "plan",
    "readme",
    "graph",
    "timeline",
    "report",
    "export --format csv",
    "prime",
    "fork --at 1 --as other",
)


@pytest.mark.parametrize("command", ABOUT_A_PROJECT)
def test_every_command_about_a_project_says_that_there_is_none_of_that_name(bo: Bo, command: str) -> None:
    answer = bo(*command.split(), "-p", "nowhere")
    assert (answer.code, answer.json["code"]) == (1, "no_project")
    assert answer.json["error"] == "Project 'nowhere' not found"
    assert not bo.path("nowhere").exists()


def test_a_folder_of_projects_may_be_a_link_and_may_be_renamed(bo: Bo) -> None:
    bo.init()
    bo.builds.rename(bo.folder / "moved")
    (bo.folder / "link").symlink_to(bo.folder / "moved")
    assert bo("status", "--builds-dir", "link").json["project"] == "auth"
    bo.builds = bo.folder / "moved"
    bo.path("auth").rename(bo.path("renamed"))
    assert bo("complete", "-p", "renamed", "-w", "worker_schema").code == 0
    assert bo.plan("renamed")["_meta"]["project"] == "renamed"


@pytest.mark.parametrize("place", ["a-file", "a-file/below"])
def test_a_folder_of_projects_that_is_a_file_is_a_failure_of_storage(bo: Bo, place: str) -> None:
    (bo.folder / "a-file").write_text("")
    answer = bo("init", "-p", "x", "--plan", '{"workers": [{"id": "a"}]}', "--builds-dir", place)
    assert (answer.code, answer.json["code"]) == (4, "storage_failed")
    assert "a-file" in answer.json["error"]


def test_a_working_directory_that_is_gone_is_a_failure_of_storage(bo: Bo) -> None:
    gone = bo.folder / "gone"
    gone.mkdir()
    with chdir(gone):
        gone.rmdir()
        try:
            assert run(["status", "--builds-dir", ""]) == 4
        finally:
            os.chdir(bo.folder)
