"""The derived files while a dispatcher runs: soon after what changed, and never at the cost of the work."""

from __future__ import annotations

from time import monotonic

from cli.handle import Handler
from cli.project import Project
from cli.publish import publish

RESULTS_EVERY = 0.1
"""Seconds between two writings of spawn_results.jsonl, which cost what is new and some system calls."""

TEXTS_EVERY = 0.5
"""Seconds between two renderings of plan.json and README.md, which cost the plan's size."""

_SHARE = 20
"""At the most one part in so many of the time goes into them, however large the plan is."""


class Publisher:
    """Publishes one project again and again."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._results_seq = self._texts_seq = 0
        self._results_due = self._texts_due = 0.0

    def publish(self, handler: Handler, *, now: bool = False) -> None:
        """Brings the files up to the head as far as it is time for them, or all of them `now`."""
        began, head = monotonic(), handler.head
        texts = now or began >= self._texts_due
        if head.seq == (self._texts_seq if texts else self._results_seq):
            return
        if not texts and began < self._results_due:
            return
        publish(self._project, handler.build, head, texts=texts)
        self._results_seq = head.seq
        if texts:
            handler.save_snapshot()
            self._texts_seq = head.seq
        ended = monotonic()
        self._results_due = ended + RESULTS_EVERY
        if texts:
            self._texts_due = ended + max(TEXTS_EVERY, _SHARE * (ended - began))

    def due(self, handler: Handler) -> float:
        """Returns when the next results have to be published, in monotonic seconds; infinity without any."""
        return self._results_due if handler.head.seq != self._results_seq else float("inf")
