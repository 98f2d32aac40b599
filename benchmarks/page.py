"""The page `docs/performance.md`: bias first, then targets, then every question with all that it found."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import chain
from pathlib import Path

from benchmarks.report import Report, Row, shown, shown_seconds

_BIAS = """\
# Performance

These measurements were made by those who wrote what is measured, on a machine of theirs, with inputs of
their choice: small JSON events, plans of 2,000 workers, a history that one snapshot sums up. Peers were
used as their own introduction says, by people who know them less well. Whoever measures their own work
stops tuning when it looks good. So run them yourself: `make bench` writes this page anew, and
each program in [`benchmarks/`](../benchmarks) runs alone: `python -m benchmarks.append`.

Ratios are what counts. Candidates take turns within one run and are compared round by round; each ratio
is shown with its lowest, middle and highest round. Absolute times are for orientation and belong to this
machine. No test asserts a time: a test run only sees that the programs still work.
"""

_NOT_SHOWN = """\
## What is not shown

- Other disks. A sync that takes 5 ms hides everything that is compared here for single appends; one that
  takes none makes it larger. Network file systems are not measured.
- macOS, where a sync goes through to the drive and costs far more, and following polls.
- Agents that think for minutes: beside them all of this is nothing.
- Contention: several writers that fight for one log. Its correctness is tested, its speed is not shown.
- Peers that need a server, besides NATS. Their queries have no counterpart here.
"""

_WHERE = Path(__file__).parent / "where_time_goes.md"
"""Written by hand, from profiles: a program can say that a target is missed, and not why."""


def page(reports: Sequence[Report], machine: Iterable[tuple[str, str]], plots: Sequence[str]) -> str:
    """Returns the page's text; `plots` are paths of images, relative to the page."""
    parts = [_BIAS, "## The machine", _table(("", ""), machine), "## What we hold ourselves to"]
    parts += [_table(("measure", "target", "median", "lowest to highest", "verdict"), _promises(reports))]
    parts.append("Where several comparisons stand behind one line, the worst of them is shown.")
    parts += [f"![{name}]({name})" for name in plots]
    parts += chain.from_iterable(_section(report) for report in reports)
    parts += [_WHERE.read_text("utf-8"), _NOT_SHOWN]
    return "\n\n".join(part.strip("\n") for part in parts if part) + "\n"


def promised(reports: Sequence[Report]) -> list[Row]:
    """Returns of each promise the row that keeps it least, in the order of the reports."""
    worst: dict[str, Row] = {}
    for row in chain.from_iterable(report.rows for report in reports):
        if row.promise:
            before = worst.get(row.promise)
            worst[row.promise] = row if before is None else max(before, row, key=_strain)
    return list(worst.values())


def _strain(row: Row) -> float:
    """How much of what the target allows is used: more than 1 is missed."""
    if row.at_most is not None:
        return row.value.median / row.at_most
    return (row.at_least or 0.0) / row.value.median


def _promises(reports: Sequence[Report]) -> list[tuple[str, ...]]:
    return [
        (row.promise, row.target, shown(row.value.median), _range(row), f"**{row.verdict}**")
        for row in promised(reports)
    ]


def _range(row: Row) -> str:
    return f"{shown(row.value.lowest)} to {shown(row.value.highest)}"


def _section(report: Report) -> list[str]:
    parts = [f"## {report.question}", report.method]
    if report.rows:
        rows = [
            (row.what, row.unit, shown(row.value.lowest), shown(row.value.median), shown(row.value.highest))
            for row in report.rows
        ]
        parts.append(_table(("compared", "unit", "min", "median", "max"), rows))
    if report.times:
        times = [
            (name, shown_seconds(t.lowest), shown_seconds(t.median), shown_seconds(t.highest))
            for name, t in report.times.items()
        ]
        parts.append(_table(("time", "min", "median", "max"), times))
    if report.curves:
        curves = [
            (
                curve.operation,
                curve.amount,
                f"{curve.exponent:.2f}",
                ", ".join(f"{amount:,}: {shown_seconds(seconds)}" for amount, seconds in curve.points),
            )
            for curve in report.curves
        ]
        parts.append(_table(("operation", "grows with", "exponent", "medians"), curves))
    parts += ["\n".join(f"- {note}" for note in report.notes)]
    return parts


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', '/') for cell in line)} |" for line in lines)
