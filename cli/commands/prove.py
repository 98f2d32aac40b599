"""Is it true, and is it sound: verify, rebuild, doctor."""

from __future__ import annotations

import click

from cli.handle import Handler
from cli.options import Invocation, answers, on_project
from cli.output import group, show, table
from cli.project import Project
from cli.publish import drift, is_published, publish
from cli.publish import rebuild as rebuild_files
from cli.snapshot import read_snapshot, write_snapshot
from eventlog.errors import DamagedLog, NewerEvent, StorageFailed
from eventlog.recovery import Corrupt, TornTail


@click.command()
@on_project
@click.option("--remote", "servers_too", is_flag=True, help="Read all that the servers hold, too.")
def verify(invocation: Invocation, servers_too: bool) -> int:
    """Check every byte of the log, and the derived files against it.

    Exits with 3 when anything is off, and names it: the line, the offset, the first event that
    cannot be trusted, the derived files that differ. Of a log on servers it checks the mirror, and
    with --remote every line that they hold against it.

    Example: bo verify -p auth
    """
    project = invocation.project().require()
    compared = _compare(invocation, project) if servers_too else None
    found = project.store.examine()
    problems: list[str] = []
    data = {
        "project": project.name,
        "ok": False,
        "events": found.head.seq,
        "head": found.head.hash,
        "bytes": found.head.offset,
        "torn_bytes": found.verdict.size if isinstance(found.verdict, TornTail) else 0,
    }
    if isinstance(found.verdict, Corrupt):
        problems.append(str(found.verdict.error()))
        data |= {
            "line": found.verdict.line,
            "offset": found.verdict.offset,
            "reason": found.verdict.reason,
            "first_lost_seq": found.head.seq + 1,
        }
    elif found.regression is not None:
        problems.append(str(found.regression))
        data |= {"first_lost_seq": found.head.seq + 1, "last_lost_seq": found.regression.seen.seq}
    else:
        problems += _check_meaning(invocation, data)
    if compared is not None:
        data["compared"] = compared
    data |= {"ok": not problems, "problems": problems}
    show(
        invocation.as_json,
        data,
        lambda: "\n".join(
            [
                f"{project.name}: {'intact' if not problems else 'NOT INTACT'}: "
                f"{found.head.seq} events, {found.head.offset:,} bytes, head {found.head.hash[:16]}",
                *problems,
                *([f"a torn tail of {data['torn_bytes']} bytes is ignored"] if data["torn_bytes"] else []),
                *([f"compared with {compared['log']}: {compared['events']} events"] if compared else []),
            ]
        ),
    )
    return 3 if problems else 0


def _compare(invocation: Invocation, project: Project) -> dict[str, object]:
    """Compares all that the servers hold with the mirror; raises DamagedLog where they differ."""
    from cli.commands.carry import Progress, servers_of

    remote = servers_of(invocation)
    head = remote.store(project.store.path, project.name).compare(Progress("compared"))
    return {"log": remote.shown, "events": head.seq, "bytes": head.offset, "head": head.hash}


def _check_meaning(invocation: Invocation, data: dict[str, object]) -> list[str]:
    """Folds an intact log from its beginning and compares everything derived from it."""
    from cli.commands.carry import Progress
    from cli.moment import load_from_start

    project = invocation.project()
    try:
        handler = load_from_start(project, Progress("folded")) if data["events"] else Handler(project, "")
    except (DamagedLog, NewerEvent) as error:
        return [str(error)]
    snapshot = read_snapshot(project)
    if snapshot is not None and snapshot[1].seq > handler.head.seq:
        return [f"the snapshot has seen event {snapshot[1].seq}: events after {handler.head.seq} are lost"]
    if snapshot is None:
        handler.save_snapshot()
    else:
        cached = Handler(project, "").load()
        if cached.head == handler.head and cached.build != handler.build:
            return ["the snapshot says something else than the log; `bo rebuild` writes it anew"]
    if handler.build.exists and project.is_mirror() and not is_published(project, handler.head):
        # Others wrote, elsewhere: what they made of their files says nothing of ours.
        publish(project, handler.build, handler.head)
    differing = drift(handler) if handler.build.exists else []
    data["drift"] = differing
    return [f"{name} differs from the log; `bo rebuild` writes it anew" for name in differing]


@click.command()
@on_project
def rebuild(invocation: Invocation) -> None:
    """Write the derived files anew from the log.

    Folds the whole log, every line checked, and replaces plan.json, README.md, spawn_results.jsonl
    and the snapshot.

    Example: bo rebuild -p auth
    """
    from cli.moment import load_from_start

    project = invocation.project().require()
    handler = load_from_start(project)
    try:
        healed = rebuild_files(handler)
    except (OSError, TimeoutError) as error:
        raise StorageFailed(f"the derived files could not be written: {error}") from error
    write_snapshot(project, handler.build, handler.head)
    data = {"success": True, "project": project.name, "events": handler.head.seq, "rewritten": healed}
    shown = ", ".join(healed) or "nothing had changed"
    show(invocation.as_json, data, lambda: f"rebuilt from {handler.head.seq} events: {shown}")


@click.command()
@answers
@click.option(
    "--monitor",
    "monitors",
    multiple=True,
    metavar="URL",
    help="With --log: a server's monitoring; repeatable (default: port 8222 of every host).",
)
def doctor(invocation: Invocation, monitors: tuple[str, ...]) -> int:
    """Check this machine and installation.

    With --log also the servers, the stream that holds the logs, and the mirrors here.

    Example: bo doctor
    """
    from cli.doctor import examine_machine

    checks = examine_machine(invocation.builds)
    if invocation.remote is not None:
        from cli.doctor_remote import examine_servers

        checks += examine_servers(invocation.remote, invocation.builds, monitors)
    ok = all(check.state != "bad" for check in checks)
    data = {"ok": ok, "checks": [{"check": c.name, "state": c.state, "found": c.found} for c in checks]}
    show(
        invocation.as_json,
        data,
        lambda: group(table(("check", "state", "found"), [(c.name, c.state, c.found) for c in checks])),
    )
    return 0 if ok else 1
