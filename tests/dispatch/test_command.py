"""The `command` runner: what a worker is given, byte for byte, and what comes of it."""

import json
import os
import resource
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.dispatch.settings import fill, split_command
from eventlog.errors import Refused
from tests.dispatch.runs import Runs, family, finish, gate, lives, sh

HOSTILE = (
    "",
    " ",
    "two words",
    "a\nnew line",
    "tab\there",
    "'single' \"double\"",
    "$HOME $(touch pwned) `touch pwned`",
    "; touch pwned #",
    "* ? [a-z] ~ {a,b}",
    "-n",
    "--",
    "\\",
    "a\\nb\\c\\0",
    "%s%n",
    "größer 🙂 \u202e",
    "\x01\x1b[31m\x7f",
    "!! && || | > /dev/null <",
    "{unknown} {} {0}",
)
TELL = "import sys, json; print(json.dumps(sys.argv[1:]))"
SAY_EVERYTHING = """
import json, os, sys
print(json.dumps({
    "env": {k: v for k, v in os.environ.items()},
    "stdin": sys.stdin.read(),
    "cwd": os.getcwd(),
    "pid": os.getpid(), "pgid": os.getpgid(0), "sid": os.getsid(0),
    "fds": sorted(int(n) for n in os.listdir("/proc/self/fd")),
    "tty": os.isatty(0),
}))
"""


def told(bo: Runs, worker: str = "a") -> dict[str, object]:
    answer: dict[str, object] = json.loads(bo.output(worker))
    return answer


def test_each_argument_reaches_the_worker_byte_for_byte(bo: Runs) -> None:
    bo.begin({"id": "a", "command": [sys.executable, "-c", TELL, *HOSTILE]})
    assert bo("run").code == 0
    assert json.loads(bo.output("a")) == list(HOSTILE)
    assert not list(bo.folder.rglob("pwned"))


@pytest.mark.parametrize("word", ["echo", "printf", "test", "exit", "eval", "exec", "cd", "kill", "trap"])
def test_a_word_of_the_shell_is_never_run_instead_of_a_program(bo: Runs, word: str) -> None:
    bo.begin({"id": "a", "command": [word, "a\\nb"]})
    folder = bo.folder / "programs"
    folder.mkdir()
    if word != ".":
        program = folder / word
        program.write_text(f"#!{sys.executable}\nimport sys; print('program', sys.argv[1:])\n")
        program.chmod(0o755)
    assert bo("run", env={"PATH": f"{folder}:{os.environ['PATH']}"}).code == 0
    assert bo.output("a") == b"program ['a\\\\nb']\n"


def test_each_placeholder_fills_exactly_one_argument(bo: Runs) -> None:
    bo.begin(
        {
            "id": "a",
            "component": "the component",
            "description": "do {id} and {attempt}; $(touch pwned) 'x'\n{assignment}",
            "command": [
                sys.executable,
                "-c",
                TELL,
                "{id}",
                "<{component}|{project}>",
                "{description}",
                "{attempt}",
            ],
        }
    )
    assert bo("run").code == 0
    assert json.loads(bo.output("a")) == [
        "a",
        "<the component|run>",
        "do {id} and {attempt}; $(touch pwned) 'x'\n{assignment}",
        "1",
    ]


def test_the_assignment_comes_as_argument_as_file_and_on_standard_input(bo: Runs) -> None:
    script = "import sys; print(sys.argv[1] == open(sys.argv[2]).read() == sys.stdin.read(), sys.argv[1])"
    command = [sys.executable, "-c", script, "{assignment}", "{assignment_file}"]
    bo.begin({"id": "a", "description": "Find größe.", "command": command})
    expected = bo("assignment", "-p", "run", "-w", "a", "--table").stdout
    assert bo("run").code == 0
    assert bo.output("a").decode() == f"True {expected}\n"


def test_a_line_is_split_once_and_its_placeholders_are_filled_afterwards(bo: Runs) -> None:
    bo.begin(
        {
            "id": "a",
            "description": 'two words "quoted"',
            "command": f"'{sys.executable}' -c '{TELL}' x{{id}} {{description}}",
        }
    )
    assert bo("run").code == 0
    assert json.loads(bo.output("a")) == ["xa", 'two words "quoted"']


