"""A real C project is built by its workers, and the program that comes out of it works."""

import json
import subprocess
from pathlib import Path

import pytest

from examples.plan_from_make import plan
from tests.dispatch.runs import Runs, end


def mirror() -> str:
    """The place, release and component from which this machine has its own packages."""
    command = ["apt-get", "indextargets", "--format", "$(REPO_URI) $(RELEASE) $(COMPONENT)"]
    told = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False).stdout
    places = sorted(line for line in set(told.splitlines()) if line.endswith(" main"))
    if not places:
        pytest.skip("this machine does not say where its packages come from: run apt-get update")
    return min(places, key=len)  # not the one of updates or security


def test_a_plan_made_from_make_has_a_worker_for_each_command_in_the_order_of_its_files() -> None:
    said = """make: Entering directory 'src'
gcc -O2 -c -o a.o a.c
gcc -O2 -c b.c
ar rcu lib.a a.o b.o
ranlib lib.a
echo done
gcc -o 'the program' main.c lib.a -lm
make: Leaving directory 'src'"""
    made = plan("It", said.splitlines())
    assert {one["id"]: one["dependencies"] for one in made["workers"]} == {
        "gcc:a.o": [],
        "gcc:b.o": [],
        "ar:lib.a": ["gcc:a.o", "gcc:b.o"],
        "ranlib:lib.a": ["ar:lib.a"],
        "gcc:the_program": ["ranlib:lib.a"],
    }


@pytest.fixture
def lua(tmp_path: Path) -> Path:
    """The source of Lua, as Debian keeps it."""
    for part in ("lists/partial", "cache/archives/partial"):
        (tmp_path / "apt" / part).mkdir(parents=True)
    (tmp_path / "apt" / "sources.list").write_text(f"deb-src {mirror()}\n")
    apt = [
        "apt-get",
        "-q",
        "-o",
        f"Dir::State::lists={tmp_path}/apt/lists",
        "-o",
        f"Dir::Cache={tmp_path}/apt/cache",
    ]
    apt += [
        "-o",
        f"Dir::Etc::sourcelist={tmp_path}/apt/sources.list",
        "-o",
        "Dir::Etc::sourceparts=/dev/null",
    ]
    for command in (["update"], ["source", "--download-only", "lua5.4"]):
        done = subprocess.run(
            [*apt, *command], cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False
        )
        if done.returncode:
            pytest.skip(f"the source of Lua cannot be had: {done.stderr.strip().splitlines()[-1]}")
    (archive,) = tmp_path.glob("lua5.4_*.orig.tar.*")
    subprocess.run(["tar", "xf", str(archive)], cwd=tmp_path, check=True)
    (folder,) = tmp_path.glob("lua-5.4*")
    return folder / "src"


@pytest.mark.soak
@pytest.mark.timeout(900)
@pytest.mark.needs("apt-get", "make", "cc", "gcc", "ar", "tar")
def test_lua_is_built_by_a_worker_for_each_command_though_its_dispatcher_is_killed_on_the_way(
    bo: Runs, lua: Path
) -> None:
    said = subprocess.run(
        ["make", "-n", "generic"], cwd=lua, capture_output=True, text=True, check=True
    ).stdout
    made = plan("Lua", said.splitlines())
    assert len(made["workers"]) > 30
    bo.init("run", made)
    bo.folder = lua  # where its workers run
    dispatcher = bo.start("run", "-j", "2")
    bo.until_event("worker_completed", count=5)
    end(dispatcher)
    answer = bo("run", "-j", "2")
    assert answer.code == 0, answer
    program = "print(string.format('%s %d', _VERSION, 6 * 7))"
    assert subprocess.check_output([lua / "lua", "-e", program], text=True) == "Lua 5.4 42\n"
    compiled = subprocess.run([lua / "luac", "-p", "-"], input=program.encode(), check=False)
    assert compiled.returncode == 0
    assert len(bo.events("worker_completed")) == len(made["workers"])
    assert json.loads(answer.stdout)["status"] == "completed"
    assert bo("verify", "-p", "run").code == 0
