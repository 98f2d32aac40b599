"""The meaning: what events say about a build. Pure: no I/O, no clock, no randomness, no environment."""

from projections.build import Build, Worker
from projections.decider import decide
from projections.fold import evolve, fold
from projections.plan import check_plan

__all__ = ["Build", "Worker", "check_plan", "decide", "evolve", "fold"]
