"""Names that would leave the folder of all projects, or that no file system should see."""

from __future__ import annotations

import json
import os

import pytest

from tests.cli.running import AUTH, Bo, BoProcess

HOSTILE = [
    "..",
    ".",
    "../../escape",
    "a/../../b",
    "/absolute",
    "a/b",
    "a\\b",
    "~",
    "~root",
    "$HOME",
    "a\0b",
    "\0",
    "a\nb",
    "a b",
    " a",
    "a ",
    "-a",
    "--help",
    ".hidden",
    "_a",
    "a.b",
    "․․",  # U+2024 ONE DOT LEADER
    "‥",  # U+2025 TWO DOT LEADER
    "．．／x",  # full width
    "a\u202eb",
    "é",
    "\u0430dmin",  # a Cyrillic letter that looks like `a`
    "a\x1b[31m",
    "x" * 64,
    "x" * 10_000,
    "%2e%2e%2f",
    "a:b",
    "*",
    "a'b",
    'a"b',
    "a;b",
    "\ud800",
]
"""None of them is a project's name."""


def everything(bo: Bo) -> list[str]:
    """All that lies in and around the folder of all projects."""
    return sorted(os.path.relpath(path, bo.folder) for path in bo.folder.rglob("*"))


@pytest.mark.parametrize(
    ("how", "name"),
    [
        (how, name)
        for how in ("option", "variable", "imported")
        for name in HOSTILE
        if how != "variable" or not {"\0", "\ud800"}.intersection(name)  # no environment can hold these
    ],
    ids=ascii,
)
def test_a_hostile_project_name_is_refused_and_nothing_is_made(bo: Bo, how: str, name: str) -> None:
    plan = bo.folder / "plan.json"
    plan.write_text(json.dumps(AUTH | {"_meta": {"project": name}}))
    before = everything(bo)
    if how == "option":
        answers = [
            bo("init", "--plan", json.dumps(AUTH), f"--project={name}"),
            bo("status", f"--project={name}"),
            bo("complete", "-w", "worker_schema", f"--project={name}"),
            bo("verify", f"--project={name}", "--table"),
        ]
    elif how == "variable":
        answers = [
            bo("init", "--plan", json.dumps(AUTH), env={"BO_PROJECT": name}),
            bo("rebuild", env={"BO_PROJECT": name}),
        ]
    else:
        answers = [bo("import", str(plan))]
    for answer in answers:
        assert answer.code == 1
        assert "\x1b" not in answer.stdout + answer.stderr
        assert len(answer.stdout + answer.stderr) < 1_000
        if answer.stdout:
            assert answer.json["code"] in ("invalid_name", "invalid_plan")
    assert everything(bo) == before


@pytest.mark.parametrize(
    "name", [name for name in HOSTILE if name not in ("a.b", "a:b", "x" * 64)], ids=ascii
)
def test_a_hostile_worker_id_is_refused_in_a_plan_and_unknown_to_commands(bo: Bo, name: str) -> None:
    answer = bo("init", "-p", "auth", "--plan", json.dumps({"workers": [{"id": name}]}))
    assert (answer.code, answer.json["code"]) == (1, "invalid_plan")
    assert not bo.builds.exists()
    bo.init()
    before = everything(bo)
    for command in ("complete", "submit", "approve", "cancel", "spawn-cmd --parent c", "assignment"):
        refused = bo(*command.split(), f"--worker={name}")
        assert (refused.code, refused.json["code"]) == (1, "unknown_worker")
        assert "\x1b" not in refused.stdout
    assert bo("amend", f"--add={json.dumps({'id': name})}").code == 1
    assert len(bo.log()) == 1
    assert everything(bo) == before


def test_the_longest_names_there_are_fit_into_files(process: BoProcess) -> None:
    project, worker = "p" * 63, "w" * 200
    process.init(project, {"workers": [{"id": worker, "description": "x" * 200_000}]})
    assert process("spawn-cmd", "-w", worker, "--parent", "c").code == 0
    assert process.path(project, "outputs", f"{worker}.context.json").exists()
    assert process("verify").code == 0
