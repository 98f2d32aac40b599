"""The dependency graph in Graphviz's DOT language, for whoever wants to lay it out otherwise."""

from __future__ import annotations

from projections.build import Build
from projections.render.escape import visible
from projections.render.palette import LIGHT, spelled


def graph_dot(build: Build, title: str) -> str:
    """Returns the whole graph: a box for each worker, an arrow from each dependency to what needs it."""
    lines = [
        f"digraph {_quoted(title)} {{",
        "    rankdir=LR;",
        f"    label={_label(title)};",
        '    node [shape=box, style="rounded,filled", fontname="monospace", fontsize=11];',
        '    edge [color="#8c959f", arrowsize=0.7];',
    ]
    for place, worker in enumerate(build.workers):
        status = build.shown_status(place)
        ink = LIGHT[status]
        lines.append(
            f"    {_quoted(worker.id)} [tooltip={_label(f'{worker.id}: {spelled(status)}')},"
            f' fillcolor="{ink.fill}", color="{ink.edge}", fontcolor="{ink.text}"];'
        )
    lines += [
        f"    {_quoted(build.workers[dependency].id)} -> {_quoted(worker.id)};"
        for worker in build.workers
        for dependency in worker.dependencies
    ]
    return "\n".join([*lines, "}"]) + "\n"


def _quoted(text: str) -> str:
    """Returns a DOT string; a quote is the only character that has to be escaped in it."""
    return '"' + _trimmed(visible(text)).replace('"', '\\"') + '"'


def _label(text: str) -> str:
    """Returns a DOT string in a place where backslashes mean line ends and names of nodes."""
    return '"' + visible(text).replace("\\", "\\\\").replace('"', '\\"') + '"'


def _trimmed(text: str) -> str:
    """In a plain DOT string nothing escapes a backslash, and one before a quote would escape that."""
    return text.replace("\\", "/")
