"""The graph as plain data: nodes with their status and column, and edges."""

from __future__ import annotations

from typing import Any

from projections.build import Build
from projections.graph_columns import columns


def graph_view(build: Build, project: str) -> dict[str, Any]:
    """Returns the workers in plan order, each with the column that a drawing gives it, and the edges.

    `status` is `ready` or `blocked` for a pending worker; an edge is a dependency and who needs it.
    """
    drawn = columns([worker.dependencies for worker in build.workers])
    return {
        "project": project,
        "seq": build.seq,
        "columns": drawn.number,
        "workers": [
            {"id": worker.id, "status": build.shown_status(place), "column": drawn.column[place]}
            for place, worker in enumerate(build.workers)
        ],
        "edges": [
            [build.workers[dependency].id, worker.id]
            for worker in build.workers
            for dependency in worker.dependencies
        ],
    }
