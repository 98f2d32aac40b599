"""What a measurement found: ratios with their targets, times for orientation, curves of growth."""

from __future__ import annotations

import math
from collections.abc import Sequence

from msgspec import Struct, field

from benchmarks.measure import Rounds, Spread, spread


class Row(Struct, frozen=True):
    """One comparison. `at_most` or `at_least` is the target that its median is held to, if there is one.

    `promise` is what the target is about, in the words of the page; rows that share it are kept or
    broken together.
    """

    what: str
    value: Spread
    unit: str = "x"
    at_most: float | None = None
    at_least: float | None = None
    promise: str = ""

    @property
    def target(self) -> str:
        """The target in words, empty without one."""
        if self.at_most is not None:
            return f"≤ {self.at_most:g} {self.unit}"
        return f"≥ {self.at_least:g} {self.unit}" if self.at_least is not None else ""

    @property
    def verdict(self) -> str:
        """Whether the median is within the target: `met`, `missed`, or empty without a target."""
        if self.at_most is None and self.at_least is None:
            return ""
        high = self.at_most is None or self.value.median <= self.at_most
        low = self.at_least is None or self.value.median >= self.at_least
        return "met" if high and low else "missed"


class Curve(Struct, frozen=True):
    """How the seconds of one operation grow with an amount of work."""

    operation: str
    amount: str
    points: list[tuple[int, float]]

    @property
    def exponent(self) -> float:
        """The slope of the least-squares line through the points in logarithms: 0 is flat, 1 linear."""
        xs = [math.log(amount) for amount, _ in self.points]
        ys = [math.log(seconds) for _, seconds in self.points]
        middle_x, middle_y = sum(xs) / len(xs), sum(ys) / len(ys)
        across = sum((x - middle_x) ** 2 for x in xs)
        return sum((x - middle_x) * (y - middle_y) for x, y in zip(xs, ys, strict=True)) / across


class Report(Struct):
    """The answer to one question. `times` are seconds; `notes` say what was skipped and what to mind.

    `method` says how it was measured, in a paragraph.
    """

    name: str
    question: str
    method: str = ""
    rows: list[Row] = field(default_factory=list)
    times: dict[str, Spread] = field(default_factory=dict)
    curves: list[Curve] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def add_times(self, rounds: Rounds) -> None:
        """Notes the seconds of every candidate."""
        self.times |= {name: spread(values) for name, values in rounds.items()}

    def text(self) -> str:
        """Returns the report for a terminal."""
        parts = [f"{self.name}: {self.question}"]
        if self.rows:
            parts.append(
                _table(("", "min", "median", "max", "target", ""), [_cells(row) for row in self.rows])
            )
        if self.times:
            times = [(name, *_seconds(times)) for name, times in self.times.items()]
            parts.append(_table(("time", "min", "median", "max"), times))
        if self.curves:
            curves = [
                (
                    f"{curve.operation} by {curve.amount}",
                    f"{curve.exponent:.2f}",
                    ", ".join(f"{amount:g}: {shown_seconds(seconds)}" for amount, seconds in curve.points),
                )
                for curve in self.curves
            ]
            parts.append(_table(("growth", "exponent", "points"), curves))
        parts += [f"  note: {note}" for note in self.notes]
        return "\n".join(parts) + "\n"


def shown(value: float) -> str:
    """Returns a ratio with three digits that say something."""
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def shown_seconds(value: float) -> str:
    """Returns a duration in the unit that suits it."""
    if value >= 1:
        return f"{value:.2f} s"
    return f"{value * 1e3:.3g} ms" if value >= 1e-3 else f"{value * 1e6:.3g} us"


def _cells(row: Row) -> tuple[str, ...]:
    value = row.value
    return (
        f"{row.what} ({row.unit})" if row.unit != "x" else row.what,
        shown(value.lowest),
        shown(value.median),
        shown(value.highest),
        row.target,
        row.verdict,
    )


def _seconds(times: Spread) -> tuple[str, str, str]:
    return shown_seconds(times.lowest), shown_seconds(times.median), shown_seconds(times.highest)


def _table(head: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    widths = [max(len(line[column]) for line in (head, *lines)) for column in range(len(head))]
    return "\n".join(
        "  " + "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in (head, *lines)
    )
