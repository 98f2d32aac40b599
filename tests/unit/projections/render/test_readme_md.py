"""README.md: the sections of the origin in its order, and no element that we did not create."""

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from eventlog.events import (
    KnownEvent,
    WorkerCancelled,
    WorkerCompleted,
    WorkerFailed,
    WorkerSpawned,
    WorkerSubmitted,
)
from projections import fold
from projections.render.mermaid import MOST_ARROWS, MOST_WORKERS
from projections.render.readme_md import MOST_DEPENDENCIES, WHOLE_TABLE, readme_md
from tests.spec.histories import histories
from tests.spec.scenario import folded, happened, planned
from tests.unit.projections.render.markup import elements, hostile_texts

FRONT_MATTER = re.compile(r"---\ncreated: (.*)\nlast_edited: (.*)\nversion: 1\.0\n---\n\n")


def readme(*events: KnownEvent, project: str = "auth") -> str:
    return readme_md(folded(events), project).decode()


def body(text: str) -> str:
    found = FRONT_MATTER.match(text)
    assert found is not None
    return text[found.end() :]


def test_a_readme_reads_like_the_origins() -> None:
    later = "2026-11-24T00:00:00.000000Z"
    events = [
        planned(
            {"id": "worker_schema", "component": "database_schema", "estimated_hours": 2},
            {"id": "worker_oauth", "dependencies": ["worker_schema"], "estimated_hours": 4.5},
            {"id": "worker_jwt", "component": None, "dependencies": ["worker_schema", "worker_oauth"]},
            description="OAuth for the API.\n\nTwo paragraphs.",
            objective="Log in.",
            key_decisions=["Use SQLite", "No *magic*"],
            relevant_files=["N5/schemas/auth.sql"],
        ),
        happened(WorkerCompleted, worker="worker_schema"),
        replace(happened(WorkerSpawned, worker="worker_oauth", attempt=1), time=later),
    ]
    before_graph, graph, after_graph = re.split("```(?:mermaid)?\n", readme(*events))
    assert (
        before_graph
        == """\
---
created: 2026-11-23
last_edited: 2026-11-24
version: 1.0
---

# Auth

OAuth for the API.

Two paragraphs.

## Objective

Log in.

## Progress

1 of 3 workers completed (33%), 1 in progress, 1 blocked. The build is active.

## Workers

| ID | Component | Status | Dependencies | Est. Hours |
| --- | --- | --- | --- | --- |
| worker_schema | database_schema | completed | - | 2h |
| worker_oauth |  | in_progress | worker_schema | 4.5h |
| worker_jwt |  | pending | worker_schema, worker_oauth | ?h |

"""
    )
    assert graph.startswith("""\
flowchart LR
    w0["worker_schema"]:::completed
    w1["worker_oauth"]:::in_progress
    w2["worker_jwt"]:::pending
    w0 --> w1
    w0 --> w2
    w1 --> w2
    classDef pending fill:""")
    assert (
        after_graph
        == """
## Key Decisions

- Use SQLite
- No \\*magic\\*

## Relevant Files

- `N5/schemas/auth.sql`
"""
    )


def test_every_status_has_its_colour_and_what_is_ready_another() -> None:
    events = [
        planned("a", "b", "c", "d", "e", "f: a"),
        happened(WorkerSpawned, worker="b", attempt=1),
        happened(WorkerSubmitted, worker="c"),
        happened(WorkerFailed, worker="d"),
        happened(WorkerCancelled, worker="e"),
    ]
    text = readme(*events)
    assert re.findall(r"\]:::(\w+)", text) == [
        "ready",
        "in_progress",
        "review_pending",
        "failed",
        "cancelled",
        "pending",
    ]
    assert set(re.findall(r"\]:::(\w+)", text)) <= set(re.findall(r"classDef (\w+) ", text))
    assert (
        "0 of 6 workers completed (0%), 1 in progress, 1 review pending, 1 failed, 1 cancelled, 1 ready, "
        "1 blocked. The build is active."
    ) in text


def test_a_plan_that_says_little_still_has_every_section() -> None:
    text = readme(planned("a", name=""), project="auth-api")
    headings = re.findall(r"^#+ .*", text, re.MULTILINE)
    assert headings == [
        "# auth-api",
        "## Objective",
        "## Progress",
        "## Workers",
        "## Key Decisions",
        "## Relevant Files",
    ]
    assert text.endswith("## Relevant Files\n")


def test_a_graph_is_drawn_while_it_can_be_read() -> None:
    names = [f"w{number}" for number in range(MOST_WORKERS)]
    assert "```mermaid" in readme(planned(*names))
    assert "```" not in readme(planned(*names, "one_more"))


