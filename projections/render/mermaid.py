"""The dependency graph as a Mermaid flowchart, each worker in the colour of its status."""

from __future__ import annotations

from projections.build import Build
from projections.render.escape import mermaid

MOST_WORKERS = 60
"""More than this many boxes are a picture that nobody reads."""

MOST_ARROWS = 400
"""Mermaid draws at most 500 by default, and an error in place of the graph beyond that."""

_COLOURS = {
    "blocked": "fill:#eceff1,stroke:#78909c,color:#263238",
    "ready": "fill:#e3f2fd,stroke:#1976d2,color:#0d47a1",
    "in_progress": "fill:#fff8e1,stroke:#ffa000,color:#5d4037",
    "review_pending": "fill:#f3e5f5,stroke:#8e24aa,color:#4a148c",
    "completed": "fill:#e8f5e9,stroke:#388e3c,color:#1b5e20",
    "failed": "fill:#ffebee,stroke:#d32f2f,color:#b71c1c",
    "timed_out": "fill:#fbe9e7,stroke:#e64a19,color:#bf360c",
    "cancelled": "fill:#fafafa,stroke:#9e9e9e,color:#616161,stroke-dasharray:4",
}


def fits(build: Build) -> bool:
    """Returns whether the graph is small enough to be read, and to be drawn at all."""
    arrows = sum(len(worker.dependencies) for worker in build.workers)
    return len(build.workers) <= MOST_WORKERS and arrows <= MOST_ARROWS


def flowchart(build: Build) -> list[str]:
    """Returns the lines of the flowchart: boxes, arrows from a dependency to what needs it, colours."""
    return [
        "flowchart LR",
        *(
            f'    w{place}["{mermaid(worker.id)}"]:::{_class(build.shown_status(place))}'
            for place, worker in enumerate(build.workers)
        ),
        *(
            f"    w{dependency} --> w{place}"
            for place, worker in enumerate(build.workers)
            for dependency in worker.dependencies
        ),
        *(f"    classDef {_class(status)} {style}" for status, style in _COLOURS.items()),
    ]


def _class(status: str) -> str:
    """The name of a status in the drawing: in every README.md so far `blocked` has that of pending."""
    return "pending" if status == "blocked" else status
