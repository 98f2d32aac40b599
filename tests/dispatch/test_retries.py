"""Trying again, what the plan and the command line say about it, and when enough is enough."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.dispatch.policy import LONGEST_DELAY, Breaker, Policy
from cli.dispatch.settings import LONGEST_TIMEOUT, Overrides, read_settings
from tests.dispatch.runs import Runs, assert_log_and_ledger_agree, end, gate, plan, sh, worker

SECOND = "[ $BO_ATTEMPT -ge %d ] || exit 1"


def test_each_retry_is_a_new_attempt_after_a_longer_wait_and_all_of_it_is_recorded(bo: Runs) -> None:
    bo.begin(worker("a", work=SECOND % 4))
    assert bo("run", "--retries", "3", "--retry-delay", "50ms").code == 0
    assert [event["retry_in"] for event in bo.events("worker_failed")] == [0.05, 0.1, 0.2]
    assert [event["attempt"] for event in bo.events("worker_spawned")] == [1, 2, 3, 4]
    assert [event["retry"] for event in bo.events("worker_reset")] == [True] * 3
    assert_log_and_ledger_agree(bo)


def test_the_last_failure_announces_nothing(bo: Runs) -> None:
    bo.begin(worker("a", work="exit 1"), worker("b", "a"))
    assert bo("run", "--retries", "1", "--retry-delay", "20ms").code == 1
    assert [event.get("retry_in") for event in bo.events("worker_failed")] == [0.02, None]
    assert bo.statuses("run") == {"a": "failed", "b": "pending"}


def test_a_reset_by_a_person_gives_all_tries_anew(bo: Runs) -> None:
    bo.begin(worker("a", work=SECOND % 4))
    assert bo("run", "--retries", "1", "--retry-delay", "20ms").code == 1
    assert bo("reset", "-p", "run", "-w", "a").code == 0
    assert bo("run", "--retries", "1", "--retry-delay", "20ms").code == 0
    assert [event["attempt"] for event in bo.events("worker_spawned")] == [1, 2, 3, 4]


def test_a_retry_that_was_announced_by_a_dispatcher_that_died_is_made_by_the_next(bo: Runs) -> None:
    bo.begin(worker("a", work=SECOND % 2))
    dispatcher = bo.start("run", "--retries", "1", "--retry-delay", "1h")
    bo.until_event("worker_failed")
    end(dispatcher)
    assert bo("status", "-p", "run").json["status"] == "active"
    assert bo("run", "--retry-delay", "20ms").code == 0
    assert_log_and_ledger_agree(bo)


def test_while_one_waits_to_be_tried_again_the_others_go_on(bo: Runs) -> None:
    bo.begin(worker("a", work=SECOND % 2, priority=1), worker("b"), worker("c", "b"))
    assert bo("run", "-j", "1", "--retries", "1", "--retry-delay", "1s").code == 0
    assert bo.started() == ["a", "b", "c", "a"]


# --- enough


def test_keep_going_runs_whatever_does_not_depend_on_a_failure(bo: Runs) -> None:
    bo.begin(worker("a", work="exit 1"), worker("b", "a"), worker("c"), worker("d", "c"))
    assert bo("run", "--keep-going", "-j", "1").code == 1
    assert bo.statuses("run") == {"a": "failed", "b": "pending", "c": "completed", "d": "completed"}


def test_fail_fast_spawns_nothing_after_the_first_final_failure_and_lets_the_running_finish(bo: Runs) -> None:
    bo.begin(
        worker("bad", work=f"{gate('fail')}; exit 1", priority=2),
        worker("running", work=gate("finish"), priority=1),
        worker("never"),
    )
    running = bo.start("run", "--fail-fast", "-j", "2")
    bo.until_started("bad", "running")
    bo.open_gate("fail")
    bo.until_event("worker_failed", "bad")
    bo.open_gate("finish")
    assert running.wait(60) == 1
    running.communicate()
    assert bo.statuses("run") == {"bad": "failed", "running": "completed", "never": "pending"}
    assert bo.events("dispatcher_stopped")[0]["reason"] == "'bad' failed"


def test_one_at_a_time_fail_fast_does_not_even_spawn_the_next(bo: Runs) -> None:
    bo.begin(worker("a", work="exit 1"), worker("b"))
    answer = bo("run", "--fail-fast", "-j", "1")
    assert answer.json["stopped_because"] == "'a' failed"
    assert bo.started() == ["a"]


def test_fail_fast_waits_for_the_last_try(bo: Runs) -> None:
    bo.begin(worker("a", work=SECOND % 2, priority=1), worker("b"))
    assert bo("run", "--fail-fast", "-j", "1", "--retries", "1", "--retry-delay", "20ms").code == 0


def test_after_so_many_failures_in_a_row_nothing_more_is_spawned(bo: Runs) -> None:
    good, bad = "exit 0", "exit 1"
    works = [bad, good, bad, bad, good, good]
    bo.begin(*(worker(f"w{n}", work=work) for n, work in enumerate(works)))
    answer = bo("run", "--max-failures", "2", "-j", "1")
    assert answer.code == 1
    assert answer.json["stopped_because"] == "2 failures in a row"
    assert bo.started() == ["w0", "w1", "w2", "w3"]


# --- who says how


def test_a_worker_s_own_keys_go_before_the_command_line_and_that_before_the_defaults() -> None:
    text = json.dumps(
        plan(
            {"id": "own", "command": "own", "timeout_minutes": 1, "retries": 7, "priority": 3},
            {"id": "plain"},
            defaults={"command": ["from", "defaults"], "timeout_minutes": 2, "retries": 8, "priority": 4},
        )
    ).encode()
    quiet = read_settings(text, Overrides())
    said = read_settings(text, Overrides(command="from 'the line'", timeout=30.0, retries=9))
    for settings in (quiet, said):
        own = settings["own"]
        assert (own.command, own.timeout, own.retries, own.priority) == (("own",), 60.0, 7, 3.0)
    plain = quiet["plain"]
    assert (plain.command, plain.timeout, plain.retries, plain.priority) == (
        ("from", "defaults"),
        120.0,
        8,
        4.0,
    )
    plain = said["plain"]
    assert (plain.command, plain.timeout, plain.retries, plain.priority) == (
        ("from", "the line"),
        30.0,
        9,
        4.0,
    )


def test_without_a_word_a_worker_has_ten_minutes_one_try_and_no_command() -> None:
    (settings,) = read_settings(b'{"workers":[{"id":"a"}]}', Overrides()).values()
    assert (settings.command, settings.timeout, settings.retries, settings.priority) == ((), 600.0, 0, 0.0)


def test_a_timeout_beyond_all_clocks_is_one_that_can_be_added_up(bo: Runs) -> None:
    bo.begin(worker("a", timeout_minutes=1e308))
    assert bo("run").code == 0
    assert bo.events("worker_spawned")[0]["timeout"] == LONGEST_TIMEOUT


def test_the_keys_work_in_a_run_as_they_say(bo: Runs) -> None:
    bo.begin(
        {"id": "own", "command": sh("exit 1")},
        {"id": "slow", "command": ["sleep", "300"], "timeout_minutes": 0.3 / 60, "retries": 0},
        {"id": "plain", "priority": 9},
        defaults={"command": "echo from {id}", "retries": 1, "timeout_minutes": 5},
    )
    assert bo("run", "-j", "1", "--retry-delay", "20ms", "--grace", "0.1s").code == 1
    spawned = [(event["worker"], event["timeout"]) for event in bo.events("worker_spawned")]
    assert spawned[0] == ("plain", 300.0)
    assert sorted(spawned) == [("own", 300.0), ("own", 300.0), ("plain", 300.0), ("slow", 0.3)]
    assert bo.output("plain") == b"from plain\n"


@pytest.mark.parametrize("option", [("--command", "'unclosed"), ("--command", ""), ("--via", "nobody")])
def test_options_that_make_no_sense_are_refused_before_anything_starts(
    bo: Runs, option: tuple[str, str]
) -> None:
    bo.begin({"id": "a"})
    for command in (("run",), ("run", "--detach"), ("spawn", "--ready")):
        answer = bo(*command, *option)
        assert answer.code == 1, command
        assert answer.json["code"] in ("bad_command", "unknown_runner")
    assert bo.types("run") == ["plan_defined"]


@given(st.integers(1, 60), st.integers(0, 100), st.floats(0.001, 100), st.none() | st.floats(0, 1e6))
def test_waits_double_up_to_an_hour_and_are_never_shorter_than_what_was_asked_for(
    tries: int, retries: int, first: float, at_least: float | None
) -> None:
    wait = Policy(retry_delay=first).retry_in(tries, retries, at_least)
    if tries > retries:
        assert wait is None
    else:
        assert wait == max(min(first * 2.0 ** (min(tries, 31) - 1), LONGEST_DELAY), at_least or 0.0)


def test_a_success_ends_the_row_of_failures_and_an_open_breaker_stays_open() -> None:
    breaker = Breaker(Policy(max_failures=2))
    one = breaker.after_failure("a", final=False)
    assert one.after_success().after_failure("b", final=True).open_because is None
    two = one.after_failure("b", final=False)
    assert two.open_because == "2 failures in a row"
    assert two.after_success().open_because == "2 failures in a row"
