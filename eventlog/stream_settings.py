"""How the stream of all logs has to be set: nothing in it is ever changed, dropped or forgotten."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_REQUIRED: dict[str, Any] = {
    "storage": "file",
    "retention": "limits",
    "discard": "new",
    "deny_delete": True,
    "deny_purge": True,
    "allow_rollup_hdrs": False,
    "allow_atomic": True,
    "max_msgs": -1,
    "max_bytes": -1,
    "max_age": 0,
    "max_msgs_per_subject": -1,
    "max_msg_size": -1,
}

_SYNCED = "build-orchestrator.synced"
"""In the stream's metadata: "yes" when all servers were seen to sync before they acknowledge."""


def settings(name: str, replicas: int, *, synced: bool) -> dict[str, Any]:
    """Returns the configuration to make the stream `name` with, as the JetStream API takes it."""
    return {
        "name": name,
        "subjects": [f"{name}.*"],
        "num_replicas": replicas,
        "allow_direct": False,
        "duplicate_window": 120_000_000_000,
        "metadata": {_SYNCED: "yes" if synced else "no"},
        **_REQUIRED,
    }


def faults(config: Mapping[str, Any]) -> list[str]:
    """Returns what of a stream's configuration is not as it has to be, each with what it should be."""
    found = [
        f"{key} is {config.get(key)!r}, not {wanted!r}"
        for key, wanted in _REQUIRED.items()
        if config.get(key, False if wanted is False else None) != wanted
    ]
    if config.get("subjects") != [f"{config.get('name')}.*"]:
        found.append(f"subjects are {config.get('subjects')!r}")
    if _SYNCED not in (config.get("metadata") or {}):
        found.append("it was not made by `bo remote init`")
    return found


def is_synced(config: Mapping[str, Any]) -> bool:
    """Whether the servers were seen to sync every message when the stream was made."""
    return (config.get("metadata") or {}).get(_SYNCED) == "yes"
