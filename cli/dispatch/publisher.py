"""The derived files while a dispatcher runs: results at once, texts when it is time for them."""

from __future__ import annotations

from time import monotonic

from cli.handle import Handler
from cli.project import Project
from cli.publish import publish

TEXTS_EVERY = 0.5
"""Seconds between two renderings of plan.json and README.md, which cost the plan's size."""

_SHARE = 20
"""At the most one part in so many of the time goes into them, however large the plan is."""


class Publisher:
    """Publishes one project again and again."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._results_seq = self._texts_seq = 0
        self._texts_at = self._texts_cost = 0.0

    def publish(self, handler: Handler, *, texts: bool = False) -> None:
        """Brings spawn_results.jsonl up to the head, and the texts too if asked or if it is time."""
        began = monotonic()
        texts = texts or began - self._texts_at > max(TEXTS_EVERY, _SHARE * self._texts_cost)
        head = handler.head
        if head.seq == (self._texts_seq if texts else self._results_seq):
            return
        publish(self._project, handler.build, head, texts=texts)
        self._results_seq = head.seq
        if texts:
            handler.save_snapshot()
            self._texts_seq, self._texts_at, self._texts_cost = head.seq, monotonic(), monotonic() - began
