"""What of some bytes is a log: the valid prefix and a verdict. Pure: bytes come in through a function.

The reader reports and never decides policy. A half-written tail is the end of the log, not damage:
its event was never acknowledged. Anything else that fails its checks is damage, located and named.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from hashlib import sha256

from msgspec import Struct

from eventlog.codec import HASH_SIZE, MAX_LINE, hash_field, link
from eventlog.errors import CorruptLog, RegressedLog
from eventlog.head import START, Head

BLOCK = 64 * 1024
"""Bytes read at once; a block grows only to hold a longer line."""

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
            if cut == 0 and len(block) == size <= MAX_LINE:
                size = min(size * 4, MAX_LINE + 1)
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
    previous = head.hash.encode()
    seq, offset = head.seq, head.offset
    damage = None
    for line in lines.split(b"\n")[:-1]:
        digest = sha256(previous + line[:-HASH_SIZE]).hexdigest().encode()
        if line[-HASH_SIZE:] != b',"hash":"' + digest + b'"}':
            damage = Corrupt(seq + 1, offset, _fault(line))
            break
        previous = digest
        seq += 1
        offset += len(line) + 1
    return Head(seq, previous.decode(), offset), damage


def _fault(line: bytes) -> str:
    if len(line) >= MAX_LINE:
        return f"it is longer than {MAX_LINE:,} bytes"
    if line[-HASH_SIZE : -HASH_SIZE + 9] != b',"hash":"' or line[-2:] != b'"}':
        return "it does not end in a hash"
    return "its hash does not follow from the line before it and its own bytes"


def _judge_tail(block: bytes, head: Head) -> Verdict:
    """Judges bytes without a newline at the very end of a log."""
    if len(block) > MAX_LINE:
        return Corrupt(head.seq + 1, head.offset, f"it is longer than {MAX_LINE:,} bytes")
    sealed, last = block[:-1], block[-1:]
    whole = sealed[-HASH_SIZE:] == hash_field(link(sealed[:-HASH_SIZE], head.hash))
    if whole and last != b"\0":
        # A write that was cut short cannot leave a whole line and then another byte than its newline.
        return Corrupt(head.seq + 1, head.offset, "the newline at its end is damaged")
    return TornTail(head.offset, len(block))


def check_place(read_at: ReadAt, place: Head) -> None:
    """Raises RegressedLog unless the line that ends at `place.offset` carries `place.hash`."""
    if place == START:
        return
    end = hash_field(place.hash) + b"\n"
    if read_at(place.offset - len(end), len(end)) != end:
        raise RegressedLog(place, None)


def find_head(read_at: ReadAt, size: int, back: int = 0) -> Head:
    """Returns the head `back` events before the end of a log of `size` bytes, reading from its end.

    Costs O(bytes of those events): the line found is taken as it is, its chain towards the start
    is not checked. A torn tail is passed over; START where the log has no more events than `back`.
    Raises CorruptLog when the line found is not a line.
    """
    step = BLOCK
    while True:
        start = max(0, size - step)
        block = read_at(start, size - start)
        ends = block.count(b"\n")
        if ends > back + 1 or start == 0:
            break
        step *= 4
    lines = block.split(b"\n")
    if ends <= back:
        return START
    kept = lines[: ends - back]
    offset = start + sum(len(line) + 1 for line in kept)
    return Head(*_seq_and_hash(kept[-1], offset), offset)


def _seq_and_hash(line: bytes, end: int) -> tuple[int, str]:
    number, comma, _ = line.removeprefix(b'{"seq":').partition(b",")
    hash_ = line[-66:-2]
    if comma and number.isdigit() and len(number) < 19 and line[-HASH_SIZE:] == b',"hash":"%s"}' % hash_:
        try:
            return int(number), hash_.decode("ascii")
        except UnicodeDecodeError:
            pass
    raise CorruptLog(0, end - len(line) - 1, "it is not a line of a log")
