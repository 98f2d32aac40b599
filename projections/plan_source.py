"""From the bytes that somebody gave as a plan to a checked plan and the text that goes into the log."""

from __future__ import annotations

import json
from typing import Any

import msgspec

from eventlog.errors import InvalidPlan
from projections.plan import check_plan


def parse_json(source: bytes, what: str = "the plan") -> object:
    """Returns the JSON value in `source`; raises InvalidPlan for what is not JSON, or says a key twice.

    The standard library's parser, not msgspec's: it can be told to notice double keys.
    """
    try:
        return json.loads(source.decode("utf-8-sig"), object_pairs_hook=_object_without_doubles)
    except UnicodeDecodeError as error:
        raise InvalidPlan([f"{what} is not UTF-8 at byte {error.start}"]) from error
    except json.JSONDecodeError as error:
        raise InvalidPlan(
            [f"{what} is not JSON at line {error.lineno}, column {error.colno}: {error.msg}"]
        ) from error
    except RecursionError as error:
        raise InvalidPlan([f"{what} is nested too deeply"]) from error
    except ValueError as error:  # a number with more digits than Python converts
        raise InvalidPlan([f"{what} cannot be read: {error}"]) from error


def parse_plan(source: bytes) -> tuple[dict[str, Any], bytes]:
    """Returns the plan in `source` and its text as the log keeps it; raises InvalidPlan."""
    plan = check_plan(parse_json(source))
    return plan, msgspec.json.encode(plan)


def _object_without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise InvalidPlan([f"an object has the key {key!a} twice"])
            seen.add(key)
    return value
