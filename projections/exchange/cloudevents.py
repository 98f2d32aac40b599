"""CloudEvents 1.0 in JSON, one a line: every event of the log in an envelope that brokers and functions know.

Lossless: `data` is the log's line as it stands, its hash included.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from eventlog import events as ev

TYPE = "build_orchestrator.{}.v1"


def cloudevents(events: Iterable[tuple[ev.AnyEvent, bytes]], project: str) -> Iterator[bytes]:
    """Yields a line for each event and its line in the log, from the log's beginning.

    The source is the project and its build's random id, the id of an event its number there.
    """
    source = f"urn:build-orchestrator:{project}"
    for event, line in events:
        if isinstance(event, ev.PlanDefined | ev.PlanImported):
            source = f"urn:build-orchestrator:{project}:{event.build_id}"
        envelope = {
            "specversion": "1.0",
            "id": str(event.seq),
            "source": source,
            "type": TYPE.format(ev.tag_of(event)),
            "time": event.time,
            "datacontenttype": "application/json",
            # An extension that CloudEvents documents: a text, so that its order is that of the numbers.
            "sequence": f"{event.seq:020}",
        }
        if isinstance(worker := getattr(event, "worker", None), str):
            envelope["subject"] = worker
        yield msgspec.json.encode(envelope)[:-1] + b',"data":' + line + b"}\n"
