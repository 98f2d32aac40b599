"""plan.json, README.md and reviews as of any moment."""

from __future__ import annotations

import pytest

from tests.cli.running import Bo, chain

FILES = {"plan": "plan.json", "readme": "README.md"}


@pytest.fixture
def kept(bo: Bo) -> tuple[Bo, list[dict[str, bytes]]]:
    """A project, and its derived files after each of its five events."""
    bo.init("auth", chain(3) | {"name": "Größe \x1b[31m \u202e"})
    steps = (
        "note start",
        "spawn-cmd -w w1 --parent con_X",
        "submit -w w1 --files a.py",
        "approve -w w1",
    )
    moments = [{name: bo.path("auth", name).read_bytes() for name in FILES.values()}]
    for step in steps:
        assert bo(*step.split(), "-p", "auth").code == 0, step
        moments.append({name: bo.path("auth", name).read_bytes() for name in FILES.values()})
    return bo, moments


@pytest.mark.parametrize("command", FILES)
def test_a_derived_file_comes_back_as_it_lay_there_at_any_event(
    kept: tuple[Bo, list[dict[str, bytes]]], command: str
) -> None:
    bo, moments = kept
    for seq, files in enumerate(moments, 1):
        answer = bo(command, "-p", "auth", "--at", str(seq))
        assert answer.stdout.encode() == files[FILES[command]]
    assert bo(command, "-p", "auth").stdout.encode() == moments[-1][FILES[command]]
    assert bo(command, "-p", "auth", "--table").stdout.encode() == moments[-1][FILES[command]]
    time = bo.log()[2]["time"]
    assert bo(command, "-p", "auth", "--at", time).stdout.encode() == moments[2][FILES[command]]


def test_the_readme_is_an_object_for_who_asks_for_one(kept: tuple[Bo, list[dict[str, bytes]]]) -> None:
    bo, moments = kept
    answer = bo("readme", "-p", "auth", "--at", "3", "--json").json
    assert answer == {"project": "auth", "seq": 3, "readme": moments[2]["README.md"].decode()}


def test_what_awaited_review_at_a_moment_is_listed(kept: tuple[Bo, list[dict[str, bytes]]]) -> None:
    bo, _ = kept
    pending = [bo("review", "-p", "auth", "--at", str(seq)).json["pending_reviews"] for seq in range(1, 6)]
    assert pending == [0, 0, 0, 1, 0]


@pytest.mark.parametrize("command", FILES)
def test_a_moment_that_the_log_does_not_have_is_refused(
    kept: tuple[Bo, list[dict[str, bytes]]], command: str
) -> None:
    bo, _ = kept
    answer = bo(command, "-p", "auth", "--at", "6")
    assert (answer.code, answer.json["code"]) == (1, "no_such_event")
