"""Waiting for workers and builds without asking again and again."""

import json
import subprocess
from pathlib import Path

import pytest

from tests.dispatch.runs import Runs, finish, gate, worker


def waiting(bo: Runs, *arguments: str) -> "subprocess.Popen[bytes]":
    """Starts `bo wait`, and returns when it does."""
    process = bo.start("wait", *arguments)
    bo.until(lambda: watches(process.pid), "the wait")
    return process


def watches(pid: int) -> bool:
    try:
        links = [str(entry.readlink()) for entry in Path(f"/proc/{pid}/fd").iterdir()]
    except OSError:
        return False
    return any("inotify" in link for link in links)


def test_it_ends_when_everything_is_completed(bo: Runs) -> None:
    bo.begin(worker("a", work=gate("a")), worker("b", "a"))
    wait = waiting(bo)
    assert bo("run", "--detach").code == 0
    bo.open_gate("a")
    said = finish(wait)
    assert wait.returncode == 0
    assert (said["finished"], said["success"], said["status"]) == (True, True, "completed")


def test_it_ends_when_nothing_more_can_happen_by_itself(bo: Runs) -> None:
    bo.begin(worker("a", work="exit 1"), worker("b", "a"))
    wait = waiting(bo)
    bo("run")
    assert finish(wait)["status"] == "stuck"
    assert wait.returncode == 1


def test_it_waits_for_one_worker_for_all_named_or_for_any_of_them(bo: Runs) -> None:
    bo.begin(worker("a", work=gate("a")), worker("b", work=gate("b")), worker("c", work=gate("c")))
    running = bo.start("run", "-j", "3")
    bo.until_started("a", "b", "c")
    one, both = waiting(bo, "-w", "a"), waiting(bo, "-w", "a", "-w", "b")
    any_ = waiting(bo, "-w", "a", "-w", "b", "--any")
    bo.open_gate("a")
    assert finish(one)["workers"] == {"a": "completed"}
    assert finish(any_)["workers"]["b"] == "in_progress"
    assert both.poll() is None
    bo.open_gate("b")
    assert finish(both)["workers"] == {"a": "completed", "b": "completed"}
    assert one.returncode == any_.returncode == both.returncode == 0
    bo.open_gate("c")
    finish(running)


def test_what_is_so_already_needs_no_waiting(bo: Runs) -> None:
    bo.begin(worker("a"))
    assert bo("run").code == 0
    assert bo("wait").code == 0
    assert bo("wait", "-w", "a", "--any").code == 0


def test_a_failure_that_will_be_tried_again_is_not_the_end(bo: Runs) -> None:
    bo.begin(worker("a", work="[ $BO_ATTEMPT = 3 ] || exit 1"))
    waits = [waiting(bo, *arguments) for arguments in (("-w", "a"), ())]
    assert bo("run", "--retries", "2", "--retry-delay", "50ms").code == 0
    assert all(finish(wait)["success"] for wait in waits)


@pytest.mark.parametrize("how", [("fail", "--reason", "no"), ("cancel",)])
def test_who_waits_for_a_worker_is_told_that_it_was_not_completed(bo: Runs, how: tuple[str, ...]) -> None:
    bo.begin(worker("a"), worker("b"))
    wait = waiting(bo, "-w", "a")
    assert bo(*how, "-p", "run", "-w", "a").code == 0
    assert finish(wait)["finished"]
    assert wait.returncode == 1


def test_a_whole_build_is_done_when_what_was_not_cancelled_is_completed(bo: Runs) -> None:
    bo.begin(worker("a"), worker("b"))
    wait = waiting(bo)
    assert bo("cancel", "-p", "run", "-w", "a").code == 0
    assert bo("complete", "-p", "run", "-w", "b").code == 0
    assert finish(wait)["success"]
    assert wait.returncode == 0


def test_when_the_time_runs_out_it_says_so_even_while_other_things_happen(bo: Runs) -> None:
    bo.begin(worker("a"))
    wait = bo.start("wait", "--timeout", "1s")
    while wait.poll() is None:
        bo("note", "-p", "run", "something else")
    assert finish(wait)["finished"] is False
    assert wait.returncode == 124


def test_it_costs_next_to_nothing_while_nothing_happens(bo: Runs) -> None:
    bo.begin(worker("a"))
    wait = waiting(bo)
    woken = times_woken(wait.pid)
    assert bo("wait", "--timeout", "1s").code == 124
    assert times_woken(wait.pid) == woken
    bo("complete", "-p", "run", "-w", "a")
    assert finish(wait)["success"]


def times_woken(pid: int) -> str:
    """How often the system has let the process run after it waited for something."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(line for line in lines if line.startswith("voluntary"))


@pytest.mark.parametrize(("arguments", "code"), [(("-w", "nobody"), "unknown_worker"), (("--any",), "usage")])
def test_what_cannot_be_waited_for_is_refused(bo: Runs, arguments: tuple[str, ...], code: str) -> None:
    bo.begin(worker("a"))
    assert json.loads(bo("wait", *arguments).stdout)["code"] == code


def test_who_waits_is_told_when_the_dispatcher_has_died(bo: Runs) -> None:
    bo.begin(worker("a", work="sleep 5"))
    dispatcher = bo.start("run", "-p", "run")
    while not bo("status", "-p", "run").json["dispatchers"]:
        pass
    wait = bo.start("wait", "-p", "run")
    dispatcher.kill()
    dispatcher.communicate()
    assert wait.stderr is not None
    assert b"no dispatcher of run is alive" in wait.stderr.readline()
    assert bo("cancel", "-p", "run", "-w", "a").code == 0
    wait.communicate(timeout=30)
    assert wait.returncode == 1
    assert bo("run", "-p", "run").code == 0
