"""How fast do events become durable, one at a time and in groups?

The measure for one at a time is the least that durability needs: a write and an fdatasync of the same
bytes, nothing else. Groups are compared with one at a time, by events and second.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from functools import partial
from itertools import islice

from benchmarks import inputs
from benchmarks.measure import elapsed, interleave, ratio, speed_ratio, spread
from benchmarks.report import Report, Row
from benchmarks.setting import Setting, run_alone
from eventlog.disk import OsDisk
from eventlog.events import KnownEvent
from eventlog.head import START
from eventlog.jsonl import JsonlStore
from eventlog.store import seal

GROUPS = (10, 100, 1000)
SINGLE = "durable append, one at a time: speed / bare write and fdatasync"
GROUPED = "durable append, 100 waiters: events a second / one at a time"


def measure(setting: Setting) -> Report:
    """Compares appends with bare synced writes, and groups with single appends."""
    report = Report("append", "How fast do events become durable?")
    singles = setting.choose(500, 30)
    grouped = setting.choose(50, 4)
    candidates: dict[str, Callable[[], float]] = {
        "bare write + sync": lambda: _bare(setting, singles),
        "append": lambda: _appends(setting, singles, 1),
    }
    for group in GROUPS:
        candidates[f"append, {group} an append"] = partial(_appends, setting, grouped, group)
    rounds = interleave(candidates, setting.choose(15, 2))
    each = {
        name: [seconds / (singles if group == 1 else grouped * group) for seconds in rounds[name]]
        for name, group in zip(candidates, (1, 1, *GROUPS), strict=True)
    }
    value = speed_ratio(each, "append", "bare write + sync")
    report.rows.append(
        Row("one at a time: speed of append / bare write + sync", value, at_least=0.9, promise=SINGLE)
    )
    for group in GROUPS:
        value = ratio(each, "append", f"append, {group} an append")
        what = f"{group} an append: events a second / one at a time"
        held = {"at_least": 40, "promise": GROUPED} if group == 100 else {}
        report.rows.append(Row(what, value, **held))  # type: ignore[arg-type]
    report.times = {f"{name}, an event": spread(values) for name, values in each.items()}
    return report


def _events(count: int) -> list[KnownEvent]:
    return [inputs.definition(50), *islice(inputs.lives(50), count)]


def _appends(setting: Setting, appends: int, group: int) -> float:
    """Returns the seconds that so many appends take, on a log that has its first event already."""
    first, *events = _events(appends * group)
    store = JsonlStore(setting.folder("append") / "events.jsonl")
    head = store.append([first], START).head

    def work() -> None:
        end = head
        for place in range(0, len(events), group):
            end = store.append(events[place : place + group], end).head

    try:
        return elapsed(work)
    finally:
        store.close()


def _bare(setting: Setting, count: int) -> float:
    """Returns the seconds that it takes to write and sync the same lines without anything else."""
    first, *events = _events(count)
    sealed = seal([first], START)
    lines = seal(events, sealed.head).lines.splitlines(keepends=True)
    fd = os.open(setting.folder("bare") / "events.jsonl", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    disk = OsDisk()
    os.write(fd, sealed.lines)
    disk.sync(fd)
    try:
        return elapsed(lambda: _write_each(disk, fd, lines))
    finally:
        os.close(fd)


def _write_each(disk: OsDisk, fd: int, lines: Sequence[bytes]) -> None:
    for line in lines:
        os.write(fd, line)
        disk.sync(fd)


if __name__ == "__main__":
    run_alone(measure)
