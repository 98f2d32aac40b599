"""Several machines work on one project: what one leaves the others go on with, and nothing is doubled."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.dispatch.runs import end, finish, gate, most_at_once, until_said, worker
from tests.remote.behind import Behind, shared_node
from tests.remote.machines import Machine, assert_each_attempt_ran_once_at_most, assert_same_log


@pytest.fixture
def behind() -> Iterator[Behind]:
    made = Behind(shared_node().url, "run")
    yield made
    made.api(f"STREAM.DELETE.KV_{made.stream.name}-leases")
    made.close()


@pytest.fixture
def machines(behind: Behind, tmp_path: Path) -> Iterator[list[Machine]]:
    made = [Machine(tmp_path, name, behind.address) for name in ("left", "right")]
    yield made
    for machine in made:
        machine.end()


@pytest.fixture
def third(behind: Behind, tmp_path: Path) -> Iterator[Machine]:
    made = Machine(tmp_path, "third", behind.address)
    yield made
    made.end()


def test_two_machines_share_the_work(machines: list[Machine]) -> None:
    left, _ = machines
    workers = [worker(f"w{n}", "first" if n < 6 else f"w{n - 6}", "sleep 0.1") for n in range(12)]
    left.begin(worker("first", work=gate("go")), *workers)
    running = [machine.dispatch("-j", "2") for machine in machines]
    left.until_event("dispatcher_started", count=2)
    left.open_gate("go")
    assert all(finish(process)["success"] for process in running)
    spawned = left.events("worker_spawned")
    assert len(spawned) == 13
    assert len({event["dispatcher"] for event in spawned}) == 2
    assert_same_log(machines)
    assert_each_attempt_ran_once_at_most(left)


def test_what_a_lost_machine_ran_is_run_again_by_the_other(machines: list[Machine]) -> None:
    left, right = machines
    left.begin(
        worker("a", work='[ "$BO_ATTEMPT" = 2 ] || sleep 300'), worker("b", work=gate("b"), priority=-1)
    )
    left.dispatch("-j", "1")
    left.until_started("a")
    survivor = right.dispatch("-j", "1", "--retries", "1")
    right.until_started("b")
    left.lose()
    right.until_event("dispatcher_stopped")
    right.open_gate("b")
    assert finish(survivor)["success"]
    (lost,) = right.events("worker_failed")
    assert (lost["worker"], lost["reason"]) == ("a", "lost")
    assert left("status", "-p", "run").code == 0
    assert_same_log(machines)
    assert_each_attempt_ran_once_at_most(right)


def test_a_machine_that_stood_still_finds_its_results_late_and_nothing_doubled(
    machines: list[Machine],
) -> None:
    left, right = machines
    left.begin(
        worker("a", work='[ "$BO_ATTEMPT" = 2 ] || ' + gate("a")),
        worker("b", work='[ "$BO_ATTEMPT" = 2 ] || sleep 300'),
        worker("c", work=gate("c"), priority=-1),
    )
    still = left.dispatch("-j", "2", "-w", "a", "-w", "b")
    left.until_started("a", "b")
    other = right.dispatch("-j", "3", "--retries", "1")
    right.until_started("c")
    still.send_signal(signal.SIGSTOP)
    right.until_event("worker_completed", "a")
    right.until_event("worker_completed", "b")
    left.open_gate("a")
    left.until(lambda: ("end", "a", 1) in left.ledger(), "the end of a's first attempt")
    still.send_signal(signal.SIGCONT)
    right.until_event("late_result_received", "a")
    assert finish(still)["success"]
    assert ("end", "b", 1) not in left.ledger()
    right.open_gate("c")
    assert finish(other)["success"]
    assert [e["worker"] for e in right.events("late_result_received")] == ["a"]
    assert_same_log(machines)
    assert_each_attempt_ran_once_at_most(right)


def test_a_dispatcher_that_comes_again_on_its_machine_within_the_lease_adopts_its_workers(
    machines: list[Machine], third: Machine
) -> None:
    left, right = machines
    left.begin(worker("a", work=gate("a")), worker("b", work=gate("b"), priority=-1))
    first = left.dispatch("-j", "1")
    left.until_started("a")
    other = right.dispatch("-j", "1")
    right.until_started("b")
    end(first)
    again = left.dispatch("-j", "1")
    left.until_event("dispatcher_stopped")
    third.dispatch("-j", "1")
    left.until_event("dispatcher_started", count=4)
    third.lose()
    left.until_event("dispatcher_stopped", count=2)  # by now the first one's lease would have run out too
    left.open_gate("a")
    left.until_event("worker_completed", "a")
    left.open_gate("b")
    assert finish(again)["success"]
    assert finish(other)["success"]
    assert not left.events("worker_failed")
    assert_same_log(machines)
    assert_each_attempt_ran_once_at_most(left)


def test_a_dispatcher_on_another_machine_is_seen_and_is_asked_to_stop(machines: list[Machine]) -> None:
    left, right = machines
    left.begin(worker("a", work=gate("a")), worker("b", "a"))
    running = left.dispatch("-j", "3")
    left.until_started("a")
    (seen,) = right("status", "-p", "run").json["dispatchers"]
    (known,) = left.events("dispatcher_started")
    assert (seen["id"], seen["host"], seen["pid"]) == (known["dispatcher"], known["host"], running.pid)
    assert (seen["via"], seen["jobs"], seen["running"], seen["alive"]) == ("command", 3, 1, True)
    stopping = right.start("stop", "-p", "run")
    until_said(running, "stopping")
    left.open_gate("a")
    assert finish(stopping)["asked"] == [known["dispatcher"]]
    assert not finish(running)["success"]
    assert left.started() == ["a"]


def test_a_dispatcher_on_another_machine_that_is_to_stop_at_once_ends_its_workers(
    machines: list[Machine],
) -> None:
    left, right = machines
    left.begin(worker("a", work="sleep 300"))
    running = left.dispatch()
    left.until_started("a")
    assert right("stop", "-p", "run", "--now").json["ended"]
    assert not finish(running)["success"]
    assert [event["reason"] for event in right.events("worker_failed")] == ["stopped"]


def test_a_dispatcher_that_is_gone_is_shown_as_dead_on_every_machine(machines: list[Machine]) -> None:
    left, right = machines
    left.begin(worker("a", work="sleep 300"))
    left.dispatch()
    left.until_started("a")
    left.lose()
    assert [one["alive"] for one in left("status", "-p", "run").json["dispatchers"]] == [False]
    right.until(
        lambda: [one["alive"] for one in right("status", "-p", "run").json["dispatchers"]] == [False],
        "the end of the lease",
    )
    (unknown,) = right("status", "-p", "run", env={"BO_LOG": ""}).json["dispatchers"]
    assert unknown["alive"] is None


def test_no_more_than_so_many_run_on_a_host_over_all_its_dispatchers(machines: list[Machine]) -> None:
    left, _ = machines
    left.begin(worker("first", work=gate("go")), *[worker(f"w{n}", "first", "sleep 0.05") for n in range(20)])
    running = [machine.dispatch("-j", "3", "--host-jobs", "2") for machine in machines]
    left.until_event("dispatcher_started", count=2)
    left.open_gate("go")
    assert all(finish(process)["success"] for process in running)
    assert most_at_once(left.ledger()) == 2
    assert_each_attempt_ran_once_at_most(left)
