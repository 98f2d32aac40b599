"""What every EventStore does with what is appended and read."""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from eventlog import (
    START,
    Batch,
    Conflict,
    CorruptLog,
    EventStore,
    MemoryStore,
    RegressedLog,
)
from eventlog.errors import InvalidEvent
from eventlog.events import AnyEvent, Unrecognised
from eventlog.recovery import BLOCK
from eventlog.store import seal
from tests import damage
from tests.contract.bench import STORES, Bench, foreign_heads
from tests.logs import chained_line, end_of, everything, note, notes, sealed, ten_events, texts

# --- append


def test_what_was_appended_is_read_back_with_its_numbers(store: EventStore) -> None:
    events = ten_events()
    batch = store.append(events, START)
    assert list(batch.events) == [replace(event, seq=seq) for seq, event in enumerate(events, 1)]
    assert everything(store) == list(batch.events)


def test_an_append_gives_the_new_head(store: EventStore) -> None:
    lines, head = sealed(notes(3))
    assert store.append(notes(3), START).head == head
    assert store.head() == head
    assert end_of(store) == head
    assert head.offset == len(lines)


def test_several_events_in_one_append_are_the_same_as_one_by_one(bench: Bench) -> None:
    other = MemoryStore()
    head = START
    for event in ten_events():
        head = other.append([event], head).head
    assert bench.store.append(ten_events(), START).head == head


def test_another_store_of_the_same_log_reads_what_was_appended(bench: Bench) -> None:
    bench.store.append(notes(2), START)
    assert texts(bench.again()) == ["note 1", "note 2"]


def test_appends_of_two_stores_follow_each_other(bench: Bench) -> None:
    head = bench.store.append([note("a")], START).head
    head = bench.again().append([note("b")], head).head
    bench.store.append([note("c")], head)
    assert texts(bench.store) == ["a", "b", "c"]


def test_an_append_behind_an_old_head_is_a_conflict_that_names_both(store: EventStore) -> None:
    first = store.append(notes(1), START).head
    second = store.append(notes(1), first).head
    with pytest.raises(Conflict) as conflict:
        store.append([note("late")], first)
    assert (conflict.value.expected, conflict.value.actual) == (first, second)
    assert len(texts(store)) == 2


def test_an_append_that_expects_no_log_is_a_conflict_when_there_is_one(store: EventStore) -> None:
    head = store.append(notes(1), START).head
    with pytest.raises(Conflict) as conflict:
        store.append(notes(1), START)
    assert (conflict.value.expected, conflict.value.actual) == (START, head)


def test_after_a_conflict_an_append_behind_the_head_found_goes_through(store: EventStore) -> None:
    store.append([note("a")], START)
    with pytest.raises(Conflict) as conflict:
        store.append([note("b")], START)
    store.append([note("b")], conflict.value.actual)
    assert texts(store) == ["a", "b"]


def test_an_append_behind_what_is_no_place_of_this_log_is_refused(store: EventStore) -> None:
    for head in foreign_heads(store):
        with pytest.raises(RegressedLog):
            store.append([note("lost")], head)
    assert len(texts(store)) == 3


def test_an_event_that_cannot_be_a_line_keeps_the_whole_append_out(store: EventStore) -> None:
    head = store.append(notes(1), START).head
    with pytest.raises(InvalidEvent):
        store.append([note("good"), note("\ud800")], head)
    assert texts(store) == ["note 1"]
    store.append([note("good")], head)


def test_no_events_change_nothing_wherever_they_are_appended(store: EventStore) -> None:
    assert store.append([], START) == Batch([], START)
    first = store.append(notes(1), START).head
    second = store.append(notes(1), first).head
    for head in (START, first, second):
        assert store.append([], head) == Batch([], head)
    assert store.head() == second


def test_no_numbers_are_taken_from_the_caller(store: EventStore) -> None:
    store.append([replace(note("a"), seq=77), replace(note("b"), seq=5)], START)
    assert [event.seq for event in everything(store)] == [1, 2]


# --- read


def test_a_read_begins_behind_any_place(store: EventStore) -> None:
    heads = [START]
    for event in ten_events():
        heads.append(store.append([event], heads[-1]).head)
    for line, head in enumerate(heads):
        assert [event.seq for event in everything(store, head)] == list(range(line + 1, 11))


def test_a_read_behind_what_is_no_place_of_this_log_says_so(store: EventStore) -> None:
    for head in foreign_heads(store):
        with pytest.raises(RegressedLog):
            next(store.read(head))


def test_a_read_from_the_end_has_nothing_to_give(store: EventStore) -> None:
    head = store.append(notes(2), START).head
    assert everything(store, head) == []


