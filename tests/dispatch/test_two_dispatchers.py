"""Several dispatchers on one project share its work, and nothing runs twice, whoever dies."""

import signal

from tests.dispatch.runs import (
    Runs,
    assert_dependencies_kept,
    assert_log_and_ledger_agree,
    end,
    finish,
    gate,
    worker,
)


def by_dispatcher(bo: Runs) -> set[str]:
    return {event["dispatcher"] for event in bo.events("worker_spawned")}


def test_three_dispatchers_share_the_work_and_run_nothing_twice(bo: Runs) -> None:
    workers = [
        worker(
            f"w{layer}.{place}",
            " ".join(f"w{layer - 1}.{n}" for n in range(0, 8, 3)) if layer else "",
            "sleep 0.05",
        )
        for layer in range(4)
        for place in range(8)
    ]
    bo.begin(worker("first", work=gate("go")), *workers)
    running = [bo.start("run", "-j", "2") for _ in range(3)]
    bo.until_event("dispatcher_started", count=3)
    bo.open_gate("go")
    assert all(finish(process)["success"] for process in running)
    assert len(by_dispatcher(bo)) == 3
    assert len(bo.events("worker_spawned")) == len(workers) + 1
    assert_dependencies_kept(bo, [worker("first"), *workers])
    assert_log_and_ledger_agree(bo)


def test_when_one_is_killed_another_takes_over_what_it_ran_without_running_it_again(bo: Runs) -> None:
    bo.begin(worker("a", work=gate("a")), worker("b", work=gate("b")), worker("c", "a b"))
    first = bo.start("run", "-j", "1")
    bo.until_started("a")
    second = bo.start("run", "-j", "1")
    bo.until_started("b")
    end(first)
    bo.open_gate("a")
    bo.until_event("worker_completed", "a")
    bo.open_gate("b")
    assert finish(second)["success"]
    assert bo.started() == ["a", "b", "c"]
    assert [e["reason"] for e in bo.events("dispatcher_stopped")] == ["found dead", "nothing more can run"]
    assert_log_and_ledger_agree(bo)


def test_one_that_has_nothing_to_do_waits_for_the_other_and_takes_over_when_it_dies(bo: Runs) -> None:
    bo.begin(worker("a", work=gate("a")), worker("b", "a"))
    first = bo.start("run", "-j", "1")
    bo.until_started("a")
    second = bo.start("run", "-j", "1")
    bo.until_event("dispatcher_started", count=2)
    end(first)
    bo.until_event("dispatcher_stopped")  # found dead, and its worker taken over: the gate is closed yet
    bo.open_gate("a")
    assert finish(second)["success"]
    assert bo.started() == ["a", "b"]
    assert_log_and_ledger_agree(bo)


def test_a_retry_of_one_that_was_killed_is_made_by_the_other(bo: Runs) -> None:
    bo.begin(worker("a", work="[ $BO_ATTEMPT = 2 ] || exit 1"), worker("b", work=gate("b"), priority=-1))
    first = bo.start("run", "-j", "1", "-w", "a", "--retries", "1", "--retry-delay", "1h")
    bo.until_event("worker_failed", "a")
    second = bo.start("run", "-j", "1", "--retry-delay", "20ms")
    bo.until_started("b")
    end(first)
    bo.until_event("dispatcher_stopped")
    bo.open_gate("b")
    assert finish(second)["success"]
    assert_log_and_ledger_agree(bo)


def test_a_dispatcher_that_is_only_slow_is_not_taken_for_dead(bo: Runs) -> None:
    bo.begin(worker("a", work=gate("a")), worker("b"))
    first = bo.start("run", "-j", "1", "-w", "a")
    bo.until_started("a")
    first.send_signal(signal.SIGSTOP)
    second = bo.start("run", "-j", "1", "-w", "b")
    assert finish(second)["success"]
    bo.open_gate("a")
    bo.until(lambda: ("end", "a", 1) in bo.ledger(), "the end of a")
    assert not bo.events("worker_completed", "a")
    first.send_signal(signal.SIGCONT)
    assert finish(first)["success"]
    assert_log_and_ledger_agree(bo)
