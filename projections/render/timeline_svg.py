"""The timeline as an SVG picture: a row for each worker, waits thin and attempts thick."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from projections.build import Build
from projections.duration import brief
from projections.render.axis import Axis
from projections.render.graph_svg import frame
from projections.render.labels import short_ids
from projections.render.legend import NO_LEGEND, legend
from projections.render.markup import cut, text
from projections.render.palette import LETTER, spelled
from projections.views.timeline import Bar, Row, Timeline

WIDTH = 760.0
"""Pixels of the scale itself."""

MARGIN = 20.0
SKYLINE = 34.0
LONG = 30
"""With more rows the scale is written above them too."""

CLASS = {"running": "in_progress", "rejected": "review_pending"}
"""The colour of a bar is that of a status; these two are none."""


def timeline_svg(shown: Timeline, build: Build, title: str, *, in_page: bool = False) -> str:
    """Returns the whole picture; `in_page` for a page that has style and legend."""
    row_height = 22.0 if len(shown.rows) <= 120 else 15.0
    labels = short_ids([row.worker for row in shown.rows], 34)
    left = MARGIN + max((len(label) for label in labels), default=0) * LETTER + 22
    axis = Axis(shown.seconds, left, WIDTH)
    width = left + WIDTH + 150
    head = NO_LEGEND if in_page else legend(build, title, width - 2 * MARGIN)
    top = head.height + 26 + (SKYLINE if shown.parallel else 0)
    top += 14 if len(shown.rows) > LONG else 0
    bottom = top + len(shown.rows) * row_height
    height = bottom + (46 if shown.unseen else 26)
    parts = [frame(title, width, height, in_page=in_page), head.drawing]
    parts += _scale(axis, top, bottom, twice=len(shown.rows) > LONG)
    parts += _skyline(shown, axis, top)
    for number, (row, label) in enumerate(zip(shown.rows, labels, strict=True)):
        parts += _row(row, label, axis, top + number * row_height, row_height)
    if shown.unseen:
        more = f"{shown.unseen} more worker{'s' * (shown.unseen > 1)} not ready yet"
        parts.append(f'<text class="f" x="{MARGIN:.0f}" y="{bottom + 22:.0f}">{more}</text>\n')
    return "".join([*parts, "</svg>\n"])


def _scale(axis: Axis, top: float, bottom: float, *, twice: bool) -> Iterator[str]:
    for tick in axis.ticks(8):
        x = axis.at(tick)
        yield f'<path class="g" d="M{x:.1f} {top - 6:.0f}V{bottom + 4:.0f}"/>'
        for y in (top - 10, bottom + 18) if twice else (bottom + 18,):
            yield f'<text class="m f" x="{x:.1f}" y="{y:.0f}">{brief(tick)}</text>\n'


def _skyline(shown: Timeline, axis: Axis, top: float) -> Iterator[str]:
    """Yields the number of attempts that ran at a time, as a hill above the rows."""
    most = max((count for _, count in shown.parallel), default=0)
    if not most:
        return
    base, high = top - 8 - 14 * (len(shown.rows) > LONG), SKYLINE - 10
    steps = [(axis.at(moment), base - high * count / most) for moment, count in shown.parallel]
    path = [f"M{steps[0][0]:.1f} {base:.1f}V{steps[0][1]:.1f}"]
    path += [f"H{x:.1f}V{y:.1f}" for x, y in steps[1:]]
    yield f'<path class="w" d="{"".join(path)}V{base:.1f}Z"><title>at most {most} at a time</title></path>'
    yield f'<text class="b" x="{axis.left - 8:.0f}" y="{base:.0f}">running (at most {most})</text>\n'


def _row(row: Row, label: str, axis: Axis, y: float, height: float) -> Iterator[str]:
    size = height - 7
    mark = "r k " if row.critical else "r "
    middle = y + height / 2
    star = f'<text class="c" x="{axis.left - 18:.0f}" y="{middle + 4:.1f}">◆</text>' if row.critical else ""
    yield (
        f'<text class="i" x="{MARGIN:.0f}" y="{middle + 4:.1f}">{text(label)}'
        f"<title>{text(row.worker)}</title></text>{star}"
    )
    retried: list[Bar] = []
    for bar in row.bars:
        x, end = axis.at(bar.start), axis.at(bar.end)
        if bar.kind == "wait":
            tip = f"waited {brief(bar.end - bar.start)}"
            yield (
                f'<rect class="w" x="{x:.1f}" y="{middle - 1.5:.1f}"'
                f' width="{max(end - x, 0.5):.1f}" height="3">'
                f"<title>{text(row.worker)}: {tip}</title></rect>"
            )
            continue
        retried.append(bar)
        yield (
            f'<g class="{mark}{CLASS.get(bar.kind, bar.kind)}"><title>{text(_tip(row, bar))}</title>'
            f'<rect x="{x:.1f}" y="{middle - size / 2:.1f}"'
            f' width="{max(end - x, 2.0):.1f}" height="{size:.0f}" rx="2"/></g>'
        )
    for before, after in pairwise(retried):
        x = axis.at(before.end)
        yield f'<path class="e" d="M{x:.1f} {middle:.1f}H{axis.at(after.start):.1f}"/>'
    for moment in row.marks:
        x = axis.at(moment)
        yield (
            f'<path class="c" d="M{x:.1f} {middle - 5:.1f}l5 5l-5 5l-5 -5z"><title>{text(row.worker)}: '
            f"{spelled(row.status)} by hand</title></path>"
        )
    yield _remark(row, axis, middle)


def _remark(row: Row, axis: Axis, middle: float) -> str:
    """Returns what is written behind the last bar: how long it ran, how often, how it ended."""
    attempts = sum(bar.kind != "wait" for bar in row.bars)
    parts = [brief(row.run)] if attempts else []
    if attempts > 1:
        parts.append(f"{attempts} attempts")
    if row.status not in ("completed", "pending"):
        parts.append(spelled(row.status))
    end = max([axis.at(bar.end) for bar in row.bars] + [axis.at(moment) for moment in row.marks])
    remark = text(" · ".join(parts))
    return f'<text class="d f" x="{end + 7:.1f}" y="{middle + 3.5:.1f}">{remark}</text>\n'


def _tip(row: Row, bar: Bar) -> str:
    tip = f"{row.worker}, attempt {bar.attempt}: {spelled(bar.kind)}, {brief(bar.end - bar.start)}"
    return f"{tip}: {cut(bar.error, 160)}" if bar.error else tip
