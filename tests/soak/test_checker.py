"""The checker passes a history that is right, and finds each kind of lie in one that is not."""

from __future__ import annotations

import pytest

from eventlog.events import WorkerCompleted, WorkerReset
from tests import damage
from tests.logs import TIME, note, sealed
from tests.soak.checker import Checker, backwards
from tests.soak.history import Call, Look, Notebook, Outcome, Record, Token


def log(*tokens: str) -> bytes:
    """A log of notes with these marks."""
    return sealed([note(token) for token in tokens])[0]


def asked(
    client: str, number: int, begun: int, ended: int | None, outcome: Outcome, first: int = 0, parts: int = 1
) -> Call:
    """A call, told in a line."""
    return Call(client, number, parts, begun, ended, outcome, first)


CALLS = [
    asked("a", 1, 10, 20, "acknowledged", 1, parts=2),
    asked("b", 1, 15, 30, "acknowledged", 3),
    asked("a", 2, 32, 40, "refused"),
    asked("b", 2, 35, None, "unknown", parts=3),
    asked("a", 3, 41, 50, "acknowledged", 6),
]
LOG = log("a#1.0", "a#1.1 padding", "b#1.0", "b#2.0", "b#2.1", "a#3.0", "no mark")
HASHES = [event["hash"] for event in Checker(LOG).events]


def faults(data: bytes, calls: list[Call], *looks: Look) -> list[str]:
    """What the checker finds."""
    return Checker(data).check(calls, looks)


def test_a_history_that_adds_up_passes() -> None:
    looks = [
        Look("r", 25, 27, 2, HASHES[1]),
        Look("r", 31, 33, 3, HASHES[2]),
        Look("r", 60, 61, 7, HASHES[6]),
    ]
    assert faults(LOG, CALLS, *looks) == []
    assert Checker(LOG).lost(CALLS) == 0


