"""From the bytes of a log to the bytes of its projections; as a program, to their SHA-256."""

from __future__ import annotations

import sys
from hashlib import sha256
from pathlib import Path

from eventlog.codec import decode_lines
from eventlog.events import AnyEvent
from eventlog.head import START, Head
from eventlog.recovery import Scan
from projections import fold
from projections.render.plan_json import plan_json
from projections.render.readme_md import readme_md
from projections.render.results_jsonl import results_jsonl


def read(log: bytes) -> tuple[list[AnyEvent], Head]:
    """The events of a log, its chain checked, and its head. Line by line: each must stand by itself."""
    scan = Scan(lambda offset, size: log[offset : offset + size])
    scan.finish()
    assert scan.head.offset == len(log), scan.verdict
    events: list[AnyEvent] = []
    for line in log.split(b"\n")[:-1]:
        events += decode_lines(line + b"\n", Head(len(events), START.hash, 0))
    return events, scan.head


def projections(log: bytes, project: str) -> dict[str, bytes]:
    """The derived files of a project, by name."""
    events, head = read(log)
    build = fold(events)
    return {
        "plan.json": plan_json(build, project, head),
        "README.md": readme_md(build, project),
        "spawn_results.jsonl": results_jsonl(events),
    }


def main(folder: str) -> None:
    """Prints the SHA-256 of each derived file of the log in `folder`."""
    log = (Path(folder) / "events.jsonl").read_bytes()
    for file, content in projections(log, Path(folder).name).items():
        sys.stdout.write(f"{file} {sha256(content).hexdigest()}\n")


if __name__ == "__main__":
    main(sys.argv[1])
