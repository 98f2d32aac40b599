"""The plots beside `docs/performance.md`: SVG, the same bytes for the same figures.

matplotlib belongs to the bench group and is imported only where a plot is drawn.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.page import promised
from benchmarks.report import Report, Row

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_GOOD, _BAD, _QUIET = "#2b7a4b", "#b3382c", "#888888"


def draw(reports: Sequence[Report], folder: Path) -> list[str]:
    """Draws what the reports allow into `folder`; returns the names of the files."""
    import matplotlib as mpl

    mpl.use("svg")
    mpl.rcParams.update({"svg.hashsalt": "build-orchestrator", "svg.fonttype": "none", "font.size": 9})
    folder.mkdir(parents=True, exist_ok=True)
    named = {report.name: report for report in reports}
    drawn = []
    if rows := promised(reports):
        drawn.append(_draw_targets(rows, folder))
    if "startup" in named:
        drawn.append(_draw_commands(named["startup"], folder))
    if "growth" in named:
        drawn.append(_draw_growth(named["growth"], folder))
    return drawn


def _draw_targets(rows: Sequence[Row], folder: Path) -> str:
    """Each promise as a share of its target: left of the line is kept."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(8, 1 + 0.3 * len(rows)), layout="constrained")
    for place, row in enumerate(reversed(rows)):
        used = sorted(_used(row, value) for value in (row.value.lowest, row.value.highest))
        colour = _GOOD if row.verdict == "met" else _BAD
        axes.plot(used, (place, place), color=colour, linewidth=2)
        axes.plot(_used(row, row.value.median), place, "o", color=colour)
    axes.axvline(1.0, color=_QUIET, linewidth=1)
    axes.set_yticks(range(len(rows)), [row.promise.replace("`", "") for row in reversed(rows)])
    axes.set_xscale("log")
    axes.set_xlabel("share of what the target allows (lowest, median, highest); 1 is the target")
    return _save(figure, folder / "targets.svg")


def _used(row: Row, value: float) -> float:
    return value / row.at_most if row.at_most is not None else (row.at_least or 0.0) / value


def _draw_commands(report: Report, folder: Path) -> str:
    """Whole commands against the length of the log."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(6, 3.5), layout="constrained")
    lines: dict[str, list[tuple[int, float]]] = {}
    for name, times in report.times.items():
        if found := re.fullmatch(r"(.+ workers: \w+), ([\d,]+) events", name):
            lines.setdefault(found[1], []).append((int(found[2].replace(",", "")), times.median * 1e3))
    for label, points in lines.items():
        axes.plot(*zip(*points, strict=True), "o-", label=label)
    for name, times in report.times.items():
        if name.endswith("only the imports"):
            axes.axhline(times.median * 1e3, color=_QUIET, linestyle="--", linewidth=1, label=name)
    axes.set_xscale("log")
    axes.set_ylim(bottom=0)
    axes.set_xlabel("events in the log")
    axes.set_ylabel("whole process, median, ms")
    axes.legend(fontsize=6, ncols=2)
    return _save(figure, folder / "commands.svg")


def _draw_growth(report: Report, folder: Path) -> str:
    """The curves of growth, side by side for events and workers."""
    import matplotlib.pyplot as plt

    figure, both = plt.subplots(1, 2, figsize=(10, 4.5), sharey=True, layout="constrained")
    for axes, amount in zip(both, ("events", "workers"), strict=True):
        _draw_curves(axes, report, amount)
    both[0].set_ylabel("seconds, median")
    return _save(figure, folder / "growth.svg")


def _draw_curves(axes: Axes, report: Report, amount: str) -> None:
    for curve in report.curves:
        if curve.amount == amount:
            label = f"{curve.operation} ({curve.exponent:.2f})"
            axes.plot(*zip(*curve.points, strict=True), "o-", label=label)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel(amount)
    axes.legend(fontsize=7, title="operation (exponent)", title_fontsize=7)


def _save(figure: object, path: Path) -> str:
    import matplotlib.pyplot as plt
    from matplotlib.figure import Figure

    assert isinstance(figure, Figure)
    figure.savefig(path, metadata={"Date": None, "Creator": None})
    plt.close(figure)
    # matplotlib leaves spaces at the ends of lines, which editors take away.
    path.write_text("\n".join(line.rstrip() for line in path.read_text("utf-8").splitlines()) + "\n", "utf-8")
    return path.name
