"""What is reported and decided about workers."""

from __future__ import annotations

from typing import Any

import pytest

from tests.cli.running import Bo, chain, independent


@pytest.fixture
def auth(bo: Bo) -> Bo:
    return bo.init()


def worker(bo: Bo, name: str) -> dict[str, Any]:
    """A worker's full object, as `status` shows it."""
    workers: list[dict[str, Any]] = bo("status", "-p", "auth").json["workers"]
    return next(found for found in workers if found["id"] == name)


def test_whoever_completes_learns_who_became_ready(auth: Bo) -> None:
    answer = auth("complete", "-p", "auth", "-w", "worker_schema")
    assert answer.json["unblocked"] == ["worker_oauth", "worker_jwt"]
    assert (answer.json["seq"], answer.json["already"]) == (2, False)
    table = auth("complete", "-p", "auth", "-w", "worker_oauth", "--table")
    assert table.stdout == "worker_oauth is completed (event 3)\nnow ready: worker_providers\n"


def test_completing_twice_is_a_success_that_appends_nothing(auth: Bo) -> None:
    command = ("complete", "-p", "auth", "-w", "worker_schema", "--output", "x")
    assert auth(*command).code == 0
    again = auth(*command)
    assert (again.code, again.json["already"], again.json["seq"]) == (0, True, None)
    assert "it was so already" in auth(*command, "--table").stdout
    assert len(auth.log()) == 2


def test_another_output_for_a_completed_worker_is_refused_and_the_way_out_named(auth: Bo) -> None:
    auth("complete", "-p", "auth", "-w", "worker_schema", "--output", "x")
    answer = auth("complete", "-p", "auth", "-w", "worker_schema", "--output", "y")
    assert (answer.code, answer.json["code"]) == (1, "already_completed")
    assert "bo reset -w worker_schema" in answer.json["hint"]
    assert worker(auth, "worker_schema")["output_path"] == "x"


def test_a_worker_whose_dependencies_are_open_is_completed_by_force_only(auth: Bo) -> None:
    refusal = auth("complete", "-p", "auth", "-w", "worker_jwt")
    assert (refusal.code, refusal.json["code"]) == (1, "not_ready")
    assert "'worker_schema' (pending)" in refusal.json["error"]
    assert len(auth.log()) == 1
    assert auth("complete", "-p", "auth", "-w", "worker_jwt", "--force").code == 0
    assert worker(auth, "worker_jwt")["forced"] is True


def test_several_workers_are_one_answer_and_each_has_its_event(bo: Bo) -> None:
    bo.init("auth", chain(4))
    answer = bo("complete", "-p", "auth", "-w", "w1", "-w", "w2", "-w", "w3", "--summary", "together")
    assert [(entry["worker_id"], entry["seq"]) for entry in answer.json["workers"]] == [
        ("w1", 2),
        ("w2", 3),
        ("w3", 4),
    ]
    assert answer.json["unblocked"] == ["w4"]
    assert [event["summary"] for event in bo.log()[1:]] == ["together"] * 3


@pytest.mark.parametrize("last", ["w9", "w4"])
def test_of_several_workers_none_is_recorded_when_one_is_refused(bo: Bo, last: str) -> None:
    bo.init("auth", chain(4))
    before = bo.path("auth", "plan.json").read_bytes()
    answer = bo("complete", "-p", "auth", "-w", "w1", "-w", "w2", "-w", last)
    assert answer.code == 1
    assert len(bo.log()) == 1
    assert bo.path("auth", "plan.json").read_bytes() == before


def test_a_worker_named_twice_is_completed_once(bo: Bo) -> None:
    bo.init("auth", independent(1))
    assert bo("complete", "-p", "auth", "-w", "w1", "-w", "w1").code == 0
    assert bo.types() == ["plan_defined", "worker_completed"]