LIES = {
    "a chain that breaks": (damage.edit(LOG, b"no mark", b"no math"), CALLS, "the chain breaks"),
    "an acknowledged event that is gone": (
        log("a#1.0", "a#1.1", "b#1.0", "b#2.0", "b#2.1"), CALLS, "a#3.0 was acknowledged as event 6",
    ),
    "an acknowledged event in another place": (
        log("a#1.0", "a#1.1", "b#1.0", "b#2.0", "a#3.0"), CALLS, "a#3.0 was acknowledged as event 6",
    ),
    "an event that is there twice": (
        log("a#1.0", "a#1.1", "b#1.0", "b#2.0", "b#2.1", "a#3.0", "a#3.0"), CALLS, "is in the log twice",
    ),
    "a refused event that is there": (
        log("a#1.0", "a#1.1", "b#1.0", "a#2.0", "b#2.0", "a#3.0"), CALLS, "a#2.0 was refused and is event 4",
    ),
    "an event that nobody asked for": (
        log("a#1.0", "a#1.1", "b#1.0", "b#2.0", "b#2.1", "a#3.0", "c#1.0"), CALLS, "nobody asked for it",
    ),
    "a later event of a batch without an earlier one": (
        log("a#1.0", "a#1.1", "b#1.0", "b#2.1", "b#2.2", "a#3.0"), CALLS, "an earlier one is not",
    ),
    "a batch that was torn apart": (
        log("a#1.0", "a#1.1", "b#1.0", "b#2.0", "a#3.0", "b#2.1"), CALLS, "do not stand together",
    ),
    "something repeated that is said to be there and is not": (
        LOG, [*CALLS, asked("c", 1, 1, 2, "already")], "said to be in the log and is not",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("data", "calls", "words"), LIES.values(), ids=LIES)
def test_a_lie_is_found(data: bytes, calls: list[Call], words: str) -> None:
    assert any(words in fault for fault in faults(data, calls)), faults(data, calls)


def test_the_calls_of_a_client_stand_in_their_order() -> None:
    calls = [asked("a", 1, 10, 90, "acknowledged", 2), asked("a", 2, 11, 90, "acknowledged", 1)]
    assert faults(log("a#2.0", "a#1.0"), calls) == ["a#1.0 stands behind a#2.0"]


def test_what_ended_before_something_else_began_stands_before_it() -> None:
    calls = [asked("a", 1, 10, 20, "acknowledged", 2), asked("b", 1, 30, 40, "acknowledged", 1)]
    assert faults(log("b#1.0", "a#1.0"), calls) == [
        "b#1.0 stands before a#1.0, which had ended before it began"
    ]
    at_once = [calls[0], calls[1]._replace(begun=15)]
    assert faults(log("b#1.0", "a#1.0"), at_once) == []


def test_what_nobody_acknowledged_may_land_at_any_time() -> None:
    calls = [asked("a", 1, 10, None, "unknown"), asked("b", 1, 30, 40, "acknowledged", 1)]
    assert faults(log("b#1.0", "a#1.0"), calls) == []
    assert faults(log("b#1.0"), calls) == []


@pytest.mark.parametrize(
    ("look", "words"),
    [
        (Look("r", 60, 61, 6, HASHES[5]), None),
        (Look("r", 60, 61, 5, HASHES[4]), "saw 5 events when 6 had been acknowledged"),
        (Look("r", 60, 61, 7, HASHES[5]), "is not the log's"),
        (Look("r", 60, 61, 8, HASHES[6]), "is not the log's"),
        (Look("r", 5, 8, 1, HASHES[0]), "saw event 1 before anybody asked for it"),
    ],
)
def test_a_reader_sees_a_beginning_with_all_that_was_acknowledged(look: Look, words: str | None) -> None:
    found = faults(LOG, CALLS, look)
    assert found == [] if words is None else [words in fault for fault in found] == [True]


def test_a_reader_that_sees_less_than_before_is_found() -> None:
    looks = [Look("r", 1, 2, 3, ""), Look("s", 1, 2, 1, ""), Look("r", 3, 4, 3, ""), Look("r", 5, 6, 2, "")]
    assert backwards(looks[:3]) == []
    assert backwards(looks) == ["r saw event 2 after event 3"]


def completed(token: str) -> WorkerCompleted:
    """A completion with a mark."""
    return WorkerCompleted(time=TIME, actor="a", worker="w1", summary=token)


@pytest.mark.parametrize("reopened", [True, False])
def test_a_call_that_is_repeated_takes_effect_once_unless_its_worker_was_reopened(reopened: bool) -> None:
    calls = [asked("a", 1, 10, None, "unknown"), asked("a", 1, 30, 40, "acknowledged", 2 + reopened)]
    reset = [WorkerReset(time=TIME, actor="a", worker="w1", attempt=1)] if reopened else []
    found = faults(sealed([completed("a#1.0"), *reset, completed("a#1.0")])[0], calls)
    assert found == [] if reopened else ["twice" in fault for fault in found] == [True]


def test_a_call_that_was_repeated_after_an_unknown_outcome_is_there_once() -> None:
    calls = [asked("a", 1, 10, None, "unknown"), asked("a", 1, 30, 40, "already")]
    assert faults(sealed([completed("a#1.0")])[0], calls) == []


def test_a_notebook_that_ends_in_the_middle_tells_of_an_unknown_outcome(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    path = tmp_path_factory.mktemp("notes") / "notes"
    notebook = Notebook(path)
    first = notebook.begin("a", 1, parts=2)
    notebook.end(first, "acknowledged", 7)
    notebook.begin("a", 2)
    notebook.begin("a", 3)
    notebook.saw("r", 0, 7, "hash")
    path.write_bytes(path.read_bytes() + b'["call", "a", 4')
    record = Record()
    record.read(path)
    assert [(call.number, call.outcome) for call in record.calls] == [
        (1, "acknowledged"),
        (2, "unknown"),
        (3, "unknown"),
    ]
    assert record.calls[0].first == 7
    assert (record.looks[0].seq, record.count("acknowledged"), record.count("unknown")) == (7, 2, 2)
    assert Token("a", 2, 0) in record.calls[1].tokens()
