"""The state survives being written and read back: whatever goes on from there is the same."""

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from eventlog.events import KnownEvent
from eventlog.head import START
from projections import Build, Worker, fold
from projections.render.plan_json import plan_json
from projections.render.readme_md import readme_md
from tests.spec.histories import histories

encode = msgspec.msgpack.Encoder(order="deterministic").encode


def read_back(build: Build) -> Build:
    return msgspec.msgpack.decode(msgspec.msgpack.encode(build), type=Build)


@given(histories())
def test_a_build_that_was_written_and_read_back_is_the_same(history: list[KnownEvent]) -> None:
    build = fold(history)
    again = read_back(build)
    assert again == build
    assert plan_json(again, "p", START) == plan_json(build, "p", START)
    assert readme_md(again, "p") == readme_md(build, "p")


@given(histories(), st.data())
def test_going_on_from_a_snapshot_is_going_on(history: list[KnownEvent], data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(history)))
    assert encode(fold(history[at:], read_back(fold(history[:at])))) == encode(fold(history))


def test_the_places_of_workers_are_found_again() -> None:
    workers = [Worker("a", []), Worker("b", [])]
    assert Build(workers=workers).index == {"a": 0, "b": 1}


def test_two_builds_never_share_a_part() -> None:
    first, second = Build(), Build()
    first.ready.add(1)
    first.counts["pending"] = 1
    assert not second.ready
    assert not second.counts
