"""The JSON Schemas say what the code says: they accept what it accepts, and every line of a log."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from syrupy.assertion import SnapshotAssertion
from syrupy.extensions.json import JSONSnapshotExtension

from eventlog.codec import encode
from eventlog.errors import InvalidPlan
from eventlog.events import EVENT_TYPES, Event, KnownEvent
from eventlog.head import START
from projections import check_plan
from projections.plan import PLAN_KEYS, SETTINGS, WORKER_KEYS
from projections.schema import event_schema, plan_schema
from tests.spec.histories import histories, plans
from tests.unit.projections.told import PLAN

PLANS = Draft202012Validator(plan_schema())
EVENTS = Draft202012Validator(event_schema())


def test_the_schemas_are_the_reviewed_ones(snapshot: SnapshotAssertion) -> None:
    assert plan_schema() == snapshot(extension_class=JSONSnapshotExtension, name="plan")
    assert event_schema() == snapshot(extension_class=JSONSnapshotExtension, name="event")


def test_the_schemas_are_schemas() -> None:
    Draft202012Validator.check_schema(plan_schema())
    Draft202012Validator.check_schema(event_schema())


def test_every_key_of_a_plan_and_every_event_is_in_its_schema() -> None:
    schema = plan_schema()
    assert set(schema["properties"]) == set(PLAN_KEYS)
    assert set(schema["$defs"]["worker"]["properties"]) == set(WORKER_KEYS)
    assert set(schema["properties"]["defaults"]["properties"]) == set(SETTINGS)
    tags = {
        definition["properties"].get("type", {}).get("enum", [None])[0]
        for definition in event_schema()["$defs"].values()
    }
    assert tags - {None} == {str(type_.__struct_config__.tag) for type_ in EVENT_TYPES}


@given(plans(statuses=True))
def test_every_plan_fits_the_schema(plan: dict[str, Any]) -> None:
    PLANS.validate(plan)


values = st.sampled_from(
    [
        None,
        True,
        0,
        1,
        -1,
        0.5,
        1001,
        "",
        "a",
        "pending",
        "blocked",
        [],
        ["a"],
        ["a", 1],
        ["a", "a"],
        {},
        {"a": 1},
    ]
)


@given(st.dictionaries(st.sampled_from(sorted({*PLAN_KEYS} - {"workers", "_meta"})), values, max_size=2))
def test_the_schema_refuses_and_accepts_what_the_check_does(changed: dict[str, Any]) -> None:
    agree(PLAN | changed)


@given(st.dictionaries(st.sampled_from(sorted(WORKER_KEYS)), values, max_size=2))
def test_so_it_does_with_workers(changed: dict[str, Any]) -> None:
    agree({"workers": [{"id": "a"}, {"id": "b"} | changed]})


def agree(plan: dict[str, Any]) -> None:
    """Both say yes, or both no; only double ids, cycles and unknown names are beyond a schema."""
    try:
        check_plan(plan)
        accepted = True
    except InvalidPlan as error:
        beyond = ("is the id of", "depends on", "cycle")
        accepted = all(any(words in problem for words in beyond) for problem in error.problems)
    assert PLANS.is_valid(plan) == accepted, list(PLANS.iter_errors(plan))


@pytest.mark.parametrize("plan", [[], {}, {"workers": []}, {"workers": [{}]}, {"workers": [{"id": "-"}]}])
def test_what_is_no_plan_fits_no_schema(plan: object) -> None:
    assert not PLANS.is_valid(plan)


@given(histories())
def test_every_line_of_a_log_fits_the_schema(events: list[KnownEvent]) -> None:
    head = START
    for event in events:
        assert isinstance(event, Event)
        line, head = encode([event], head)
        EVENTS.validate(json.loads(line))


def test_a_line_without_its_hash_or_of_another_type_fits_no_schema() -> None:
    line = {"seq": 1, "time": "t", "actor": "a", "type": "note_added", "text": "x", "hash": "0" * 64}
    assert EVENTS.is_valid(line)
    assert not EVENTS.is_valid({key: value for key, value in line.items() if key != "hash"})
    assert not EVENTS.is_valid(line | {"type": "never_heard_of"})
