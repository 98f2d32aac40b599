"""Checks of the servers of a log, and of the mirrors here against them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from cli.doctor import Check
from cli.project import Project, project_names
from cli.survey import HOW_TO_SYNC, meet, monitoring, unproven
from eventlog.errors import OrchestratorError

if TYPE_CHECKING:
    from cli.remote import Remote

ROOM = 8 * 1024 * 1024
"""Bytes that a message may have for large plans; some thousand workers need about a million."""

APART = 1.0
"""Seconds by which two clocks may differ before times in the log become hard to read."""


def examine_servers(remote: Remote, builds: str, monitors: Sequence[str]) -> list[Check]:
    """Returns the checks, made now; mirrors here are brought up to date by it."""
    checks: list[Check] = []
    for part in (_servers(remote), _monitoring(remote, monitors), _stream(remote), _mirrors(remote, builds)):
        try:
            checks += part
        except OrchestratorError as error:
            checks.append(Check("log", "bad", f"{error}" + (f"; {error.hint}" if error.hint else "")))
            break  # the others would say the same
    return checks


def _servers(remote: Remote) -> Iterator[Check]:
    met = meet(remote)
    shown = ", ".join(f"{one.host} {one.version or one.why}" for one in met)
    if any(one.is_old() for one in met):
        yield Check("servers", "bad", f"{shown}: logs need NATS 2.12 or newer, upgrade all servers")
    elif any(one.why for one in met):
        yield Check("servers", "warn", f"{shown}: start it, or take it out of the address")
    else:
        yield Check("servers", "ok", shown)
    most = min(one.max_payload for one in met if one.version)
    if most < ROOM:
        found = f"{most:,} bytes in an event at most: for large plans set `max_payload: 8MB` in every server"
        yield Check("max_payload", "warn", found)
    else:
        yield Check("max_payload", "ok", f"{most:,} bytes in an event at most")


def _monitoring(remote: Remote, monitors: Sequence[str]) -> Iterator[Check]:
    seen = monitoring(remote, monitors)
    if why := unproven(seen):
        more = "; --monitor URL names where monitoring is" if any(one.why for one in seen) else ""
        yield Check("power", "warn", f"not known to be power-safe: {why}; {HOW_TO_SYNC}{more}")
    else:
        yield Check("power", "ok", "every server syncs before it acknowledges")
    if clocks := [one for one in seen if not one.why]:
        apart = max(clocks, key=lambda one: abs(one.ahead))
        if abs(apart.ahead) > APART:
            found = f"that of '{apart.name}' is {apart.ahead:+.1f} s from ours: let both follow a time server"
            yield Check("clocks", "warn", found)
        else:
            yield Check("clocks", "ok", f"at most {abs(apart.ahead):.1f} s apart")


def _stream(remote: Remote) -> Iterator[Check]:
    from eventlog.stream import Stream
    from eventlog.stream_settings import faults, is_synced

    info = remote.servers.run(Stream(remote.servers, "").info())
    config = info["config"]
    if wrong := faults(config):
        yield Check("stream", "bad", f"{'; '.join(wrong)}: make another one with `bo remote init`")
    elif not is_synced(config):
        found = "made with --accept-unsynced: `bo remote init` again once all servers sync"
        yield Check("stream", "warn", found)
    else:
        yield Check("stream", "ok", f"'{config['name']}' with the settings that logs need")
    replicas = (info.get("cluster") or {}).get("replicas") or []
    late = [one["name"] for one in replicas if not one.get("current")]
    count = config["num_replicas"]
    if count == 1:
        yield Check(
            "replicas", "warn", "1: the log is on one disk; with 3 it survives the loss of one server"
        )
    elif late:
        found = f"{count}, of which {', '.join(late)} lag behind or are away: see that they run"
        yield Check("replicas", "warn", found)
    else:
        yield Check("replicas", "ok", f"{count}, all of them current")


def _mirrors(remote: Remote, builds: str) -> Iterator[Check]:
    from eventlog.mirror import read_record, record_path

    count, unseen, wrong = 0, 0, []
    for name in project_names(builds):
        project = Project(builds, name, remote)
        record = read_record(record_path(project.store.path))
        if record is not None and record.address == remote.shown:
            count += 1
            try:
                project.store.head()
                unseen += project.on_servers is not None and project.on_servers.away is not None
            except OrchestratorError as error:
                wrong.append(f"{name}: {error}; {error.hint}")
    if wrong:
        yield Check("mirrors", "bad", "; ".join(wrong))
    elif unseen:
        yield Check("mirrors", "warn", f"{count} here, and for {unseen} of them the servers did not answer")
    else:
        yield Check("mirrors", "ok", f"{count} here, at the same event as the servers")
