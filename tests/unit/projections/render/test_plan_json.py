"""plan.json: the plan as given, in its order, and what became of each worker; `_meta` last."""

import json

import msgspec
from hypothesis import given

from eventlog.events import (
    KnownEvent,
    WorkerCompleted,
    WorkerFailed,
    WorkerReset,
    WorkerSpawned,
    WorkerSubmitted,
)
from eventlog.head import Head
from projections import fold
from projections.render.plan_json import plan_json
from tests.spec.histories import histories
from tests.spec.scenario import EARLIER, folded, happened, planned

HEAD = Head(3, "f" * 64, 999)
SPAWNED = happened(WorkerSpawned, worker="b", attempt=1, via="zo", parent="con_0")


def test_the_plan_keeps_its_keys_and_their_order_and_gains_the_origins() -> None:
    plan = planned(
        {"wave": 1, "id": "b", "acceptance_criteria": ["x"], "status": None},
        zebra={"kept": [1, 2.5, None]},
        _meta={"status": "active", "old": True},
        apple="kept",
    )
    done = happened(WorkerCompleted, worker="b", attempt=1, output="b.py", conversation="con_1")
    text = plan_json(folded([plan, SPAWNED, done]), "auth", HEAD)
    assert json.loads(text) == {
        "name": "Auth",
        "zebra": {"kept": [1, 2.5, None]},
        "apple": "kept",
        "workers": [
            {
                "wave": 1,
                "id": "b",
                "acceptance_criteria": ["x"],
                "status": "completed",
                "completed_at": EARLIER,
                "spawned_conversation": "con_1",
                "attempt": 1,
                "spawned_at": EARLIER,
                "spawned_via": "zo",
                "parent": "con_0",
                "output_path": "b.py",
            }
        ],
        "_meta": {
            "project": "auth",
            "created_at": EARLIER,
            "status": "completed",
            "seq": 3,
            "hash": "f" * 64,
        },
    }
    assert list(json.loads(text)) == ["name", "zebra", "apple", "workers", "_meta"]
    assert list(json.loads(text)["workers"][0])[:4] == ["wave", "id", "acceptance_criteria", "status"]
    assert text.startswith(b'{\n  "name": "Auth",\n  "zebra": {\n')
    assert text.endswith(b"}\n")


def test_the_keys_of_the_origin_are_there_from_the_beginning() -> None:
    worker = json.loads(plan_json(folded([planned("a")]), "auth", HEAD))["workers"][0]
    assert worker == {
        "id": "a",
        "dependencies": [],
        "status": "pending",
        "completed_at": None,
        "spawned_conversation": None,
    }


def test_work_that_was_handed_in_has_the_keys_of_the_origin() -> None:
    submitted = happened(WorkerSubmitted, worker="b", attempt=1, files="b.py", summary="done")
    worker = json.loads(plan_json(folded([planned("b"), SPAWNED, submitted]), "auth", HEAD))["workers"][0]
    assert worker["submitted_at"] == EARLIER
    assert worker["submitted_files"] == "b.py"
    assert worker["submitted_summary"] == "done"
    assert worker["status"] == "review_pending"


def test_a_failure_is_shown_and_a_reopened_worker_is_not_completed() -> None:
    failed = happened(WorkerFailed, worker="b", attempt=1, error="e", reason="exit")
    worker = json.loads(plan_json(folded([planned("b"), SPAWNED, failed]), "auth", HEAD))["workers"][0]
    assert (worker["error"], worker["error_reason"], worker["ended_at"]) == ("e", "exit", EARLIER)
    done, reset = happened(WorkerCompleted, worker="b"), happened(WorkerReset, worker="b")
    worker = json.loads(plan_json(folded([planned("b"), done, reset]), "auth", HEAD))["workers"][0]
    assert (worker["status"], worker["completed_at"]) == ("pending", None)


@given(histories())
def test_every_build_can_be_shown_and_is_shown_the_same_each_time(history: list[KnownEvent]) -> None:
    build = fold(history)
    text = plan_json(build, "auth", HEAD)
    assert plan_json(build, "auth", HEAD) == text
    shown = msgspec.json.decode(text)
    assert [worker["status"] for worker in shown["workers"]] == [worker.status for worker in build.workers]
    assert list(shown)[-1] == "_meta"
