"""`README.md`: the build for people, in the sections that the tool before this one wrote.

All that comes from the plan is escaped: it is shown as text and never becomes markup of ours.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from projections.build import STATUSES, Build, Worker
from projections.render.escape import markdown, markdown_code, markdown_lines, visible
from projections.render.mermaid import fits, flowchart
from projections.views.status import status_counts

WHOLE_TABLE = 200
"""Up to this many workers the table shows all of them; beyond, at most this many that matter now."""

MOST_DEPENDENCIES = 30
"""More ids than this in one cell are counted: a worker may wait for a hundred thousand others."""


class _PlannedWorker(msgspec.Struct, gc=False):
    component: str | None = None


class _Plan(msgspec.Struct, gc=False):
    """What the README shows of a plan's text."""

    workers: list[_PlannedWorker]
    name: str = ""
    description: str = ""
    objective: str = ""
    key_decisions: list[str] = []
    relevant_files: list[str] = []


def readme_md(build: Build, project: str) -> bytes:
    """Returns the whole file. Its dates are those of the first and the last event."""
    plan = msgspec.json.decode(build.plan, type=_Plan)
    blocks = [
        _front_matter(build),
        f"# {markdown(plan.name) or markdown(project)}",
        *markdown_lines(plan.description),
        "## Objective",
        *(markdown_lines(plan.objective) or ["Not specified"]),
        "## Progress",
        _progress(build),
        "## Workers",
        *_workers(build, plan.workers),
        *(["```mermaid\n" + "\n".join(flowchart(build)) + "\n```"] if fits(build) else []),
        "## Key Decisions",
        _bullets(markdown(text) for text in plan.key_decisions),
        "## Relevant Files",
        _bullets(markdown_code(path) for path in plan.relevant_files if path.strip(" \t\r\n")),
    ]
    return ("\n\n".join(block for block in blocks if block) + "\n").encode()


def _front_matter(build: Build) -> str:
    created, edited = visible(build.created_at[:10]), visible(build.updated_at[:10])
    return f"---\ncreated: {created}\nlast_edited: {edited}\nversion: 1.0\n---"


def _progress(build: Build) -> str:
    total, completed = len(build.workers), build.counts.get("completed", 0)
    counts = status_counts(build)
    counts = {status: counts[status] for status in STATUSES if status not in ("pending", "completed")} | {
        "ready": len(build.ready),
        "blocked": counts["blocked"],
    }
    parts = [f"{count} {status.replace('_', ' ')}" for status, count in counts.items() if count]
    line = f"{completed} of {total} workers completed ({completed * 100 // total}%)"
    return f"{', '.join([line, *parts])}. The build is {build.status}."


def _workers(build: Build, planned: list[_PlannedWorker]) -> Iterator[str]:
    shown = _shown(build)
    rows = [_row(build, build.workers[place], planned[place]) for place in shown]
    head = ["| ID | Component | Status | Dependencies | Est. Hours |", "| --- | --- | --- | --- | --- |"]
    yield "\n".join([*head, *rows])
    if hidden := len(build.workers) - len(shown):
        yield f"{hidden} more of {len(build.workers)} workers are not shown here: `bo status` lists them all."


def _shown(build: Build) -> list[int]:
    """The places of the workers in the table: of many, those that run, await or need somebody."""
    if len(build.workers) <= WHOLE_TABLE:
        return list(range(len(build.workers)))
    urgent = [
        place for place, worker in enumerate(build.workers) if worker.status not in ("pending", "completed")
    ]
    return sorted([*urgent, *sorted(build.ready)][:WHOLE_TABLE])


def _row(build: Build, worker: Worker, planned: _PlannedWorker) -> str:
    named = [markdown(build.workers[place].id) for place in worker.dependencies[:MOST_DEPENDENCIES]]
    if more := len(worker.dependencies) - len(named):
        named.append(f"and {more} more")
    hours = "?" if worker.hours is None else f"{worker.hours:.10g}"
    cells = [
        markdown(worker.id),
        markdown(planned.component or ""),
        worker.status,
        ", ".join(named) or "-",
        f"{hours}h",
    ]
    return f"| {' | '.join(cells)} |"


def _bullets(lines: Iterable[str]) -> str:
    return "\n".join(f"- {line}" for line in lines if line)
