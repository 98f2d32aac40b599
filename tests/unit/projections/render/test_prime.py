"""What an agent is told: short, true of now, and nobody's text gives it orders on a line of its own."""

from __future__ import annotations

import re

import pytest
from hypothesis import given

from cli.table_of_commands import COMMANDS
from eventlog.events import KnownEvent
from projections import fold
from projections.render.prime import prime
from tests.spec.histories import histories
from tests.unit.projections.render.markup import HOSTILE
from tests.unit.projections.told import begun, busy, hostile, numbered


def tokens(text: str) -> int:
    """No fewer than any tokenizer makes of English and commands: each word, number and sign by itself."""
    return len(re.findall(r"[A-Za-z]{1,8}|[0-9]{1,3}|[^\sA-Za-z0-9]", text))


def test_the_text_names_the_state_and_who_needs_what() -> None:
    text = prime(fold(busy("no key")), "auth")
    assert 'project auth ("Auth")' in text
    assert "1 of 5 completed, as of event 16" in text
    assert "Awaits review: oauth" in text
    assert 'Timed out: jwt:v2 "timed out after 10 s"' in text
    assert "Blocked: 1" in text


def test_it_is_shorter_than_1500_tokens_also_for_a_large_build() -> None:
    plan = {"workers": [{"id": f"worker_number_{n}", "component": "a b c " * 30} for n in range(2000)]}
    text = prime(fold(numbered([begun(plan)])), "auth")
    assert tokens(text) < 1500
    assert "and 1992 more" in text


def test_every_command_that_it_names_exists() -> None:
    named = set(re.findall(r"\bbo ([a-z-]+)", prime(None, None)))
    assert named <= {row.name for row in COMMANDS}
    assert {"ready", "complete", "fail", "run", "verify"} <= named


def test_without_a_project_it_says_how_to_choose_one() -> None:
    assert "There is no project yet." in prime(None, None)
    assert "Projects: a, b." in prime(None, None, ["a", "b"])


@pytest.mark.parametrize("said", HOSTILE)
def test_what_people_wrote_never_takes_a_line_of_its_own(said: str) -> None:
    assert prime(fold(hostile(said)), "auth").count("\n") == prime(fold(hostile("x")), "auth").count("\n")


@given(histories())
def test_every_history_has_one(events: list[KnownEvent]) -> None:
    assert tokens(prime(fold(events), "auth")) < 1500