def test_a_failure_is_told_with_its_reason_and_can_be_reset(auth: Bo) -> None:
    assert auth("fail", "-p", "auth", "-w", "worker_schema", "--reason", "no disk").code == 0
    failed = worker(auth, "worker_schema")
    assert (failed["status"], failed["error"], failed["error_reason"]) == ("failed", "no disk", "reported")
    assert auth("status", "-p", "auth").json["status"] == "stuck"
    assert auth("fail", "-p", "auth", "-w", "worker_schema", "--reason", "no disk").json["already"] is True
    refusal = auth("complete", "-p", "auth", "-w", "worker_schema")
    assert (refusal.code, refusal.json["code"]) == (1, "already_finished")
    answer = auth("reset", "-p", "auth", "-w", "worker_schema", "--reason", "new disk")
    assert (answer.json["status"], answer.json["unblocked"]) == ("pending", [])
    assert auth("reset", "-p", "auth", "-w", "worker_schema").json["already"] is True
    assert auth("complete", "-p", "auth", "-w", "worker_schema").code == 0


def test_a_completed_worker_that_others_built_on_is_reset_by_force_only(auth: Bo) -> None:
    auth("complete", "-p", "auth", "-w", "worker_schema", "-w", "worker_jwt")
    refusal = auth("reset", "-p", "auth", "-w", "worker_schema")
    assert (refusal.code, refusal.json["code"]) == (1, "others_began")
    assert auth("reset", "-p", "auth", "-w", "worker_schema", "--force").code == 0
    assert auth.statuses()["worker_schema"] == "pending"


def test_a_cancelled_worker_is_not_ready_and_says_why(auth: Bo) -> None:
    assert auth("cancel", "-p", "auth", "-w", "worker_schema", "--reason", "not now").code == 0
    assert auth("ready", "-p", "auth").json["ready_workers"] == []
    assert auth("ready", "-p", "auth", "--table").stdout == "no worker is ready\n"
    assert worker(auth, "worker_schema")["error"] == "not now"
    assert auth("cancel", "-p", "auth", "-w", "worker_schema").json["already"] is True


def test_a_completed_worker_is_not_cancelled(auth: Bo) -> None:
    auth("complete", "-p", "auth", "-w", "worker_schema")
    answer = auth("cancel", "-p", "auth", "-w", "worker_schema")
    assert (answer.code, answer.json["code"]) == (1, "already_completed")


def test_work_that_is_sent_back_is_pending_and_the_next_assignment_says_why(auth: Bo) -> None:
    auth("submit", "-p", "auth", "-w", "worker_schema", "--summary", "done")
    answer = auth("reject", "-p", "auth", "-w", "worker_schema", "--reason", "no tests at all")
    assert (answer.code, answer.json["status"]) == (0, "pending")
    text = auth("assignment", "-p", "auth", "-w", "worker_schema").json["assignment"]
    assert "no tests at all" in text
    assert "no tests at all" in auth("assignment", "-p", "auth", "-w", "worker_schema", "--table").stdout


@pytest.mark.parametrize("command", ["approve", "reject"])
def test_only_work_that_was_handed_in_is_decided_on(auth: Bo, command: str) -> None:
    answer = auth(command, "-p", "auth", "-w", "worker_schema")
    assert (answer.code, answer.json["code"]) == (1, "not_in_review")
    assert len(auth.log()) == 1


def test_handing_the_same_in_twice_appends_nothing_and_something_else_is_shown(auth: Bo) -> None:
    submit = ("submit", "-p", "auth", "-w", "worker_schema", "--files", "a")
    assert auth(*submit).json["already"] is False
    assert auth(*submit).json["already"] is True
    assert auth(*submit, "--summary", "more").json["already"] is False
    assert "more" in auth("review", "-p", "auth", "--table").stdout
    auth("approve", "-p", "auth", "-w", "worker_schema")
    assert auth("review", "-p", "auth", "--table").stdout == "nothing awaits review\n"
    assert auth("approve", "-p", "auth", "-w", "worker_schema").json["already"] is True


def test_progress_is_shown_while_a_worker_runs_and_refused_before(auth: Bo) -> None:
    progress = ("progress", "-p", "auth", "-w", "worker_schema", "-m", "half way", "--percent", "50")
    refusal = auth(*progress)
    assert (refusal.code, refusal.json["code"]) == (1, "not_in_progress")
    auth(*"spawn-cmd -p auth -w worker_schema --parent con_X".split())
    assert auth(*progress).code == 0
    shown = worker(auth, "worker_schema")
    assert (shown["status"], shown["progress"], shown["percent"]) == ("in_progress", "half way", 50)
    assert "half way" in auth("status", "-p", "auth", "--table").stdout


