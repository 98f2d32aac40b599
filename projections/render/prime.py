"""What an agent has to know to use the tool on a project now: the shortest text that is enough."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import msgspec

from projections.build import Build, Worker
from projections.render.escape import visible
from projections.render.markup import cut
from projections.views.status import plan_name, status_counts

MOST = 8
"""Workers of a kind that are named."""

_HOW = """\
# Build Orchestrator (`bo`)

A build is a plan of workers with dependencies. Every action is one event in an append-only log; all else
is derived from it. Answers are JSON unless you look at a terminal; errors have `code` and `hint`. Exit
codes: 0 done or already so, 1 refused by a rule, 2 usage, 3 damaged log, 4 storage failed, 5 busy.
Saying the same thing twice is safe. Never edit files in the project's folder: use commands.

Statuses: pending (ready once every dependency is completed, else blocked), in_progress, review_pending,
completed, failed, timed_out, cancelled.

Look:    bo status, bo ready, bo log -n 20, bo assignment -w ID (what a worker is told)
Begin:   bo init -p NAME --plan-file plan.json (`bo schema plan` is its JSON Schema)
Work:    bo spawn-cmd -w ID --parent CONVERSATION (records the spawn, prints the command)
         bo complete -w ID --output PATH --summary TEXT; bo fail -w ID --reason TEXT
         bo submit -w ID --files PATHS; bo approve -w ID; bo reject -w ID --reason TEXT
         bo progress -w ID -m TEXT; bo note TEXT
Run:     bo run --jobs 4 --via command (workers as processes); bo wait
Mend:    bo reset -w ID (try again), bo cancel -w ID, bo amend --add JSON
Prove:   bo verify; bo report -o report.html
Choose a project with -p NAME or $BO_PROJECT; `bo COMMAND --help` shows an example of each.
"""


def prime(build: Build | None, project: str | None, others: Sequence[str] = ()) -> str:
    """Returns the text, about `project` and its `build` if there is one, else naming `others`.

    What people wrote into the plan is quoted and cut, and never takes a line of its own.
    """
    return "\n".join([_HOW, *(_now(build, project) if build and project else _choice(others))]) + "\n"


def _choice(others: Sequence[str]) -> Iterator[str]:
    yield "## Now"
    if others:
        shown = ", ".join(others[:20]) + (f" and {len(others) - 20} more" if len(others) > 20 else "")
        yield f"Projects: {shown}. Name one: `bo prime -p NAME`."
    else:
        yield "There is no project yet."


def _now(build: Build, project: str) -> Iterator[str]:
    name = plan_name(build)
    done = build.counts.get("completed", 0)
    called = f" ({_quoted(name)})" if name and name != project else ""
    yield f"## Now: project {project}{called}"
    yield f"{build.status}, {done} of {len(build.workers)} completed, as of event {build.seq}."
    components = [planned.component for planned in msgspec.json.decode(build.plan, type=_Plan).workers]
    by_status: dict[str, list[Worker]] = {}
    for worker in build.workers:
        by_status.setdefault(worker.status, []).append(worker)

    def about(worker: Worker) -> str:
        component = components[build.index[worker.id]]
        return f"{worker.id} {_quoted(component)}" if component else worker.id

    def error(worker: Worker) -> str:
        said = worker.result.error if worker.result else None
        return f"{worker.id} {_quoted(said)}" if said else worker.id

    yield _line("Ready", (about(worker) for worker in build.ready_workers()), len(build.ready))
    for label, status, tell in (
        ("In progress", "in_progress", about),
        ("Awaits review", "review_pending", about),
        ("Failed", "failed", error),
        ("Timed out", "timed_out", error),
    ):
        if found := by_status.get(status):
            yield _line(label, map(tell, found), len(found))
    if blocked := status_counts(build)["blocked"]:
        yield f"Blocked: {blocked}"


class _Planned(msgspec.Struct):
    component: str | None = None


class _Plan(msgspec.Struct):
    workers: list[_Planned] = []


def _line(label: str, told: Iterable[str], count: int) -> str:
    shown = ", ".join(text for text, _ in zip(told, range(MOST), strict=False))
    return f"{label}: {shown or 'none'}" + (f" and {count - MOST} more" if count > MOST else "")


def _quoted(text: str) -> str:
    return '"' + visible(cut(text, 60)).replace('"', "'") + '"'
