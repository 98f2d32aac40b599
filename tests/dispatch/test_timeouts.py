"""Workers that take too long are ended with everything they started, and that is recorded once."""

import sys

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

QUICK = ("--timeout", "0.4s", "--grace", "0.2s")

DOUBLE_FORK = """
import os, time, signal
if os.fork() == 0:
    if %(session)s: os.setsid()
    if os.fork() == 0:
        for n in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT): signal.signal(n, signal.SIG_IGN)
        open("grandchild", "w").write(str(os.getpid()))
        time.sleep(300)
    os._exit(0)
%(then)s
time.sleep(300)
"""


def marker(bo: Runs, worker: str = "a", attempt: int = 1) -> str:
    return f"BO_ASSIGNMENT_FILE={bo.path('run', '.bo', 'run', f'{worker}.{attempt}.assignment')}"


def assert_timed_out_once(bo: Runs) -> None:
    assert [event["type"] for event in bo.events(worker="a")] == ["worker_spawned", "worker_timed_out"]
    assert family(marker(bo)) == []


def test_a_worker_that_ends_when_asked_is_ended_politely(bo: Runs) -> None:
    bo.begin(
        {
            "id": "a",
            "command": sh('trap "echo tidied up; exit 0" TERM; echo ready; while :; do sleep 0.02; done'),
        }
    )
    assert bo("run", "--timeout", "0.4s", "--grace", "30s").code == 1
    (ended,) = bo.events("worker_timed_out")
    assert ended["after"] == 0.4
    assert ended["answer"]["text"].endswith("tidied up\n")
    assert_timed_out_once(bo)


def test_a_worker_that_ignores_the_polite_end_is_ended_by_force(bo: Runs) -> None:
    bo.begin({"id": "a", "command": sh('trap "" TERM INT HUP; while :; do sleep 0.02; done')})
    assert bo("run", *QUICK).code == 1
    assert_timed_out_once(bo)


@pytest.mark.parametrize("session", [False, True], ids=["in its group", "in a session of its own"])
@pytest.mark.parametrize(
    "then", ["", "signal.signal(signal.SIGTERM, signal.SIG_IGN)"], ids=["polite", "stubborn"]
)
def test_a_child_that_was_forked_twice_into_the_background_ends_too(
    bo: Runs, session: bool, then: str
) -> None:
    script = DOUBLE_FORK % {"session": session, "then": then}
    bo.begin({"id": "a", "command": [sys.executable, "-c", script]})
    assert bo("run", "--timeout", "2s", "--grace", "0.3s").code == 1
    assert not lives(int((bo.folder / "grandchild").read_text()))
    assert_timed_out_once(bo)


def test_a_child_that_hides_its_environment_is_found_by_the_lock_that_it_holds(bo: Runs) -> None:
    script = (
        "setsid env -i sh -c 'echo $$ >child; trap : TERM; while :; do sleep 0.02; done' & wait; sleep 300"
    )
    bo.begin({"id": "a", "command": sh(script)})
    assert bo("run", "--timeout", "2s", "--grace", "0.2s").code == 1
    assert not lives(int((bo.folder / "child").read_text()))
    assert_timed_out_once(bo)


def test_only_the_processes_of_the_attempt_that_took_too_long_are_ended(bo: Runs) -> None:
    bo.begin(
        worker("a", work="sleep 300", timeout_minutes=0.4 / 60),
        worker("b", work=gate("go")),
    )
    running = bo.start("run", "-j", "2", "--grace", "0.1s")
    bo.until_event("worker_timed_out", "a")
    bo.open_gate("go")
    assert finish(running)["status_counts"]["completed"] == 1
    assert_log_and_ledger_agree(bo)


def test_an_attempt_that_took_too_long_while_no_dispatcher_lived_is_ended_by_the_next(bo: Runs) -> None:
    bo.begin({"id": "a", "command": sh('trap "" TERM; echo ready; while :; do sleep 0.02; done')})
    dispatcher = bo.start("run", *QUICK)
    bo.until(lambda: bo.path("run", "outputs", "a.1.txt").exists() and bo.output("a"), "the worker")
    end(dispatcher)
    assert family(marker(bo))
    assert bo("run", *QUICK).code == 1
    assert_timed_out_once(bo)


def test_a_failure_that_came_in_time_is_no_timeout_for_a_later_dispatcher(bo: Runs) -> None:
    bo.begin({"id": "a", "command": sh(f"{gate('go')}; exit 7")})
    dispatcher = bo.start("run", "--timeout", "1s")
    bo.until_event("worker_spawned")
    bo.until(lambda: family(marker(bo)), "the worker")
    end(dispatcher)
    bo.open_gate("go")
    bo.until(lambda: not family(marker(bo)), "the end of the worker")
    bo.until(lambda: bo("status", "-p", "run").json["overdue"] == ["a"], "the time")
    assert bo("run").code == 1
    (failed,) = bo.events("worker_failed")
    assert (failed["reason"], failed["error"]) == ("exit", "exit status 7")


def test_with_retries_a_timeout_is_tried_again(bo: Runs) -> None:
    bo.begin(worker("a", work="[ $BO_ATTEMPT = 2 ] || sleep 300"))
    assert (
        bo("run", "--timeout", "0.5s", "--grace", "0.1s", "--retries", "1", "--retry-delay", "0.1s").code == 0
    )
    (timed_out,) = bo.events("worker_timed_out")
    assert timed_out["retry_in"] == 0.1
    assert [event["attempt"] for event in bo.events("worker_completed")] == [2]