def test_a_graph_with_more_arrows_than_mermaid_draws_is_left_out() -> None:
    names = [f"w{number}" for number in range(MOST_ARROWS // 20)]
    needy = [f"n{number}: {' '.join(names)}" for number in range(20)]
    assert "```mermaid" in readme(planned(*names, *needy))
    assert "```" not in readme(planned(*names, *needy, f"one_more: {names[0]}"))


def rows(text: str) -> list[str]:
    return re.findall(r"^\| (?!ID |---)(\S+) ", text, re.MULTILINE)


def test_of_two_hundred_workers_all_are_shown() -> None:
    names = [f"w{number}" for number in range(WHOLE_TABLE)]
    text = readme(planned(*names[:1], *(f"{name}: w0" for name in names[1:])))
    assert rows(text) == names
    assert "not shown" not in text


def test_of_more_workers_those_are_shown_that_matter_now_and_the_rest_is_counted() -> None:
    names = [f"w{number}" for number in range(300)]
    events = [
        planned("done", *names[:150], "late: w0", *(f"{name}: late" for name in names[150:]), "failed"),
        happened(WorkerCompleted, worker="done"),
        happened(WorkerFailed, worker="failed"),
        happened(WorkerSpawned, worker="w7", attempt=1),
    ]
    text = readme(*events)
    assert rows(text) == [*names[:150], "failed"]
    assert "152 more of 303 workers are not shown here: `bo status` lists them all." in text


def test_of_a_crowd_that_is_ready_the_table_shows_what_runs_and_a_part() -> None:
    names = [f"w{number}" for number in range(500)]
    text = readme(planned(*names), happened(WorkerSpawned, worker="w499", attempt=1))
    assert rows(text) == [*names[: WHOLE_TABLE - 1], "w499"]
    assert "300 more of 500 workers" in text


def test_of_many_dependencies_some_are_named_and_the_rest_counted() -> None:
    names = [f"w{number}" for number in range(MOST_DEPENDENCIES + 2)]
    assert f"{names[MOST_DEPENDENCIES - 1]}, and 2 more | ?h |" in readme(
        planned(*names, f"z: {' '.join(names)}")
    )


@pytest.mark.parametrize(
    ("hours", "shown"), [(2, "2h"), (2.0, "2h"), (0, "0h"), (0.000278, "0.000278h"), (1e7, "10000000h")]
)
def test_hours_are_written_as_people_do(hours: float, shown: str) -> None:
    assert f"| - | {shown} |" in readme(planned({"id": "a", "estimated_hours": hours}))


@st.composite
def hostile_plans(draw: st.DrawFn) -> dict[str, Any]:
    """A plan with hostile text wherever a plan may hold text."""
    return {
        "name": draw(hostile_texts),
        "description": draw(hostile_texts),
        "objective": draw(hostile_texts),
        "key_decisions": draw(st.lists(hostile_texts, max_size=3)),
        "relevant_files": draw(st.lists(hostile_texts, max_size=3)),
        "workers": [
            {"id": "a-_b_", "component": draw(hostile_texts), "description": draw(hostile_texts)},
            {"id": "end", "component": draw(hostile_texts), "dependencies": ["a-_b_"]},
        ],
    }


def harmless(text: str) -> str:
    """A text of as many lines that are not blank, each a single letter."""
    return "\n".join("x" for line in re.split(r"\r\n|\r|\n", text) if line.strip(" \t"))


def disarmed(plan: dict[str, Any]) -> dict[str, Any]:
    """The same plan with nothing in it that could be markup."""
    one_line = {key: harmless(plan[key])[:1] for key in ("name",)}
    lists = {key: [harmless(text)[:1] for text in plan[key]] for key in ("key_decisions", "relevant_files")}
    lines = {key: harmless(plan[key]) for key in ("description", "objective")}
    workers = [
        worker | {"id": f"w{place}", "component": "x", "dependencies": ["w0"][:place]}
        for place, worker in enumerate(plan["workers"])
    ]
    return {**one_line, **lists, **lines, "workers": workers}


def built(plan: dict[str, Any]) -> str:
    return readme(planned(*plan["workers"], **{key: plan[key] for key in plan if key != "workers"}))


@given(hostile_plans())
def test_a_hostile_plan_makes_no_element_that_a_harmless_one_does_not_make(plan: dict[str, Any]) -> None:
    assert elements(body(built(plan))) == elements(body(built(disarmed(plan))))


@given(hostile_plans())
def test_nothing_in_a_readme_drives_a_terminal_or_turns_text(plan: dict[str, Any]) -> None:
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]", built(plan))


@given(hostile_texts, hostile_texts)
def test_a_log_with_hostile_times_cannot_leave_the_front_matter(created: str, edited: str) -> None:
    events = [
        replace(planned("a"), time=created),
        replace(happened(WorkerCompleted, worker="a"), time=edited),
    ]
    assert elements(body(readme(*events))) == elements(body(readme(planned("a"), events[1])))


@given(histories())
def test_every_build_has_a_readme_and_always_the_same(history: list[KnownEvent]) -> None:
    text = readme_md(fold(history), "auth")
    assert text == readme_md(fold(history), "auth")
    assert text.endswith(b"\n")
    assert not text.endswith(b"\n\n")
