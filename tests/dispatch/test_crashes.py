"""Dispatchers that are killed, at any step and at any moment, lose nothing and run nothing twice."""

import json
import os
import subprocess
import sys
from pathlib import Path
from random import Random
from time import sleep
from typing import Any

import pytest

from tests.cli.running import PLANS, ROOT
from tests.dispatch.runs import (
    Runs,
    assert_dependencies_kept,
    assert_log_and_ledger_agree,
    end,
    keeper_of,
    sh,
    worker,
)

STRIDE = 3
"""The steps are tried in so many tests, which run beside each other."""


@pytest.mark.parametrize("first", range(1, STRIDE + 1))
def test_a_dispatcher_killed_at_any_of_its_steps_is_finished_by_the_next(tmp_path: Path, first: int) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.dispatch.die_at", str(tmp_path), str(first), str(STRIDE)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    tries = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(tries) > 20
    for one in tries:
        bo = Runs(tmp_path / str(one["step"]))
        try:
            assert one["code"] == 0
            assert set(bo.statuses_in_plan().values()) == {"completed"}
            assert_run_once_unless_the_log_says_why_not(bo)
            assert bo.path("run", ".bo", "dispatchers").exists()
        except AssertionError as error:
            raise AssertionError(f"killed {one['at']} (step {one['step']}): {error}") from error


def assert_run_once_unless_the_log_says_why_not(bo: Runs) -> None:
    """Between the attempts of a worker the log has a reason: lost, or a failure that was announced again."""
    assert_log_and_ledger_agree(bo)
    for first in bo.events("worker_spawned"):
        if first["attempt"] > 1:
            (before,) = [
                event
                for event in bo.events("worker_failed", first["worker"])
                if event["attempt"] == first["attempt"] - 1
            ]
            assert before["retry_in"] is not None


def scaled(name: str, by: float) -> list[dict[str, Any]]:
    """The workers of a real plan, each sleeping for its recorded time divided by `by`."""
    workers = json.loads((PLANS / name).read_text())["workers"]
    return [
        worker(
            one["id"],
            " ".join(one["dependencies"]),
            f"sleep {(one.get('estimated_hours') or 0) * 3600 / by:.4f}",
            estimated_hours=one.get("estimated_hours"),
        )
        for one in workers
    ]


def generated(chance: Random) -> list[dict[str, Any]]:
    """Sixty workers, each needing up to three of the last ten before it."""
    workers = []
    for place in range(60):
        near = range(max(0, place - 10), place)
        needs = chance.sample(near, min(len(near), chance.choice((0, 0, 1, 2, 3))))
        workers.append(
            worker(f"w{place}", " ".join(f"w{n}" for n in needs), f"sleep {chance.uniform(0.02, 0.5):.3f}")
        )
    return workers


def kill_twenty_times(bo: Runs, workers: list[dict[str, Any]], jobs: str, chance: Random) -> None:
    bo.begin(*workers)
    for _ in range(20):
        dispatcher = bo.start("run", "-j", jobs)
        sleep(chance.uniform(0.05, 0.6))
        end(dispatcher)
    assert bo("run", "-j", jobs).code == 0
    assert set(bo.statuses("run").values()) == {"completed"}
    assert any(event["reason"] == "found dead" for event in bo.events("dispatcher_stopped"))
    assert_dependencies_kept(bo, workers)
    assert_run_once_unless_the_log_says_why_not(bo)


def test_killed_at_twenty_random_moments_a_run_comes_to_its_end(bo: Runs) -> None:
    chance = Random(19)
    kill_twenty_times(bo, generated(chance), "4", chance)


@pytest.mark.soak
@pytest.mark.timeout(900)
@pytest.mark.parametrize("seed", range(5))
def test_killed_at_twenty_random_moments_a_real_plan_comes_to_its_end(bo: Runs, seed: int) -> None:
    if not (PLANS / "nfcore-rnaseq.json").exists():
        pytest.skip("the recorded plans do not lie beside the checkout")
    kill_twenty_times(bo, scaled("nfcore-rnaseq.json", 1000), "8", Random(seed))


@pytest.mark.soak
@pytest.mark.needs("strace")
@pytest.mark.timeout(1800)
def test_killed_at_two_hundred_random_system_calls_a_run_comes_to_its_end(tmp_path: Path) -> None:
    def traced(number: int, *options: str) -> Runs:
        folder = tmp_path / str(number)
        folder.mkdir()
        bo = Runs(folder).begin(worker("a"), worker("b", "a"), worker("c"))
        command = ["strace", *options, sys.executable, "-m", "cli", "run", "-j", "2"]
        subprocess.run(
            command, env=bo.environment(), cwd=folder, capture_output=True, timeout=60, check=False
        )
        return bo

    trace = tmp_path / "trace"
    traced(0, "-o", str(trace))
    calls = trace.read_text().splitlines()
    first = next(
        place for place, call in enumerate(calls) if call.startswith("mkdir") and "dispatchers" in call
    )
    chance = Random(3)
    for number in range(1, 201):
        last = chance.randint(first, len(calls))
        bo = traced(number, "-o", "/dev/null", "-e", f"inject=all:signal=KILL:when={last}")
        assert bo("run").code == 0
        assert_run_once_unless_the_log_says_why_not(bo)


def test_after_a_reboot_what_ran_is_lost_and_tried_again_within_the_budget(bo: Runs) -> None:
    """A reboot ends dispatcher, keeper and worker at once; the files stay."""
    bo.begin(worker("a", work="[ $BO_ATTEMPT = 2 ] || sleep 300"))
    dispatcher = bo.start("run")
    bo.until_started("a")
    running = bo.pid_of("a")
    os.kill(keeper_of(running), 9)
    end(dispatcher)
    os.killpg(running, 9)
    assert bo("run").code == 1
    (lost,) = bo.events("worker_failed")
    assert (lost["reason"], lost.get("retry_in")) == ("lost", None)
    assert bo("reset", "-p", "run", "-w", "a").code == 0
    assert bo("run").code == 0


def test_a_worker_whose_child_keeps_the_lock_is_done_when_its_status_is_there(bo: Runs) -> None:
    bo.begin({"id": "a", "command": sh("sleep 0.5; sleep 300 & echo $! >child")})
    dispatcher = bo.start("run")
    bo.until_event("worker_spawned")
    end(dispatcher)
    assert bo("run").code == 0
    os.kill(int((bo.folder / "child").read_text()), 9)
