import ast
import json
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.arch.source import PACKAGES, ROOT, imported, modules, shown, texts

# What reaches the world, its clock, its chance or its environment. Modules that only compute are not listed.
IMPURE = set(
    """
    aiofiles aiohttp asyncio click concurrent ctypes fcntl getpass glob io linecache locale logging mmap
    multiprocessing os pathlib platform queue random resource rich sched secrets select selectors shutil
    signal socket sqlite3 ssl subprocess sys tempfile threading time urllib uuid warnings zoneinfo
    """.split()
)
IMPURE_CALLS = {"open", "print", "input", "exec", "eval", "compile", "breakpoint", "__import__"}
CLOCKS = {"now", "today", "utcnow"}

# Loaded by `import projections.*`, even by way of others, these would be paid by every command.
HEAVY = ("aiohttp", "asyncio", "click", "rich", "socket", "ssl", "subprocess")


def impurities(source: str) -> Iterator[str]:
    """What a module of `projections/` does that it must not."""
    tree = ast.parse(source)
    for name in imported(tree):
        if name.partition(".")[0] in IMPURE:
            yield f"imports {name}"
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Name(id=name)) if name in IMPURE_CALLS:
                yield f"line {node.lineno}: calls {name}()"
            case ast.Attribute(attr=name, value=ast.Name(id="datetime" | "date")) if name in CLOCKS:
                yield f"line {node.lineno}: reads the clock with .{name}"
            case ast.Attribute(attr=name, value=ast.Attribute(attr="datetime" | "date")) if name in CLOCKS:
                yield f"line {node.lineno}: reads the clock with .{name}"


@pytest.mark.parametrize(
    "source",
    [
        "import time",
        "import os.path",
        "from os import environ",
        "from pathlib import Path",
        "def f():\n    import random",
        "open('x')",
        "from datetime import datetime\ndatetime.now()",
        "import datetime\ndatetime.date.today()",
        "import datetime\nclock = datetime.datetime.utcnow",
    ],
)
def test_the_check_for_purity_finds_what_it_looks_for(source: str) -> None:
    assert list(impurities(source))


def test_the_check_for_purity_lets_pure_code_pass() -> None:
    assert not list(
        impurities("import json, re\nfrom datetime import datetime\nd = datetime.fromisoformat('')")
    )


def test_projections_do_no_io_and_read_no_clock() -> None:
    paths = modules("projections")
    assert paths, "projections/ has no module"
    found = [f"{shown(path)}: {what}" for path in paths for what in impurities(path.read_text("utf-8"))]
    assert not found, "\n".join(found)


def test_projections_load_nothing_heavy() -> None:
    names = [
        shown(path)[: -len(".py")].replace("/", ".").removesuffix(".__init__")
        for path in modules("projections")
    ]
    assert names, "projections/ has no module"
    program = (
        "import importlib, json, sys\n"
        f"for name in {names!r}: importlib.import_module(name)\n"
        f"print(json.dumps([name for name in {HEAVY!r} if name in sys.modules]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == []


def test_imports_go_down_only() -> None:
    linter = Path(sysconfig.get_path("scripts")) / "lint-imports"
    done = subprocess.run([linter, "--no-cache"], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr


def named_by(folder: str, text: str) -> list[str]:
    """The modules of a folder in which a string constant holds the text."""
    return [
        shown(path)
        for path in modules(folder)
        if any(text in constant for constant in texts(ast.parse(path.read_text("utf-8"))))
    ]


def test_the_log_is_reached_through_eventlog_alone() -> None:
    facts, meaning, world = (named_by(folder, "events.jsonl") for folder in PACKAGES)
    assert facts + world, "no module names the log: has it got another name?"
    assert not meaning
    # One module of cli/ may say where a project's log lies; it opens nothing.
    assert len(world) <= 1, world
