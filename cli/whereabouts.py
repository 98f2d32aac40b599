"""Where a project's log is, as `status` says it: on which servers, how sure, and how old the mirror is."""

from __future__ import annotations

from typing import Any

from cli.project import Project
from projections.duration import brief


def whereabouts(project: Project) -> dict[str, Any]:
    """Returns the key `log` of `status`, nothing for a log that is a file here.

    In it: `address`; `reachable`, whether what is shown is what the servers have (false for a mirror
    that was read alone); `power_safe`, whether they were seen to sync what they acknowledge, None
    when nobody could be asked; `mirror_age` in seconds when they were not reachable.
    """
    if project.remote is None and not project.is_mirror():
        return {}
    from eventlog.mirror import read_record, record_path

    record = read_record(record_path(project.store.path))
    log = project.on_servers
    if log is None:
        address, reachable, safe = record.address if record is not None else "", False, None
    else:
        address, safe = log.address, log.is_synced()
        reachable = log.away is None
    age = None if reachable or record is None else round(record.age(), 1)
    return {"log": {"address": address, "reachable": reachable, "power_safe": safe, "mirror_age": age}}


def sentence(found: dict[str, Any]) -> str | None:
    """Returns what people are told of it, None where there is nothing to tell."""
    if not found:
        return None
    log = found["log"]
    age = "unknown age" if log["mirror_age"] is None else brief(log["mirror_age"]) + " old"
    line = f"log: {log['address']}" + ("" if log["reachable"] else f" (this is its mirror here, {age})")
    if log["power_safe"] is False:
        line += "; not power-safe: its servers do not sync what they acknowledge"
    return line