def test_a_note_is_in_the_log_and_changes_nothing_else(auth: Bo) -> None:
    before = auth.statuses()
    assert auth("note", "-p", "auth", "wait for legal").json["seq"] == 2
    assert (
        auth("note", "-p", "auth", "-w", "worker_jwt", "which key?", "--table").stdout == "noted (event 3)\n"
    )
    assert [(event["text"], event.get("worker")) for event in auth.log()[1:]] == [
        ("wait for legal", None),
        ("which key?", "worker_jwt"),
    ]
    assert auth.statuses() == before
    refusal = auth("note", "-p", "auth", "-w", "ghost", "x")
    assert (refusal.code, refusal.json["code"]) == (1, "unknown_worker")


def test_spawning_by_hand_is_recorded_once_and_prints_the_same_line_again(auth: Bo) -> None:
    first = auth(*"spawn-cmd -p auth -w worker_schema --parent con_X".split())
    assert (first.json["attempt"], first.json["seq"]) == (1, 2)
    again = auth(*"spawn-cmd -p auth -w worker_schema --parent con_OTHER".split())
    assert again.json["command"] == first.json["command"]
    assert again.json["seq"] is None
    assert auth("spawn-cmd", *"-p auth -w worker_schema --parent c --table".split()).stdout == (
        first.json["command"] + "\n"
    )
    assert auth.types() == ["plan_defined", "worker_spawned"]
    assert auth.log()[1]["parent"] == "con_X"


def test_a_dry_run_prints_the_line_and_records_nothing(auth: Bo) -> None:
    dry = auth(*"spawn-cmd -p auth -w worker_schema --parent con_X --dry-run".split())
    assert (dry.code, dry.json["seq"]) == (0, None)
    assert len(auth.log()) == 1
    assert (
        dry.json["command"]
        == auth(*"spawn-cmd -p auth -w worker_schema --parent con_X".split()).json["command"]
    )
    refusal = auth(*"spawn-cmd -p auth -w worker_jwt --parent con_X --dry-run".split())
    assert (refusal.code, refusal.json["code"]) == (1, "not_ready")


def test_a_context_that_is_too_long_for_a_command_line_goes_into_a_file(bo: Bo) -> None:
    bo.init("auth", {"workers": [{"id": "w1", "description": "long " * 30_000}]})
    answer = bo(*"spawn-cmd -p auth -w w1 --parent con_X".split())
    file = bo.path("auth", "outputs", "w1.context.json")
    assert answer.json["command"].endswith(f"--context-file {file}")
    assert file.read_text().count("long ") >= 30_000


def test_a_worker_speaks_for_its_own_attempt_and_comes_too_late_for_another(auth: Bo) -> None:
    spawn = "spawn-cmd -p auth -w worker_schema --parent con_X".split()
    auth(*spawn)
    auth("fail", "-p", "auth", "-w", "worker_schema")
    auth("reset", "-p", "auth", "-w", "worker_schema")
    auth(*spawn)
    own = {"BO_PROJECT": "auth", "BO_WORKER": "worker_schema", "BO_ATTEMPT": "1"}
    late = auth("complete", "-w", "worker_schema", "--output", "old", env=own)
    assert (late.code, late.json["late"], late.json["status"]) == (0, True, "in_progress")
    assert auth.types()[-1] == "late_result_received"
    assert (
        auth("complete", "-p", "auth", "-w", "worker_schema", "--attempt", "2").json["status"] == "completed"
    )
    refusal = auth("complete", "-p", "auth", "-w", "worker_schema", "--attempt", "7")
    assert (refusal.code, refusal.json["code"]) == (1, "unknown_attempt")


def test_an_attempt_in_the_environment_of_one_worker_is_not_that_of_another(auth: Bo) -> None:
    other = {"BO_PROJECT": "auth", "BO_WORKER": "worker_jwt", "BO_ATTEMPT": "1"}
    assert auth("complete", "-w", "worker_schema", env=other).json["status"] == "completed"


def test_every_event_says_who_acted(auth: Bo) -> None:
    auth("note", "-p", "auth", "one")
    auth("note", "-p", "auth", "two", env={"BO_ACTOR": "con_ENV"})
    auth("note", "-p", "auth", "three", "--actor", "con_OPTION", env={"BO_ACTOR": "con_ENV"})
    actors = [event["actor"] for event in auth.log()[1:]]
    assert actors[1:] == ["con_ENV", "con_OPTION"]
    assert "@" in actors[0]
