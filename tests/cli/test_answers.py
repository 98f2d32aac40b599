"""JSON for programs, tables for people, one exit code for each kind of trouble, and never a traceback."""

from __future__ import annotations

import errno
import json
import os
import pty
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

import cli.commands.read
from cli.main import EXIT_CODES
from eventlog.errors import (
    Conflict,
    CorruptLog,
    ImpossibleEvent,
    InvalidEvent,
    LockTimeout,
    NewerEvent,
    OrchestratorError,
    RegressedLog,
    StorageFailed,
)
from eventlog.head import START, Head
from tests.cli.running import Bo, BoProcess, chain


def on_a_terminal(process: BoProcess, *arguments: str, **env: str) -> str:
    """What a command shows on a terminal, its line ends made plain."""
    main, side = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "cli", *arguments],
        stdin=side,
        stdout=side,
        stderr=side,
        env=process.environment() | {"TERM": "xterm-256color", "COLUMNS": "200"} | env,
        cwd=process.folder,
    ):
        os.close(side)
        shown = b"".join(pieces(main))
        os.close(main)
    return shown.decode().replace("\r\n", "\n")


def pieces(fd: int) -> Iterator[bytes]:
    """What comes out of a terminal until nobody writes to it any more."""
    with suppress(OSError):  # how Linux says that it is the end
        while piece := os.read(fd, 65536):
            yield piece


def test_on_a_terminal_the_answer_is_a_table_in_colour_and_anywhere_else_json(process: BoProcess) -> None:
    process.init("auth", chain(2))
    shown = on_a_terminal(process, "status")
    assert "\x1b[" in shown
    assert "blocked" in shown
    assert process("status").json["project"] == "auth"
    assert json.loads(on_a_terminal(process, "status", "--json"))["project"] == "auth"


@pytest.mark.parametrize("env", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_a_terminal_without_colours_gets_no_escape(process: BoProcess, env: dict[str, str]) -> None:
    process.init("auth", chain(2))
    for command in ("status", "ready", "list", "doctor", "log", "ghost", "status -p ghost", "--help"):
        shown = on_a_terminal(process, *command.split(), **env)
        assert shown
        assert "\x1b" not in shown, command


def test_errors_are_told_to_people_on_standard_error_and_to_programs_on_standard_output(bo: Bo) -> None:
    person = bo("status", "-p", "ghost", "--table")
    assert person == (
        1,
        "",
        "error: Project 'ghost' not found\n"
        f"hint: `bo list` shows the projects in {bo.builds}; `bo init` begins one\n",
    )
    program = bo("status", "-p", "ghost")
    assert (program.code, program.stderr) == (1, "")
    assert list(program.json) == ["error", "code", "hint"]


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ((), "no command was given"),
        (("statsu",), "No such command 'statsu'. Did you mean 'status'?"),
        (("status", "--bogus"), "No such option"),
        (("complete",), "Missing option '--worker' / '-w'."),
        (("log", "-n", "x"), "'x' is not a valid integer"),
        (("note",), "Missing argument 'TEXT'."),
        (("complete", "-w", "a", "--attempt", "0"), "not in the range"),
        (("progress", "-w", "a", "--percent", "101"), "not in the range"),
    ],
)
def test_a_wrong_call_is_a_usage_error_that_says_where_help_is(
    bo: Bo, arguments: tuple[str, ...], error: str
) -> None:
    answer = bo(*arguments)
    assert (answer.code, answer.json["code"]) == (2, "usage")
    assert error in answer.json["error"]
    assert answer.json["hint"].startswith("`bo ")
    assert answer.json["hint"].endswith(" --help` shows how")
    person = bo(*arguments, "--table") if arguments else bo()
    assert person.code == 2


def test_without_a_command_a_person_gets_the_help(process: BoProcess) -> None:
    shown = on_a_terminal(process)
    assert shown.startswith("Usage: bo [OPTIONS] COMMAND [ARGS]...\n")
    assert "\n  init " in shown


