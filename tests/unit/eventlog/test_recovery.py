"""What of some bytes is a log: verdicts for everything that can happen to a file."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventlog.codec import HASH_SIZE, MAX_LINE
from eventlog.errors import CorruptLog, RegressedLog
from eventlog.head import START, Head
from eventlog.recovery import BLOCK, Clean, Corrupt, Scan, TornTail, Verdict, check_place, find_head
from tests import damage
from tests.logs import chained_line, note, notes, sealed, ten_events, whole_lines

TEN, TEN_END = sealed(ten_events())
LINES = TEN.splitlines(keepends=True)
ENDS = [sum(map(len, LINES[:count])) for count in range(11)]


class Bytes:
    """A log's bytes as `Scan` wants them, with a note of the largest read."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.largest = 0

    def __call__(self, offset: int, size: int) -> bytes:
        assert offset >= 0
        assert size >= 0
        self.largest = max(self.largest, size)
        return self.data[offset : offset + size]


def is_place(data: bytes, place: Head) -> bool:
    """Whether `place` passes for a place in these bytes."""
    try:
        check_place(Bytes(data), place)
    except RegressedLog:
        return False
    return True


def examine(data: bytes, after: Head = START) -> tuple[bytes, Head, Verdict]:
    """The valid prefix that a scan hands out, the head behind it, and the verdict."""
    scan = Scan(Bytes(data), after)
    return b"".join(scan), scan.head, scan.verdict


def heads(data: bytes) -> list[Head]:
    """The head behind each line, START first."""
    return [examine(data[:end])[1] for end in ENDS]


HEADS = heads(TEN)
HEX = b"0123456789abcdef" * 4


def test_an_intact_log_is_clean_and_all_of_it_is_handed_out() -> None:
    assert examine(TEN) == (TEN, TEN_END, Clean())


def test_no_bytes_are_a_clean_log_without_events() -> None:
    assert examine(b"") == (b"", START, Clean())


@pytest.mark.parametrize("line", range(11))
def test_a_scan_goes_on_from_any_line(line: int) -> None:
    assert examine(TEN, HEADS[line]) == (TEN[ENDS[line] :], TEN_END, Clean())


def test_at_every_cut_the_longest_whole_prefix_is_left_and_the_rest_is_a_torn_tail() -> None:
    for size in range(len(TEN)):
        whole = max(count for count in range(11) if ENDS[count] <= size)
        left = size - ENDS[whole]
        verdict = TornTail(ENDS[whole], left) if left else Clean()
        assert examine(damage.cut_at(TEN, size)) == (TEN[: ENDS[whole]], HEADS[whole], verdict), size


