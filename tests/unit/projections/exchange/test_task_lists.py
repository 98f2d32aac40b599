"""Task Master's and Beads' files as plans: order, statuses, what stays and what is named as left out."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventlog.errors import InvalidPlan
from projections import check_plan
from projections.exchange.beads import from_beads
from projections.exchange.converted import Converted, worker_ids
from projections.exchange.taskmaster import from_taskmaster
from tests.unit.projections.render.markup import HOSTILE, hostile_texts

TASKS: list[dict[str, Any]] = [
    {"id": 1, "title": "Begin", "status": "done", "dependencies": [], "priority": "high", "details": "how"},
    {
        "id": 2,
        "title": "Go on",
        "description": "on",
        "status": "in-progress",
        "dependencies": [1],
        "complexity": 7,
        "subtasks": [
            {"id": 1, "title": "first", "status": "pending", "dependencies": []},
            {"id": 2, "title": "second", "status": "deferred", "dependencies": [1, "1"]},
        ],
    },
    {"id": 3, "title": "End", "status": "odd", "dependencies": [2, "2.2"], "testStrategy": "look"},
]


def master(tasks: object = TASKS, **tags: object) -> bytes:
    return json.dumps({"master": {"tasks": tasks}} | tags).encode()


def by_id(converted: Converted) -> dict[str, dict[str, Any]]:
    return {worker["id"]: worker for worker in check_plan(converted.plan)["workers"]}


def test_tasks_wait_for_their_subtasks_and_these_for_what_their_task_waits_for() -> None:
    found = by_id(from_taskmaster(master()))
    assert {name: worker["dependencies"] for name, worker in found.items()} == {
        "1": [],
        "2": ["1", "2.1", "2.2"],
        "2.1": ["1"],
        "2.2": ["2.1", "1"],
        "3": ["2", "2.2"],
    }


def test_statuses_and_priorities_have_their_words_here() -> None:
    converted = from_taskmaster(master())
    found = by_id(converted)
    assert [worker.get("status") for worker in found.values()] == [
        "completed",
        "in_progress",
        "pending",
        "pending",
        None,
    ]
    assert found["1"]["priority"] == 1
    assert converted.dropped == ["deferred there, pending here: 1 (2.2)", "'odd' there, pending here: 1 (3)"]


def test_what_a_worker_should_read_keeps_its_key_and_the_rest_stays_with_it() -> None:
    found = by_id(from_taskmaster(master()))
    assert (found["1"]["component"], found["1"]["details"]) == ("Begin", "how")
    assert found["3"]["testStrategy"] == "look"
    assert found["2"]["taskmaster"] == {"complexity": 7}


def test_the_list_of_a_tag_is_chosen_and_the_others_are_named() -> None:
    source = master(beta={"tasks": [{"id": 9}]}, gamma={"tasks": []})
    assert from_taskmaster(source).dropped[0] == "left out, other tags: 2 (beta, gamma)"
    assert list(by_id(from_taskmaster(source, "beta"))) == ["9"]
    with pytest.raises(InvalidPlan, match="no tag"):
        from_taskmaster(source, "delta")
    with pytest.raises(InvalidPlan, match="choose a tag"):
        from_taskmaster(json.dumps({"a": {"tasks": []}, "b": {"tasks": []}}).encode())


def test_the_older_form_without_tags_is_read_too() -> None:
    assert (
        len(by_id(from_taskmaster(json.dumps({"tasks": TASKS, "meta": {"projectName": "P"}}).encode()))) == 5
    )


def test_doubles_and_cycles_that_their_tool_takes_are_refused_by_name() -> None:
    subtasks = [{"id": 1, "dependencies": [2]}, {"id": 2, "dependencies": [1]}, {"id": 2}]
    with pytest.raises(InvalidPlan) as refused:
        check_plan(from_taskmaster(master([{"id": 4, "subtasks": subtasks}])).plan)
    assert any("'4.2' is the id of" in problem for problem in refused.value.problems)


@pytest.mark.parametrize(
    "source", [b"", b"[]", b"{}", b'{"tasks": {}}', b'{"tasks": [{"id": 1, "dependencies": {"a": 1}}]}']
)
def test_what_is_no_list_of_tasks_is_refused(source: bytes) -> None:
    with pytest.raises(InvalidPlan):
        from_taskmaster(source)


anything: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 9) | hostile_texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(hostile_texts, inner, max_size=3),
    max_leaves=5,
)
_task_keys = "id title description status priority dependencies subtasks details".split()
_issue_keys = "id title status priority dependencies estimated_minutes closed_at issue_type notes".split()


@given(st.lists(st.dictionaries(st.sampled_from(_task_keys), anything), max_size=3))
def test_any_tasks_become_a_plan_to_check_or_are_refused(tasks: list[dict[str, Any]]) -> None:
    try:
        check_plan(from_taskmaster(master(tasks)).plan)
    except InvalidPlan:
        pass


@given(st.lists(st.dictionaries(st.sampled_from(_issue_keys), anything), max_size=3))
def test_any_issues_become_a_plan_to_check_or_are_refused(issues: list[dict[str, Any]]) -> None:
    try:
        check_plan(from_beads(jsonl(*issues)).plan)
    except InvalidPlan:
        pass


def jsonl(*issues: dict[str, Any]) -> bytes:
    return b"".join(json.dumps(issue).encode() + b"\n" for issue in issues)


def relation(kind: str, on: str) -> dict[str, Any]:
    return {"type": kind, "depends_on_id": on}


ISSUES = jsonl(
    {"id": "bd-1", "title": "Epic", "status": "open", "priority": 0, "issue_type": "epic"},
    {
        "id": "bd-1.1",
        "title": "Part",
        "status": "closed",
        "closed_at": "2026-01-02T00:00:00.123456789+02:00",
        "priority": 2,
        "estimated_minutes": 90,
        "dependencies": [relation("parent-child", "bd-1"), relation("related", "bd-3")],
    },
    {
        "id": "bd-2",
        "title": "Next",
        "status": "deferred",
        "acceptance_criteria": "works",
        "dependencies": [relation("blocks", "bd-1.1"), relation("blocks", "bd-3")],
    },
    {"id": "bd-3", "title": "Gone", "status": "tombstone"},
)


def test_issues_wait_for_what_blocks_them_and_a_parent_for_its_children() -> None:
    found = by_id(from_beads(ISSUES))
    assert {name: worker["dependencies"] for name, worker in found.items()} == {
        "bd-1": ["bd-1.1"],
        "bd-1.1": [],
        "bd-2": ["bd-1.1"],
    }


def test_a_closed_issue_is_completed_at_its_time() -> None:
    part = by_id(from_beads(ISSUES))["bd-1.1"]
    assert (part["status"], part["completed_at"]) == ("completed", "2026-01-01T22:00:00.123456Z")
    assert part["estimated_hours"] == 1.5
    assert part["beads"]["dependencies"][1] == relation("related", "bd-3")


def test_the_most_urgent_issue_has_the_highest_priority() -> None:
    found = by_id(from_beads(ISSUES))
    assert [worker.get("priority") for worker in found.values()] == [2, None, None]


def test_what_is_left_out_is_named() -> None:
    assert from_beads(ISSUES).dropped == [
        "left out, deleted: 1 (bd-3)",
        "left out, dependencies on issues that are not in the file: 1 (bd-2 -> bd-3)",
        "'deferred' there, pending here: 1 (bd-2)",
    ]


@pytest.mark.parametrize(
    "source", [b"[]\n", b"{\n", b'{"title":"no id"}\n', b'{"id":"a","dependencies":7}\n']
)
def test_what_is_no_list_of_issues_is_refused(source: bytes) -> None:
    with pytest.raises(InvalidPlan):
        from_beads(source)


@given(st.lists(st.sampled_from([*HOSTILE, "a", "a_", "b"]) | hostile_texts))
def test_ids_are_made_to_fit_and_never_twice(names: list[str]) -> None:
    ids = worker_ids(names)
    assert len(set(ids.values())) == len(ids) == len(set(names))
    if names:
        check_plan({"workers": [{"id": name} for name in ids.values()]})
