"""The head of a picture: what it shows, as of when, and what its colours mean."""

from __future__ import annotations

from typing import NamedTuple

from projections.build import Build
from projections.render.markup import cut, text
from projections.render.palette import LIGHT, spelled
from projections.views.status import status_counts

NARROWEST = 420.0


class Legend(NamedTuple):
    """A drawing that begins at the top left corner, and the room it takes."""

    drawing: str
    width: float
    height: float


NO_LEGEND = Legend("", 0.0, 0.0)


def legend(build: Build, title: str, width: float) -> Legend:
    """Returns the head of a picture of `build`, `width` pixels wide, or wider if that is too narrow."""
    width = max(width, NARROWEST)
    counts = status_counts(build) | {"ready": len(build.ready)}
    done, total = build.counts.get("completed", 0), len(build.workers)
    about = f"{build.status}: {done} of {total} completed · event {build.seq} · {build.updated_at[:19]}Z"
    parts = [
        f'<text class="h" x="20" y="32">{text(cut(title, max(24, int(width / 9))))}</text>\n',
        f'<text class="f" x="20" y="51">{text(about.replace("T", " "))}</text>\n',
    ]
    x, y = 20.0, 64.0
    for status in LIGHT:
        if not counts[status]:
            continue
        label = f"{counts[status]} {spelled(status)}"
        wide = 16 + 6.2 * len(label)
        if x > 20 and x + wide > width + 20:
            x, y = 20.0, y + 26
        parts.append(
            f'<g class="{status}"><rect x="{x:.0f}" y="{y:.0f}" width="{wide:.0f}" height="20" rx="10"/>'
            f'<text class="d" x="{x + 8:.0f}" y="{y + 14:.0f}">{text(label)}</text></g>\n'
        )
        x += wide + 8
    return Legend("".join(parts), width, y + 20)