def test_every_flipped_bit_is_found_in_its_line_and_nothing_behind_it_is_handed_out() -> None:
    for bit in range(len(TEN) * 8):
        line = next(count for count in range(10) if bit // 8 < ENDS[count + 1])
        prefix, head, verdict = examine(damage.flip_bit(TEN, bit))
        assert (prefix, head) == (TEN[: ENDS[line]], HEADS[line]), bit
        assert isinstance(verdict, Corrupt), bit
        assert (verdict.line, verdict.offset) == (line + 1, ENDS[line]), bit


@pytest.mark.parametrize("line", range(9))
def test_a_deleted_line_is_found_where_it_was(line: int) -> None:
    prefix, _, verdict = examine(damage.delete_line(TEN, line))
    assert prefix == TEN[: ENDS[line]]
    assert isinstance(verdict, Corrupt)
    assert (verdict.line, verdict.offset) == (line + 1, ENDS[line])


def test_a_deleted_last_line_leaves_a_clean_log_that_is_shorter() -> None:
    assert examine(damage.delete_line(TEN, 9)) == (TEN[: ENDS[9]], HEADS[9], Clean())


@pytest.mark.parametrize("line", range(10))
def test_a_duplicated_line_is_found_behind_the_first_of_the_two(line: int) -> None:
    prefix, _, verdict = examine(damage.duplicate_line(TEN, line))
    assert prefix == TEN[: ENDS[line + 1]]
    assert isinstance(verdict, Corrupt)
    assert verdict.line == line + 2


@pytest.mark.parametrize("line", range(9))
def test_swapped_lines_are_found_at_the_first_of_the_two(line: int) -> None:
    prefix, _, verdict = examine(damage.swap_lines(TEN, line))
    assert prefix == TEN[: ENDS[line]]
    assert isinstance(verdict, Corrupt)


def test_an_edited_text_is_found() -> None:
    _, head, verdict = examine(damage.edit(TEN, b'"out/w1"', b'"out/w9"'))
    assert head == HEADS[4]
    assert verdict == Corrupt(
        5, ENDS[4], "its hash does not follow from the line before it and its own bytes"
    )


@pytest.mark.parametrize("line", range(1, 10))
def test_a_log_with_the_end_of_another_is_found_where_they_meet(line: int) -> None:
    other, _ = sealed([note(f"other {number}") for number in range(10)])
    prefix, _, verdict = examine(damage.splice(TEN, other, line))
    assert prefix == TEN[: ENDS[line]]
    assert isinstance(verdict, Corrupt)
    assert verdict.line == line + 1


@pytest.mark.parametrize("count", [1, 511, 4096, 3 * BLOCK])
def test_nuls_to_the_end_are_a_torn_tail(count: int) -> None:
    assert examine(damage.append_nuls(TEN, count)) == (TEN, TEN_END, TornTail(len(TEN), count))


@pytest.mark.parametrize("count", [1, 2, 4096])
def test_a_last_line_whose_newline_was_never_written_is_a_torn_tail(count: int) -> None:
    torn = damage.append_nuls(damage.lose_newline(TEN), count - 1)
    assert examine(torn) == (TEN[: ENDS[9]], HEADS[9], TornTail(ENDS[9], len(torn) - ENDS[9]))


def test_nuls_that_end_in_a_newline_are_damage() -> None:
    _, head, verdict = examine(damage.append_nuls(TEN, 7) + b"\n")
    assert head == TEN_END
    assert verdict == Corrupt(11, len(TEN), "it does not end in a hash")


@pytest.mark.parametrize("extra", [b"\n", b"\r\n", b"{}\n", b"x" * HASH_SIZE + b"\n", b" \n"])
def test_a_line_without_a_hash_is_damage(extra: bytes) -> None:
    assert examine(TEN + extra)[2] == Corrupt(11, len(TEN), "it does not end in a hash")


HASHED = ',"hash":"' + "0" * 64
NO_HASH, NOT_ITS_HASH = "it does not end in a hash", "its hash does not follow from the line before it"


@pytest.mark.parametrize(
    ("end", "reason"),
    [
        (HASHED + '"}', NOT_ITS_HASH),
        (HASHED + '")', NO_HASH),
        (HASHED + "'}", NO_HASH),
        (HASHED.replace("hash", "hush") + '"}', NO_HASH),
    ],
)
def test_a_line_that_has_a_wrong_hash_is_told_from_one_that_has_none(end: str, reason: str) -> None:
    verdict = examine(TEN + b'{"seq":11' + end.encode() + b"\n")[2]
    assert isinstance(verdict, Corrupt)
    assert verdict.reason.startswith(reason)


def test_a_byte_order_mark_is_damage_of_the_first_line() -> None:
    prefix, _, verdict = examine(b"\xef\xbb\xbf" + TEN)
    assert prefix == b""
    assert isinstance(verdict, Corrupt)
    assert (verdict.line, verdict.offset) == (1, 0)


def test_windows_line_ends_are_damage_of_the_first_line() -> None:
    _, head, verdict = examine(TEN.replace(b"\n", b"\r\n"))
    assert head == START
    assert isinstance(verdict, Corrupt)


def test_lines_end_at_newlines_only() -> None:
    data, end = sealed([note("a\u2028b\u2029c\x85d"), *notes(2)])
    assert examine(data) == (data, end, Clean())


def test_a_log_of_another_format_version_is_damage_of_the_first_line() -> None:
    other = chained_line({"seq": 1}, "0" * 64)
    assert isinstance(examine(other)[2], Corrupt)


@pytest.mark.parametrize("size", [BLOCK - 200, BLOCK, BLOCK + 1, 4 * BLOCK, 5 * BLOCK + 17, 1 << 20])
def test_a_line_longer_than_a_block_is_read_with_its_neighbours(size: int) -> None:
    data, end = sealed([*notes(3), note("x" * size), *notes(3)])
    assert examine(data) == (data, end, Clean())
    cut = damage.cut_at(data, len(data) - 500)
    assert isinstance(examine(cut)[2], TornTail)


def test_blocks_shrink_again_behind_a_long_line() -> None:
    data, _ = sealed([note("x" * (1 << 20)), *notes(2000)])
    _, first = sealed([note("x" * (1 << 20))])
    reading = Bytes(data)
    Scan(reading, first).finish()
    assert reading.largest == BLOCK


@pytest.mark.parametrize("size", [BLOCK, 3 * BLOCK, 50 * BLOCK])
def test_blocks_grow_in_steps_and_not_far_beyond_a_long_line(size: int) -> None:
    data, _ = sealed([note("x" * size)])
    reading = Bytes(data)
    assert Scan(reading).finish() == Clean()
    assert reading.largest <= 5 * len(data)


def test_memory_is_bounded_by_a_block_where_lines_are_short() -> None:
    data, _ = sealed(notes(5000))
    reading = Bytes(data)
    assert max(map(len, Scan(reading))) <= BLOCK
    assert reading.largest == BLOCK


@pytest.mark.parametrize("end", [b"", b"\n", b"x\n"])
def test_a_line_beyond_the_limit_is_damage_and_not_a_torn_tail(end: bytes) -> None:
    data = TEN + b"x" * MAX_LINE + end
    reading = Bytes(data)
    scan = Scan(reading)
    assert scan.finish() == Corrupt(11, len(TEN), "it is longer than 67,108,864 bytes")
    assert reading.largest <= MAX_LINE


def test_the_longest_line_allowed_is_read() -> None:
    room = MAX_LINE - len(sealed([note("")])[0])
    data, end = sealed([note("x" * room), *notes(1)])
    assert len(data.splitlines(keepends=True)[0]) == MAX_LINE
    scan = Scan(Bytes(data))
    assert scan.finish() == Clean()
    assert scan.head == end


@given(st.binary(max_size=300), st.integers(0, len(TEN)))
def test_any_garbage_behind_any_prefix_gives_the_lines_that_the_oracle_finds(
    garbage: bytes, cut: int
) -> None:
    data = TEN[:cut] + garbage
    prefix, head, verdict = examine(data)
    assert prefix == b"".join(whole_lines(data))
    rest = data[head.offset :]
    if not rest:
        assert verdict == Clean()
    elif b"\n" in rest:
        assert isinstance(verdict, Corrupt)
    else:
        assert verdict == TornTail(head.offset, len(rest)) or isinstance(verdict, Corrupt)


@given(st.binary(max_size=2_000))
def test_any_bytes_are_judged_and_never_raise(data: bytes) -> None:
    prefix, head, _ = examine(data)
    assert head == START
    assert prefix == b""
    check_place(Bytes(data), START)


# --- places and heads


@pytest.mark.parametrize("back", range(13))
def test_the_head_is_found_from_the_end(back: int) -> None:
    assert find_head(Bytes(TEN), len(TEN), back) == HEADS[max(0, 10 - back)]


@pytest.mark.parametrize("tail", [b"{", b"\0" * 5000, b"x" * 300_000])
@pytest.mark.parametrize("back", [0, 1, 9, 10])
def test_the_head_is_found_before_a_torn_tail(tail: bytes, back: int) -> None:
    assert find_head(Bytes(TEN + tail), len(TEN + tail), back) == HEADS[10 - back]


@pytest.mark.parametrize("size", [0, 900, 1024, 5000, BLOCK, 300_000])
@pytest.mark.parametrize("back", range(4))
def test_the_head_is_found_behind_before_and_between_long_lines(size: int, back: int) -> None:
    data, _ = sealed([note("a"), note("x" * size), note("y" * size)])
    ends = [0, *(end + 1 for end in range(len(data)) if data[end : end + 1] == b"\n")]
    expected = examine(data[: ends[3 - back]])[1]
    assert find_head(Bytes(data), len(data), back) == expected


def test_looking_for_the_head_reads_blocks_only() -> None:
    data, end = sealed([*notes(1), note("x" * (1 << 21))])
    reading = Bytes(data)
    assert find_head(reading, len(data)) == end
    assert reading.largest <= BLOCK


NO_LINES = {
    "an empty line": b"\n",
    "an empty object": b"{}\n",
    "no number": b'{"time":"t","hash":"%s"}\n' % HEX,
    "number 0": b'{"seq":0,"hash":"%s"}\n' % HEX,
    "a number that begins with 0": b'{"seq":01,"hash":"%s"}\n' % HEX,
    "a number beyond all": b'{"seq":%s,"hash":"%s"}\n' % (b"9" * 19, HEX),
    "a text for a number": b'{"seq":"1","hash":"%s"}\n' % HEX,
    "a hash of other letters": b'{"seq":11,"hash":"%s"}\n' % (b"z" * 64),
    "a hash in capitals": b'{"seq":11,"hash":"%s"}\n' % HEX.upper(),
    "a hash that is no text": b'{"seq":11,"hash":"%s"}\n' % (b"\xff" * 64),
    "another last field": b'{"seq":11,"hush":"%s"}\n' % HEX,
    "something behind the hash": b'{"seq":11,"hash":"%s"} \n' % HEX,
}


@pytest.mark.parametrize("line", NO_LINES.values(), ids=NO_LINES)
def test_a_head_is_never_taken_from_what_is_no_line(line: bytes) -> None:
    data = TEN + line
    with pytest.raises(CorruptLog, match="it is not a line of a log") as found:
        find_head(Bytes(data), len(data))
    # Which line it is nobody knows: the log is read from its end.
    assert (found.value.line, found.value.offset) == (0, len(TEN))


@pytest.mark.parametrize("length", [*range(1_020, 1_028), *range(5_116, 5_124)])
def test_the_head_is_found_wherever_a_line_end_falls_in_a_block(length: int) -> None:
    before, middle = sealed(notes(2))
    room = length - len(sealed([note("")], middle)[0])
    line, end = sealed([note("x" * room)], middle)
    assert len(line) == length
    data = before + line
    first = sealed(notes(1))[1]
    assert [find_head(Bytes(data), len(data), back) for back in range(4)] == [end, middle, first, START]


@pytest.mark.parametrize("back", [0, 3, 10])
def test_no_bytes_have_the_start_as_their_head(back: int) -> None:
    assert find_head(Bytes(b""), 0, back) == START
    assert find_head(Bytes(b"{torn"), 5, back) == START


@pytest.mark.parametrize("place", HEADS)
def test_every_place_of_a_log_is_one(place: Head) -> None:
    check_place(Bytes(TEN), place)


@pytest.mark.parametrize("line", range(1, 11))
def test_what_is_not_exactly_a_place_of_a_log_is_none(line: int) -> None:
    place = HEADS[line]
    for other in (
        Head(place.seq + 1, place.hash, place.offset),
        Head(0, place.hash, place.offset),
        Head(place.seq, "0" * 64, place.offset),
        Head(place.seq, place.hash[:-1], place.offset),
        Head(place.seq, "", place.offset),
        Head(place.seq, place.hash, place.offset - 1),
        Head(place.seq, place.hash, place.offset + 1),
        Head(place.seq, place.hash, 5),
        Head(place.seq, place.hash, 0),
        Head(place.seq, place.hash, -1),
        Head(place.seq, place.hash, 10**15),
        Head(place.seq, START.hash, 0),
        Head(place.seq, place.hash, ENDS[line - 1]),
    ):
        assert not is_place(TEN, other), f"{other} was taken for {place}"


@pytest.mark.parametrize("begin", [b'{"seq":0', b'{"time":1', b"", b'{"seq":4', b'{"seq":10'])
def test_a_long_line_that_is_none_makes_no_place(begin: bytes) -> None:
    line = begin + b',"text":"' + b"x" * 3_000 + b'","hash":"%s"}\n' % HEX
    data = TEN[: ENDS[2]] + line
    assert not is_place(data, Head(3, HEX.decode(), len(data)))
    good = line.replace(begin, b'{"seq":3', 1) if begin else b'{"seq":3' + line
    assert is_place(TEN[: ENDS[2]] + good, Head(3, HEX.decode(), ENDS[2] + len(good)))


@pytest.mark.parametrize("size", [1, 500, 1023, 2000, 100_000])
def test_the_place_behind_a_line_of_any_length_is_one(size: int) -> None:
    data, end = sealed([*notes(2), note("x" * size)])
    check_place(Bytes(data), end)
    with pytest.raises(RegressedLog):
        check_place(Bytes(data), Head(end.seq + 1, end.hash, end.offset))
    with pytest.raises(RegressedLog):
        check_place(Bytes(damage.cut_at(data, end.offset - 1)), end)


@given(st.binary(max_size=400), st.integers(-5, 500))
def test_a_place_in_any_bytes_is_judged_and_never_raises_anything_else(data: bytes, offset: int) -> None:
    with pytest.raises(RegressedLog):
        check_place(Bytes(data), Head(1, "0" * 64, offset))
