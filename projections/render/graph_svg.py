"""The dependency graph as an SVG picture: from left to right who waits for whom, and how far each is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import msgspec

from projections.build import Build, Worker
from projections.duration import brief, hours
from projections.graph_columns import Columns, columns
from projections.render.graph_order import order
from projections.render.graph_place import heights
from projections.render.labels import short_ids
from projections.render.legend import NO_LEGEND, legend
from projections.render.markup import cut, text
from projections.render.palette import LETTER, spelled, svg_style
from projections.views.eta import duration

BOX = 38.0
BEND = 5.0
GAP = 12.0
MARGIN = 20.0


class _Planned(msgspec.Struct):
    component: str | None = None
    description: str | None = None


class _Plan(msgspec.Struct):
    workers: list[_Planned] = []


class _Lanes(NamedTuple):
    """Where each column begins, and how wide its boxes are."""

    left: list[float]
    width: list[float]
    end: float


def graph_svg(build: Build, title: str, *, in_page: bool = False, critical: Iterable[str] = ()) -> str:
    """Returns the whole picture; `in_page` for a page with style, legend and `#w0`, `#w1`.. to link to.

    All of `build` is drawn, whatever its size: 10,000 workers in under a second. Workers that are
    `critical` have a mark.
    """
    drawn = columns([worker.dependencies for worker in build.workers])
    standing = order(drawn)
    sizes = [BOX if node < drawn.workers else BEND for node in range(len(drawn.column))]
    middle = heights(drawn, standing, sizes, GAP)
    labels = short_ids([worker.id for worker in build.workers])
    facts = [_fact(build, worker) for worker in build.workers]
    lanes = _lanes(drawn, standing, labels, facts)
    head = NO_LEGEND if in_page else legend(build, title, lanes.end)
    top = head.height + MARGIN
    width = max(lanes.end, head.width) + 2 * MARGIN
    height = top + max((middle[n] + sizes[n] / 2 for n in range(len(middle))), default=0.0) + MARGIN
    middle = [at + top for at in middle]
    marked = frozenset(critical)
    parts = [frame(title, width, height, in_page=in_page), head.drawing, *_arrows(drawn, lanes, middle)]
    planned = msgspec.json.decode(build.plan, type=_Plan).workers
    for place, worker in enumerate(build.workers):
        x, y = MARGIN + lanes.left[drawn.column[place]], middle[place] - BOX / 2
        classes = f"{'k ' * (worker.id in marked)}{build.shown_status(place)}"
        box = (
            f'<g class="{classes}"><title>{text(_story(build, worker, planned[place]))}</title>'
            f'<rect x="{x:.0f}" y="{y:.1f}" width="{lanes.width[drawn.column[place]]:.0f}" height="{BOX:.0f}"'
            f' rx="6"/><text class="i" x="{x + 9:.0f}" y="{y + 16:.1f}">{text(labels[place])}</text>'
            f'<text class="d" x="{x + 9:.0f}" y="{y + 30:.1f}">{text(facts[place])}</text></g>'
        )
        parts.append(f'<a href="#w{place}">{box}</a>\n' if in_page else f"{box}\n")
    return "".join([*parts, "</svg>\n"])


def frame(title: str, width: float, height: float, *, in_page: bool) -> str:
    """Returns the beginning of a picture: its size, its title and, if no page has it, its style."""
    begin = (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="bo" role="img" width="{width:.0f}"'
        f' height="{height:.0f}" viewBox="0 0 {width:.0f} {height:.0f}">\n<title>{text(title)}</title>\n'
    )
    paper = f'<style>\n{svg_style()}\n</style>\n<rect class="p" width="100%" height="100%"/>\n'
    return begin if in_page else begin + paper


def _arrows(drawn: Columns, lanes: _Lanes, middle: Sequence[float]) -> Iterator[str]:
    """Yields one path for the arrows that leave a node, and a head for every worker that has dependencies."""

    def right_of(node: int) -> float:
        column = drawn.column[node]
        return MARGIN + lanes.left[column] + lanes.width[column]

    reached: set[int] = set()
    for node, joined in enumerate(drawn.right):
        if not joined:
            continue
        x, y = right_of(node), middle[node]
        path = []
        if node >= drawn.workers:
            path.append(f"M{x - lanes.width[drawn.column[node]]:.0f} {y:.1f}H{x:.0f}")
        for other in joined:
            is_box = other < drawn.workers
            to = MARGIN + lanes.left[drawn.column[other]] - (6 if is_box else 0)
            path.append(_curve(x, y, to, middle[other]))
            reached.update((other,) if is_box else ())
        yield f'<path class="e" d="{"".join(path)}"/>\n'
    for source, target in drawn.far:
        to = MARGIN + lanes.left[drawn.column[target]] - 6
        yield f'<path class="e" d="{_curve(right_of(source), middle[source], to, middle[target])}"/>\n'
        reached.add(target)
    heads = "".join(
        f"M{MARGIN + lanes.left[drawn.column[node]] - 7:.0f} {middle[node] - 3.5:.1f}l7 3.5l-7 3.5z"
        for node in sorted(reached)
    )
    if heads:
        yield f'<path class="a" d="{heads}"/>\n'


def _curve(x: float, y: float, to_x: float, to_y: float) -> str:
    if abs(y - to_y) < 0.5:
        return f"M{x:.0f} {y:.1f}H{to_x:.0f}"
    half = (x + to_x) / 2
    return f"M{x:.0f} {y:.1f}C{half:.0f} {y:.1f} {half:.0f} {to_y:.1f} {to_x:.0f} {to_y:.1f}"


def _lanes(drawn: Columns, standing: list[list[int]], labels: Sequence[str], facts: Sequence[str]) -> _Lanes:
    left, width, x = [], [], 0.0
    for nodes in standing:
        boxes = [node for node in nodes if node < drawn.workers]
        letters = max((max(len(labels[n]) * LETTER, len(facts[n]) * 5.7) for n in boxes), default=0.0)
        joints = sum(len(drawn.right[node]) for node in nodes)
        left.append(x)
        width.append(max(64.0, letters + 18) if boxes else 10.0)
        x += width[-1] + min(110.0, 38.0 + 1.2 * joints)
    return _Lanes(left, width, left[-1] + width[-1] if left else 0.0)


def _fact(build: Build, worker: Worker) -> str:
    parts = [spelled(build.shown_status(build.index[worker.id]))]
    took = duration(worker) if worker.status in ("completed", "failed", "timed_out") else None
    if took is not None:
        parts.append(brief(took))
    elif worker.hours and worker.status in ("pending", "in_progress"):
        parts.append(f"~{hours(worker.hours)}")
    if worker.attempts > 1:
        parts.append(f"{worker.attempts} attempts")
    return " · ".join(parts)


def _story(build: Build, worker: Worker, planned: _Planned) -> str:
    """Returns a tooltip."""
    parts = [worker.id, _fact(build, worker)]
    if planned.component:
        parts.append(cut(planned.component, 100))
    if planned.description:
        parts.append(cut(planned.description, 200))
    waits = [build.workers[d].id for d in worker.dependencies if build.workers[d].status != "completed"]
    if waits and worker.status == "pending":
        parts.append("waits for " + ", ".join(waits[:5]) + (f" and {len(waits) - 5} more" * (len(waits) > 5)))
    if worker.result is not None and worker.result.error:
        parts.append(cut(worker.result.error, 200))
    return " — ".join(parts)
