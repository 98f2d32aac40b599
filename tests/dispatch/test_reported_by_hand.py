"""Workers that report by themselves, and people who step in from outside."""

import pytest

from tests.dispatch.runs import Runs, assert_results_match, end, family, finish, gate, sh, worker

BO = '"$PYTHON" -m cli'


@pytest.mark.parametrize(
    ("command", "types", "status"),
    [
        ("complete -w a --output made --summary done", ["worker_completed"], "completed"),
        ("submit -w a --files made --summary done", ["worker_submitted"], "review_pending"),
        ("fail -w a --reason cannot", ["worker_failed"], "failed"),
        ("progress -w a -m working --percent 50", ["worker_progressed", "worker_completed"], "completed"),
    ],
)
@pytest.mark.parametrize("status_after", [0, 3])
def test_what_a_worker_reported_by_itself_is_not_reported_again(
    bo: Runs, command: str, types: list[str], status: str, status_after: int
) -> None:
    bo.begin({"id": "a", "command": sh(f"{BO} {command} >&2 || exit 9; exit {status_after}")})
    bo("run")
    if "progress" in command and status_after:
        types, status = ["worker_progressed", "worker_failed"], "failed"
    assert [event["type"] for event in bo.events(worker="a")] == ["worker_spawned", *types]
    assert all(event["attempt"] == 1 for event in bo.events(worker="a"))
    assert bo.statuses("run") == {"a": status}
    assert_results_match(bo)


def test_those_that_wait_for_a_reported_worker_start_before_its_process_ends(bo: Runs) -> None:
    bo.begin(
        {"id": "a", "command": sh(f"{BO} complete -w a; {gate('go')}")}, worker("b", "a", work=gate("go"))
    )
    running = bo.start("run", "-j", "2")
    bo.until_started("b")
    bo.open_gate("go")
    assert finish(running)["success"]


def test_a_worker_that_was_handed_in_is_left_alone_and_goes_on_when_approved(bo: Runs) -> None:
    bo.begin({"id": "a", "command": sh(f"{BO} submit -w a --summary look")}, worker("b", "a"))
    assert bo("run").code == 1
    assert bo("approve", "-p", "run", "-w", "a").code == 0
    assert bo("run").code == 0
    assert bo.started() == ["b"]


@pytest.mark.parametrize("how", ["cancel", "fail"])
def test_to_end_a_worker_from_outside_ends_its_processes(bo: Runs, how: str) -> None:
    bo.begin({"id": "a", "command": sh('trap "" TERM; sleep 300 & while :; do sleep 0.02; done')})
    running = bo.start("run", "--grace", "0.2s")
    mark = f"BO_ASSIGNMENT_FILE={bo.path('run', '.bo', 'run', 'a.1.assignment')}"
    bo.until(lambda: len(family(mark)) > 2, "the worker")
    assert bo(how, "-p", "run", "-w", "a", "--reason", "no").code == 0
    finish(running)
    assert family(mark) == []
    kinds = [event["type"] for event in bo.events(worker="a")]
    assert kinds == ["worker_spawned", "worker_cancelled" if how == "cancel" else "worker_failed"]


def test_a_worker_that_was_cancelled_reset_and_spawned_anew_runs_its_new_attempt_only(bo: Runs) -> None:
    bo.begin(worker("a", work=f"[ $BO_ATTEMPT = 2 ] || {gate('never')}"), worker("b", work=gate("b")))
    running = bo.start("run", "-j", "2")
    bo.until_started("a", "b")
    assert bo("cancel", "-p", "run", "-w", "a").code == 0
    assert bo("reset", "-p", "run", "-w", "a").code == 0
    bo.until_event("worker_completed", "a")
    bo.open_gate("b")
    assert finish(running)["success"]
    assert [entry for entry in bo.ledger() if entry[0] == "end"] == [("end", "a", 2), ("end", "b", 1)]
    assert bo.events("late_result_received") == []


def test_a_result_that_comes_after_a_worker_was_given_up_is_kept_as_a_late_one(bo: Runs) -> None:
    # Two dispatchers: while nobody looks after it the first attempt is given up by hand and begun anew.
    bo.begin(worker("a", work=f"[ $BO_ATTEMPT = 2 ] || {gate('first')}"))
    dispatcher = bo.start("run")
    bo.until_started("a")
    end(dispatcher)
    assert bo("cancel", "-p", "run", "-w", "a").code == 0
    assert bo("reset", "-p", "run", "-w", "a").code == 0
    assert bo("run").code == 0
    late = bo("complete", "-p", "run", "-w", "a", "--attempt", "1", "--summary", "after all")
    assert late.json["late"]
    bo.open_gate("first")
    bo.until(lambda: ("end", "a", 1) in bo.ledger(), "the end of the first attempt")
    assert [e["attempt"] for e in bo.events("late_result_received")] == [1]
    assert bo.statuses("run") == {"a": "completed"}


def test_a_worker_s_report_speaks_for_its_own_attempt_only(bo: Runs) -> None:
    bo.begin(
        {
            "id": "a",
            "command": sh(
                f"[ $BO_ATTEMPT = 2 ] || {{ {gate('first')}; {BO} complete -w a --summary late >late; }}"
            ),
        }
    )
    dispatcher = bo.start("run")
    bo.pid_of("a")  # it has been started
    end(dispatcher)
    assert bo("cancel", "-p", "run", "-w", "a").code == 0
    assert bo("reset", "-p", "run", "-w", "a").code == 0
    assert bo("run").code == 0
    bo.open_gate("first")
    bo.until_event("late_result_received")
    assert bo.statuses("run") == {"a": "completed"}
    assert [event["attempt"] for event in bo.events("worker_completed")] == [2]
