"""Hostile text stays text: no answer drives a terminal, in JSON or as a table."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from tests.cli.running import Answer, Bo
from tests.security.hostile import ALL, ORDERS, TERMINAL

RAW = re.compile("[" + "".join(re.escape(character) for character in TERMINAL if character != "\n") + "]")


def check(answer: Answer) -> Answer:
    """Nothing raw in what was printed, but the line ends that are the tool's own."""
    for name, stream in (("stdout", answer.stdout), ("stderr", answer.stderr)):
        found = RAW.search(stream)
        assert found is None, (
            f"{found!r} on {name}: {stream[max(0, found.start() - 80) : found.end() + 20]!a}"
        )
    return answer


def plan_of(text: str) -> dict[str, Any]:
    """A plan with `text` in every place that may hold text, known or not."""
    worker = {
        "component": text,
        "description": text,
        "relevant_files": [text],
        "acceptance_criteria": [text, {text: text}],
        "command": text,
        "completed_at": text,
        "spawned_conversation": text,
        text: text,
        "extra": {"deep": [text]},
    }
    return {
        "name": text,
        "description": text,
        "objective": text,
        "key_decisions": [text],
        "relevant_files": [text],
        "context": {text: [text]},
        "workers": [{"id": "a"} | worker, {"id": "b", "dependencies": ["a"]} | worker],
        text: text,
    }


@pytest.mark.parametrize("output", ["--json", "--table"])
def test_hostile_text_in_every_field_of_a_plan_is_never_raw_in_any_answer(bo: Bo, output: str) -> None:
    text = ALL
    check(bo("init", "-p", "auth", "--plan-file", "-", output, stdin=json.dumps(plan_of(text)).encode()))
    for command in (
        "status",
        "ready",
        "list",
        "log",
        "tail",
        "tail --all",
        "replay",
        "replay --speed 1000000",
        "assignment -w a",
        "assignment -w b",
        "spawn-cmd -w a --parent c --dry-run",
        "spawn-cmd -w a --parent c",
        "review",
        "verify",
        "rebuild",
        "doctor",
        "status --at 1",
    ):
        answer = check(bo(*command.split(), output))
        assert answer.code == 0, command
        assert answer.stdout or command == "tail"


@pytest.mark.parametrize("output", ["--json", "--table"])
def test_hostile_text_in_every_option_is_never_raw_in_any_answer(bo: Bo, output: str) -> None:
    bo.init()
    for command, option in (
        ("spawn-cmd -w worker_schema", "--parent"),
        ("progress -w worker_schema", "--message"),
        ("submit -w worker_schema --files x", "--summary"),
        ("submit -w worker_schema --summary x", "--files"),
        ("reject -w worker_schema", "--reason"),
        ("fail -w worker_schema", "--reason"),
        ("reset -w worker_schema", "--reason"),
        ("complete -w worker_schema --summary x", "--output"),
        ("note -w worker_jwt", ""),
        ("cancel -w worker_jwt", "--reason"),
        ("submit -w worker_oauth", "--files"),
        ("complete --force -w worker_providers", "--summary"),
    ):
        text = ALL.replace("\0", "")
        check(bo(*command.split(), *([f"{option}={text}"] if option else [text]), output, "--actor", text))
        for view in (
            "status",
            "log",
            "review",
            "tail",
            "assignment -w worker_oauth",
            "assignment -w worker_schema",
        ):
            check(bo(*view.split(), output))
    assert bo.types().count("worker_completed") == 2
    assert bo("verify").code == 0


@pytest.mark.parametrize("output", ["--json", "--table"])
@pytest.mark.parametrize("text", [*ORDERS, *(f"a{character}b" for character in TERMINAL)], ids=ascii)
def test_hostile_text_in_what_is_refused_is_never_raw_in_the_error(bo: Bo, text: str, output: str) -> None:
    bo.init()
    for arguments in (
        ("complete", "-w", text),
        ("status", "-p", text),
        ("status", "--at", text),
        ("log", "--since", text),
        ("init", "-p", "x", "--plan-file", text.replace("\0", "")),
        ("init", "-p", "x", "--plan", text),
        (
            "init",
            "-p",
            "x",
            "--plan",
            json.dumps({"workers": [{"id": text, "dependencies": [text], text: 1}]}),
        ),
        ("init", "-p", "x", "--plan", json.dumps({"workers": text, "name": [text], "defaults": {text: 1}})),
        ("amend", "--depend", text),
        ("amend", "--depend", f"{text}={text}"),
        ("amend", "--hours", f"worker_jwt={text}"),
        ("amend", "--add", json.dumps([{"id": "new", "dependencies": [text], "status": text}])),
        ("complete", "-w", "worker_schema", f"--{text}"),
        ("progress", "-w", "worker_schema", "--percent", text),
        (text,),
        ("completion", text),
        ("list", "--builds-dir", text.replace("\0", "")),
        ("status", "-p", "x", "--builds-dir", text.replace("\0", "")),
    ):
        answer = check(bo(*arguments, output))
        assert answer.code in (0, 1, 2, 4), arguments
        assert "unexpected" not in answer.stdout + answer.stderr


def test_json_gives_hostile_text_back_as_it_was(bo: Bo) -> None:
    plan = plan_of(ALL)
    bo.init("auth", plan)
    status, log = bo("status").json, bo("log").lines
    assert status["name"] == ALL
    assert status["workers"][0]["description"] == ALL
    assert log[0]["plan"] == plan
    assert bo.plan()["context"] == {ALL: [ALL]}


def test_hostile_events_of_a_newer_version_are_never_raw(bo: Bo) -> None:
    from eventlog.codec import hash_field, link

    bo.init()
    last = bo.log()[-1]
    event = {"seq": 2, "time": ALL, "actor": ALL, "type": f"x_{ALL}", ALL: ALL}
    begin = json.dumps(event, separators=(",", ":"), ensure_ascii=False).encode()[:-1]
    begin = begin.replace(b"\n", b"\\n")
    with bo.path("auth", "events.jsonl").open("ab") as log:
        log.write(begin + hash_field(link(begin, last["hash"])) + b"\n")
    for output in ("--json", "--table"):
        for command in ("log", "tail", "replay", "status", "list", "verify"):
            assert check(bo(*command.split(), output)).code in (0, 3)
