"""Does a log agree with what those who wrote and read it say?

The work is linear in the history, once it is sorted. An order is correct when it could be that of
one writer after another: each event that was acknowledged stands where its answer said, what was
refused is nowhere, whatever ended before something else began stands before it, and every reader
saw a beginning of the log that held all that had been acknowledged before.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any

from tests.logs import whole_lines
from tests.soak.history import Call, Look, Token, token_of

NEVER = 2**63
"""The end of a call whose outcome nobody knows."""


class Checker:
    """The events of a log, and where each mark stands in it (places count from 0)."""

    def __init__(self, log: bytes) -> None:
        self.log = log
        self.lines = whole_lines(log)
        self.events: list[dict[str, Any]] = [json.loads(line) for line in self.lines]
        self.tokens = [token_of(event) for event in self.events]
        self.places: dict[Token, list[int]] = defaultdict(list)
        for place, token in enumerate(self.tokens):
            if token is not None:
                self.places[token].append(place)

    def check(self, calls: Sequence[Call], looks: Sequence[Look]) -> list[str]:
        """Returns all that is wrong, in words; nothing when the log and the history agree."""
        by_token: dict[Token, list[Call]] = defaultdict(list)
        for call in calls:
            for token in call.tokens():
                by_token[token].append(call)
        return [
            *self._whole(),
            *self._acknowledged(calls),
            *self._refused(by_token),
            *self._once(by_token),
            *self._unacknowledged(calls),
            *self._in_order_of_each_client(),
            *self._in_order_of_time(by_token),
            *self._looks(calls, looks),
        ]

    def lost(self, calls: Sequence[Call]) -> int:
        """How many acknowledged events are not where their answer said."""
        return sum(1 for _ in self._acknowledged(calls))

    def _whole(self) -> Iterable[str]:
        good = sum(map(len, self.lines))
        if good != len(self.log):
            yield f"the chain breaks behind event {len(self.lines)} (byte {good})"

    def _acknowledged(self, calls: Sequence[Call]) -> Iterable[str]:
        for call in calls:
            if call.outcome == "acknowledged":
                for place, token in enumerate(call.tokens(), call.first - 1):
                    if not (0 <= place < len(self.tokens) and self.tokens[place] == token):
                        yield f"{token} was acknowledged as event {place + 1} and is not there"
            elif call.outcome == "already" and not all(self.places.get(token) for token in call.tokens()):
                yield f"{call.tokens()[0]} was said to be in the log and is not"

    def _refused(self, by_token: Mapping[Token, Sequence[Call]]) -> Iterable[str]:
        for token, asked in by_token.items():
            if all(call.outcome == "refused" for call in asked) and token in self.places:
                yield f"{token} was refused and is event {self.places[token][0] + 1}"
        for token in self.places:
            if token not in by_token:
                yield f"{token} is in the log and nobody asked for it"

    def _once(self, by_token: Mapping[Token, Sequence[Call]]) -> Iterable[str]:
        """A call that was repeated takes effect once, unless its worker was reopened in between."""
        for token, places in self.places.items():
            for earlier, later in pairwise(places):
                worker = self.events[earlier].get("worker")
                reopened = worker is not None and any(
                    event["type"] == "worker_reset" and event["worker"] == worker
                    for event in self.events[earlier:later]
                )
                if not reopened or len(by_token.get(token, ())) < len(places):
                    yield f"{token} is in the log twice, as events {earlier + 1} and {later + 1}"

    def _unacknowledged(self, calls: Sequence[Call]) -> Iterable[str]:
        """Of several events in one append a crash leaves the first few, one behind the other."""
        for call in calls:
            places = [self.places[token][0] for token in call.tokens() if token in self.places]
            missing = [token.part for token in call.tokens() if token not in self.places]
            if places and places != list(range(places[0], places[0] + len(places))):
                yield f"the events of {call.tokens()[0]} do not stand together"
            if places and missing and min(missing) < len(places):
                yield f"of {call.tokens()[0]} a later event is there and an earlier one is not"

    def _in_order_of_each_client(self) -> Iterable[str]:
        last: dict[str, Token] = {}
        for token in self.tokens:
            if token is not None:
                before = last.get(token.client)
                if before is not None and (before.number, before.part) > (token.number, token.part):
                    yield f"{token} stands behind {before}"
                last[token.client] = token

    def _in_order_of_time(self, by_token: Mapping[Token, Sequence[Call]]) -> Iterable[str]:
        latest, whose = 0, None
        for token in self.tokens:
            if token is None or token not in by_token:
                continue
            asked = by_token[token]
            ended = max(NEVER if call.outcome == "unknown" else call.ended or NEVER for call in asked)
            if ended < latest:
                yield f"{whose} stands before {token}, which had ended before it began"
            begun = min(call.begun for call in asked)
            if begun > latest:
                latest, whose = begun, token

    def _looks(self, calls: Sequence[Call], looks: Sequence[Look]) -> Iterable[str]:
        ends = sorted(
            (call.ended or NEVER, call.first + call.parts - 1)
            for call in calls
            if call.outcome == "acknowledged"
        )
        known = at = 0
        for look in sorted(looks, key=lambda look: look.begun):
            while at < len(ends) and ends[at][0] < look.begun:
                known = max(known, ends[at][1])
                at += 1
            if look.seq < known:
                yield f"{look.reader} saw {look.seq} events when {known} had been acknowledged"
            yield from self.place_of(look.reader, look.seq, look.hash)
        yield from self._nothing_from_the_future(calls, looks)

    def _nothing_from_the_future(self, calls: Sequence[Call], looks: Sequence[Look]) -> Iterable[str]:
        begun = sorted(
            ((call.begun, call.first) for call in calls if call.outcome == "acknowledged"), reverse=True
        )
        least, at = NEVER, 0
        for look in sorted(looks, key=lambda look: look.ended, reverse=True):
            while at < len(begun) and begun[at][0] > look.ended:
                least = min(least, begun[at][1])
                at += 1
            if look.seq >= least:
                yield f"{look.reader} saw event {least} before anybody asked for it"

    def place_of(self, who: str, seq: int, hash_: str) -> Iterable[str]:
        """Says so when the log has no event `seq` with that hash: what was seen is no beginning of it."""
        if not (0 < seq <= len(self.events) and self.events[seq - 1]["hash"] == hash_):
            yield f"{who} saw an event {seq} that is not the log's"


def backwards(looks: Iterable[Look]) -> list[str]:
    """Says where the same reader saw less than before."""
    last: dict[str, int] = {}
    found = []
    for look in looks:
        if look.seq < last.get(look.reader, 0):
            found.append(f"{look.reader} saw event {look.seq} after event {last[look.reader]}")
        last[look.reader] = look.seq
    return found
