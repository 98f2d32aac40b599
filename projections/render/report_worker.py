"""A worker's story in the report: its task, its attempts, what it said, what others said about it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from projections.duration import brief, hours
from projections.render.markup import lines, text
from projections.render.palette import spelled
from projections.views.history import Attempt
from projections.views.story import Said, Story

MOST_LINKS = 40
MOST_TEXT = 4000
"""Characters of a description that are shown; the plan has all."""


def chip(status: str, label: str) -> str:
    """Returns a label in the colours of a status."""
    return f'<span class="chip {status}">{text(label)}</span>'


def worker_story(
    account: Story, place: int, planned: dict[str, Any], notes: Sequence[str], critical: bool
) -> str:
    """Returns a worker with what unfolds below it; a link to `#w0` unfolds it, as the id is inside."""
    build, told = account.told.build, account.told.workers[place]
    worker = build.workers[place]
    status = build.shown_status(place)
    ran = sum(attempt.seconds or 0.0 for attempt in told.attempts)
    facts = ([brief(ran)] if told.attempts else []) + (
        [f"{len(told.attempts)} attempts"] if len(told.attempts) > 1 else []
    )
    facts += ["◆ critical"] if critical else []
    parts = [
        f'<details class="w"><summary><span class="id">{text(worker.id)}</span>'
        f'<span class="faint">{" · ".join(facts)}</span>{chip(status, spelled(status))}</summary>\n'
        f'<div class="story" id="w{place}">\n'
    ]
    parts += _task(planned, worker.hours)
    parts += _links("waits for", worker.dependencies, account)
    parts += _links("needed by", build.dependents[place], account)
    if told.attempts:
        parts.append(
            '<h3>Attempts</h3><table><thead class="a"><tr><th class="n">no.</th><th>outcome</th>'
            '<th class="n">waited</th><th class="n">ran</th><th>spawned</th><th>by</th></tr></thead>\n'
        )
        parts += [_attempt(attempt) for attempt in told.attempts]
        parts.append("</table>\n")
    for number in sorted({attempt.number for attempt in told.attempts} | {0, *worker.late}):
        if (said := account.said.get((worker.id, number))) is not None:
            parts += _said(said, number, number in worker.late)
    parts += [f"<h3>Notes</h3>{''.join(notes)}\n"] if notes else []
    parts.append("</div></details>\n")
    return "".join(parts)


def _task(planned: dict[str, Any], estimate: float | None) -> Iterator[str]:
    about = [text(planned["component"])] if planned.get("component") else []
    about += [f"estimated {hours(estimate)}"] if estimate is not None else []
    if about:
        yield f'<p class="faint">{" · ".join(about)}</p>\n'
    if planned.get("description"):
        said = str(planned["description"])
        more = "…" if len(said) > MOST_TEXT else ""
        yield f"<p>{lines(said[:MOST_TEXT])}{more}</p>\n"


def _links(label: str, places: Sequence[int], account: Story) -> Iterator[str]:
    if places:
        workers = account.told.build.workers
        links = [f'<a class="id" href="#w{p}">{text(workers[p].id)}</a>' for p in places[:MOST_LINKS]]
        more = f" and {len(places) - MOST_LINKS} more" if len(places) > MOST_LINKS else ""
        yield f'<p><span class="faint">{label}</span> {", ".join(links)}{more}</p>\n'


def _attempt(attempt: Attempt) -> str:
    outcome = attempt.outcome or "in_progress"
    shown = {"rejected": "review_pending"}.get(outcome, outcome)
    waited = "" if attempt.waited is None else brief(attempt.waited)
    ran = "" if attempt.seconds is None else brief(attempt.seconds)
    why = attempt.error or (attempt.reason if attempt.outcome != "completed" else None)
    when = attempt.spawned_at[:19].replace("T", " ")
    row = (
        f'<tr class="a"><td class="n">{attempt.number}</td><td>{chip(shown, spelled(outcome))}</td>'
        f'<td class="n">{waited}</td><td class="n">{ran}</td><td>{text(when)}</td>'
        f"<td>{text(attempt.actor)} via {text(attempt.via)}{' (forced)' * attempt.forced}</td></tr>\n"
    )
    return f'{row}<tr class="a"><td></td><td colspan="5">{text(why)}</td></tr>\n' if why else row


def _said(said: Said, number: int, late: bool) -> Iterator[str]:
    if not (said.text or said.output or said.summary or said.conversation):
        return
    yield f"<h3>{f'Attempt {number}' if number else 'By hand'}{', late' * late}</h3>\n"
    if said.summary:
        yield f"<p>{text(said.summary)}</p>\n"
    if said.output:
        yield f'<p><span class="faint">output</span> <code>{text(said.output)}</code></p>\n'
    if said.conversation:
        yield f'<p><span class="faint">conversation</span> <code>{text(said.conversation)}</code></p>\n'
    if said.text:
        yield f"<pre>{lines(said.text)}</pre>\n"
    if said.file:
        size = f", {said.size:,} bytes" if said.size is not None else ""
        yield f'<p class="faint">all of it is in {text(said.file)}{size}</p>\n'
