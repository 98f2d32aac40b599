"""Which event and actor set the current value of each field of a worker."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Struct

from eventlog import events as ev
from eventlog.errors import Refused
from projections.build import Build
from projections.fold import evolve
from projections.spelling import nearest
from projections.worker_object import worker_object
from projections.worker_rules import find


class Setting(Struct, frozen=True):
    """The event that gave a field its `value`; `previous` is what it was before, `changes` counts them."""

    value: Any
    seq: int
    time: str
    actor: str
    type: str
    previous: Any = None
    changes: int = 1


class Blame:
    """The events of a log, taken in one by one; `fields` are those of one worker, as `status` shows them."""

    def __init__(self, worker: str) -> None:
        self.build = Build()
        self.fields: dict[str, Setting] = {}
        self._worker = worker
        self._planned: dict[str, Any] | None = None

    def take(self, event: ev.AnyEvent) -> None:
        """Takes the next event in; raises what `evolve` raises."""
        evolve(self.build, event)
        if isinstance(event, ev.PlanDefined | ev.PlanImported | ev.PlanAmended):
            place = self.build.index.get(self._worker)
            if place is not None:
                self._planned = msgspec.json.decode(self.build.plan)["workers"][place]
        elif not isinstance(event, ev.WorkerEvent) or event.worker != self._worker:
            return
        if self._planned is not None:
            worker = self.build.workers[self.build.index[self._worker]]
            self._note(worker_object(self.build, worker, dict(self._planned)), event)

    def _note(self, now: dict[str, Any], event: ev.AnyEvent) -> None:
        for name in [*now, *(name for name in self.fields if name not in now)]:
            value, before = now.get(name), self.fields.get(name)
            if before is None or before.value != value:
                self.fields[name] = Setting(
                    value,
                    event.seq,
                    event.time,
                    event.actor,
                    ev.tag_of(event),
                    None if before is None else before.value,
                    1 if before is None else before.changes + 1,
                )


def blame_view(told: Blame, project: str, worker: str, field: str | None) -> dict[str, Any]:
    """Returns what `blame` answers: one field, or all of them under `fields`.

    Refuses an unknown worker, and a field that the worker never had.
    """
    find(told.build, worker)
    answer: dict[str, Any] = {"project": project, "worker_id": worker}
    if field is None:
        return answer | {"fields": {name: msgspec.structs.asdict(s) for name, s in told.fields.items()}}
    setting = told.fields.get(field)
    if setting is None:
        close = nearest(field, told.fields)
        raise Refused(
            "unknown_field",
            f"worker '{worker}' never had a field '{field}'",
            hint=f"did you mean '{close}'?" if close else "it has " + ", ".join(told.fields),
        )
    return answer | {"field": field} | msgspec.structs.asdict(setting)
