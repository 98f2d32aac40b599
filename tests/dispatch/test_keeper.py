"""The keeper: what it notes, what becomes of a run that loses it, and that it ends with its last worker."""

import os
from collections import Counter
from pathlib import Path
from random import Random
from time import sleep

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.dispatch.keeper import LOCK_FD
from cli.dispatch.keeping import parse_note
from tests.dispatch.runs import (
    Runs,
    assert_log_and_ledger_agree,
    children,
    end,
    finish,
    gate,
    keeper_of,
    lives,
    sh,
    worker,
)


def test_large_attempts_and_many_ends_at_once_hold_nobody_up(bo: Runs) -> None:
    large = ["true", *(["x" * 120_000] * 10)]
    bo.begin(*({"id": f"w{n}"} for n in range(90)), defaults={"command": large})
    assert bo("run", "-j", "45").json["status_counts"]["completed"] == 90


@given(
    st.binary(max_size=40)
    | st.lists(st.integers(), max_size=3).map(lambda n: "\n".join(map(str, n)).encode())
)
def test_what_is_no_note_says_nothing(content: bytes) -> None:
    note = parse_note(content)
    assert note.began == bool(content)
    assert note.pid is None or content.split(b"\n")[0].isdigit()
    assert note.status is None or int(content.split(b"\n")[1]) == note.status


@pytest.mark.parametrize(
    ("content", "note"),
    [
        (b"", (False, None, None)),
        (b"\n", (True, None, None)),
        (b"17\n", (True, 17, None)),
        (b"17\n0\n", (True, 17, 0)),
        (b"17\n255\n", (True, 17, 255)),
        (b"17\n25", (True, 17, None)),
        (b"17\n1000\n", (True, 17, None)),
        (b"1234567890\n-1\n", (True, None, None)),
    ],
)
def test_a_note_says_how_far_an_attempt_has_come(content: bytes, note: tuple[object, ...]) -> None:
    assert parse_note(content) == note


def test_when_it_is_killed_it_leaves_a_loss_that_is_told_and_tried_again(bo: Runs) -> None:
    bo.begin({"id": "a", "command": sh("[ $BO_ATTEMPT = 2 ] || { kill -9 $PPID; sleep 0.1; }")})
    assert bo("run", "--retries", "1", "--retry-delay", "10ms").code == 0
    (lost,) = bo.events("worker_failed")
    assert lost["reason"] == "lost"


def test_a_worker_that_lost_its_keeper_is_not_tried_again_before_it_has_ended(bo: Runs) -> None:
    bo.begin(worker("a", work=f"[ $BO_ATTEMPT = 2 ] || {gate('go')}"), worker("b", work=gate("go")))
    running = bo.start("run", "-j", "2", "--retries", "1", "--retry-delay", "10ms")
    bo.until_started("a", "b")
    os.kill(keeper_of(bo.pid_of("a")), 9)
    sleep(0.3)
    assert not bo.events("worker_failed")
    bo.open_gate("go")
    assert finish(running)["success"]
    assert {(e["reason"], e["retry_in"]) for e in bo.events("worker_failed")} == {("lost", 0.01)}
    ledger = bo.ledger()
    for name in ("a", "b"):
        assert [(what, n) for what, who, n in ledger if who == name] == [
            ("start", 1),
            ("end", 1),
            ("start", 2),
            ("end", 2),
        ]


def test_keepers_killed_at_random_moments_cost_attempts_and_no_attempt_runs_twice(bo: Runs) -> None:
    chance = Random(5)
    bo.begin(
        *(
            worker(f"w{n}", f"w{n - 3}" if n > 2 else "", f"sleep {chance.uniform(0.02, 0.5):.3f}")
            for n in range(40)
        )
    )
    running = bo.start("run", "-j", "4", "--retries", "20", "--retry-delay", "1ms")
    for _ in range(10):
        sleep(chance.uniform(0.05, 0.4))
        for keeper in children(running.pid):
            os.kill(keeper, 9)
    assert finish(running)["success"]
    assert bo("verify", "-p", "run").code == 0
    assert max(Counter(bo.ledger()).values()) == 1
    assert {event["reason"] for event in bo.events("worker_failed")} == {"lost"}
    runs: set[str] = set()
    for what, name, _ in bo.ledger():
        assert (name in runs) == (what == "end"), f"two attempts of {name} at a time"
        runs.symmetric_difference_update({name})
    assert not runs


def test_it_ends_with_its_last_worker_and_not_before(bo: Runs) -> None:
    bo.begin(worker("a", work=gate("go")))
    dispatcher = bo.start("run")
    bo.until_started("a")
    (keeper,) = children(dispatcher.pid)
    end(dispatcher)
    assert lives(keeper)
    bo.open_gate("go")
    bo.until(lambda: not lives(keeper), "the keeper's end")
    assert bo("run").code == 0
    assert_log_and_ledger_agree(bo)


def test_it_holds_no_lock_under_the_number_by_which_workers_are_known(bo: Runs) -> None:
    """Or it would be ended together with that worker."""
    bo.begin(*(worker(f"w{n}", work=gate("go")) for n in range(12)))
    running = bo.start("run", "-j", "12")
    bo.until_started(*(f"w{n}" for n in range(12)))
    (keeper,) = children(running.pid)
    held = {int(entry.name): str(entry.readlink()) for entry in Path(f"/proc/{keeper}/fd").iterdir()}
    bo.open_gate("go")
    assert finish(running)["success"]
    assert sum(path.endswith(".lock") for path in held.values()) == 12
    assert not held[LOCK_FD].endswith(".lock")
