"""Several machines work on one project: what one leaves the others go on with, and nothing is doubled."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.dispatch.runs import end, family, finish, gate, most_at_once, until_said, worker
from tests.remote.behind import Behind, shared_node
from tests.remote.machines import Machine, assert_each_attempt_ran_once_at_most, assert_same_log
from tests.remote.nodes import Cluster, Node


@pytest.fixture
def behind() -> Iterator[Behind]:
    made = Behind(shared_node().url, "run")
    yield made
    made.api(f"STREAM.DELETE.KV_{made.stream.name}-leases")
    made.close()


NewMachine = Callable[[str, str], Machine]


@pytest.fixture
def new(tmp_path: Path) -> Iterator[NewMachine]:
    """Makes a machine of a name with its log at an address; nothing of it is left behind."""
    made: list[Machine] = []

    def make(name: str, address: str) -> Machine:
        made.append(Machine(tmp_path, name, address))
        return made[-1]

    yield make
    for machine in made:
        machine.end()


@pytest.fixture
def machines(behind: Behind, new: NewMachine) -> list[Machine]:
    return [new(name, behind.address) for name in ("left", "right")]


@pytest.fixture
def third(behind: Behind, new: NewMachine) -> Machine:
    return new("third", behind.address)


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


def test_workers_go_on_while_the_servers_are_away_and_are_recorded_when_they_are_back(
    own_node: Node, new: NewMachine
) -> None:
    address = Behind(own_node.url, "run").address
    left, right = new("left", address), new("right", address)
    left.begin(worker("a", work=gate("a")), worker("b", work=gate("b"), priority=-1), worker("c", "a b"))
    running = [left.dispatch("-j", "1")]
    left.until_started("a")
    running.append(right.dispatch("-j", "1"))
    right.until_started("b")
    own_node.kill()
    left.open_gate("a")
    right.open_gate("b")
    for name in ("a", "b"):
        left.until(lambda: ("end", name, 1) in left.ledger(), f"the end of {name}")  # noqa: B023
    for process in running:
        until_said(process, "does not answer")
    own_node.start()
    assert all(finish(process)["success"] for process in running)
    assert sorted(left.started()) == ["a", "b", "c"]
    assert not left.events("worker_failed")
    assert_same_log([left, right])
    assert_each_attempt_ran_once_at_most(left)


def test_a_dispatcher_whose_servers_stay_away_ends_and_the_next_one_records_what_its_workers_did(
    own_node: Node, new: NewMachine
) -> None:
    left = new("left", Behind(own_node.url, "run").address)
    left.begin(worker("a", work=gate("a")), worker("b", work=gate("b")))
    process = left.dispatch("-j", "2", "--patience", "0.5s")
    left.until_started("a", "b")
    own_node.kill()
    left.open_gate("a")
    answer, said = process.communicate(timeout=60)
    assert process.returncode == 4, said
    assert json.loads(answer)["code"] == "servers_away"
    assert b"Traceback" not in said
    own_node.start()
    again = left.dispatch("-j", "2")
    left.until_event("dispatcher_stopped")
    left.open_gate("b")
    assert finish(again)["success"]
    assert sorted(left.started()) == ["a", "b"]
    assert not left.events("worker_failed")
    assert_same_log([left])
    assert_each_attempt_ran_once_at_most(left)


def test_a_machine_that_reaches_only_a_server_that_is_cut_off_stands_back_until_it_is_healed(
    cluster: Cluster, new: NewMachine
) -> None:
    behind = Behind(cluster.nodes[0].url, "run", replicas=3)
    alone, *others = [url.removeprefix("nats://") for url in cluster.urls]
    left = new("left", f"nats://{alone}/{behind.stream.name}")
    right = new("right", f"nats://{','.join(others)}/{behind.stream.name}")
    left.begin(
        worker("a", work='[ "$BO_ATTEMPT" = 2 ] || ' + gate("a")), worker("b", work=gate("b"), priority=-1)
    )
    cut_off = left.dispatch("-j", "1")
    left.until_started("a")
    other = right.dispatch("-j", "1", "--retries", "1")
    right.until_started("b")
    cluster.isolate(cluster.nodes[0])
    right.until_event("dispatcher_stopped")
    assert not left.events("dispatcher_stopped"), "who was cut off has judged others"
    left.open_gate("a")
    left.until(lambda: ("end", "a", 1) in left.ledger(), "the end of a's first attempt")
    right.open_gate("b")
    right.until_event("worker_completed", "a")
    cluster.heal(cluster.nodes[0])
    left.until_event("late_result_received", "a")
    for process in (cut_off, other):
        assert finish(process)["success"]
    assert_same_log([left, right])
    assert_each_attempt_ran_once_at_most(right)
    behind.close()


def test_a_machine_that_comes_back_after_its_lease_ends_what_it_ran_and_tells_what_was_done(
    machines: list[Machine],
) -> None:
    left, right = machines
    left.begin(
        worker("a", work='[ "$BO_ATTEMPT" = 2 ] || ' + gate("a")),
        worker("b", work='[ "$BO_ATTEMPT" = 2 ] || sleep 300'),
        worker("c", work=gate("c"), priority=-1),
    )
    first = left.dispatch("-j", "2", "-w", "a", "-w", "b")
    left.until_started("a", "b")
    other = right.dispatch("-j", "3", "--retries", "1")
    right.until_started("c")
    end(first)
    right.until_event("worker_completed", "a")
    right.until_event("worker_completed", "b")
    left.open_gate("a")
    left.until(lambda: ("end", "a", 1) in left.ledger(), "the end of a's first attempt")
    again = left.dispatch("-j", "1")
    right.until_event("late_result_received", "a")
    left.until(lambda: not list(left.path("run", ".bo", "run").glob("[ab].1.lock")), "the end of b")
    left.open_gate("c")
    assert finish(again)["success"]
    assert finish(other)["success"]
    assert ("end", "b", 1) not in left.ledger()
    assert not family(f"BO_ASSIGNMENT_FILE={left.path('run', '.bo', 'run', 'b.1.assignment')}")
    assert_same_log(machines)
    assert_each_attempt_ran_once_at_most(right)
