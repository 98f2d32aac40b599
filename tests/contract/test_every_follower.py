"""What every EventStore gives to those who follow it."""

from __future__ import annotations

from threading import Thread

import pytest

from eventlog import START, Batch, CorruptLog, EventStore, RegressedLog
from tests import damage
from tests.contract.bench import IDLE, Bench, followed, foreign_heads
from tests.logs import note, notes, sealed


def test_a_follower_sees_what_is_there_and_then_what_lands(store: EventStore) -> None:
    head = store.append([note("a"), note("b")], START).head
    stream = store.follow(START, IDLE)
    assert [event.seq for event in followed(stream, 2)] == [1, 2]
    head = store.append([note("c")], head).head
    assert [event.seq for event in followed(stream, 1)] == [3]
    store.append(notes(2), head)
    assert [event.seq for event in followed(stream, 2)] == [4, 5]


def test_a_follower_that_begins_at_the_end_sees_only_what_lands(store: EventStore) -> None:
    head = store.append(notes(5), START).head
    stream = store.follow(head, IDLE)
    store.append([note("six")], head)
    assert [event.seq for event in followed(stream, 1)] == [6]


def test_an_idle_batch_is_empty_and_carries_the_head(store: EventStore) -> None:
    head = store.append(notes(2), START).head
    stream = store.follow(head, IDLE)
    assert [next(stream) for _ in range(3)] == [Batch((), head)] * 3


def test_a_follower_is_not_confused_by_a_line_in_flight(bench: Bench) -> None:
    lines, head = sealed(notes(2))
    more, _ = sealed([note("three")], head)
    bench.put(lines)
    stream = bench.store.follow(START, IDLE)
    assert len(followed(stream, 2)) == 2
    for cut in (1, len(more) // 2, len(more) - 1):
        bench.put(lines + damage.cut_at(more, cut))
        assert next(stream) == Batch((), head)
    bench.put(lines + more)
    assert [event.seq for event in followed(stream, 1)] == [3]


def test_a_follower_goes_on_behind_a_torn_tail_that_another_writer_cut(bench: Bench) -> None:
    lines, head = sealed(notes(2))
    bench.put(lines + b'{"seq":3,"time":"2026')
    stream = bench.store.follow(START, IDLE)
    followed(stream, 2)
    bench.again().append([note("three")], head)
    assert [event.seq for event in followed(stream, 1)] == [3]


def test_a_follower_stops_at_damage(bench: Bench) -> None:
    lines, _ = sealed(notes(2))
    bench.put(lines)
    stream = bench.store.follow(START, IDLE)
    followed(stream, 2)
    bench.put(lines + b"damage\n")
    with pytest.raises(CorruptLog):
        followed(stream, 1)


def test_a_follower_that_has_waited_stops_at_damage_too(bench: Bench) -> None:
    lines, head = sealed(notes(2))
    bench.put(lines)
    stream = bench.store.follow(START, IDLE)
    followed(stream, 2)
    assert next(stream) == Batch((), head)
    bench.put(lines + b"damage\n")
    with pytest.raises(CorruptLog):
        followed(stream, 1)


def test_a_follower_of_a_log_that_was_cut_says_so(bench: Bench) -> None:
    lines, _ = sealed(notes(3))
    bench.put(lines)
    stream = bench.store.follow(START, IDLE)
    followed(stream, 3)
    bench.put(damage.delete_line(lines, 2))
    with pytest.raises(RegressedLog):
        followed(stream, 1)


def test_a_follower_behind_what_is_no_place_of_this_log_says_so(store: EventStore) -> None:
    for head in foreign_heads(store):
        with pytest.raises(RegressedLog):
            next(store.follow(head, IDLE))


def test_two_followers_see_the_same_while_a_writer_writes(bench: Bench) -> None:
    head = bench.store.append(notes(1), START).head
    seen: list[list[int]] = [[], []]

    def follow(which: int) -> None:
        stream = bench.again().follow(START, IDLE)
        seen[which] = [event.seq for event in followed(stream, 60)]

    followers = [Thread(target=follow, args=(which,), daemon=True) for which in range(2)]
    for follower in followers:
        follower.start()
    writer = bench.again()
    for _ in range(59):
        head = writer.append(notes(1), head).head
    for follower in followers:
        follower.join(30)
    assert seen == [list(range(1, 61))] * 2
