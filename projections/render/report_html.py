"""The report: one page that tells a whole build, that asks nothing of any network and runs no script.

Everything in it that others wrote is text. A Content-Security-Policy says so to the browser as well:
it allows this page's style sheet, by its hash, and nothing else.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator
from hashlib import sha256
from typing import Any

import msgspec

from eventlog.head import Head
from projections.build import Build
from projections.duration import brief
from projections.render.graph_svg import graph_svg
from projections.render.markup import lines, text
from projections.render.palette import LIGHT, spelled
from projections.render.report_style import report_style
from projections.render.report_worker import chip, worker_story
from projections.render.timeline_svg import timeline_svg
from projections.views.history import seconds
from projections.views.status import status_counts
from projections.views.story import Story
from projections.views.timeline import Timeline, critical_workers, timeline

SLOWEST = 10
MOST_ODD = 200
"""Rows of what was out of the usual way; the log has them all."""


class _Plan(msgspec.Struct):
    workers: list[dict[str, Any]] = []
    name: str | None = None
    description: str | None = None
    objective: str | None = None
    key_decisions: list[str] = []


def report_html(account: Story, project: str, head: Head) -> str:
    """Returns the whole page; `account` has taken in the log up to `head`."""
    told = account.told
    build = told.build
    plan = msgspec.json.decode(build.plan, type=_Plan)
    title = plan.name or project
    critical = critical_workers(told)
    shown = timeline(told, critical)
    style = report_style()
    digest = b64encode(sha256(style.encode()).digest()).decode()
    notes: dict[str | None, list[str]] = {}
    for note in account.notes:
        said = f'<p><span class="faint">{text(note.actor)}, event {note.seq}:</span> {text(note.text)}</p>'
        notes.setdefault(note.worker, []).append(said)
    marked = frozenset(critical)
    parts = [
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">\n'
        '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; '
        f"style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'\">\n"
        '<meta name="viewport" content="width=device-width,initial-scale=1">\n'
        '<meta name="referrer" content="no-referrer">\n'
        f"<title>{text(title)}</title>\n<style>{style}</style></head>\n<body>\n",
        *_header(build, plan, project, title, head),
        *_tiles(account, shown, critical),
        *_about(plan, notes.get(None, [])),
        '<section class="late"><h2 id="graph">Graph</h2>',
        '<input type="checkbox" id="full"><label for="full"> full size</label>',
        '<div class="scroll fit" tabindex="0">',
        graph_svg(build, title, in_page=True, critical=critical),
        '</div></section>\n<section class="late"><h2 id="timeline">Timeline</h2>'
        '<p class="faint">◆ and a bold edge: on the critical path. Thin lines: ready, and waiting.</p>'
        '<div class="scroll" tabindex="0">',
        timeline_svg(shown, build, title, in_page=True),
        "</div></section>\n",
        *_odd(account),
        *_slowest(account),
        *_actors(account),
        '<section><h2 id="workers">Workers</h2>\n',
        *(
            worker_story(account, place, planned, notes.get(planned["id"], []), planned["id"] in marked)
            for place, planned in enumerate(plan.workers)
        ),
        "</section>\n</body></html>\n",
    ]
    return "".join(parts)


def _header(build: Build, plan: _Plan, project: str, title: str, head: Head) -> Iterator[str]:
    yield f"<header><h1>{text(title)}</h1>\n"
    if plan.description:
        yield f"<p>{text(plan.description)}</p>\n"
    yield (
        f'<p class="faint">{text(project)} · {text(build.status)} · as of event {head.seq}, '
        f"{text(build.updated_at)}"
        + (f" · forked from {text(build.origin)}" if build.origin else "")
        + "</p>\n"
    )
    yield (
        '<nav><a href="#graph">Graph</a><a href="#timeline">Timeline</a><a href="#odd">Worth a look</a>'
        '<a href="#workers">Workers</a></nav></header>\n'
    )


def _tiles(account: Story, shown: Timeline, critical: list[str]) -> Iterator[str]:
    told = account.told
    build = told.build
    attempts = [attempt for worker in told.workers for attempt in worker.attempts]
    worked = sum(attempt.seconds or 0.0 for attempt in attempts)
    waited = sum(attempt.waited or 0.0 for attempt in attempts)
    total, done = len(build.workers), build.counts.get("completed", 0)
    counts = status_counts(build) | {"ready": len(build.ready)}
    yield '<svg class="bar" viewBox="0 0 1000 10" preserveAspectRatio="none" aria-hidden="true">'
    x = 0.0
    for status in ("completed", "in_progress", "review_pending", "failed", "timed_out", "ready", "blocked"):
        wide = 1000 * counts[status] / total
        yield f'<rect class="{status}" x="{x:.2f}" width="{wide:.2f}" height="10"/>' if wide else ""
        x += wide
    yield "</svg>\n<p>"
    yield " ".join(chip(status, f"{counts[status]} {spelled(status)}") for status in LIGHT if counts[status])
    yield '</p>\n<div class="tiles">\n'
    most = max((count for _, count in shown.parallel), default=0)
    for value, label in (
        (f"{done} of {total}", "workers completed"),
        (brief(shown.seconds), "from first to last event"),
        (brief(worked), "of work by workers"),
        (str(len(attempts)), f"attempts, at most {most} at a time"),
        (brief(waited), "waited in the queue, together"),
        (str(len(critical)), "workers on the critical path"),
    ):
        yield f'<div class="tile"><b>{value}</b><span>{label}</span></div>\n'
    yield "</div>\n"


def _about(plan: _Plan, notes: list[str]) -> Iterator[str]:
    if plan.objective:
        yield f"<h2>Objective</h2><p>{lines(plan.objective)}</p>\n"
    if plan.key_decisions:
        items = "".join(f"<li>{text(decision)}</li>" for decision in plan.key_decisions)
        yield f"<h2>Key decisions</h2><ul>{items}</ul>\n"
    if notes:
        yield f"<h2>Notes</h2>{''.join(notes)}\n"


def _odd(account: Story) -> Iterator[str]:
    """Yields what was out of the usual way, in the order of the log."""
    rows: list[tuple[int, str]] = []
    for place, worker in enumerate(account.told.workers):
        link = f'<a class="id" href="#w{place}">{text(worker.id)}</a>'
        for mark in worker.marks:
            if mark.kind == "retry":  # its failure is a row already
                continue
            about = text(mark.what) or ""
            rows.append((mark.seq, f"<td>{text(spelled(mark.kind))}</td><td>{link}</td><td>{about}</td>"))
        for attempt in worker.attempts:
            if attempt.outcome in ("failed", "timed_out"):
                why = text(attempt.error or attempt.reason or "")
                state = chip(attempt.outcome, spelled(attempt.outcome))
                rows.append((attempt.seq_ended or 0, f"<td>{state}</td><td>{link}</td><td>{why}</td>"))
    rows.sort()
    yield '<section><h2 id="odd">Worth a look</h2>\n'
    if not rows:
        yield "<p>Nothing out of the usual way: no failure, no forced step, no late result.</p>"
    else:
        yield '<div class="wide"><table><thead><tr><th class="n">event</th><th>what</th><th>worker</th>'
        yield "<th>why</th></tr></thead><tbody>\n"
        yield from (f'<tr><td class="n">{seq}</td>{row}</tr>\n' for seq, row in rows[:MOST_ODD])
        yield "</tbody></table></div>\n"
    if len(rows) > MOST_ODD:
        yield f'<p class="faint">and {len(rows) - MOST_ODD} more, which the log has</p>\n'
    yield "</section>\n"


def _slowest(account: Story) -> Iterator[str]:
    ran = [
        (attempt.seconds or 0.0, attempt.waited or 0.0, attempt.number, place)
        for place, worker in enumerate(account.told.workers)
        for attempt in worker.attempts
        if attempt.seconds is not None
    ]
    if len(ran) <= 1:
        return
    ran.sort(key=lambda row: (-row[0], row[3]))
    yield "<h2>Slowest attempts</h2><table><thead><tr><th>worker</th>"
    yield '<th class="n">attempt</th><th class="n">ran</th><th class="n">waited</th></tr></thead><tbody>\n'
    for took, waited, number, place in ran[:SLOWEST]:
        name = text(account.told.workers[place].id)
        yield f'<tr><td><a class="id" href="#w{place}">{name}</a></td><td class="n">{number}</td>'
        yield f'<td class="n">{brief(took)}</td><td class="n">{brief(waited)}</td></tr>\n'
    yield "</tbody></table>\n"


def _actors(account: Story) -> Iterator[str]:
    build = account.told.build
    lasted = seconds(build.created_at, build.updated_at) or 0.0
    yield '<h2>Who did what</h2><table><thead><tr><th>actor</th><th class="n">events</th><th>kinds</th>'
    yield "</tr></thead>\n"
    ranked = sorted(account.actors.items(), key=lambda item: (-sum(item[1].values()), item[0]))
    for actor, done in ranked[:SLOWEST]:
        kinds = ", ".join(f"{count} {spelled(tag)}" for tag, count in sorted(done.items()))
        count = sum(done.values())
        yield f'<tr><td>{text(actor)}</td><td class="n">{count}</td><td>{text(kinds)}</td></tr>\n'
    yield "</table>\n"
    if len(ranked) > SLOWEST:
        yield f'<p class="faint">and {len(ranked) - SLOWEST} more actors</p>\n'
    yield (
        f'<p class="faint">{build.seq} events in {brief(lasted)}; '
        "the hash of each line was checked when this page was written.</p>\n"
    )
