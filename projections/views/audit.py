"""One verdict for a build, and who did what: held against the rules event by event, in one pass."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from typing import Any

from msgspec.structs import asdict

from eventlog import events as ev
from projections.views.history import Attempt, History, WorkerHistory, seconds
from projections.views.transitions import violation

MOST_PROBLEMS = 100
"""Problems of one kind that are told; the others are counted."""

TRANSITIONS, ATTEMPTS, CHAIN, FILES = "transitions", "attempts", "chain", "files"


class Audit:
    """The events of a log, taken in one by one, each held against the rules."""

    def __init__(self) -> None:
        self.history = History()
        self.violations: list[str] = []
        self.violations_count = 0
        self.events: Counter[str] = Counter()
        self._actors: dict[str, tuple[Counter[str], str, str]] = {}

    def take(self, event: ev.AnyEvent) -> None:
        """Takes the next event in; raises what `evolve` raises."""
        tag = ev.tag_of(event)
        why = violation(self.history.build, event)
        if why is not None:
            self.violations_count += 1
            if len(self.violations) < MOST_PROBLEMS:
                self.violations.append(f"event {event.seq} ({tag}) breaks a rule: {why}")
        self.history.take(event)
        self.events[tag] += 1
        did, first, _ = self._actors.get(event.actor, (Counter(), event.time, ""))
        did[tag] += 1
        self._actors[event.actor] = did, first, event.time

    def dispatchers_at_work(self) -> set[str]:
        """Returns the dispatchers that spawned what the log takes for running."""
        running = (story.running for story in self.history.workers)
        return {attempt.dispatcher for attempt in running if attempt and attempt.dispatcher}

    def unaccounted(self, living: Collection[str]) -> list[str]:
        """Returns the attempts that neither ended nor run under one of the `living` dispatchers.

        What a person spawned by hand runs with that person.
        """
        found = []
        for story in self.history.workers:
            found += [
                f"{_named(story, attempt)} never ended, and another was spawned after it"
                for attempt in story.attempts[:-1]
                if attempt.outcome is None
            ]
            last = story.running
            if last is not None and last.dispatcher is not None and last.dispatcher not in living:
                found.append(
                    f"{_named(story, last)} is running, but its dispatcher {last.dispatcher} is gone; "
                    "the next `bo run` finds out what became of it"
                )
        return found

    def who(self) -> list[dict[str, Any]]:
        """Returns what each actor did, and when first and last; the busiest first."""
        told = [
            {
                "actor": actor,
                "events": sum(did.values()),
                "first": first,
                "last": last,
                "did": dict(sorted(did.items())),
            }
            for actor, (did, first, last) in self._actors.items()
        ]
        return sorted(told, key=lambda one: -one["events"])


def _named(story: WorkerHistory, attempt: Attempt) -> str:
    return f"attempt {attempt.number} of {story.id} (event {attempt.seq_spawned})"


def audit_view(
    audit: Audit, project: str, chain: Sequence[str], drift: Sequence[str] | None, living: Collection[str]
) -> dict[str, Any]:
    """Returns what `audit` answers. Times are as in the log, durations in seconds.

    `chain` says what is wrong with the log's bytes, `drift` which derived files differ from it (None:
    not compared), `living` which dispatchers are. `ok` is whether nothing is off.
    """
    build = audit.history.build
    lost = audit.unaccounted(living)
    attempts = sum(len(story.attempts) for story in audit.history.workers)
    counted = f"{attempts} attempt{'s' if attempts != 1 else ''}"
    marks = [{"worker": story.id, **asdict(mark)} for story in audit.history.workers for mark in story.marks]
    differing = [f"{name} differs from the log: edited by hand or not written" for name in drift or ()]
    checks = [
        _check(CHAIN, f"{build.seq} events, every hash follows from the one before", chain),
        _check(TRANSITIONS, "the rules allow every event", audit.violations, audit.violations_count),
        _check(ATTEMPTS, f"{counted}, each ended or in somebody's hands", lost),
        _check(FILES, "equal to the log" if drift is not None else "not compared", differing),
    ]
    kinds = Counter(mark["kind"] for mark in marks)
    return {
        "project": project,
        "ok": all(check["ok"] for check in checks),
        "status": build.status,
        "seq": build.seq,
        "created_at": build.created_at,
        "updated_at": build.updated_at,
        "seconds": seconds(build.created_at, build.updated_at),
        "checks": checks,
        "totals": {
            "events": sum(audit.events.values()),
            "workers": len(build.workers),
            "completed": build.counts.get("completed", 0),
            "attempts": attempts,
            "retries": kinds["retry"],
            "resets": kinds["reset"],
            "rejected": kinds["rejected"],
            "forced": kinds["forced"],
            "late_results": kinds["late"],
            "by_hand": kinds["by_hand"],
            "notes": build.notes,
            "hand_edits": len(drift or ()),
        },
        "who": audit.who(),
        "unusual": sorted(marks, key=lambda mark: mark["seq"]),
        "workers": [
            _worker(story, worker.status)
            for story, worker in zip(audit.history.workers, build.workers, strict=True)
        ],
    }


def _check(name: str, fine: str, problems: Sequence[str], count: int | None = None) -> dict[str, Any]:
    count = len(problems) if count is None else count
    return {
        "check": name,
        "ok": not count,
        "found": f"{count} problem{'s' if count > 1 else ''}" if count else fine,
        "problems": list(problems[:MOST_PROBLEMS]),
    }


def _worker(story: WorkerHistory, status: str) -> dict[str, Any]:
    ran = [attempt.seconds for attempt in story.attempts if attempt.seconds is not None]
    waited = [attempt.waited for attempt in story.attempts if attempt.waited is not None]
    return {
        "id": story.id,
        "status": status,
        "waited_seconds": round(sum(waited), 6) if waited else None,
        "ran_seconds": round(sum(ran), 6) if ran else None,
        "attempts": [
            {
                "number": attempt.number,
                "via": attempt.via,
                "dispatcher": attempt.dispatcher,
                "parent": attempt.parent,
                "spawned_by": attempt.actor,
                "spawned_at": attempt.spawned_at,
                "seq_spawned": attempt.seq_spawned,
                "ended_by": attempt.ended_by,
                "ended_at": attempt.ended_at,
                "seq_ended": attempt.seq_ended,
                "outcome": attempt.outcome,
                "seconds": attempt.seconds,
                "error": attempt.error,
            }
            for attempt in story.attempts
        ],
    }
