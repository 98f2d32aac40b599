"""Draws the pictures of the documentation: the library without the command line, on a log made here.

    python examples/pictures.py [FOLDER]

The log is that of the example plan after a run in which one worker failed and was tried again. Its
times are fixed, so the pictures are the same bytes on every machine.
"""

from __future__ import annotations

import sys
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
from projections.render.graph_svg import graph_svg
from projections.render.timeline_svg import timeline_svg
from projections.views.history import history
from projections.views.timeline import critical_workers, timeline

HERE = Path(__file__).resolve().parent


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
    return [replace(event, seq=seq) for seq, event in enumerate(events, 1)]  # type: ignore[misc]


def _at(second: int, type_: type[Event], **fields: object) -> Event:
    time = f"2026-11-23T04:{second // 60:02}:{second % 60:02}.000000Z"
    return type_(time=time, actor="ada@example", **fields)  # type: ignore[arg-type]


def draw(folder: Path) -> list[Path]:
    """Writes the pictures into `folder` and returns their paths."""
    told = history(run_of_the_example())
    critical = critical_workers(told)
    title = "Authentication System"
    pictures = {
        "graph.svg": graph_svg(told.build, title, critical=critical),
        "timeline.svg": timeline_svg(timeline(told, critical), told.build, title),
    }
    for name, picture in pictures.items():
        (folder / name).write_text(picture, encoding="utf-8")
    return [folder / name for name in pictures]


if __name__ == "__main__":
    for path in draw(Path(sys.argv[1]) if len(sys.argv) > 1 else Path()):
        print(path)
