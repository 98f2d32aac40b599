"""An audit as Markdown, for a review or a pull request. All that comes from the log stays text."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from projections.duration import brief
from projections.render.escape import markdown

MOST_WORKERS = 500
"""Rows of the table of workers; of more only those with something unusual are shown."""


def audit_md(audit: dict[str, Any]) -> str:
    """Returns the document; `audit` is what `audit_view` answers."""
    return "\n\n".join(_blocks(audit)) + "\n"


def verdict(audit: dict[str, Any]) -> str:
    """Returns the one sentence that an audit comes to."""
    bad = [check["check"] for check in audit["checks"] if not check["ok"]]
    totals = audit["totals"]
    how = f"{totals['completed']} of {totals['workers']} workers completed in {totals['events']} events"
    return f"NOT SOUND ({', '.join(bad)}): {how}" if bad else f"sound: {how}"


def _blocks(audit: dict[str, Any]) -> Iterator[str]:
    yield f"# Audit of {markdown(audit['project'])}"
    yield f"**{markdown(verdict(audit))}.** From {audit['created_at'][:19]} to {audit['updated_at'][:19]}" + (
        f", {brief(audit['seconds'])}." if audit["seconds"] is not None else "."
    )
    yield _table(
        ("check", "verdict", "found"),
        ((check["check"], "ok" if check["ok"] else "**off**", check["found"]) for check in audit["checks"]),
    )
    problems = [problem for check in audit["checks"] for problem in check["problems"]]
    if problems:
        yield "\n".join(f"- {markdown(problem)}" for problem in problems)
    yield "## Who did what"
    yield _table(
        ("actor", "events", "first", "last", "did"),
        (
            (
                one["actor"],
                one["events"],
                one["first"][:19],
                one["last"][:19],
                ", ".join(f"{count} {name}" for name, count in one["did"].items()),
            )
            for one in audit["who"]
        ),
    )
    yield "## Out of the usual way"
    if audit["unusual"]:
        yield _table(
            ("event", "time", "worker", "what", "by", "about"),
            (
                (mark["seq"], mark["time"][:19], mark["worker"], mark["kind"], mark["actor"], mark["what"])
                for mark in audit["unusual"]
            ),
        )
    else:
        yield "Nothing was forced, retried, reset, rejected, late or done by hand."
    yield "## Workers"
    unusual = {mark["worker"] for mark in audit["unusual"]}
    shown = [
        worker
        for worker in audit["workers"]
        if len(audit["workers"]) <= MOST_WORKERS or worker["id"] in unusual
    ][:MOST_WORKERS]
    yield _table(
        ("worker", "status", "attempts", "waited", "ran", "by"),
        (
            (
                worker["id"],
                worker["status"],
                len(worker["attempts"]),
                _took(worker["waited_seconds"]),
                _took(worker["ran_seconds"]),
                ", ".join(dict.fromkeys(a["ended_by"] or a["spawned_by"] for a in worker["attempts"])),
            )
            for worker in shown
        ),
    )
    if hidden := len(audit["workers"]) - len(shown):
        yield f"{hidden} more workers are not shown here."


def _took(seconds: float | None) -> str:
    return "" if seconds is None else brief(seconds)


def _table(columns: tuple[str, ...], rows: Iterator[tuple[object, ...]]) -> str:
    lines = [f"| {' | '.join(columns)} |", f"|{' --- |' * len(columns)}"]
    for row in rows:
        cells = (cell if cell == "**off**" else markdown(str(cell)) for cell in row)
        lines.append(f"| {' | '.join(map(str, cells))} |")
    return "\n".join(lines)
