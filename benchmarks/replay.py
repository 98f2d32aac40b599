"""How fast is a whole log decoded and folded, and in how much memory?

The measure is the same decoder with the least fold there can be (`minimal.py`), in the same process,
over the same file. Both also with the chain checked, which is what every command does.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path

import msgspec

from benchmarks import inputs, minimal
from benchmarks.measure import elapsed, interleave, ratio, speed_ratio, spread
from benchmarks.processes import run
from benchmarks.report import Report, Row
from benchmarks.setting import Setting, run_alone
from eventlog.events import AnyEvent, KnownEvent
from eventlog.jsonl import JsonlStore
from eventlog.recovery import BLOCK
from eventlog.store import FileStore
from projections.fold import fold

DECODE_FOLD, DECODE_MINIMAL = "decode + fold", "decode + minimal fold"
READ_FOLD, READ_MINIMAL = "read (chain checked) + fold", "read (chain checked) + minimal fold"

SPEED = "full replay, 1,000,000 events: speed / decode and minimal fold"
MEMORY = "full replay: peak memory, 1,000,000 events / 10,000"

_REPLAY = """
import sys
from itertools import chain
from eventlog.jsonl import JsonlStore
from projections.fold import fold
fold(chain.from_iterable(batch.events for batch in JsonlStore(sys.argv[1]).read()))
"""


def measure(setting: Setting) -> Report:
    """Compares replays of one log, and the peak memory of replays of logs of several lengths."""
    report = Report("replay", "How fast is a whole log folded, and in how much memory?")
    path = inputs.usual_log(setting, setting.choose(1_000_000, 5_000))
    rounds = interleave(
        {
            DECODE_FOLD: lambda: elapsed(lambda: _fold(blocks(path))),
            DECODE_MINIMAL: lambda: elapsed(lambda: _fold_minimally(blocks(path))),
            READ_FOLD: lambda: elapsed(lambda: _fold(_read(path))),
            READ_MINIMAL: lambda: elapsed(lambda: _fold_minimally(_read(path))),
        },
        setting.choose(9, 2),
    )
    value = speed_ratio(rounds, DECODE_FOLD, DECODE_MINIMAL)
    report.rows.append(Row(f"speed of {DECODE_FOLD} / {DECODE_MINIMAL}", value, at_least=0.85, promise=SPEED))
    report.rows.append(
        Row(f"speed of {READ_FOLD} / {READ_MINIMAL}", speed_ratio(rounds, READ_FOLD, READ_MINIMAL))
    )
    report.rows.append(Row(f"time of {READ_FOLD} / {DECODE_FOLD}", ratio(rounds, READ_FOLD, DECODE_FOLD)))
    report.add_times(rounds)
    _measure_memory(setting, report)
    return report


def blocks(path: Path) -> Iterator[Sequence[AnyEvent]]:
    """Yields the events of a log block by block, decoded and not checked."""
    decoder = msgspec.json.Decoder(KnownEvent)
    with path.open("rb", buffering=0) as file:
        rest = b""
        size = BLOCK
        while block := file.read(size):
            block = rest + block
            cut = block.rfind(b"\n") + 1
            rest = block[cut:]
            if cut:
                yield decoder.decode_lines(block[:cut])


def replay_read(store: FileStore) -> None:
    """Folds a whole log, the chain checked, without its snapshot."""
    _fold(batch.events for batch in store.read())


def _read(path: Path) -> Iterator[Sequence[AnyEvent]]:
    for batch in JsonlStore(path).read():
        yield batch.events


def _fold(batches: Iterator[Sequence[AnyEvent]]) -> None:
    fold(chain.from_iterable(batches))


def _fold_minimally(batches: Iterator[Sequence[AnyEvent]]) -> None:
    minimal.fold(chain.from_iterable(batches), minimal.Folded())


def _measure_memory(setting: Setting, report: Report) -> None:
    lengths = setting.choose((10_000, 100_000, 1_000_000), (2_000, 5_000))
    peaks: dict[int, list[float]] = {length: [] for length in lengths}
    for _ in range(setting.choose(3, 1)):
        for length, found in peaks.items():
            path = inputs.usual_log(setting, length)
            found.append(run([sys.executable, "-c", _REPLAY, str(path)]).peak / 2**20)
    for length, found in peaks.items():
        report.rows.append(Row(f"peak memory of a replay of {length:,} events", spread(found), unit="MiB"))
    least, most = (peaks[length] for length in (lengths[0], lengths[-1]))
    value = spread([more / less for less, more in zip(least, most, strict=True)])
    report.rows.append(
        Row(f"peak memory, {lengths[-1]:,} events / {lengths[0]:,}", value, at_most=1.1, promise=MEMORY)
    )


if __name__ == "__main__":
    run_alone(measure)
