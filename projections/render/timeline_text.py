"""The timeline for a terminal: a line for each worker, as wide as the terminal is."""

from __future__ import annotations

from collections.abc import Iterator

from projections.duration import brief
from projections.render.axis import Axis
from projections.render.labels import short_ids
from projections.render.palette import spelled
from projections.views.timeline import Row, Timeline

BLOCKS = {"wait": "·", "running": "▒", "completed": "█", "failed": "✗", "timed_out": "◷", "rejected": "↺"}
PLAIN = {"wait": ".", "running": "~", "completed": "#", "failed": "x", "timed_out": "t", "rejected": "r"}
NARROWEST = 60


def timeline_text(shown: Timeline, width: int, *, plain: bool = False) -> list[str]:
    """Returns the lines, at most `width` letters wide where that is enough; `plain` uses ASCII only."""
    signs = PLAIN if plain else BLOCKS
    width = max(width, NARROWEST)
    labels = short_ids([row.worker for row in shown.rows], min(34, width // 3))
    if plain:
        labels = [label.replace("…", "~") for label in labels]
    name = max((len(label) for label in labels), default=0)
    remarks = [_remark(row) for row in shown.rows]
    room = width - name - max(map(len, remarks), default=0) - 6
    axis = Axis(shown.seconds, 0, max(room, 10) - 1)
    lines = [" " * (name + 3) + _scale(axis)]
    for row, label, remark in zip(shown.rows, labels, remarks, strict=True):
        star = "*" if row.critical else " "
        lines.append(f"{label:<{name}} {star} {_bars(row, axis, signs)} {remark}".rstrip())
    lines.append(" ".join(_key(shown, signs)))
    return lines


def _scale(axis: Axis) -> str:
    line = ""
    for tick in axis.ticks(5):
        at = int(axis.at(tick))
        if at >= len(line) + bool(line):
            line = f"{line:<{at}}{brief(tick)}"
    return line


def _bars(row: Row, axis: Axis, signs: dict[str, str]) -> str:
    cells = [" "] * (int(axis.width) + 1)
    full = signs["completed"]
    # What is drawn later covers what is drawn before: waits, then work, then how it went wrong.
    for bar in sorted(row.bars, key=lambda bar: bar.kind != "wait"):
        first, last = round(axis.at(bar.start)), round(axis.at(bar.end))
        body = signs[bar.kind] if bar.kind in ("wait", "running") else full
        cells[first : last + 1] = body * (last + 1 - first)
    for bar in row.bars:
        if bar.kind not in ("wait", "running", "completed"):
            cells[round(axis.at(bar.end))] = signs.get(bar.kind, signs["failed"])
    for moment in row.marks:
        cells[round(axis.at(moment))] = "+"
    return "".join(cells)


def _remark(row: Row) -> str:
    attempts = sum(bar.kind != "wait" for bar in row.bars)
    parts = [brief(row.run)] if attempts else []
    parts += [f"x{attempts}"] if attempts > 1 else []
    parts += [spelled(row.status)] if row.status not in ("completed", "pending") else []
    return " ".join(parts)


def _key(shown: Timeline, signs: dict[str, str]) -> Iterator[str]:
    seen = {bar.kind for row in shown.rows for bar in row.bars}
    yield "; ".join(
        [
            *(f"{sign} {spelled(kind)}" for kind, sign in signs.items() if kind in seen),
            *(["+ by hand"] if any(row.marks for row in shown.rows) else []),
            *(["* on the critical path"] if any(row.critical for row in shown.rows) else []),
            *([f"{shown.unseen} not ready yet"] if shown.unseen else []),
        ]
    )
