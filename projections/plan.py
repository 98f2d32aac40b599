"""Is this a plan? All problems at once, each with its path; nothing is written before it is one."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

from eventlog.errors import InvalidName, InvalidPlan
from eventlog.names import parse_worker_id
from projections.build import STATUSES
from projections.graph import find_cycles
from projections.spelling import nearest

MAX_WORKERS = 200_000
MAX_DEPTH = 100
MAX_COMMAND = 16 * 1024
"""Characters of a command that is split into words: splitting takes the square of its length."""
MAX_PLACES = 10
"""Places of a double id that are named."""
MAX_GUESSES = 20
"""Unknown dependencies for which a near name is looked up: each look walks over all names."""

_LIST_OF_TEXTS = "a list of strings"


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _is_texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_amount(value: object) -> bool:
    # An int is finite, and one of 400 digits cannot even be asked: it does not fit into a float.
    finite = isinstance(value, int) or (isinstance(value, float) and math.isfinite(value))
    return _is_number(value) and finite and value >= 0  # type: ignore[operator]


def _is_positive(value: object) -> bool:
    return _is_amount(value) and value > 0  # type: ignore[operator]


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= 1000


def _is_command(value: object) -> bool:
    if not isinstance(value, str):
        return _is_texts(value) and value != []
    import shlex  # few commands see a plan

    try:
        return len(value) <= MAX_COMMAND and shlex.split(value) != []
    except ValueError:
        return False


Check = tuple[Callable[[object], bool], str]
_TEXT: Check = (_is_text, "a string")
_TEXTS: Check = (_is_texts, _LIST_OF_TEXTS)
_COMMAND: Check = (_is_command, "a list of strings, or a string that can be split into words")

SETTINGS: dict[str, Check] = {
    "command": _COMMAND,
    "timeout_minutes": (_is_positive, "a number above 0"),
    "retries": (_is_count, "a whole number from 0 to 1000"),
    "priority": (_is_number, "a number"),
}
"""How workers are run: allowed in each worker and, for all of them, under `defaults`."""

PLAN_KEYS: dict[str, Check] = {
    "name": _TEXT,
    "description": _TEXT,
    "objective": _TEXT,
    "key_decisions": _TEXTS,
    "relevant_files": _TEXTS,
    "workers": (lambda v: isinstance(v, list), "a list of workers"),
    "defaults": (lambda v: isinstance(v, dict), "an object"),
    "_meta": (lambda v: isinstance(v, dict), "an object"),
}

WORKER_KEYS: dict[str, Check] = {
    "id": _TEXT,
    "component": _TEXT,
    "description": _TEXT,
    "dependencies": _TEXTS,
    "estimated_hours": (_is_amount, "a finite number of hours, 0 or more"),
    "relevant_files": _TEXTS,
    "status": (lambda v: v in STATUSES or v == "blocked", "one of " + ", ".join(STATUSES)),
    "completed_at": _TEXT,
    "spawned_conversation": _TEXT,
    **SETTINGS,
}

OPTIONAL = frozenset(("estimated_hours", "status", "completed_at", "spawned_conversation", "component"))
"""Keys that may be null, which says the same as leaving them out."""


def check_plan(plan: object) -> dict[str, Any]:
    """Returns `plan` (a decoded JSON value) when it is a plan; raises InvalidPlan with all its problems."""
    problems = list(_problems(plan))
    if problems:
        raise InvalidPlan(problems)
    assert isinstance(plan, dict)
    return plan


def _problems(plan: object) -> Iterator[str]:
    if not isinstance(plan, dict):
        yield f"the plan is {_kind(plan)}, not an object"
        return
    yield from unwritable(plan, "")
    yield from _check_keys(plan, PLAN_KEYS, "")
    if isinstance(plan.get("defaults"), dict):
        yield from _check_keys(plan["defaults"], SETTINGS, "defaults.")
    workers = plan.get("workers")
    if workers is None:
        yield "workers: is missing; a plan needs at least one worker"
    elif isinstance(workers, list):
        yield from check_workers(workers, {})


def check_workers(
    workers: list[Any], others: dict[str, list[str]], changed: frozenset[str] = frozenset()
) -> Iterator[str]:
    """Yields the problems of `workers` as path: problem.

    They join `others` (id -> dependencies), of which `changed` have new dependencies.
    """
    if not workers and not others:
        yield "workers: is empty; a plan needs at least one worker"
    if len(workers) + len(others) > MAX_WORKERS:
        yield f"workers: {len(workers):,} are more than {MAX_WORKERS:,}"
        return
    dependencies = dict(others)
    places: dict[str, list[int]] = {}
    for place, worker in enumerate(workers):
        path = f"workers[{place}]"
        if not isinstance(worker, dict):
            yield f"{path}: is {_kind(worker)}, not an object"
            continue
        yield from _check_keys(worker, WORKER_KEYS, path + ".")
        name = worker.get("id")
        if name is None:
            yield f"{path}.id: is missing"
            continue
        if not isinstance(name, str):
            continue
        try:
            parse_worker_id(name)
        except InvalidName as error:
            yield f"{path}.id: {error}; {error.hint}"
            continue
        if name in others:
            yield f"{path}.id: there is already a worker '{name}'"
        elif name in places:
            places[name].append(place)
        else:
            places[name] = [place]
            needed = worker.get("dependencies", [])
            dependencies[name] = needed if _is_texts(needed) else []
    yield from (_double(name, shared) for name, shared in places.items() if len(shared) > 1)
    yield from _check_dependencies(dependencies, changed.union(places))


def _double(name: str, places: list[int]) -> str:
    shown = [f"[{place}]" for place in places[:MAX_PLACES]]
    last = shown.pop() if len(places) <= MAX_PLACES else f"{len(places) - MAX_PLACES} more"
    return f"'{name}' is the id of workers{', '.join(shown)} and {last}"


def _check_dependencies(dependencies: dict[str, list[str]], changed: frozenset[str]) -> Iterator[str]:
    """Yields what is wrong with the graph: of `changed` every entry, of the whole its cycles."""
    guesses = MAX_GUESSES
    for name in dependencies:
        if name not in changed:
            continue
        seen = set()
        for needed in dependencies[name]:
            if needed == name:
                yield f"{name}: depends on itself"
            elif needed not in dependencies:
                close = nearest(needed, dependencies) if guesses else None
                guesses -= guesses > 0
                yield f"{name}: depends on '{needed}', which is not a worker" + (
                    f" (did you mean '{close}'?)" if close else ""
                )
            elif needed in seen:
                yield f"{name}: names the dependency '{needed}' twice"
            seen.add(needed)
    for cycle in find_cycles(dependencies):
        if len(cycle) > 1:
            yield "dependency cycle: " + " -> ".join([*cycle, cycle[0]])


def check_amendment(
    added: list[Any], dependencies: dict[str, Any], estimates: dict[str, Any], known: dict[str, Any]
) -> Iterator[str]:
    """Yields what is wrong with the parts of an amendment by themselves; `known` are the workers there."""
    yield from unwritable(added, "workers")
    for worker in added:
        if isinstance(worker, dict) and worker.get("status") not in (None, "pending"):
            yield f"{worker.get('id')}: is added with a status; a new worker is pending"
    yield from unwritable(estimates, "estimates.")
    # A worker that is added here says so in itself: what is replaced was there before.
    for name in [*dependencies, *estimates]:
        if name not in known:
            yield f"{name}: is not a worker of the plan so far"
    for name, hours in estimates.items():
        if hours is not None and not _is_amount(hours):
            yield f"{name}: estimated_hours is {_kind(hours)}, not a finite number of hours, 0 or more"


def _check_keys(value: dict[str, Any], known: dict[str, Check], path: str) -> Iterator[str]:
    for key, item in value.items():
        check = known.get(key)
        if check is None:
            close = nearest(key, known)
            if close:
                yield f"{path}{key}: is not a key; did you mean '{close}'?"
        elif not check[0](item) and not (item is None and key in OPTIONAL):
            yield f"{path}{key}: is {_kind(item)}, not {check[1]}"


def _kind(value: object) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case str():
            return ascii(value if len(value) < 40 else value[:37] + "...")
        case int() | float():
            return f"{value:g}" if isinstance(value, float) else _number(value)
        case list():
            return "a list"
        case _:
            return "an object"


def _number(value: int) -> str:
    return str(value) if abs(value) < 10**20 else "a number of more than 20 digits"


def unwritable(value: object, path: str, depth: int = 0) -> Iterator[str]:
    """Yields what no event can hold: numbers beyond 64 bits or not finite, lone surrogates, deep nesting."""
    if depth > MAX_DEPTH:
        yield f"{path.removesuffix('.')[:100]}: is nested deeper than {MAX_DEPTH} levels"
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from unwritable(key, f"{path}{ascii(key)[1:-1]}", depth + 1)
            if type(item) is not str or not item.isascii():
                yield from unwritable(item, f"{path}{ascii(key)[1:-1]}.", depth + 1)
    elif isinstance(value, list):
        for place, item in enumerate(value):
            if type(item) is not str or not item.isascii():
                yield from unwritable(item, f"{path.removesuffix('.')}[{place}].", depth + 1)
    elif isinstance(value, str):
        try:
            value.encode()
        except UnicodeEncodeError:
            yield f"{path.removesuffix('.')}: holds half of a surrogate pair, which is not text"
    elif isinstance(value, float) and not math.isfinite(value):
        yield f"{path.removesuffix('.')}: is not a finite number"
    elif isinstance(value, int) and not -(2**63) <= value < 2**64:
        yield f"{path.removesuffix('.')}: has more than 64 bits"
