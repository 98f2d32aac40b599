"""The colours of statuses on light and on dark paper, as CSS that needs nothing but the page it is in.

Contrast of text against its box is at least 4.5 to 1 in both. A status is always written out too, so
that nobody has to tell colours apart.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple


class Ink(NamedTuple):
    """Fill, edge and text of a box."""

    fill: str
    edge: str
    text: str


LIGHT = {
    "blocked": Ink("#f6f8fa", "#afb8c1", "#57606a"),
    "ready": Ink("#ddf4ff", "#0969da", "#0550ae"),
    "in_progress": Ink("#fff8dc", "#bf8700", "#7d4e00"),
    "review_pending": Ink("#f5ebff", "#8250df", "#6639ba"),
    "completed": Ink("#e6f4ea", "#2da44e", "#116329"),
    "failed": Ink("#ffebe9", "#cf222e", "#a40e26"),
    "timed_out": Ink("#fff1e5", "#e16f24", "#953800"),
    "cancelled": Ink("#f6f8fa", "#8c959f", "#59636e"),
}
DARK = {
    "blocked": Ink("#161b22", "#57606a", "#9ea7b3"),
    "ready": Ink("#0d2440", "#388bfd", "#79c0ff"),
    "in_progress": Ink("#2b2111", "#d29922", "#e3b341"),
    "review_pending": Ink("#231a35", "#a371f7", "#d2a8ff"),
    "completed": Ink("#12261e", "#2ea043", "#7ee787"),
    "failed": Ink("#2d1316", "#f85149", "#ffa198"),
    "timed_out": Ink("#2e1a0f", "#db6d28", "#ffa657"),
    "cancelled": Ink("#161b22", "#6e7681", "#9ea7b3"),
}
PAPER = {"light": "#ffffff", "dark": "#0d1117"}
WRITING = {"light": "#1f2328", "dark": "#e6edf3"}
FAINT = {"light": "#59636e", "dark": "#9198a1"}
LINES = {"light": "#afb8c1", "dark": "#57606a"}
GRID = {"light": "#eaeef2", "dark": "#21262d"}
CRITICAL = {"light": "#bc4c00", "dark": "#f0883e"}

MONOSPACE = 'ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace'
SANS = 'system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif'
LETTER = 7.3
"""Width of a monospaced letter of 12 pixels, rounded up."""


def css_variables(paper: str) -> str:
    """Returns the colours for one paper (`light` or `dark`) as CSS variables, for a page around pictures."""
    inks = LIGHT if paper == "light" else DARK
    names = {
        "paper": PAPER,
        "ink": WRITING,
        "faint": FAINT,
        "line": LINES,
        "grid": GRID,
        "critical": CRITICAL,
    }
    parts = [f"--{name}:{colours[paper]}" for name, colours in names.items()]
    for status, ink in inks.items():
        parts.append(f"--{status}-fill:{ink.fill};--{status}-edge:{ink.edge};--{status}-text:{ink.text}")
    return ";".join(parts)


def spelled(status: str) -> str:
    """Returns a status as it is written for people."""
    return status.replace("_", " ")


def svg_style() -> str:
    """Returns the CSS of all pictures: one set of rules for light paper, one for dark."""
    return "\n".join(
        [
            f".bo{{font-family:{SANS};font-size:12px}}",
            f".bo .i{{font-family:{MONOSPACE};font-size:12px}}",
            ".bo .h{font-size:16px;font-weight:600}",
            ".bo .d{font-size:10.5px}",
            ".bo .m{font-size:10.5px;text-anchor:middle}",
            ".bo rect{stroke-width:1.2}",
            ".bo .e{fill:none;stroke-width:1.2}",
            ".bo .cancelled rect{stroke-dasharray:4 3}",
            ".bo .b{font-size:10px;text-anchor:end}",
            ".bo .k rect{stroke-width:2.2}",
            ".bo .r rect{fill-opacity:.7}",
            *_rules("light", LIGHT),
            "@media (prefers-color-scheme:dark){",
            *_rules("dark", DARK),
            "}",
        ]
    )


def _rules(paper: str, inks: dict[str, Ink]) -> Iterator[str]:
    yield f".bo .p{{fill:{PAPER[paper]};stroke:none}}.bo text{{fill:{WRITING[paper]}}}"
    yield f".bo .f,.bo .b{{fill:{FAINT[paper]}}}"
    yield f".bo .e{{stroke:{LINES[paper]}}}.bo .a{{fill:{LINES[paper]}}}"
    yield f".bo .g{{stroke:{GRID[paper]};stroke-width:1}}.bo .w{{fill:{GRID[paper]};stroke:{LINES[paper]}}}"
    yield f".bo rect.w{{fill:{LINES[paper]};stroke:none}}"
    yield f".bo .c{{fill:{CRITICAL[paper]}}}"
    for status, ink in inks.items():
        yield f".bo .{status} rect{{fill:{ink.fill};stroke:{ink.edge}}}.bo .{status} text{{fill:{ink.text}}}"
        yield f".bo .r.{status} rect{{fill:{ink.edge}}}"
    yield f".bo .k rect{{stroke:{CRITICAL[paper]}}}"
