"""The record in a lock file: read back as it was written, or known for what it is not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventlog.head import START, Head
from eventlog.lock import State, parse, record
from tests import damage

HEAD = Head(17, "ab" * 32, 4321)
HEADS = st.builds(
    Head,
    st.integers(0, 10**18),
    st.text("0123456789abcdef", min_size=64, max_size=64),
    st.integers(0, 10**18),
)
STATES = st.sampled_from(["ok", "--", "no"])


@given(HEADS, STATES)
def test_a_record_is_read_back_as_it_was_written(head: Head, state: State) -> None:
    assert parse(record(head, state)) == (head, state)


@given(HEADS, STATES, HEADS, STATES)
def test_all_records_have_the_same_width_so_a_new_one_covers_the_old(
    one: Head, state: State, other: Head, other_state: State
) -> None:
    assert len(record(one, state)) == len(record(other, other_state))


def test_the_word_stands_alone_at_the_end_so_it_can_change_without_the_rest() -> None:
    words: list[State] = ["ok", "--", "no"]
    assert {record(HEAD, word)[:-3] for word in words} == {record(HEAD, "ok")[:-3]}


def test_an_empty_lock_file_says_nothing() -> None:
    assert parse(b"") == (START, "ok")


@given(st.binary(min_size=1, max_size=200))
def test_what_is_no_record_tells_of_no_head_and_of_no_trust(content: bytes) -> None:
    assert parse(content) == (START, "no")


@pytest.mark.parametrize("size", range(1, len(record(HEAD, "ok"))))
def test_a_record_cut_anywhere_is_none(size: int) -> None:
    assert parse(damage.cut_at(record(HEAD, "ok"), size)) == (START, "no")


def test_a_flipped_bit_never_gives_another_head_and_never_more_trust() -> None:
    whole = record(HEAD, "no")
    for bit in range(len(whole) * 8):
        head, state = parse(damage.flip_bit(whole, bit))
        assert head in (HEAD, START), bit
        assert state == "no", bit


@pytest.mark.parametrize("size", range(1, 106))
def test_half_of_a_new_record_over_an_old_one_never_gives_a_head_that_was_not(size: int) -> None:
    old, new = record(HEAD, "ok"), record(Head(18, "cd" * 32, 4999), "ok")
    head, _ = parse(new[:size] + old[size:])
    assert head in (HEAD, START)
