"""A table of all attempts as CSV (RFC 4180, with the line ends of Unix), for spreadsheets.

What others wrote cannot become a formula: a text that a spreadsheet would compute gets an apostrophe.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from eventlog import events as ev
from projections.exchange.spans import Spans
from projections.render.escape import visible
from projections.views.history import Attempt

COLUMNS = (
    "worker attempt outcome ready_at spawned_at ended_at waited_seconds ran_seconds via actor dispatcher"
    " reason error seq_spawned seq_ended"
).split()


def attempts_csv(events: Iterable[ev.AnyEvent]) -> Iterator[bytes]:
    """Yields a row for each attempt as it ended, then for those that run, then for workers without any."""
    spans = Spans()
    yield ",".join(COLUMNS).encode() + b"\n"
    for event in events:
        if (span := spans.take(event)) is not None:
            yield _row(span.worker, span.attempt)
    for span in spans.running.values():
        yield _row(span.worker, span.attempt)
    for told, worker in zip(spans.told.workers, spans.told.build.workers, strict=True):
        if not told.attempts:
            cells = [told.id, "", worker.status, told.ready_at]
            yield _line([*cells, *[None] * (len(COLUMNS) - len(cells))])


def _row(worker: str, attempt: Attempt) -> bytes:
    return _line(
        [
            worker,
            attempt.number,
            attempt.outcome or "running",
            attempt.ready_at,
            attempt.spawned_at,
            attempt.ended_at,
            attempt.waited,
            attempt.seconds,
            attempt.via,
            attempt.actor,
            attempt.dispatcher,
            attempt.reason,
            attempt.error,
            attempt.seq_spawned,
            attempt.seq_ended,
        ]
    )


def _line(cells: list[str | int | float | None]) -> bytes:
    return ",".join(map(_cell, cells)).encode() + b"\n"


def _cell(value: str | int | float | None) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        return f"{value:.6f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)
    said = visible(value)
    if said.lstrip(" ").startswith(("=", "+", "-", "@")):
        said = f"'{said}"
    quoted = said.replace('"', '""')
    return f'"{quoted}"' if any(sign in said for sign in ',"\n\r ') else said