ERRORS: list[tuple[Exception, int, str]] = [
    (CorruptLog(1, 0, "broken"), 3, "corrupt_log"),
    (RegressedLog(Head(5, "a" * 64, 9), START), 3, "regressed_log"),
    (ImpossibleEvent(3, "no"), 3, "impossible_event"),
    (NewerEvent(3, "x"), 3, "newer_event"),
    (StorageFailed("disk full"), 4, "storage_failed"),
    (OSError(errno.ENOSPC, "No space left on device", "some/file"), 4, "storage_failed"),
    (LockTimeout("busy"), 5, "lock_timeout"),
    (Conflict(START, Head(1, "a" * 64, 9)), 5, "conflict"),
    (InvalidEvent("no text"), 1, "invalid_event"),
    (OrchestratorError("some"), 1, "error"),
    (ZeroDivisionError("oh \x1b[31m"), 1, "bug"),
    (MemoryError(), 1, "bug"),
    (RecursionError("deep"), 1, "bug"),
]


@pytest.mark.parametrize(("error", "code", "word"), ERRORS)
def test_every_kind_of_trouble_has_its_exit_code_and_no_traceback(
    bo: Bo, monkeypatch: pytest.MonkeyPatch, error: Exception, code: int, word: str
) -> None:
    def trouble(*_: object) -> None:
        raise error

    monkeypatch.setattr(cli.commands.read, "load_at", trouble)
    bo.init()
    answer = bo("status")
    assert (answer.code, answer.json["code"]) == (code, word)
    person = bo("status", "--table")
    assert (person.code, person.stdout) == (code, "")
    assert person.stderr.startswith("error: ")
    assert "\x1b" not in answer.stdout + person.stderr


