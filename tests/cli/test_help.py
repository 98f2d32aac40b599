"""Help, documentation and completion: every command has them, and they agree."""

from __future__ import annotations

import importlib.metadata
import re
import shlex
import subprocess

import click
import pytest

from cli.main import bo as group
from cli.table_of_commands import COMMANDS, SECTIONS, Row
from tests.cli.running import ROOT, Bo, BoProcess, chain

NAMES = [row.name for row in COMMANDS]


CONTEXT = click.Context(group, info_name="bo", **group.context_settings)


def command(name: str) -> click.Command:
    found = group.get_command(CONTEXT, name)
    assert found is not None
    return found


@pytest.mark.parametrize("row", COMMANDS, ids=NAMES)
def test_the_first_line_of_a_commands_help_is_its_line_in_the_table(row: Row) -> None:
    text = command(row.name).help
    assert text is not None
    assert text.split("\n")[0] == row.help
    assert command(row.name).name == row.name


@pytest.mark.parametrize("name", NAMES)
def test_every_command_has_an_example_that_begins_with_it(name: str) -> None:
    text = command(name).help or ""
    examples = re.findall(r"^\s*Example: (.+)", text, re.MULTILINE)
    assert examples
    assert any(f"bo {name}" in example for example in examples)


@pytest.mark.parametrize("name", NAMES)
def test_every_example_is_a_call_that_the_command_understands(name: str) -> None:
    example = re.findall(r"Example: (.+)", command(name).help or "")[0]
    words = shlex.split(example, comments=True)
    start = words.index("bo") + 1 if "bo" in words else shlex.split(words[-1].strip("$()")).index("bo") + 1
    words = words if "bo" in words else shlex.split(words[-1].strip("$()"))
    assert words[start] == name
    arguments = [word for word in words[start + 1 :] if word != "&"]
    command(name).make_context(name, arguments, CONTEXT)


@pytest.mark.parametrize("name", NAMES)
def test_every_option_says_what_it_does(name: str) -> None:
    for parameter in command(name).params:
        if isinstance(parameter, click.Option) and not parameter.hidden:
            assert parameter.help, f"{name} {parameter.opts}"


@pytest.mark.parametrize("name", NAMES)
def test_every_command_is_documented(name: str) -> None:
    text = (ROOT / "docs" / "cli.md").read_text()
    assert f"\n### bo {name}\n" in text
    assert f"Usage: bo {name} " in text


def test_the_help_has_every_command_once_in_the_section_of_what_a_person_wants(bo: Bo) -> None:
    answer = bo("--help")
    assert answer.code == 0
    sections = re.split(r"^(\S.*):$", answer.stdout, flags=re.MULTILINE)
    shown = dict(zip(sections[1::2], sections[2::2], strict=True))
    assert [name for name in shown if name in SECTIONS] == list(SECTIONS)
    for section in SECTIONS:
        names = re.findall(r"^  ([a-z-]+) ", shown[section], re.MULTILINE)
        assert names == [row.name for row in COMMANDS if row.section == section]
    assert [row.name for row in COMMANDS if row.section == SECTIONS[0]] == [
        "init",
        "status",
        "ready",
        "complete",
        "spawn-cmd",
        "list",
    ]


@pytest.mark.parametrize("option", ["-h", "--help"])
def test_help_of_a_command_needs_no_project(bo: Bo, option: str) -> None:
    answer = bo("complete", option)
    assert (answer.code, answer.stderr) == (0, "")
    assert answer.stdout.startswith("Usage: bo complete [OPTIONS]\n")


def test_the_version_is_that_of_the_distribution(bo: Bo) -> None:
    version = importlib.metadata.version("build-orchestrator")
    assert bo("--version").stdout == f"build-orchestrator, version {version}\n"


def completed(bo: Bo, line: str) -> list[str]:
    """What bash would offer for a line that is being typed."""
    words = line.split(" ")
    env = {"_BO_COMPLETE": "bash_complete", "COMP_WORDS": line, "COMP_CWORD": str(len(words) - 1)}
    # The answer to a completion is an exit, which is how click ends it.
    answer = bo(env=env)
    assert answer.code == 0
    return [offer.partition(",")[2] for offer in answer.stdout.splitlines() if offer]


def test_projects_and_workers_are_completed(process: BoProcess) -> None:
    process.init("auth").init("audit", chain(3)).init("other", chain(1))
    assert completed(process, "bo status -p au") == ["audit", "auth"]
    assert completed(process, "bo complete --project auth -w worker_p") == ["worker_providers"]
    assert completed(process, "bo complete -w w --project audit -w w") == ["w1", "w2", "w3"]
    assert completed(process, "bo spawn-cmd -p other --worker ") == ["w1"]
    assert completed(process, "bo appr") == ["approve"]
    assert "--summary" in completed(process, "bo complete --s")


def test_completion_without_a_project_offers_nothing_and_says_nothing(process: BoProcess) -> None:
    assert completed(process, "bo status -p ") == []
    assert completed(process, "bo complete -p ghost -w ") == []
    assert completed(process, "bo complete -p ../.. -w ") == []
    process.init()
    process.path("auth", "events.jsonl").write_bytes(b"damaged\n")
    assert completed(process, "bo complete -p auth -w ") == []
    process.builds = process.path("auth", "plan.json")
    assert completed(process, "bo status -p ") == []


@pytest.mark.needs("bash")
def test_the_completion_script_is_one_that_bash_reads(bo: Bo) -> None:
    script = bo("completion", "bash").stdout
    assert "_BO_COMPLETE=bash_complete" in script
    subprocess.run(["bash", "-n"], input=script.encode(), check=True, capture_output=True, timeout=30)
    for shell in ("zsh", "fish"):
        assert "_BO_COMPLETE" in bo("completion", shell).stdout
    assert bo("completion", "csh").code == 2
