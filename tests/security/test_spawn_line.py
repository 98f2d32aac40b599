"""A line of `spawn-cmd` pasted into a shell gives the program the same bytes back, and runs nothing else."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.cli.running import Bo, BoProcess
from tests.security.hostile import ALL, SHELL

ECHO = "import json, os, sys; print(json.dumps([os.fsencode(a).hex() for a in sys.argv[1:]]))\n"


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """A folder in which the line can be run: its program tells its arguments."""
    script = tmp_path / "N5" / "scripts" / "spawn_worker_v2.py"
    script.parent.mkdir(parents=True)
    script.write_text(ECHO)
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "python3").symlink_to(sys.executable)
    return tmp_path


def paste(workspace: Path, line: str) -> list[bytes]:
    """What the program gets when `line` is pasted into bash, as a person would: it is read from its input."""
    done = subprocess.run(
        ["bash", "--norc", "--noprofile"],
        input=b"set -o history -o histexpand\n" + os.fsencode(line) + b"\n",
        capture_output=True,
        cwd=workspace,
        env={"PATH": f"{workspace / 'bin'}:{os.environ['PATH']}", "LANG": "C.UTF-8", "HOME": str(workspace)},
        timeout=30,
    )
    assert (done.returncode, done.stderr) == (0, b""), done.stderr
    assert done.stdout.count(b"\n") == 1
    assert not (workspace / "pwned").exists()
    return [bytes.fromhex(argument) for argument in json.loads(done.stdout)]


def plan_of(text: str) -> dict[str, Any]:
    return {
        "name": text,
        "objective": text,
        "key_decisions": [text],
        "relevant_files": [text],
        "workers": [{"id": "a", "component": text, "description": text, text + "x": text}],
    }


@pytest.mark.needs("bash")
@pytest.mark.parametrize("output", ["--json", "--table"])
@pytest.mark.parametrize("text", [*SHELL, ALL], ids=lambda text: ascii(text[:20]))
def test_hostile_texts_of_a_plan_come_through_bash_byte_for_byte(
    bo: Bo, workspace: Path, text: str, output: str
) -> None:
    bo.init("auth", plan_of(text))
    context = bo(*"spawn-cmd -w a --parent con_X --dry-run".split()).json["context"]
    answer = bo(*"spawn-cmd -w a --parent con_X".split(), output)
    line = answer.json["command"] if output == "--json" else answer.stdout
    parent_flag, parent, context_flag, given = paste(workspace, line)
    assert (parent_flag, parent, context_flag) == (b"--parent", b"con_X", b"--context")
    assert json.loads(given) == context
    assert context["key_decisions"] == [text]
    assert context["additional_context"]["description"] == text


@pytest.mark.needs("bash")
@pytest.mark.parametrize("output", ["--json", "--table"])
@pytest.mark.parametrize("text", [*SHELL, ALL.replace("\0", "")], ids=lambda text: ascii(text[:20]))
def test_a_hostile_parent_comes_through_bash_byte_for_byte(
    bo: Bo, workspace: Path, text: str, output: str
) -> None:
    bo.init("auth", plan_of("plain"))
    answer = bo(*"spawn-cmd -w a".split(), f"--parent={text}", output)
    line = answer.json["command"] if output == "--json" else answer.stdout
    assert line.rstrip("\n").isprintable()
    assert paste(workspace, line)[1] == text.encode()


@pytest.mark.needs("bash")
def test_a_folder_with_a_hostile_name_comes_through_bash_in_a_long_line(
    process: BoProcess, workspace: Path
) -> None:
    process.builds = Path(os.fsdecode(os.fsencode(workspace) + b"/it's $(touch pwned) \xff\x9b"))
    process.init("auth", plan_of("long " * 30_000))
    line = process(*"spawn-cmd -w a --parent con_X".split()).json["command"]
    *_, flag, file = paste(workspace, line)
    assert flag == b"--context-file"
    assert json.loads(Path(os.fsdecode(file)).read_bytes())["parent_focus"] == "long " * 30_000
