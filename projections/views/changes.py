"""What lies between two moments of a build, and how two builds differ."""

from __future__ import annotations

from collections import Counter
from typing import Any

from eventlog import events as ev
from projections.build import Build
from projections.views.history import Attempt, History, seconds


class Changes:
    """The events of a log, taken in one by one; what comes after event `since` is compared with before."""

    def __init__(self, since: int) -> None:
        self.history = History()
        self._since = since
        self._before: list[str] = []
        self._moment: dict[str, Any] = _moment(self.history.build)
        self._events: Counter[str] = Counter()
        self._actors: Counter[str] = Counter()
        self._last: dict[str, int] = {}

    def take(self, event: ev.AnyEvent) -> None:
        """Takes the next event in; raises what `evolve` raises."""
        self.history.take(event)
        build = self.history.build
        if event.seq == self._since:
            self._before = _states(build)
            self._moment = _moment(build)
        elif event.seq > self._since:
            self._events[ev.tag_of(event)] += 1
            self._actors[event.actor] += 1
            if isinstance(event, ev.WorkerEvent):
                self._last[event.worker] = event.seq

    def view(self, project: str) -> dict[str, Any]:
        """Returns what `diff` answers about two moments; durations are seconds.

        `changed` has the workers whose state is another than before, with the last event about each
        and how long the attempts took that ended in between.
        """
        build = self.history.build
        after = _moment(build)
        changed = [
            {
                "id": worker.id,
                "before": self._before[place] if place < len(self._before) else None,
                "after": state,
                "seq": self._last.get(worker.id),
                **_attempts([a for a in self.history.workers[place].attempts if self._is_between(a)]),
            }
            for place, (worker, state) in enumerate(zip(build.workers, _states(build), strict=True))
            if place >= len(self._before) or self._before[place] != state
        ]
        return {
            "project": project,
            "from": self._moment,
            "to": after,
            "seconds": seconds(self._moment["time"], after["time"]),
            "events_count": sum(self._events.values()),
            "events": dict(sorted(self._events.items())),
            "actors": dict(self._actors.most_common()),
            "changed_count": len(changed),
            "changed": changed,
        }

    def _is_between(self, attempt: Attempt) -> bool:
        return attempt.seq_ended is not None and attempt.seq_ended > self._since


def compare(ours: History, theirs: History, project: str, other: str, same_until: int) -> dict[str, Any]:
    """Returns what `diff --other` answers: the workers that differ in state, by id, with their durations.

    `same_until` is the last event that both logs have in common, 0 if they have nothing.
    """
    one, two = ours.build, theirs.build
    state_one = dict(zip(one.index, _states(one), strict=True))
    state_two = dict(zip(two.index, _states(two), strict=True))
    differing = [
        {
            "id": name,
            "here": state_one.get(name),
            "there": state_two.get(name),
            "seconds_here": _seconds(ours, name),
            "seconds_there": _seconds(theirs, name),
        }
        for name in [*state_one, *(name for name in state_two if name not in state_one)]
        if state_one.get(name) != state_two.get(name)
    ]
    both = [name for name in state_one if name in state_two]
    timed = [
        (here, there)
        for name in both
        if (here := _seconds(ours, name)) is not None and (there := _seconds(theirs, name)) is not None
    ]
    return {
        "project": project,
        "other": other,
        "here": _moment(one) | _wall(ours),
        "there": _moment(two) | _wall(theirs),
        "same_until": same_until,
        "same_plan": one.plan == two.plan,
        "workers_in_both": len(both),
        "only_here": [name for name in state_one if name not in state_two],
        "only_there": [name for name in state_two if name not in state_one],
        "run_seconds_of_both": {
            "workers": len(timed),
            "here": round(sum(here for here, _ in timed), 6),
            "there": round(sum(there for _, there in timed), 6),
        },
        "differing_count": len(differing),
        "differing": differing,
    }


def _states(build: Build) -> list[str]:
    return [build.shown_status(place) for place in range(len(build.workers))]


def _moment(build: Build) -> dict[str, Any]:
    return {
        "seq": build.seq,
        "time": build.updated_at,
        "status": build.status if build.exists else None,
        "completed": build.counts.get("completed", 0),
        "workers": len(build.workers),
    }


def _wall(told: History) -> dict[str, Any]:
    return {"seconds": seconds(told.build.created_at, told.build.updated_at)}


def _attempts(ended: list[Attempt]) -> dict[str, Any]:
    taken = [attempt.seconds for attempt in ended if attempt.seconds is not None]
    return {"attempts": len(ended), "seconds": round(sum(taken), 6) if taken else None}


def _seconds(told: History, name: str) -> float | None:
    worker = told.find(name)
    if worker is None:
        return None
    taken: float | None = _attempts(worker.attempts)["seconds"]
    return taken
