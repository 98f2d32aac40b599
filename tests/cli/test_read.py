"""What a build is now, for people and for programs."""

from __future__ import annotations

import shutil

import pytest

from tests.cli.running import Bo, chain, independent
from tests.damage import flip_bit


def test_a_person_sees_who_is_ready_blocked_running_and_why_it_failed(bo: Bo) -> None:
    bo.init()
    bo("complete", "-p", "auth", "-w", "worker_schema")
    bo("fail", "-p", "auth", "-w", "worker_oauth", "--reason", "no key")
    rows = [
        line.rstrip().split(maxsplit=2) for line in bo("status", "-p", "auth", "--table").stdout.splitlines()
    ]
    found = {row[0]: row[1:] for row in rows if row and row[0].startswith("worker_")}
    assert found == {
        "worker_schema": ["completed"],
        "worker_oauth": ["failed", "no key"],
        "worker_jwt": ["ready"],
        "worker_providers": ["blocked", "waits for worker_oauth"],
    }


def test_a_person_sees_of_a_large_build_what_matters_and_a_count_of_the_rest(bo: Bo) -> None:
    bo.init("auth", chain(1000))
    bo("complete", "-p", "auth", "-w", "w1")
    table = bo("status", "-p", "auth", "--table").stdout
    assert "1 of 1000 completed" in table
    assert " w2 " in table
    assert " w3 " not in table
    assert "999 more workers" in table
    assert len(bo("status", "-p", "auth").json["workers"]) == 1000


def test_a_table_in_a_pipe_keeps_a_row_on_a_line(bo: Bo) -> None:
    name = "a" * 150
    bo.init("auth", {"workers": [{"id": name, "description": "d " * 40}]})
    assert name in bo("ready", "-p", "auth", "--table").stdout
    assert any(name in line and "ready" in line for line in bo("status", "--table").stdout.splitlines())


def test_the_list_names_a_damaged_project_and_goes_on(bo: Bo) -> None:
    bo.init("broken").init("whole")
    log = bo.path("broken", "events.jsonl")
    log.write_bytes(flip_bit(log.read_bytes(), 400))
    shutil.rmtree(bo.path("broken", ".bo"))
    listed = {entry["project"]: entry for entry in bo("list").json["projects"]}
    assert (listed["broken"]["status"], listed["broken"]["workers"]) == ("corrupt_log", None)
    assert "line 1" in listed["broken"]["error"]
    assert listed["whole"]["status"] == "active"
    assert "corrupt_log" in bo("list", "--table").stdout


def test_the_list_of_nothing_is_empty(bo: Bo) -> None:
    assert bo("list").json == {"projects": []}
    assert bo("list", "--table").stdout == f"there is no project in {bo.builds}\n"


def test_folders_whose_names_no_project_can_have_are_passed_over(bo: Bo) -> None:
    bo.init()
    bo.path("auth").rename(bo.path("aüth"))
    bo.path("plain").mkdir()
    assert bo("list").json["projects"] == [
        {"project": "aüth", "name": None, "status": "not_imported", "workers": None}
    ]
    assert bo("status").json["code"] == "no_project"


@pytest.mark.parametrize("content", [b"", b'{"seq":1,"time"'])
def test_a_log_whose_first_write_never_ended_is_no_plan_yet_and_can_begin(bo: Bo, content: bytes) -> None:
    bo.path("auth").mkdir(parents=True)
    bo.path("auth", "events.jsonl").write_bytes(content)
    for command in ("status", "ready", "review", "replay", "rebuild", "complete -w w1", "assignment -w w1"):
        answer = bo(*command.split(), "-p", "auth")
        assert (answer.code, answer.json["code"]) == (1, "no_plan"), command
    assert bo("list").json["projects"][0]["status"] == "empty"
    assert bo("verify", "-p", "auth").json["torn_bytes"] == len(content)
    bo.init("auth", independent(1))
    assert bo("status", "-p", "auth").json["total_workers"] == 1


def test_the_assignment_tells_what_is_done_already_and_how_to_report(bo: Bo) -> None:
    bo.init()
    bo("complete", "-p", "auth", "-w", "worker_schema", "--output", "schema.sql", "--summary", "3 tables")
    text = bo("assignment", "-p", "auth", "-w", "worker_oauth").json["assignment"]
    for part in (
        "Implement OAuth2 authorization code flow",
        "Secure, user-friendly authentication",
        "- JWT for sessions",
        "- worker_schema: schema.sql: 3 tables",
        "bo complete -p auth -w worker_oauth",
    ):
        assert part in text
    assert bo("assignment", "-p", "auth", "-w", "worker_oauth", "--table").stdout == text
    refusal = bo("assignment", "-p", "auth", "-w", "ghost")
    assert (refusal.code, refusal.json["code"]) == (1, "unknown_worker")


def test_reading_leaves_a_log_and_its_derived_files_as_they_are(bo: Bo) -> None:
    bo.init()
    names = ("events.jsonl", "plan.json", "README.md")
    before = {name: bo.path("auth", name).stat().st_mtime_ns for name in names}
    for command in ("status", "ready", "review", "list", "log", "tail", "replay", "verify", "doctor"):
        assert bo(*command.split()).code == 0, command
    assert {name: bo.path("auth", name).stat().st_mtime_ns for name in names} == before
