"""A command imports what it needs and nothing else: that is most of what it costs."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.cli.running import BoProcess

NEVER = {
    "aiofiles",
    "aiohttp",
    "asyncio",
    "concurrent.futures",
    "ctypes",
    "email",
    "http",
    "importlib.metadata",
    "json",
    "logging",
    "multiprocessing",
    "nats",
    "pathlib",
    "random",
    "rich",
    "socket",
    "ssl",
    "subprocess",
    "tempfile",
    "urllib",
    "urllib.request",
    "eventlog.jetstream",
    "eventlog.mirror",
    "eventlog.servers",
    "eventlog.stream",
}
"""Each costs from one to forty milliseconds."""

SCRIPT = """
import os, sys
from cli.main import run
before = os.dup(1)
os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
code = run(sys.argv[1:])
os.dup2(before, 1)
print(code, *sorted(sys.modules))
"""


def imported(process: BoProcess, *arguments: str) -> set[str]:
    """The modules that one command imports, beyond those that Python and its settings import anyway."""
    kept = {name: value for name, value in process.environment().items() if not name.startswith("COVERAGE")}

    def modules(script: str) -> list[str]:
        command = [sys.executable, "-c", script, *arguments]
        done = subprocess.run(command, capture_output=True, env=kept, cwd=process.folder, timeout=30)
        assert done.returncode == 0, done.stderr
        return done.stdout.decode().split()

    code, *found = modules(SCRIPT)
    assert code == "0"
    return set(found) - set(modules("import sys; print(*sys.modules)"))


@pytest.mark.parametrize(
    "command",
    [
        "--help",
        "complete --help",
        "status --json",
        "status --json --at 1",
        "ready --json",
        "list --json",
        "log --json",
        "log --table",
        "tail --json",
        "verify --json",
        "complete -w worker_schema --json",
        "complete -w worker_schema --table",
        "fail -w worker_schema --json",
        "note hello --json",
        "spawn-cmd -w worker_schema --parent c --dry-run --json",
    ],
)
def test_a_command_imports_nothing_that_it_does_not_need(process: BoProcess, command: str) -> None:
    process.init()
    found = imported(process, *command.split())
    assert "cli.main" in found
    unwanted = {name for name in found if name in NEVER}
    assert unwanted == set()


def test_a_table_is_what_rich_is_imported_for(process: BoProcess) -> None:
    process.init()
    assert "rich" in imported(process, "status", "--table")


def test_the_help_imports_no_command(process: BoProcess) -> None:
    found = imported(process, "--help")
    assert {name for name in found if name.startswith(("cli.commands.", "cli.dispatch"))} == set()


def test_a_command_imports_its_own_module_only(process: BoProcess) -> None:
    process.init()
    found = imported(process, "complete", "-w", "worker_schema", "--json")
    assert {name for name in found if name.startswith("cli.commands.")} == {"cli.commands.report"}
    assert not {name for name in found if name.startswith("cli.dispatch")}
