"""Dispatchers that outlive the shell: spawn, run --detach, stop, and what status says of them."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.dispatch.runs import (
    Runs,
    assert_log_and_ledger_agree,
    end,
    family,
    finish,
    gate,
    lives,
    sh,
    worker,
)


def until_gone(bo: Runs, *pids: int) -> None:
    bo.until(lambda: not any(lives(pid) for pid in pids), f"the end of {pids}")


def test_spawn_returns_while_the_worker_still_runs(bo: Runs) -> None:
    bo.begin(worker("a", work=gate("a")), worker("b"), worker("c", "a"))
    answer = bo("spawn", "-w", "a")
    assert answer.code == 0
    bo.until_started("a")
    assert not bo.events("worker_completed")
    said = answer.json
    assert said["workers"] == ["a"]
    assert lives(said["pid"])
    assert Path(said["log"]).exists()
    (listed,) = bo("status", "-p", "run").json["dispatchers"]
    assert (listed["id"], listed["pid"], listed["alive"]) == (said["dispatcher"], said["pid"], True)
    bo.open_gate("a")
    until_gone(bo, said["pid"])
    assert bo.started() == ["a"]  # and neither b, which nobody asked for, nor c, which is ready now
    assert bo.statuses("run") == {"a": "completed", "b": "pending", "c": "pending"}
    assert_log_and_ledger_agree(bo)


def test_spawn_ready_spawns_all_that_are_ready_and_no_more(bo: Runs) -> None:
    bo.begin(worker("a"), worker("b"), worker("c", "a b"))
    said = bo("spawn", "--ready", "-j", "2").json
    assert said["workers"] == ["a", "b"]
    until_gone(bo, said["pid"])
    assert sorted(bo.started()) == ["a", "b"]


def test_a_detached_dispatcher_outlives_its_shell_and_the_group_of_it(bo: Runs) -> None:
    bo.begin(worker("a", work=gate("a")), worker("b", "a"))
    script = f"{sys.executable} -m cli run --detach --json >said; sleep 300"
    shell = subprocess.Popen(
        ["sh", "-c", script], env=bo.environment(), cwd=bo.folder, start_new_session=True
    )
    bo.until_started("a")
    os.killpg(shell.pid, signal.SIGHUP)
    os.killpg(shell.pid, signal.SIGKILL)
    shell.wait()
    pid = json.loads((bo.folder / "said").read_text())["pid"]
    assert os.getsid(pid) == pid
    bo.open_gate("a")
    until_gone(bo, pid)
    assert bo.started() == ["a", "b"]
    assert_log_and_ledger_agree(bo)


def test_a_dispatcher_that_a_worker_detaches_is_no_part_of_the_worker(bo: Runs) -> None:
    """An orchestrating worker spawns another and is ended: what it spawned goes on."""
    bo.begin(
        {
            "id": "a",
            "command": sh('"$PYTHON" -m cli spawn -w b --json >said.new && mv said.new said; sleep 300'),
            "timeout_minutes": 1.5 / 60,
        },
        worker("b", work=gate("b")),
    )
    running = bo.start("run", "-w", "a", "--grace", "0.1s")
    bo.until((bo.folder / "said").exists, "the answer of spawn")
    bo.until_started("b")
    assert bo("cancel", "-p", "run", "-w", "a").code == 0
    finish(running)
    pid = json.loads((bo.folder / "said").read_text())["pid"]
    assert lives(pid)
    bo.open_gate("b")
    until_gone(bo, pid)
    assert bo.statuses("run") == {"a": "cancelled", "b": "completed"}


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("-w", "nobody"), "unknown_worker"),
        (("-w", "waits"), "not_ready"),
        (("-w", "done"), "already_finished"),
        (("-w", "running"), "in_progress"),
        (("-w", "free", "-w", "waits"), "not_ready"),
        ((), "usage"),
    ],
)
def test_what_cannot_be_spawned_is_refused_before_anything_starts(
    bo: Runs, arguments: tuple[str, ...], code: str
) -> None:
    bo.begin(worker("done"), worker("running"), worker("free"), worker("waits", "free"))
    bo("complete", "-p", "run", "-w", "done")
    bo("spawn-cmd", "-p", "run", "-w", "running", "--parent", "con_1")
    before = bo.log("run")
    answer = bo("spawn", *arguments)
    assert answer.code == (2 if code == "usage" else 1)
    assert answer.json["code"] == code
    assert bo.log("run") == before


def test_spawn_ready_without_any_is_refused(bo: Runs) -> None:
    bo.begin(worker("a"))
    bo("complete", "-p", "run", "-w", "a")
    assert bo("spawn", "--ready").json["code"] == "none_ready"


def test_a_detached_run_that_has_nothing_to_do_is_a_success_all_the_same(bo: Runs) -> None:
    bo.begin(worker("a"))
    assert bo("run").code == 0
    assert bo("run", "--detach").code == 0


def test_run_with_a_plan_file_begins_the_project_first(bo: Runs) -> None:
    file = bo.folder / "plan.json"
    file.write_text(json.dumps({"name": "From a file", "workers": [worker("a")]}))
    assert bo("run", "--plan-file", str(file)).code == 0
    assert bo.types("run")[:2] == ["plan_defined", "dispatcher_started"]
    assert bo.started() == ["a"]


def test_stop_lets_the_running_finish_and_returns_when_the_dispatchers_have_ended(bo: Runs) -> None:
    bo.begin(worker("a", work=gate("a")), worker("b", work=gate("b")), worker("c", "a"))
    first = bo("run", "--detach", "-j", "1").json
    bo.until_started("a")
    second = bo("run", "--detach", "-j", "1").json
    bo.until_started("b")
    stopping = bo.start("stop")
    logs = [Path(said["log"]) for said in (first, second)]
    bo.until(lambda: all("stopping" in log.read_text() for log in logs), "both to be asked")
    bo.open_gate("a")
    bo.until_event("worker_completed", "a")
    bo.open_gate("b")
    stdout, _ = stopping.communicate(timeout=60)
    assert json.loads(stdout)["asked"] == sorted((first["dispatcher"], second["dispatcher"]))
    assert not lives(first["pid"])
    assert not lives(second["pid"])
    assert bo.statuses("run") == {"a": "completed", "b": "completed", "c": "pending"}
    assert [event["reason"] for event in bo.events("dispatcher_stopped")] == ["stopped"] * 2


def test_stop_now_ends_what_runs_too(bo: Runs) -> None:
    bo.begin(worker("a", work=gate("never")))
    said = bo("run", "--detach", "--grace", "0.2s").json
    bo.until_started("a")
    assert bo("stop", "--now").code == 0
    assert not lives(said["pid"])
    assert bo.events("worker_failed")[0]["reason"] == "stopped"
    assert family(f"BO_ASSIGNMENT_FILE={bo.path('run', '.bo', 'run', 'a.1.assignment')}") == []


def test_stop_says_when_they_still_run_after_its_time_and_when_there_are_none(bo: Runs) -> None:
    bo.begin(worker("a", work=gate("a")))
    assert bo("stop").json["asked"] == []
    said = bo("run", "--detach").json
    bo.until_started("a")
    answer = bo("stop", "--timeout", "0.2s")
    assert (answer.code, answer.json["code"]) == (1, "still_running")
    bo.open_gate("a")
    until_gone(bo, said["pid"])


def test_status_tells_the_living_from_the_dead_and_names_what_takes_too_long(bo: Runs) -> None:
    bo.begin(worker("a", work=gate("a"), timeout_minutes=0.5 / 60), worker("b", work=gate("a")))
    dispatcher = bo.start("run", "-j", "2")
    bo.until_started("a", "b")
    assert [one["alive"] for one in bo("status", "-p", "run").json["dispatchers"]] == [True]
    end(dispatcher)
    bo.until(lambda: bo("status", "-p", "run").json["overdue"] == ["a"], "its time to pass")
    (dead,) = bo("status", "-p", "run").json["dispatchers"]
    assert dead["alive"] is False
    shown = bo("status", "-p", "run", "--table").stdout
    assert f"dispatcher {dead['id']} is dead" in shown
    assert "longer than their timeout: a\n" in shown
    past = bo("status", "-p", "run", "--at", str(len(bo.log("run")))).json
    assert [one["alive"] for one in past["dispatchers"]] == [None]
    assert past["overdue"] == []
    bo.open_gate("a")


def test_a_process_that_got_the_number_of_a_dead_dispatcher_is_not_taken_for_it(bo: Runs) -> None:
    bo.begin(worker("a", work=gate("a")))
    dispatcher = bo.start("run")
    bo.until_started("a")
    end(dispatcher)
    (left,) = bo.path("run", ".bo", "dispatchers").glob("*.lock")
    left.write_text(f"{os.getpid()}\n")  # as if the system had given the number to this process
    assert [one["alive"] for one in bo("status", "-p", "run").json["dispatchers"]] == [False]
    assert bo("stop").json["asked"] == []
    bo.open_gate("a")
    assert bo("run").code == 0
