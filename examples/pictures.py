"""Draws the pictures of the documentation: the library without the command line, on logs made here.

    python examples/pictures.py [FOLDER]

The first log is that of the example plan after a run in which one worker failed and was tried again,
the second that of a real workflow, if its plan lies beside the checkout: each worker takes its recorded
time, eight at once, in the dispatcher's order. All times are fixed or computed, none is measured, so
the pictures are the same bytes on every machine.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
from msgspec.structs import replace

from eventlog.events import (
    Event,
    KnownEvent,
    NoteAdded,
    PlanDefined,
    WorkerCompleted,
    WorkerFailed,
    WorkerReset,
    WorkerSpawned,
)
from projections import fold
from projections.render.graph_svg import graph_svg
from projections.render.timeline_svg import timeline_svg
from projections.views.history import history
from projections.views.simulation import simulate
from projections.views.timeline import critical_workers, timeline

HERE = Path(__file__).resolve().parent

ACTOR = "ada@example"

RNASEQ = HERE.parents[1] / "shared" / "plans" / "nfcore-rnaseq.json"
"""The plan of a real workflow, where it lies beside the checkout. It is no part of this project."""

JOBS = 8
"""How many of its workers run at once."""

SHORTEST = 0.001
"""Seconds that each of them takes at least: the record says 0 of what was too short for it."""

HALFWAY = 5 * 60
"""Seconds after its beginning at which its graph is drawn."""


def run_of_the_example() -> list[KnownEvent]:
    """Returns the events: the schema, then the OAuth flow beside the sessions, which fail once."""
    plan = msgspec.json.encode(msgspec.json.decode((HERE / "auth-system.json").read_bytes()))
    events: list[Event] = [
        _at(0, PlanDefined, build_id="example", plan=msgspec.Raw(plan)),
        _at(4, WorkerSpawned, worker="worker_schema", attempt=1, via="command"),
        _at(94, WorkerCompleted, worker="worker_schema", attempt=1, output="schema.sql"),
        _at(96, WorkerSpawned, worker="worker_oauth", attempt=1, via="command"),
        _at(96, WorkerSpawned, worker="worker_jwt", attempt=1, via="command"),
        _at(
            150,
            WorkerFailed,
            worker="worker_jwt",
            attempt=1,
            reason="exit",
            error="no signing key",
            retry_in=10,
        ),
        _at(160, WorkerReset, worker="worker_jwt", attempt=1, retry=True),
        _at(160, WorkerSpawned, worker="worker_jwt", attempt=2, via="command"),
        _at(200, NoteAdded, text="the key lies in the vault now", worker="worker_jwt"),
        _at(255, WorkerCompleted, worker="worker_jwt", attempt=2, output="jwt.py"),
        _at(290, WorkerCompleted, worker="worker_oauth", attempt=1, output="oauth.py"),
        _at(300, WorkerSpawned, worker="worker_providers", attempt=1, via="command"),
        _at(390, NoteAdded, text="Google and GitHub work"),
    ]
    return _numbered(events)


def run_of_a_workflow(text: bytes, until: float = float("inf")) -> list[KnownEvent]:
    """Returns the events up to so many seconds after the beginning, each worker taking its estimate."""
    plan = msgspec.json.encode(msgspec.json.decode(text))
    defined = PlanDefined(time=_time(0), actor=ACTOR, build_id="workflow", plan=msgspec.Raw(plan))
    build = fold([defined])
    takes = [max(round((worker.hours or 0) * 3600, 3), SHORTEST) for worker in build.workers]
    moments: list[tuple[float, int, Event]] = []
    for worker, seconds, end in zip(build.workers, takes, simulate(build, takes, JOBS, {}).ends, strict=True):
        assert end is not None  # nothing fails
        began, ended = round(end - seconds, 3), round(end, 3)
        # What ends makes room for what begins at the same moment.
        moments += [
            (began, 1, _at(began, WorkerSpawned, worker=worker.id, attempt=1, via="command")),
            (ended, 0, _at(ended, WorkerCompleted, worker=worker.id, attempt=1)),
        ]
    moments.sort(key=lambda moment: moment[:2])
    return _numbered([defined, *(event for second, _, event in moments if second <= until)])


def _numbered(events: Iterable[Event]) -> list[KnownEvent]:
    return [replace(event, seq=seq) for seq, event in enumerate(events, 1)]  # type: ignore[misc]


def _at(second: float, type_: type[Event], **fields: object) -> Event:
    return type_(time=_time(second), actor=ACTOR, **fields)  # type: ignore[arg-type]


def _time(second: float) -> str:
    moment = datetime(2026, 11, 23, 4, tzinfo=UTC) + timedelta(seconds=second)
    return f"{moment:%Y-%m-%dT%H:%M:%S.%f}Z"


def draw(folder: Path) -> list[Path]:
    """Writes the pictures into `folder` and returns their paths; without the workflow's plan, only two."""
    example = run_of_the_example()
    pictures = {
        "graph.svg": _graph(example, "Authentication System"),
        "timeline.svg": _timeline(example, "Authentication System"),
    }
    if RNASEQ.exists():
        plan = RNASEQ.read_bytes()
        pictures["rnaseq-graph.svg"] = _graph(run_of_a_workflow(plan, HALFWAY), "nf-core rnaseq")
        pictures["rnaseq-timeline.svg"] = _timeline(run_of_a_workflow(plan), "nf-core rnaseq")
    for name, picture in pictures.items():
        (folder / name).write_text(picture, encoding="utf-8")
    return [folder / name for name in pictures]


def _graph(events: list[KnownEvent], title: str) -> str:
    told = history(events)
    return graph_svg(told.build, title, critical=critical_workers(told))


def _timeline(events: list[KnownEvent], title: str) -> str:
    told = history(events)
    return timeline_svg(timeline(told, critical_workers(told)), told.build, title)


if __name__ == "__main__":
    for path in draw(Path(sys.argv[1]) if len(sys.argv) > 1 else Path()):
        print(path)
