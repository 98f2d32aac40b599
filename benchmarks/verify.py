"""How fast is every byte of a log checked?

The measure is a loop that reads the same file and computes one SHA-256 a line, without following the
chain or comparing anything.
"""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

from benchmarks import inputs
from benchmarks.measure import elapsed, interleave, speed_ratio
from benchmarks.report import Report, Row
from benchmarks.setting import Setting, run_alone
from eventlog.head import START
from eventlog.jsonl import JsonlStore

VERIFY, BARE, CHAINED = (
    "verify the chain",
    "SHA-256 of each line",
    "SHA-256 of each line, chained and compared",
)


def measure(setting: Setting) -> Report:
    """Compares the check of a whole log with bare loops over its lines."""
    report = Report("verify", "How fast is every byte of a log checked?")
    path = inputs.usual_log(setting, setting.choose(1_000_000, 5_000))
    rounds = interleave(
        {
            VERIFY: lambda: elapsed(lambda: JsonlStore(path).examine()),
            BARE: lambda: elapsed(lambda: _hash_lines(path)),
            CHAINED: lambda: elapsed(lambda: _follow_lines(path)),
        },
        setting.choose(9, 2),
    )
    report.rows.append(
        Row(
            f"speed of {VERIFY} / {BARE}",
            speed_ratio(rounds, VERIFY, BARE),
            at_least=0.85,
            promise="`verify` of the chain: speed / one SHA-256 a line",
        )
    )
    report.rows.append(Row(f"speed of {VERIFY} / {CHAINED}", speed_ratio(rounds, VERIFY, CHAINED)))
    report.add_times(rounds)
    return report


def _hash_lines(path: Path) -> None:
    with path.open("rb") as file:
        for line in file:
            sha256(line).digest()


def _follow_lines(path: Path) -> None:
    previous = START.hash.encode()
    with path.open("rb") as file:
        for line in file:
            previous = sha256(previous + line[:-76]).hexdigest().encode()
            if line[-67:-3] != previous:
                raise ValueError("the log is damaged")


if __name__ == "__main__":
    run_alone(measure)