@given(st.lists(st.text(), min_size=1), st.text(), st.text())
def test_filling_keeps_the_number_of_arguments_and_looks_at_nothing_twice(
    words: list[str], value: str, other: str
) -> None:
    values = {"id": value, "description": other + "{id}{description}"}
    names = ("component", "assignment", "assignment_file", "project", "attempt")
    filled = fill((*words, "{id}", "{description}"), values | dict.fromkeys(names, other))
    assert len(filled) == len(words) + 2
    assert filled[-2:] == (value, other + "{id}{description}")


@pytest.mark.parametrize("line", ["", "   ", "'unclosed", "back\\"])
def test_a_line_that_cannot_be_split_is_refused(line: str) -> None:
    with pytest.raises(Refused, match="command"):
        split_command(line)


def test_a_worker_knows_where_it_is_and_inherits_the_rest(bo: Runs) -> None:
    bo.begin({"id": "a", "component": "größe", "command": [sys.executable, "-c", SAY_EVERYTHING]})
    where = bo.folder / "where"
    where.mkdir()
    assert bo("run", env={"MINE": "kept"}, cwd=where).code == 0
    said = json.loads(bo.output("a"))
    ours = {name: value for name, value in said["env"].items() if name.startswith("BO_")}
    assert ours == {
        "BO_PROJECT": "run",
        "BO_BUILDS_DIR": str(bo.builds),
        "BO_WORKER": "a",
        "BO_ATTEMPT": "1",
        "BO_COMPONENT": "größe",
        "BO_ASSIGNMENT_FILE": str(bo.path("run", ".bo", "run", "a.1.assignment")),
        "BO_ACTOR": "a",
    }
    assert said["env"]["MINE"] == "kept"
    assert said["cwd"] == str(where)
    assert "You are the worker a" in said["stdin"]


def test_a_worker_has_a_session_of_its_own_and_no_descriptor_of_the_dispatcher(bo: Runs) -> None:
    bo.begin({"id": "a", "command": [sys.executable, "-c", SAY_EVERYTHING]})
    assert bo("run").code == 0
    said = json.loads(bo.output("a"))
    assert said["pgid"] == said["sid"] == said["pid"]
    assert said["fds"] == [0, 1, 2, 3, 9]  # 3 is the listing itself, 9 the lock of the attempt
    assert not said["tty"]


def test_the_token_is_inherited_by_no_worker(bo: Runs) -> None:
    bo.begin({"id": "a", "command": [sys.executable, "-c", SAY_EVERYTHING]}, {"id": "b", "command": ["env"]})
    assert bo("run", env={"ZO_CLIENT_IDENTITY_TOKEN": "canary-3141592653"}).code == 0
    for path in bo.builds.rglob("*"):
        assert path.is_dir() or b"canary" not in path.read_bytes(), path


def test_a_token_that_a_worker_says_is_masked_in_the_log(bo: Runs) -> None:
    bo.begin({"id": "a", "command": ["echo", "canary-3141592653"]})
    assert bo("run", env={"ZO_CLIENT_IDENTITY_TOKEN": "unrelated-token"}).code == 0
    bo("reset", "-p", "run", "-w", "a")
    assert bo("run", env={"ZO_CLIENT_IDENTITY_TOKEN": "canary-3141592653"}).code == 0
    texts = [event["answer"]["text"] for event in bo.events("worker_completed")]
    assert texts == ["canary-3141592653\n", "***\n"]


@pytest.mark.parametrize(
    ("script", "error"),
    [
        ("exit 3", "exit status 3"),
        ("echo working; echo it broke >&2; exit 1", "exit status 1: it broke"),
        ("kill -KILL $$", "ended by SIGKILL (exit status 137)"),
        ("kill -TERM $$", "ended by SIGTERM (exit status 143)"),
        ("exit 255", "exit status 255"),
    ],
)
def test_how_a_worker_failed_is_told(bo: Runs, script: str, error: str) -> None:
    bo.begin({"id": "a", "command": sh(script)})
    assert bo("run").code == 1
    (failed,) = bo.events("worker_failed")
    assert failed["reason"] == "exit"
    assert failed["error"].startswith(error)
    assert "retry_in" not in failed