def test_a_fault_of_the_tool_shows_where_it_happened_to_whoever_asks(
    bo: Bo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cli.commands.read, "load_at", lambda *_: 1 // 0)
    bo.init()
    assert "BO_DEBUG=1" in bo("status").json["hint"]
    with pytest.raises(ZeroDivisionError):
        bo("status", env={"BO_DEBUG": "1"})


def test_every_error_of_the_tree_has_a_row() -> None:
    assert EXIT_CODES[-1] == (OrchestratorError, 1)
    places = {type_: place for place, (type_, _) in enumerate(EXIT_CODES)}
    for type_, place in places.items():
        hidden_by = [other for other in places if issubclass(type_, other) and places[other] < place]
        assert not hidden_by, f"{type_.__name__} is never reached"


@pytest.mark.parametrize(
    "arguments", ["status", "log", "status -p ghost", "complete -w w1", "tail -n 500 --table"]
)
def test_a_reader_that_has_gone_ends_the_command_without_a_word(
    process: BoProcess, bo: Bo, arguments: str
) -> None:
    bo.init("auth", chain(50))
    command = process.start(*arguments.split())
    assert command.stdout is not None
    command.stdout.close()
    assert command.stderr is not None
    assert command.stderr.read() == b""
    command.stderr.close()
    assert command.wait(30) == 141


def test_both_streams_may_be_gone(process: BoProcess) -> None:
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(
        [sys.executable, "-m", "cli", "status", "-p", "ghost", "--table"],
        stdout=write,
        stderr=write,
        env=process.environment(),
        cwd=process.folder,
        timeout=30,
    )
    os.close(write)
    assert done.returncode == 141


def test_the_first_line_of_a_long_log_can_be_had_with_head(process: BoProcess, bo: Bo) -> None:
    bo.init("auth", chain(1))
    for number in range(20):
        bo("note", str(number) + "x" * 20_000)
    done = subprocess.run(
        ["/bin/sh", "-c", f"{sys.executable} -m cli log | head -1"],
        capture_output=True,
        env=process.environment(),
        cwd=process.folder,
        timeout=30,
    )
    assert json.loads(done.stdout)["seq"] == 1
    assert done.stderr == b""


@pytest.mark.parametrize("closed", ["1", "2", "1 2", "0 1 2"])
def test_with_closed_streams_nothing_is_printed_into_the_log(process: BoProcess, bo: Bo, closed: str) -> None:
    bo.init("auth", chain(1))
    closing = " ".join(f"{number}>&-" for number in closed.split())
    for command in ("complete -w w1 --output x", "status", "complete -w w1 --output y --table"):
        subprocess.run(
            ["/bin/sh", "-c", f"{sys.executable} -m cli {command} {closing}"],
            capture_output=True,
            env=process.environment(),
            cwd=process.folder,
            timeout=30,
        )
    assert bo.types() == ["plan_defined", "worker_completed"]
    assert bo("verify").code == 0


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8", "utf-16"])
def test_json_is_the_same_in_every_encoding_and_tables_fail_in_none(
    process: BoProcess, encoding: str
) -> None:
    text = "größer 🙂 \u2028 \x7f"
    process.init("auth", {"name": text, "workers": [{"id": "a", "description": text}]})
    env = {"PYTHONIOENCODING": encoding}
    command = [sys.executable, "-m", "cli"]
    for arguments in (["status"], ["log"]):
        done = subprocess.run(
            [*command, *arguments],
            capture_output=True,
            env=process.environment() | env,
            cwd=process.folder,
            timeout=30,
        )
        assert done.returncode == 0
        answer = json.loads(done.stdout.decode(encoding))
        assert text in (answer.get("name"), answer.get("plan", {}).get("name"))
    for arguments in (["status", "--table"], ["ready", "--table"], ["tail", "--table"]):
        done = subprocess.run(
            [*command, *arguments],
            capture_output=True,
            env=process.environment() | env,
            cwd=process.folder,
            timeout=30,
        )
        assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.parametrize("output", ["--json", "--table"])
def test_arguments_and_paths_that_are_not_utf_8_are_answered(process: BoProcess, output: str) -> None:
    process.init("auth", chain(2))
    odd = os.fsdecode(b"\xff\x9b")
    for arguments, code in (
        (("complete", "-w", odd), 1),
        (("complete", "-w", "w1", "--summary", odd), 1),
        (("note", odd), 1),
        (("status", "-p", odd), 1),
        (("log", "--since", odd), 1),
        (("log", "--by", odd), 0),
        ((odd,), 2),
        (("init", "-p", "x", "--plan-file", odd), 1),
        (("init", "-p", "x", "--plan", odd), 1),
        (("amend", "--add", odd), 1),
        (("status", "--builds-dir", str(process.folder / odd)), 1),
        (("list", "--builds-dir", str(process.folder / odd)), 0),
    ):
        answer = process(*arguments, output)
        assert answer.code == code, (arguments, answer)
        assert "unexpected" not in answer.stdout + answer.stderr
    assert process.types() == ["plan_defined"]


def test_a_folder_of_projects_whose_name_is_not_utf_8_holds_projects(process: BoProcess) -> None:
    process.builds = Path(os.fsdecode(os.fsencode(process.folder) + b"/b\xff"))
    process.init("auth", chain(1))
    assert process("complete", "-w", "w1").code == 0
    assert (
        process("init", "-p", "auth", "--plan", json.dumps(chain(1)))
        .json["project_dir"]
        .endswith("\udcff/auth")
    )
    assert process("verify").code == 0


def test_an_interrupted_command_says_nothing_more(bo: Bo, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object) -> None:
        signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(cli.commands.read, "load_at", interrupt)
    bo.init()
    answer = bo("status")
    assert (answer.code, answer.stdout, answer.stderr.strip()) == (130, "", "")


def test_the_module_is_the_command(process: BoProcess) -> None:
    script = Path(sys.executable).with_name("bo")
    if not script.exists():
        pytest.skip("the package is not installed")
    process.init()
    done = subprocess.run(
        [script, "status"], capture_output=True, env=process.environment(), cwd=process.folder, timeout=30
    )
    assert done.stdout.decode() == process("status").stdout
