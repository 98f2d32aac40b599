"""WfFormat: what is written has the shape that its schema (version 1.5) wants, and comes back as it was."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from eventlog.errors import InvalidPlan
from eventlog.events import KnownEvent
from projections import check_plan
from projections.exchange.wfformat import from_wfformat, to_wfformat
from projections.views.history import history
from tests.spec.histories import histories, plans
from tests.unit.projections.render.markup import HOSTILE
from tests.unit.projections.told import PLAN, begun, busy, numbered

TEXT = {"type": "string", "minLength": 1}
IDS = {"type": "array", "items": {"type": "string", "pattern": "^[0-9a-zA-Z-_.#]*$"}}
FILES = {"type": "array", "items": {"type": "string", "minLength": 1, "pattern": "^[0-9a-zA-Z-_./:#]*$"}}


def obj(required: str, **properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": required.split()}


# What the schema of WfFormat 1.5 demands of the parts that we write, in our words.
SPECIFIED = obj("name id parents children", name=TEXT, id=TEXT, parents=IDS, children=IDS, inputFiles=FILES)
EXECUTED = obj("id runtimeInSeconds", id=TEXT, runtimeInSeconds={"type": "number"}, executedAt=TEXT)
WFFORMAT = Draft202012Validator(
    obj(
        "name schemaVersion workflow",
        name=TEXT,
        description=TEXT,
        createdAt=TEXT,
        schemaVersion={"enum": ["1.5"]},
        workflow=obj(
            "specification",
            specification=obj("tasks", tasks={"type": "array", "minItems": 1, "items": SPECIFIED}),
            execution=obj(
                "makespanInSeconds executedAt tasks",
                makespanInSeconds={"type": "number"},
                executedAt=TEXT,
                tasks={"type": "array", "minItems": 1, "items": EXECUTED},
            ),
        ),
    )
)

INSTANCE: dict[str, Any] = {
    "name": "a workflow",
    "description": "of somebody",
    "createdAt": "2020-03-20T15:19:28-08:00",
    "schemaVersion": "1.5",
    "author": {"name": "A", "email": "a@b.c"},
    "workflow": {
        "specification": {
            "tasks": [
                {
                    "name": "sort",
                    "id": "sort_1",
                    "parents": [],
                    "children": ["index_2"],
                    "outputFiles": ["f1"],
                },
                {"name": "index", "id": "index_2", "parents": [], "children": [], "inputFiles": ["f1"]},
                {"name": "all", "id": "all 3", "parents": ["index_2"], "children": []},
            ],
            "files": [{"id": "f1", "sizeInBytes": 7}],
        },
        "execution": {
            "makespanInSeconds": 10,
            "executedAt": "2020-03-20T15:19:28-08:00",
            "tasks": [
                {"id": "sort_1", "runtimeInSeconds": 1800, "coreCount": 2, "command": {"program": "rm"}}
            ],
            "machines": [{"nodeName": "n"}],
        },
    },
}


def exported(events: list[KnownEvent]) -> dict[str, Any]:
    instance: dict[str, Any] = json.loads(to_wfformat(history(events), "auth"))
    return instance


def source(instance: object) -> bytes:
    return json.dumps(instance).encode()


@given(histories())
def test_every_history_is_an_instance(events: list[KnownEvent]) -> None:
    instance = exported(events)
    WFFORMAT.validate(instance)
    tasks = {task["id"]: task for task in instance["workflow"]["specification"]["tasks"]}
    for name, task in tasks.items():
        assert all(name in tasks[parent]["children"] for parent in task["parents"])
        assert all(name in tasks[child]["parents"] for child in task["children"])
    assert {task["id"] for task in instance["workflow"].get("execution", {}).get("tasks", [])} <= set(tasks)


@given(plans(statuses=False), st.text(st.characters(exclude_categories=["Cs"])))
def test_a_plan_comes_back_as_it_was(plan: dict[str, Any], said: str) -> None:
    plan["workers"][0] |= {"component": said, "x_own": {"nested": [said]}}
    plan["description"] = said
    back = from_wfformat(to_wfformat(history([begun(plan)]), "auth"))
    assert (back.plan, back.dropped) == (plan, [])


def test_a_build_comes_back_as_its_plan_and_names_the_run_times_that_are_left_out() -> None:
    back = from_wfformat(to_wfformat(history(busy()), "auth"))
    assert back.plan == PLAN
    assert back.dropped == ["left out, recorded run times: 2 (schema, jwt#3Av2)"]


def test_the_time_of_a_task_is_that_of_all_its_attempts() -> None:
    ran = exported(busy())["workflow"]["execution"]
    assert {task["id"]: task["runtimeInSeconds"] for task in ran["tasks"]} == {"schema": 10, "jwt#3Av2": 10}
    assert datetime.fromisoformat(ran["executedAt"]).year == 2026


def test_an_instance_of_others_becomes_a_plan_that_keeps_all_of_it() -> None:
    converted = from_wfformat(source(INSTANCE))
    plan = check_plan(converted.plan)
    assert converted.dropped == ["ids that were changed: 1 (all 3)"]
    assert [(worker["id"], worker["dependencies"]) for worker in plan["workers"]] == [
        ("sort_1", []),
        ("index_2", ["sort_1"]),
        ("all_3", ["index_2"]),
    ]
    first = plan["workers"][0]
    assert (first["component"], first["estimated_hours"]) == ("sort", 0.5)
    assert first["wfformat"]["execution"]["command"] == {"program": "rm"}
    assert "command" not in first, "what a stranger's file says is never run"
    assert plan["wfformat"]["specification"]["files"] == [{"id": "f1", "sizeInBytes": 7}]
    assert plan["wfformat"]["author"] == INSTANCE["author"]


def test_an_instance_of_others_survives_there_and_back_and_there_again() -> None:
    plan = from_wfformat(source(INSTANCE)).plan
    again = exported(numbered([begun(plan)]))
    WFFORMAT.validate(again)
    assert again["author"] == INSTANCE["author"]
    assert again["workflow"]["specification"]["files"] == [{"id": "f1", "sizeInBytes": 7}]
    assert again["workflow"]["specification"]["tasks"][0]["outputFiles"] == ["f1"]
    assert from_wfformat(source(again)).plan == plan


@pytest.mark.parametrize("said", HOSTILE)
def test_hostile_ids_become_worker_ids_or_are_refused(said: str) -> None:
    tasks = [{"name": said, "id": said, "parents": [], "children": []}, {"id": f"{said}!", "parents": [said]}]
    converted = from_wfformat(source({"workflow": {"specification": {"tasks": tasks}}}))
    workers = check_plan(converted.plan)["workers"]
    assert workers[1]["dependencies"] == [workers[0]["id"]]


@pytest.mark.parametrize(
    "instance",
    [
        [],
        {},
        {"workflow": 1},
        {"workflow": {"specification": {"tasks": {}}}},
        {"workflow": {"specification": {"tasks": [1]}}},
        {"workflow": {"specification": {"tasks": [{"id": "a", "parents": "b"}]}}},
        {"workflow": {"specification": {"tasks": []}, "execution": []}},
    ],
)
def test_what_is_no_instance_is_refused(instance: object) -> None:
    with pytest.raises(InvalidPlan):
        from_wfformat(source(instance))


def test_unknown_parents_are_named() -> None:
    tasks = [{"id": "a", "parents": ["nobody"], "children": []}]
    with pytest.raises(InvalidPlan, match="nobody"):
        check_plan(from_wfformat(msgspec.json.encode({"workflow": {"specification": {"tasks": tasks}}})).plan)