def test_what_is_no_program_fails_by_name_and_the_others_go_on(bo: Runs) -> None:
    text = bo.folder / "text"
    text.write_text("not a program")
    script = bo.folder / "nobody"
    script.write_text("#!/no/such/interpreter\n")
    script.chmod(0o755)
    bo.begin(
        {"id": "missing", "command": ["no-such-program-anywhere"]},
        {"id": "not_executable", "command": [str(text)]},
        {"id": "a_folder", "command": [str(bo.folder)]},
        {"id": "no_interpreter", "command": [str(script)]},
        {"id": "nothing"},
        {"id": "good", "command": ["true"]},
    )
    assert bo("run", "--via", "command").code == 1
    errors = {e["worker"]: (e["reason"], e["error"]) for e in bo.events("worker_failed")}
    assert errors["missing"][0] == errors["a_folder"][0] == "exit"
    assert "not found" in errors["missing"][1]
    assert errors["not_executable"][1].startswith("exit status 126")
    assert errors["no_interpreter"][0] == "exit"
    assert errors["nothing"][0] == "no_command"
    assert "good" not in errors


def test_a_script_that_names_no_interpreter_is_run_by_the_shell_as_ever(bo: Runs) -> None:
    script = bo.folder / "script"
    script.write_text("echo $1 $#\n")
    script.chmod(0o755)
    bo.begin({"id": "a", "command": [str(script), "one", "two words"]})
    assert bo("run").code == 0
    assert bo.output("a") == b"one 2\n"


