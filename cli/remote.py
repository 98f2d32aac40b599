"""The servers that --log or $BO_LOG names: one connection for all projects of a command."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from cli.output import tell
from eventlog.errors import InvalidName, Refused
from eventlog.names import ProjectName, parse_project_name

if TYPE_CHECKING:
    from eventlog.jetstream import JetStreamStore

LOG_VARIABLE = "BO_LOG"
CREDENTIALS_VARIABLE = "BO_NATS_CREDS"

PATIENCE = 20.0
"""Seconds for which a command that writes waits for an answer: a cluster may be choosing a leader."""

LISTING_PATIENCE = 3.0
"""Seconds after which the names of projects come from the mirrors alone."""


class Remote:
    """The servers at `address`. Making this object connects to nothing; raises Refused for no address."""

    def __init__(self, address: str) -> None:
        # Imported here: who has the log in a file pays for none of this.
        from eventlog.servers import Address, Servers

        self.address = Address(address)
        credentials = os.environ.get(CREDENTIALS_VARIABLE) or None
        if credentials is not None and not os.access(credentials, os.R_OK):
            raise Refused(
                "no_credentials",
                f"the credentials file {credentials} cannot be read",
                hint=f"{CREDENTIALS_VARIABLE} names a file that the servers' administrator made",
            )
        self.credentials = credentials
        self.servers = Servers(self.address, credentials=credentials, patience=PATIENCE, say=tell)

    @property
    def shown(self) -> str:
        """The address without its secrets."""
        return self.address.shown

    def store(self, path: str, project: str) -> JetStreamStore:
        """Returns the log of `project` on the servers, with its mirror in the file `path`."""
        from eventlog.jetstream import JetStreamStore

        return JetStreamStore(path, project, self.servers, say=tell)

    def projects(self) -> list[ProjectName]:
        """Returns the names of the projects that the servers hold, sorted; raises ServersAway, NotFound."""
        from eventlog.stream import Stream

        stream = Stream(self.servers, "")
        names: set[ProjectName] = set()
        offset, total = 0, 1
        while offset < total:  # the servers name up to 100,000 of them at once
            question = {"subjects_filter": f"{stream.name}.*", "offset": offset}
            asked = stream.api(f"STREAM.INFO.{stream.name}", question, patience=LISTING_PATIENCE)
            answer = self.servers.run(asked)
            subjects = answer["state"].get("subjects") or {}
            for subject in subjects:
                try:
                    names.add(parse_project_name(subject.removeprefix(f"{stream.name}.")))
                except InvalidName:
                    continue  # not one of ours
            offset, total = offset + len(subjects), answer.get("total", 0) if subjects else 0
        return sorted(names)

    def close(self) -> None:
        """Ends the connection, if there is one."""
        self.servers.close()
