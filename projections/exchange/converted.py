"""What a converter hands over: a plan, and what of the source found no place in it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, NamedTuple

from eventlog.errors import InvalidPlan
from eventlog.names import WORKER_ID

MOST_NAMED = 3


class Converted(NamedTuple):
    """A plan that is still to be checked, and sentences about what it lacks or has otherwise."""

    plan: dict[str, Any]
    dropped: list[str]


def an_object(value: object, what: str) -> dict[str, Any]:
    """Returns `value` if it is a JSON object; raises InvalidPlan."""
    if not isinstance(value, dict):
        raise InvalidPlan([f"{what} is not an object"])
    return value


def objects(value: object, what: str) -> list[dict[str, Any]]:
    """Returns `value` if it is a list of JSON objects; raises InvalidPlan."""
    if not isinstance(value, list):
        raise InvalidPlan([f"{what} is not a list"])
    return [an_object(item, f"{what}[{place}]") for place, item in enumerate(value)]


def texts(value: object, what: str) -> list[str]:
    """Returns `value` if it is a list of strings; nothing for null. Raises InvalidPlan."""
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise InvalidPlan([f"{what} is not a list of strings"])
    return value


class Lost:
    """What has no place in a plan, or another one: counted, and a few of each kind named."""

    def __init__(self) -> None:
        self._kinds: dict[str, list[str]] = {}

    def add(self, kind: str, *names: str) -> None:
        """Notes that something of this kind happened to `names`."""
        if names:
            self._kinds.setdefault(kind, []).extend(names)

    def sentences(self) -> list[str]:
        """Returns a line for each kind: `left out, other tags: 2 (beta, next)`."""
        lines = []
        for kind, names in self._kinds.items():
            shown = ", ".join(names[:MOST_NAMED]) + (" ..." if len(names) > MOST_NAMED else "")
            lines.append(f"{kind}: {len(names)} ({shown})")
        return lines


def worker_ids(names: Iterable[str]) -> dict[str, str]:
    """Returns for each of another tool's ids a worker id: the same where it can be, and never one twice."""
    names = list(dict.fromkeys(names))
    taken = {name for name in names if _fits(name)}
    ids = {}
    for name in names:
        made = base = name if _fits(name) else _made_to_fit(name)
        number = 1
        while not _fits(name) and made in taken:
            number += 1
            made = f"{base}_{number}"
        taken.add(made)
        ids[name] = made
    return ids


def _fits(name: str) -> bool:
    return re.fullmatch(WORKER_ID, name) is not None


def _made_to_fit(name: str) -> str:
    fitting = re.sub(r"[^A-Za-z0-9_.:-]+", "_", name)[:180]
    return fitting if fitting[:1].isalnum() else f"w{fitting}"