@pytest.mark.parametrize(
    ("length", "reason"), [(131_071, None), (131_072, "too_long"), (2_000_000, "too_long")]
)
def test_an_argument_is_as_long_as_the_system_takes_or_refused_by_name(
    bo: Runs, length: int, reason: str | None
) -> None:
    bo.begin(
        {
            "id": "a",
            "command": [
                sys.executable,
                "-c",
                "import sys; print(len(sys.argv[1]))",
                "ä" * (length // 2) + "x" * (length % 2),
            ],
        }
    )
    assert bo("run").code == (1 if reason else 0)
    if reason:
        (failed,) = bo.events("worker_failed")
        assert failed["reason"] == reason
        assert "{assignment_file}" in failed["error"]


def test_more_arguments_than_the_system_takes_fail_by_name(bo: Runs) -> None:
    bo.begin({"id": "a", "command": ["true", *(["x" * 130_000] * 40)]})
    assert bo("run").code == 1
    (failed,) = bo.events("worker_failed")
    assert failed["reason"] == "spawn"
    assert "Argument list too long" in failed["error"]


def test_a_nul_in_an_argument_fails_by_name(bo: Runs) -> None:
    bo.begin({"id": "a", "command": ["echo", "a\0b"]}, {"id": "b", "component": "a\0b", "command": ["true"]})
    assert bo("run").code == 1
    assert {e["worker"]: e["reason"] for e in bo.events("worker_failed")} == {"a": "spawn", "b": "spawn"}


def test_arguments_are_utf_8_whatever_the_locale(bo: Runs) -> None:
    bo.begin(
        {
            "id": "a",
            "command": [sys.executable, "-c", "import os, sys; print(os.fsencode(sys.argv[1]))", "größe"],
        }
    )
    assert (
        bo(
            "run", env={"LANG": "POSIX", "LC_ALL": "POSIX", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
        ).code
        == 0
    )
    assert bo.output("a") == "{!r}\n".format("größe".encode()).encode()


def test_standard_input_output_and_error_of_closed_streams_are_no_trouble(bo: Runs) -> None:
    bo.begin({"id": "a", "command": sh("cat >/dev/null; echo out; echo error >&2")})
    command = f"exec {sys.executable} -m cli run <&- >&- 2>&-"
    done = subprocess.run(["sh", "-c", command], env=bo.environment(), cwd=bo.folder, timeout=60, check=False)
    assert done.returncode == 0
    assert bo.output("a") == b"out\nerror\n"


def test_many_workers_at_once_leave_no_descriptor_and_no_file_behind(bo: Runs) -> None:
    bo.begin(
        *({"id": f"w{n}", "command": ["true"]} for n in range(40)),
        {
            "id": "late",
            "dependencies": [f"w{n}" for n in range(40)],
            "command": [sys.executable, "-c", SAY_EVERYTHING],
        },
    )
    assert bo("run", "-j", "20").code == 0
    assert json.loads(bo.output("late"))["fds"] == [0, 1, 2, 3, 9]
    assert list(bo.path("run", ".bo", "run").iterdir()) == []
    assert list(bo.path("run", ".bo", "dispatchers").iterdir()) == []


def test_more_jobs_than_descriptors_are_refused_before_anything_starts(bo: Runs) -> None:
    bo.begin({"id": "a", "command": ["true"]})
    command = f"ulimit -n 100; exec {sys.executable} -m cli run --json -j 5000"
    done = subprocess.run(
        ["sh", "-c", command],
        env=bo.environment(),
        cwd=bo.folder,
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert json.loads(done.stdout)["code"] == "too_many_jobs"
    assert bo.events("dispatcher_started") == []


def test_a_low_limit_of_descriptors_is_raised_for_many_jobs(bo: Runs) -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < 200:
        pytest.skip(f"the system allows {hard} descriptors only")
    bo.begin(*({"id": f"w{n}", "command": sh(gate("go"))} for n in range(90)))
    command = f"ulimit -S -n 80; exec {sys.executable} -m cli run --json -j 90"
    running = subprocess.Popen(
        ["sh", "-c", command], env=bo.environment(), cwd=bo.folder, stdout=-1, stderr=-1
    )
    bo.until_event("worker_spawned", count=90)
    bo.open_gate("go")
    assert finish(running)["status_counts"]["completed"] == 90


def test_what_a_worker_leaves_in_the_background_lives_and_keeps_nobody_waiting(bo: Runs) -> None:
    bo.begin(
        {
            "id": "a",
            "command": sh(
                'sh -c "echo \\$\\$ >child; exec sleep 300" & until [ -s child ]; do sleep 0.02; done'
            ),
        }
    )
    assert bo("run").code == 0
    child = int(Path(bo.folder, "child").read_text())
    assert lives(child)
    os.kill(child, 9)


def test_the_number_that_the_lock_gets_by_chance_may_be_the_one_that_workers_see(bo: Runs) -> None:
    bo.begin({"id": "a", "command": [sys.executable, "-c", SAY_EVERYTHING]})
    for opened in range(8):
        extra = "".join(f"exec {n}</dev/null; " for n in range(3, 3 + opened))
        bo("reset", "-p", "run", "-w", "a")
        command = f"{extra} exec {sys.executable} -m cli run --json"
        subprocess.run(
            ["sh", "-c", command],
            env=bo.environment(),
            cwd=bo.folder,
            capture_output=True,
            timeout=60,
            check=True,
        )
    assert {tuple(json.loads(bo.output("a", n))["fds"]) for n in range(1, 9)} >= {(0, 1, 2, 3, 9)}
    assert all(9 in json.loads(bo.output("a", n))["fds"] for n in range(1, 9))


def test_a_status_of_an_earlier_build_in_the_same_folder_is_not_believed(bo: Runs) -> None:
    bo.begin({"id": "a", "command": sh(gate("go"))})
    scratch = bo.path("run", ".bo", "run")
    scratch.mkdir(parents=True)
    (scratch / "a.1.lock").write_text("1\n0\n")
    running = bo.start("run", "--timeout", "0.3s", "--grace", "0.1s")
    assert finish(running)["status_counts"]["timed_out"] == 1
    assert family(f"BO_ASSIGNMENT_FILE={scratch / 'a.1.assignment'}") == []


def test_outputs_belong_to_the_user_alone_to_write(bo: Runs) -> None:
    bo.begin({"id": "a", "command": ["true"]})
    assert bo("run").code == 0
    mode = stat.S_IMODE(bo.path("run", "outputs", "a.1.txt").stat().st_mode)
    assert mode & 0o022 == 0