def test_each_batch_carries_the_head_behind_its_last_event(store: EventStore) -> None:
    store.append(notes(3000), START)
    for batch in store.read():
        assert batch.head.seq == batch.events[-1].seq
        rest = next(store.read(batch.head), None)
        assert batch.head.seq == 3000 if rest is None else rest.events[0].seq == batch.head.seq + 1


def test_batches_are_bounded_and_complete(store: EventStore) -> None:
    store.append(notes(3000), START)
    found = list(store.read())
    assert len(found) > 3
    before = START
    for batch in found:
        assert 0 < batch.head.offset - before.offset <= BLOCK
        before = batch.head
    assert [event.seq for batch in found for event in batch.events] == list(range(1, 3001))


@pytest.mark.parametrize("until", [0, 1, 2, 500, 1499, 1500, 9999])
def test_a_read_ends_at_the_event_asked_for(store: EventStore, until: int) -> None:
    store.append(notes(1500), START)
    found = list(store.read(until=until))
    assert [event.seq for batch in found for event in batch.events] == list(range(1, min(until, 1500) + 1))
    if until:
        assert everything(store, found[-1].head) == everything(store)[until:]


def test_a_torn_tail_is_passed_over(bench: Bench) -> None:
    lines, head = sealed(notes(2))
    bench.put(lines + b'{"seq":3,"time":"')
    assert texts(bench.store) == ["note 1", "note 2"]
    assert bench.store.head() == head


def test_an_append_goes_on_behind_a_torn_tail_as_if_it_were_not_there(bench: Bench) -> None:
    lines, head = sealed(notes(2))
    bench.put(lines + b'{"seq":3,"time":"')
    bench.store.append([note("three")], head)
    assert texts(bench.store) == ["note 1", "note 2", "three"]


def test_an_append_goes_on_behind_a_first_line_that_was_torn(bench: Bench) -> None:
    bench.put(b'{"seq":1,"ti')
    bench.store.append([note("one")], START)
    assert texts(bench.store) == ["one"]


@pytest.mark.parametrize("line", range(4))
def test_damage_is_raised_behind_the_last_good_batch_and_nothing_is_appended(bench: Bench, line: int) -> None:
    lines, _ = sealed(notes(4))
    broken = damage.edit(lines, b"note %d" % (line + 1), b"nota %d" % (line + 1))
    bench.put(broken)
    seen: list[AnyEvent] = []

    def read() -> None:
        for batch in bench.store.read():
            seen.extend(batch.events)

    with pytest.raises(CorruptLog) as found:
        read()
    assert len(seen) == line
    assert found.value.line == line + 1
    assert found.value.offset == len(b"".join(lines.splitlines(keepends=True)[:line]))
    place = sealed(notes(line))[1]
    with pytest.raises(CorruptLog):
        bench.store.append([note("more")], place)


def test_events_of_a_newer_version_are_read_and_appended_behind(bench: Bench) -> None:
    lines, head = sealed(notes(1))
    foreign = chained_line(
        {"seq": 2, "time": "t", "actor": "a", "type": "worker_teleported", "to": "Mars"}, head.hash
    )
    bench.put(lines + foreign)
    bench.store.append([note("three")], end_of(bench.store))
    expected = Unrecognised(seq=2, time="t", actor="a", type="worker_teleported", body={"to": "Mars"})
    assert everything(bench.store)[1] == expected
    assert [event.seq for event in everything(bench.store)] == [1, 2, 3]


def test_a_huge_event_among_small_ones_is_read_and_followed_by_others(store: EventStore) -> None:
    head = store.append([note("a"), note("x" * 5_000_000), note("b")], START).head
    store.append([note("c")], head)
    assert [len(text) for text in texts(store)] == [1, 5_000_000, 1, 1]
    assert store.head(1) == head


# --- head


def test_the_head_some_events_back_is_where_a_read_of_so_many_begins(store: EventStore) -> None:
    store.append(ten_events(), START)
    for back in range(13):
        assert len(everything(store, store.head(back))) == min(back, 10)


# --- all together


@pytest.mark.parametrize("make", STORES.values(), ids=STORES)
@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.lists(st.text(max_size=5), max_size=4), max_size=8), st.integers(0, 12))
def test_any_appends_give_the_bytes_that_sealing_them_at_once_gives(
    make: Callable[[Path], Bench],
    tmp_path_factory: pytest.TempPathFactory,
    appends: list[list[str]],
    back: int,
) -> None:
    store = make(tmp_path_factory.mktemp("any")).store
    head = START
    for append in appends:
        head = store.append([note(text) for text in append], head).head
    flat = [text for append in appends for text in append]
    assert head == seal([note(text) for text in flat], START).head
    if flat:
        assert texts(store) == flat
        assert store.head(back).seq == max(0, len(flat) - back)
        assert [len(batch.events) for batch in islice(store.read(), 1)] == [len(flat)]
