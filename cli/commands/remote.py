"""The place for logs on servers: remote init."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from cli.commands.carry import servers_of
from cli.options import Invocation, answers
from cli.output import show
from eventlog.errors import NotFound, Refused

if TYPE_CHECKING:
    from cli.remote import Remote
    from eventlog.stream import Stream


@click.command()
@answers
@click.argument("what", metavar="init", type=click.Choice(("init",)))
@click.option("--replicas", type=click.IntRange(1, 5), required=True, help="Servers that keep every event.")
@click.option(
    "--accept-unsynced",
    is_flag=True,
    help="Also when servers may lose what they acknowledged with the power.",
)
@click.option(
    "--monitor",
    "monitors",
    multiple=True,
    metavar="URL",
    help="A server's monitoring; repeatable (default: port 8222 of every host of the address).",
)
def remote(
    invocation: Invocation, what: str, replicas: int, accept_unsynced: bool, monitors: tuple[str, ...]
) -> None:
    """Make the place for logs on servers.

    `init` makes the stream that holds the logs of all projects, with the settings they need. Before that it
    checks that the servers are new enough, and that each of them syncs what it acknowledges. Doing it
    again is fine, and learns whether they sync by now.

    Example: bo remote init --replicas 3 --log nats://10.0.0.1,10.0.0.2,10.0.0.3
    """
    servers = servers_of(invocation)
    synced = _examine(servers, replicas, monitors, accept_unsynced)
    config, made = _make(servers, replicas, synced)
    data: dict[str, Any] = {
        "success": True,
        "log": servers.shown,
        "stream": config["name"],
        "replicas": config["num_replicas"],
        "power_safe": synced,
        "already": not made,
    }
    power = "power-safe" if synced else "NOT power-safe: a power cut may take what was acknowledged"
    done = "is made" if made else "was there already"
    show(
        invocation.as_json,
        data,
        lambda: f"the place for logs at {servers.shown} {done}: {_copies(replicas)}, {power}",
    )


def _copies(replicas: int) -> str:
    return "1 replica" if replicas == 1 else f"{replicas} replicas"


def _examine(servers: Remote, replicas: int, monitors: Sequence[str], accept_unsynced: bool) -> bool:
    """Returns whether all servers sync; raises Refused for what cannot hold logs, or not safely."""
    from cli.survey import HOW_TO_SYNC, meet, monitoring, unproven

    for one in meet(servers):
        if one.is_old():
            raise Refused(
                "old_server",
                f"the server at {one.host} is NATS {one.version}; logs need 2.12 or newer",
                hint="upgrade every server of the cluster",
            )
    seen = monitoring(servers, monitors)
    members = max((one.members for one in seen if not one.why), default=replicas)
    if members < replicas:
        raise _too_few(servers, replicas, f"there are {members} in the cluster")
    why = unproven(seen)
    if why and not accept_unsynced:
        raise Refused(
            "unsynced",
            why,
            hint=f"{HOW_TO_SYNC}: otherwise a power cut takes what it acknowledged; `--monitor URL` names "
            "where monitoring is; --accept-unsynced goes on, and `bo status` will say so",
        )
    return not why


def _make(servers: Remote, replicas: int, synced: bool) -> tuple[dict[str, Any], bool]:
    """Makes the stream, or notes in it what is known of its servers; returns its settings, and if made."""
    from eventlog.stream import Stream
    from eventlog.stream_settings import faults, settings

    stream = Stream(servers.servers, "")
    wanted = settings(stream.name, replicas, synced=synced)
    made = False
    try:
        config = servers.servers.run(stream.info())["config"]
    except NotFound:
        config, made = _create(servers, stream, wanted, replicas), True
    wrong = faults({**config, "metadata": wanted["metadata"]})
    if config["num_replicas"] != replicas:
        wrong.append(f"replicas are {config['num_replicas']}, not {replicas}")
    if wrong:
        raise Refused(
            "other_stream",
            f"{servers.shown} has a stream '{stream.name}' with other settings: {'; '.join(wrong)}",
            hint="name another one at the end of the address, as /NAME; or change it with the tools of NATS",
        )
    known = {key: (config.get("metadata") or {}).get(key) for key in wanted["metadata"]}
    if known != wanted["metadata"]:
        changed = {**config, "metadata": {**(config.get("metadata") or {}), **wanted["metadata"]}}
        config = servers.servers.run(stream.api(f"STREAM.UPDATE.{stream.name}", changed))["config"]
    return config, made


def _create(servers: Remote, stream: Stream, wanted: dict[str, Any], replicas: int) -> dict[str, Any]:
    from eventlog.stream import TooFewServers

    try:
        config: dict[str, Any] = servers.servers.run(stream.create(wanted))["config"]
    except TooFewServers as error:
        raise _too_few(servers, replicas, str(error)) from None
    return config


def _too_few(servers: Remote, replicas: int, why: str) -> Refused:
    return Refused(
        "too_few_servers",
        f"{servers.shown} cannot keep {replicas} replicas: {why}",
        hint="start more servers in the cluster, or ask for fewer: --replicas 1 is one copy on one disk",
    )
