"""Every test that the promises name exists, and the command beside it runs it."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "promises.md").read_text(encoding="utf-8")
NAMED = sorted(set(re.findall(r"(tests/[\w/]+\.py)::(\w+)", PAGE)))
COMMAND = re.compile(r'^`make test ARGS="?([^"`]+)"?`$', re.MULTILINE)


@cache
def named_in(path: str) -> set[str]:
    """The names of the tests in a file; those of a state machine are made by an assignment."""
    source = (ROOT / path).read_text(encoding="utf-8")
    found = re.findall(r"^(?:async )?def (test_\w+)|^(Test\w+) = ", source, re.MULTILINE)
    return {function or machine for function, machine in found}


@pytest.mark.parametrize(("path", "name"), NAMED)
def test_a_test_that_is_named_exists(path: str, name: str) -> None:
    assert name in named_in(path)


def test_every_promise_has_a_command_that_reruns_its_tests() -> None:
    promises = re.split(r"^### (?=\d+\. )", PAGE.split("## Bugs that other logs")[0], flags=re.MULTILINE)[1:]
    assert [promise.partition(".")[0] for promise in promises] == [str(n) for n in range(1, 26)]
    for promise in promises:
        (command,) = COMMAND.findall(promise)
        paths = command.split()
        assert all((ROOT / path).exists() for path in paths), command
        files = re.findall(r"(tests/[\w/]+\.py)::", promise)
        assert files, promise[:40]
        for file in files:
            assert any(file == path or file.startswith(f"{path}/") for path in paths), (command, file)
