"""Being told to stop: once lets the running finish, twice ends them; the log is true either way."""

import os
import signal

import pytest

from tests.dispatch.runs import Runs, assert_log_and_ledger_agree, family, finish, gate, until_said, worker
from tests.dispatch.terminal import Terminal

SIGNALS = [signal.SIGINT, signal.SIGTERM]


def begun(bo: Runs) -> Runs:
    """Two that run until they are let go, and two that wait."""
    return bo.begin(worker("a", work=gate("a")), worker("b", work=gate("b")), worker("c", "a"), worker("d"))


def mark(bo: Runs, name: str) -> str:
    return f"BO_ASSIGNMENT_FILE={bo.path('run', '.bo', 'run', f'{name}.1.assignment')}"


@pytest.mark.parametrize("number", SIGNALS)
def test_once_nothing_more_is_spawned_and_the_running_finish(bo: Runs, number: signal.Signals) -> None:
    running = begun(bo).start("run", "-j", "2")
    bo.until_started("a", "b")
    running.send_signal(number)
    bo.open_gate("a")
    bo.until_event("worker_completed", "a")
    bo.open_gate("b")
    answer = finish(running)
    assert running.returncode == 1
    assert answer["unfinished"] == {"c": "pending", "d": "pending"}
    assert sorted(bo.started()) == ["a", "b"]
    assert bo.events("dispatcher_stopped")[-1]["reason"] == "stopped"
    assert_log_and_ledger_agree(bo)
    assert bo("run").code == 0


@pytest.mark.parametrize("number", SIGNALS)
def test_twice_the_running_are_ended_which_is_recorded_and_the_next_run_tries_them_again(
    bo: Runs, number: signal.Signals
) -> None:
    running = begun(bo).start("run", "-j", "2", "--grace", "0.2s", "--retries", "3")
    bo.until_started("a", "b")
    running.send_signal(number)
    until_said(running, "asked once more")
    running.send_signal(number)
    finish(running)
    assert family(mark(bo, "a")) + family(mark(bo, "b")) == []
    failed = {event["worker"]: event for event in bo.events("worker_failed")}
    assert {name: event["reason"] for name, event in failed.items()} == {"a": "stopped", "b": "stopped"}
    assert all(event["retry_in"] == 0 for event in failed.values())
    assert_log_and_ledger_agree(bo)
    bo.open_gate("a")
    bo.open_gate("b")
    assert bo("run").code == 0
    assert_log_and_ledger_agree(bo)


def test_a_worker_that_ignores_the_end_is_ended_by_force(bo: Runs) -> None:
    bo.begin(worker("a", work='trap "" TERM INT; while :; do sleep 0.02; done'))
    running = bo.start("run", "--grace", "0.2s")
    bo.until_started("a")
    bo.until(lambda: len(family(mark(bo, "a"))) >= 2, "the worker")
    running.send_signal(signal.SIGTERM)
    until_said(running, "asked once more")
    running.send_signal(signal.SIGTERM)
    finish(running)
    assert family(mark(bo, "a")) == []
    assert bo.events("worker_failed")[0]["reason"] == "stopped"


def test_a_retry_that_waits_keeps_nobody_from_stopping_and_is_made_by_the_next_run(bo: Runs) -> None:
    bo.begin(worker("a", work="[ $BO_ATTEMPT = 2 ] || exit 1"))
    running = bo.start("run", "--retries", "1", "--retry-delay", "1h")
    bo.until_event("worker_failed")
    running.send_signal(signal.SIGINT)
    finish(running)
    assert bo("run", "--retry-delay", "20ms").code == 0
    assert_log_and_ledger_agree(bo)


@pytest.mark.parametrize("table", ["--table", "--json"])
def test_ctrl_c_on_a_terminal_reaches_the_dispatcher_and_no_worker(bo: Runs, table: str) -> None:
    begun(bo)
    with Terminal("run", "-j", "2", table, env=bo.environment(), cwd=bo.folder) as terminal:
        bo.until_started("a", "b")
        terminal.press(b"\x03")
        bo.open_gate("a")
        bo.until_event("worker_completed", "a")
        bo.open_gate("b")
        assert terminal.finish() == 1
    assert {event["worker"] for event in bo.events("worker_completed")} == {"a", "b"}
    assert b"Traceback" not in terminal.said
    assert sorted(bo.started()) == ["a", "b"]
    assert_log_and_ledger_agree(bo)


def test_ctrl_c_twice_on_a_terminal_ends_the_workers(bo: Runs) -> None:
    begun(bo)
    with Terminal("run", "-j", "2", "--grace", "0.2s", env=bo.environment(), cwd=bo.folder) as terminal:
        bo.until_started("a", "b")
        terminal.press(b"\x03")
        terminal.until("stopping")
        terminal.press(b"\x03")
        assert terminal.finish() == 1
        assert terminal.attributes == terminal.before
    assert {event["reason"] for event in bo.events("worker_failed")} == {"stopped"}
    assert family(mark(bo, "a")) == []


def test_when_the_terminal_goes_away_the_workers_go_on_and_the_next_run_has_their_results(bo: Runs) -> None:
    begun(bo)
    with Terminal("run", "-j", "2", env=bo.environment(), cwd=bo.folder) as terminal:
        bo.until_started("a", "b")
        # Hanging up is what the kernel tells the session then.
        os.kill(terminal.pid, signal.SIGHUP)
        terminal.finish()
    bo.open_gate("a")
    bo.open_gate("b")
    assert bo("run").code == 0
    assert sorted(bo.started()) == ["a", "b", "c", "d"]
    assert_log_and_ledger_agree(bo)
