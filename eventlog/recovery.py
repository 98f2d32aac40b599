"""What of some bytes is a log: the valid prefix and a verdict. Pure: bytes come in through a function.

The reader reports and never decides policy. A half-written tail is the end of the log, not damage:
its event was never acknowledged. Anything else that fails its checks is damage, located and named.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from hashlib import sha256
from itertools import islice

from msgspec import Struct

from eventlog.codec import HASH_SIZE, MAX_LINE, hash_field, link
from eventlog.errors import CorruptLog, RegressedLog
from eventlog.head import START, Head

BLOCK = 64 * 1024
"""Bytes read at once; a block grows only to hold a longer line."""

_USUAL_LINE = 1024
"""Bytes that hold most lines: a search for a line's beginning reads so many at first."""

ReadAt = Callable[[int, int], bytes]
"""`read_at(offset, size)` -> at most `size` bytes from `offset`, fewer only at the end of the log."""


class Clean(Struct, frozen=True):
    """Every byte belongs to a valid line."""


class TornTail(Struct, frozen=True):
    """After the last valid line, at `offset`, lie `size` bytes of a line that was never finished."""

    offset: int
    size: int


class Corrupt(Struct, frozen=True):
    """Line `line` (from 1), whose first byte is at `offset`, fails its checks."""

    line: int
    offset: int
    reason: str

    def error(self) -> CorruptLog:
        """Returns the error that says so."""
        return CorruptLog(self.line, self.offset, self.reason)


Verdict = Clean | TornTail | Corrupt


class Scan:
    """Walks over a log from `after` on, checking the chain, in memory bounded by BLOCK or one line.

    Iterating yields pieces of whole, checked lines. After each piece `head` is the head behind it;
    at the end `verdict` says what follows the last valid line.
    """

    def __init__(self, read_at: ReadAt, after: Head = START) -> None:
        self._read_at = read_at
        self.head = after
        self.verdict: Verdict = Clean()

    def __iter__(self) -> Iterator[bytes]:
        size = BLOCK
        while block := self._read_at(self.head.offset, size):
            cut = block.rfind(b"\n") + 1
            if cut == 0 and len(block) == size < MAX_LINE:
                size = min(size * 4, MAX_LINE)
                continue
            if cut == 0:
                self.verdict = _judge_tail(block, self.head)
                return
            size = BLOCK
            before = self.head.offset
            self.head, damage = _follow_chain(block[:cut], self.head)
            if self.head.offset > before:
                yield block[: self.head.offset - before]
            if damage is not None:
                self.verdict = damage
                return

    def finish(self) -> Verdict:
        """Walks to the end without handing out lines; returns the verdict."""
        for _ in self:
            pass
        return self.verdict


def _follow_chain(lines: bytes, head: Head) -> tuple[Head, Corrupt | None]:
    """Returns the head after the longest valid prefix of `lines`, and what is wrong behind it."""
    whole = lines.split(b"\n")
    whole.pop()
    end = -HASH_SIZE
    previous = head.hash.encode()
    for place, line in enumerate(whole):
        digest = sha256(previous + line[:end]).hexdigest().encode()
        if line[end:] != b',"hash":"' + digest + b'"}':
            offset = head.offset + sum([len(good) + 1 for good in whole[:place]])
            head = Head(head.seq + place, previous.decode(), offset)
            return head, Corrupt(head.seq + 1, offset, _fault(line))
        previous = digest
    return Head(head.seq + len(whole), previous.decode(), head.offset + len(lines)), None


def _fault(line: bytes) -> str:
    if line[-HASH_SIZE : -HASH_SIZE + 9] != b',"hash":"' or line[-2:] != b'"}':
        return "it does not end in a hash"
    return "its hash does not follow from the line before it and its own bytes"


def _judge_tail(block: bytes, head: Head) -> Verdict:
    """Judges bytes without a newline at the very end of a log."""
    if len(block) >= MAX_LINE:
        return Corrupt(head.seq + 1, head.offset, f"it is longer than {MAX_LINE:,} bytes")
    sealed, last = block[:-1], block[-1:]
    whole = sealed[-HASH_SIZE:] == hash_field(link(sealed[:-HASH_SIZE], head.hash))
    if whole and last != b"\0":
        # A write that was cut short cannot leave a whole line and then another byte than its newline.
        return Corrupt(head.seq + 1, head.offset, "the newline at its end is damaged")
    return TornTail(head.offset, len(block))


def check_place(read_at: ReadAt, place: Head) -> None:
    """Raises RegressedLog unless a line ends at `place.offset` that carries `place.hash` and `place.seq`."""
    if place == START:
        return
    size = min(place.offset, _USUAL_LINE)
    tail = read_at(place.offset - size, size) if size > 0 else b""
    there = len(tail) == size and tail.endswith(_line_end(place.hash.encode()))
    start = tail.rfind(b"\n", 0, -1) + 1
    if there and start == 0 and place.offset > size:
        try:
            there = find_head(read_at, place.offset) == place
        except CorruptLog:
            there = False
    elif there:
        there = tail.startswith(b'{"seq":%d,' % place.seq, start)
    if not there:
        raise RegressedLog(place, None)


def find_head(read_at: ReadAt, size: int, back: int = 0) -> Head:
    """Returns the head `back` events before the end of a log of `size` bytes, reading from its end.

    Costs O(bytes of those events) in time and one block in memory: the line found is taken as it
    is, its chain towards the start is not checked. A torn tail is passed over; START where the log
    has no more events than `back`. Raises CorruptLog when the line found is not a line.
    """
    ends = islice(_line_ends(read_at, size), back, back + 2)
    end = next(ends, 0)
    if end == 0:
        return START
    start = next(ends, 0)
    number, comma, _ = read_at(start, 32).removeprefix(b'{"seq":').partition(b",")
    line_end = read_at(max(start, end - HASH_SIZE - 1), min(HASH_SIZE + 1, end - start))
    hash_ = line_end[-67:-3]
    if comma and _NUMBER.fullmatch(number) and _HASH.fullmatch(hash_) and line_end == _line_end(hash_):
        return Head(int(number), hash_.decode(), end)
    raise CorruptLog(0, start, "it is not a line of a log")


def first_lines(lines: bytes, before: Head, count: int) -> tuple[bytes, Head]:
    """Returns the first `count` of checked lines that follow `before`, and the head behind them."""
    kept = b"".join(line + b"\n" for line in lines.split(b"\n", max(count, 0))[: max(count, 0)])
    if not kept:
        return kept, before
    return kept, Head(before.seq + count, kept[-67:-3].decode(), before.offset + len(kept))


def _line_ends(read_at: ReadAt, size: int) -> Iterator[int]:
    """Yields the offsets behind the newlines in the first `size` bytes, from the last one to the first."""
    step = _USUAL_LINE
    while size > 0:
        start = max(0, size - step)
        block = read_at(start, size - start)
        cut = len(block)
        while (cut := block.rfind(b"\n", 0, cut)) >= 0:
            yield start + cut + 1
        size = start
        step = min(step * 4, BLOCK)


def _line_end(hash_: bytes) -> bytes:
    return b',"hash":"%s"}\n' % hash_


_NUMBER = re.compile(rb"[1-9][0-9]{0,17}")
_HASH = re.compile(rb"[0-9a-f]{64}")
