"""Plans of real builds, from their beginning to their end."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.running import PLANS, Bo

pytestmark = pytest.mark.skipif(not PLANS.is_dir(), reason="the plans are not beside this checkout")


def read(name: str) -> Any:
    return json.loads((PLANS / name).read_bytes())


def test_a_real_build_of_the_tool_before_is_adopted_with_all_its_keys_and_nine_completed(bo: Bo) -> None:
    name = "content-library-v4.plan.json"
    answer = bo("import", str(PLANS / name))
    assert (answer.code, answer.json["project"]) == (0, "content-library-v4")
    assert answer.json["status_counts"]["completed"] == 9
    given, found = read(name), bo.plan("content-library-v4")
    given_meta, found_meta = given.pop("_meta"), found.pop("_meta")
    assert found == given
    assert list(found) == list(given)
    assert [list(worker) for worker in found["workers"]] == [list(worker) for worker in given["workers"]]
    assert (found_meta["project"], found_meta["status"]) == (given_meta["project"], "completed")
    assert bo("verify").code == 0


@pytest.mark.parametrize(("name", "workers"), [("nfcore-rnaseq.json", 197), ("montage-2mass-01d.json", 103)])
def test_a_recorded_workflow_goes_from_nothing_to_its_end_in_waves(bo: Bo, name: str, workers: int) -> None:
    assert bo("init", "-p", "flow", "--plan-file", str(PLANS / name)).json["workers_count"] == workers
    dependencies = {worker["id"]: worker["dependencies"] for worker in read(name)["workers"]}
    done: set[str] = set()
    while wave := [worker["id"] for worker in bo("ready").json["ready_workers"]]:
        assert all(done.issuperset(dependencies[worker]) for worker in wave)
        answer = bo("complete", *(part for worker in wave for part in ("-w", worker)))
        assert answer.code == 0
        done.update(wave)
        assert set(answer.json["unblocked"]) == {worker["id"] for worker in bo("ready").json["ready_workers"]}
    status = bo("status").json
    assert (status["status"], status["status_counts"]["completed"]) == ("completed", workers)
    assert len(bo.log("flow")) == workers + 1
    assert f"{workers} of {workers} workers completed (100%)" in bo.path("flow", "README.md").read_text()
    assert bo("verify").code == 0


def test_an_impossible_plan_is_refused_and_its_cycle_and_its_double_are_named_once(bo: Bo) -> None:
    file: Path = PLANS / "taskmaster-own.json"
    answer = bo("init", "-p", "tasks", "--plan-file", str(file))
    assert (answer.code, answer.json["code"]) == (1, "invalid_plan")
    double, cycle = answer.json["problems"]
    assert double.startswith("'task-42.42' is the id of workers[246], [247], ")
    assert double.endswith(" and [253]")
    assert cycle in (
        "dependency cycle: task-12.1 -> task-12.4 -> task-12.1",
        "dependency cycle: task-12.4 -> task-12.1 -> task-12.4",
    )
    assert not bo.builds.exists()
