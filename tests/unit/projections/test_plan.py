"""A plan is refused with all its problems at once, each with its path, before anything is written."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventlog.errors import InvalidPlan
from projections import plan as plan_module
from projections.plan import MAX_DEPTH, check_plan
from projections.plan_source import parse_json, parse_plan


def problems(plan: object) -> tuple[str, ...]:
    with pytest.raises(InvalidPlan) as caught:
        check_plan(plan)
    return caught.value.problems


def problems_of_text(source: str | bytes) -> tuple[str, ...]:
    with pytest.raises(InvalidPlan) as caught:
        parse_plan(source.encode() if isinstance(source, str) else source)
    return caught.value.problems


def one(**keys: object) -> dict[str, Any]:
    return {"workers": [{"id": "a", **keys}]}


def chain(*pairs: str) -> dict[str, Any]:
    """`"a:b c"` is a worker a that depends on b and c."""
    return {"workers": [{"id": pair.partition(":")[0], "dependencies": pair[2:].split()} for pair in pairs]}


def test_a_plan_with_every_key_and_unknown_ones_is_a_plan() -> None:
    plan = {
        "name": "n",
        "description": "d",
        "objective": "o",
        "key_decisions": ["k"],
        "relevant_files": ["f"],
        "context": {"any": [1, None, {"thing": 2.5}]},
        "defaults": {"command": ["make", "it"], "timeout_minutes": 20, "retries": 2, "priority": -1.5},
        "workers": [
            {
                "id": "a",
                "component": "c",
                "description": "d",
                "dependencies": [],
                "estimated_hours": 1.5,
                "relevant_files": [],
                "status": "completed",
                "completed_at": "2026-01-01",
                "spawned_conversation": "con_1",
                "command": "make",
                "wave": 1,
            },
            {"id": "b", "dependencies": ["a"], "estimated_hours": None, "status": None, "component": None},
        ],
        "_meta": {"status": "active"},
    }
    assert check_plan(plan) is plan


def test_all_problems_are_named_at_once_each_with_its_path() -> None:
    plan = {
        "name": 7,
        "objektive": "o",
        "key_decisions": ["k", 1],
        "defaults": {"retries": -1},
        "workers": [
            {"id": "a", "dependencies": ["b", "ghost", "b", "a"], "estimated_hours": "two"},
            {"id": "a"},
            {"id": "no/slash"},
            {"component": "c"},
            "b",
            {"id": "b", "dependencies": ["a"], "status": "done", "estimated_hour": 1},
        ],
    }
    assert problems(plan) == (
        "name: is 7, not a string",
        "objektive: is not a key; did you mean 'objective'?",
        "key_decisions: is a list, not a list of strings",
        "defaults.retries: is -1, not a whole number from 0 to 1000",
        "workers[0].estimated_hours: is 'two', not a finite number of hours, 0 or more",
        "workers[2].id: 'no/slash' is not a worker id; use 1 to 200 letters, digits, '_', '.', ':' or '-', "
        "beginning with a letter or digit",
        "workers[3].id: is missing",
        "workers[4]: is 'b', not an object",
        "workers[5].status: is 'done', not one of pending, in_progress, review_pending, completed, failed, "
        "timed_out, cancelled",
        "workers[5].estimated_hour: is not a key; did you mean 'estimated_hours'?",
        "'a' is the id of workers[0] and [1]",
        "a: depends on 'ghost', which is not a worker",
        "a: names the dependency 'b' twice",
        "a: depends on itself",
        "dependency cycle: a -> b -> a",
    )


@pytest.mark.parametrize("plan", [None, [], "plan", 7, 7.5, True])
def test_a_plan_is_an_object(plan: object) -> None:
    assert len(problems(plan)) == 1


@pytest.mark.parametrize("plan", [{}, {"workers": None}, {"workers": []}])
def test_a_plan_has_workers(plan: object) -> None:
    assert any("at least one worker" in problem for problem in problems(plan))


@pytest.mark.parametrize("kind", [None, True, 7, "w", {}])
def test_workers_are_a_list(kind: object) -> None:
    assert any(problem.startswith("workers") for problem in problems({"workers": kind}))


@pytest.mark.parametrize("hours", [-1, -0.5, True, "2", [], float("nan"), float("inf"), -float("inf")])
def test_hours_are_a_finite_amount(hours: object) -> None:
    assert any(
        found.startswith("workers[0].estimated_hours: ") for found in problems(one(estimated_hours=hours))
    )


@pytest.mark.parametrize(
    "value", [2**64, -(2**63) - 1, 10**400, -(10**400)], ids=["2**64", "-2**63-1", "10**400", "-10**400"]
)
@pytest.mark.parametrize("key", ["estimated_hours", "priority", "timeout_minutes", "retries", "wave"])
def test_a_number_beyond_64_bits_is_refused_wherever_it_stands(key: str, value: int) -> None:
    assert any(f"workers[0].{key}: has more than 64 bits" in found for found in problems(one(**{key: value})))


@pytest.mark.parametrize("value", [2**64 - 1, -(2**63)])
def test_a_number_of_64_bits_is_kept(value: int) -> None:
    assert msgspec.json.decode(parse_plan(json.dumps(one(wave=value)).encode())[1]) == one(wave=value)


@pytest.mark.parametrize(
    "plan",
    [one(wave="\ud800"), one(**{"\udfff": 1}), {**one(), "context": {"deep": ["x", "\udc00"]}}],
    ids=["value", "key", "deep"],
)
def test_half_a_surrogate_pair_is_refused(plan: object) -> None:
    assert any("surrogate" in problem for problem in problems(plan))


def nested(levels: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(levels):
        value = [value]
    return value


def test_nesting_has_a_limit() -> None:
    assert any(
        f"deeper than {MAX_DEPTH}" in problem for problem in problems({**one(), "x": nested(MAX_DEPTH)})
    )
    check_plan({**one(), "x": nested(MAX_DEPTH - 2)})


def test_the_number_of_workers_has_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plan_module, "MAX_WORKERS", 2)
    check_plan(chain("a:", "b:"))
    assert problems(chain("a:", "b:", "c:")) == ("workers: 3 are more than 2",)


def test_a_cycle_is_named_in_the_order_of_its_dependencies() -> None:
    assert problems(chain("a:b", "b:c", "c:d", "d:b", "e:")) == ("dependency cycle: b -> c -> d -> b",)


def test_every_knot_is_named() -> None:
    found = problems(chain("a:b", "b:a", "c:d", "d:c"))
    assert found == ("dependency cycle: a -> b -> a", "dependency cycle: c -> d -> c")


def test_an_unknown_dependency_is_named_with_the_one_that_was_meant() -> None:
    plan = {"workers": [{"id": "schema"}, {"id": "jwt", "dependencies": ["shcema"]}]}
    assert problems(plan) == ("jwt: depends on 'shcema', which is not a worker (did you mean 'schema'?)",)


def test_ten_thousand_unknown_dependencies_are_named_in_a_moment() -> None:
    plan = {"workers": [{"id": f"worker{n}", "dependencies": [f"wroker{n}"]} for n in range(10_000)]}
    found = problems(plan)
    assert len(found) == 10_000
    assert "did you mean 'worker0'" in found[0]


@pytest.mark.parametrize("id_", ["", "-a", "a b", "a/b", "..", "ä", "a\n", "x" * 201, "a|b", "`a`"])
def test_an_id_outside_its_alphabet_is_refused(id_: str) -> None:
    assert any(found.startswith("workers[0].id: ") for found in problems(one(id=id_)))


@pytest.mark.parametrize("key", ["dependencies", "description", "relevant_files", "id"])
def test_null_is_no_value_for_what_must_be_there_or_left_out(key: str) -> None:
    assert problems(one(**{key: None}))


@pytest.mark.parametrize("key", ["wave", "acceptance_criteria", "output_path", "context", "x"])
def test_keys_that_are_like_no_known_one_are_kept(key: str) -> None:
    check_plan(one(**{key: {"any": "thing"}}))


@pytest.mark.parametrize("command", ["", "  ", "'open", "back\\", "x" * 16_385, 7, [], ["make", 7], {}])
def test_a_command_is_a_text_that_can_be_split_or_a_list_of_texts(command: object) -> None:
    assert any("command" in problem for problem in problems(one(command=command)))
    check_plan(one(command="make 'this one'"))
    check_plan(one(command=["x" * 16_385]))


def test_the_text_that_enters_the_log_is_the_plan_in_its_order() -> None:
    source = b'\n{"z": 1, "workers": [ {"wave": 2, "id": "a"} ], "a": "\xc3\xa4"}\n'
    plan, text = parse_plan(source)
    assert text == b'{"z":1,"workers":[{"wave":2,"id":"a"}],"a":"\xc3\xa4"}'
    assert list(plan) == ["z", "workers", "a"]


def test_a_byte_order_mark_is_passed_over() -> None:
    assert parse_plan(b'\xef\xbb\xbf{"workers":[{"id":"a"}]}')[1] == b'{"workers":[{"id":"a"}]}'


@pytest.mark.parametrize(
    ("source", "words"),
    [
        (b"", "not JSON at line 1, column 1"),
        (b'{"workers": [}', "not JSON at line 1, column 14"),
        (b"{'workers': []}", "not JSON"),
        (b'{"workers":[{"id":"a"}]} x', "not JSON"),
        (b'{"a":"\xff"}', "not UTF-8 at byte 6"),
        (b"\xff\xfe{\x00}\x00", "not UTF-8 at byte 0"),
        (b'{"workers":[{"id":"a","id":"b"}]}', "the key 'id' twice"),
        (b'{"a":1,"workers":[],"a":1}', "the key 'a' twice"),
        (b"[" * 100_000, "nested too deeply"),
        (b'{"workers":[{"id":"a","wave":' + b"9" * 5000 + b"}]}", "cannot be read"),
        (b'{"workers":[{"id":"a","wave":NaN}]}', "workers[0].wave: is not a finite number"),
        (b'{"workers":[{"id":"a","wave":-Infinity}]}', "workers[0].wave: is not a finite number"),
        (b'{"workers":[{"id":"a","wave":1e999}]}', "workers[0].wave: is not a finite number"),
        (b'{"workers":[{"id":"a","wave":"\\ud800"}]}', "surrogate"),
    ],
)
def test_what_is_not_json_is_refused_with_its_place(source: bytes, words: str) -> None:
    assert any(words in problem for problem in problems_of_text(source))


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters() | st.sampled_from("\ud800\x00\u2028")),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=10,
)
KEYS = ["id", "dependencies", "estimated_hours", "status", "component", "command", "retries", "priority", "x"]
almost_workers = st.lists(
    st.dictionaries(st.sampled_from(KEYS), json_values, max_size=4) | json_values, max_size=4
)
almost_plans = json_values | st.fixed_dictionaries(
    {"workers": almost_workers}, optional=dict.fromkeys(("name", "defaults", "_meta", "zz"), json_values)
)


@given(almost_plans)
def test_whatever_is_given_is_a_plan_or_is_refused_and_a_plan_can_be_written(value: object) -> None:
    try:
        plan = check_plan(value)
    except InvalidPlan as error:
        str(error).encode()
    else:
        assert msgspec.json.decode(msgspec.json.encode(plan)) == plan


@given(
    st.binary(max_size=60)
    | st.text(max_size=60).map(str.encode)
    | json_values.map(json.dumps).map(str.encode)
)
def test_whatever_bytes_are_given_are_json_or_are_refused(source: bytes) -> None:
    try:
        parse_json(source)
    except InvalidPlan as error:
        str(error).encode()
