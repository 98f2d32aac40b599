"""JSON Schema (2020-12) of what goes in and of what is kept: plans, and the lines of a log.

Made from the tables that check plans and from the events' types, so that it cannot say anything else.
A schema cannot say all: that ids are unique, dependencies have no cycle and quotes in commands are
closed, `init` checks.
"""

from __future__ import annotations

from typing import Any, Union

import msgspec

from eventlog.events import EVENT_TYPES, Event
from eventlog.names import WORKER_ID
from projections.build import STATUSES
from projections.plan import MAX_COMMAND, MAX_WORKERS, OPTIONAL, PLAN_KEYS, SETTINGS, WORKER_KEYS, Check

DIALECT = "https://json-schema.org/draft/2020-12/schema"
_TEXT: dict[str, Any] = {"type": "string"}
_TEXTS: dict[str, Any] = {"type": "array", "items": _TEXT}

_BY_WORDS: dict[str, dict[str, Any]] = {
    "a string": _TEXT,
    "a list of strings": _TEXTS,
    "a list of strings, or a string that can be split into words": {
        "anyOf": [
            _TEXT | {"pattern": "[^ \\t\\r\\n]", "maxLength": MAX_COMMAND},
            _TEXTS | {"minItems": 1},
        ]
    },
    "a number": {"type": "number"},
    "a number above 0": {"type": "number", "exclusiveMinimum": 0},
    "a finite number of hours, 0 or more": {"type": "number", "minimum": 0},
    "a whole number from 0 to 1000": {"type": "integer", "minimum": 0, "maximum": 1000},
    "an object": {"type": "object"},
}
"""What the words of a check mean; those of `workers`, `status` and `id` are written out below."""

_MEANING = {
    "name": "Shown in lists and pictures.",
    "objective": "Told to every worker.",
    "key_decisions": "Told to every worker.",
    "relevant_files": "Told to every worker; a worker's own replace the plan's.",
    "defaults": "How workers are run, for all that do not say otherwise.",
    "_meta": "Ignored when read, written last in plan.json.",
    "component": "What it makes, in a word or two.",
    "description": "What it is about; a worker's is its task.",
    "dependencies": "Ids of the workers that must be completed before this one is ready.",
    "estimated_hours": "For the order of work, the critical path and the time left.",
    "status": "Only in a build that is imported.",
    "command": "The program that does the work; placeholders such as {id} are filled in, no shell is used.",
    "timeout_minutes": "How long an attempt may take.",
    "retries": "New attempts after a failure.",
    "priority": "Higher goes first among the ready.",
}


def plan_schema() -> dict[str, Any]:
    """Returns the schema of a plan: every plan that `init` takes fits it."""
    worker = _properties(WORKER_KEYS)
    worker["id"] = {"type": "string", "pattern": f"^{WORKER_ID}$", "description": "Unique in the plan."}
    worker["dependencies"]["items"] = {"type": "string", "pattern": f"^{WORKER_ID}$"}
    worker["dependencies"]["uniqueItems"] = True
    plan = _properties({key: check for key, check in PLAN_KEYS.items() if key != "workers"})
    plan["defaults"]["properties"] = _properties(SETTINGS)
    plan["workers"] = {
        "type": "array",
        "minItems": 1,
        "maxItems": MAX_WORKERS,
        "items": {"$ref": "#/$defs/worker"},
    }
    return {
        "$schema": DIALECT,
        "title": "Build Orchestrator plan",
        "description": "Keys that are not named here are kept as they are.",
        "type": "object",
        "properties": plan,
        "required": ["workers"],
        "$defs": {"worker": {"type": "object", "properties": worker, "required": ["id"]}},
    }


def event_schema() -> dict[str, Any]:
    """Returns the schema of a line of a log, of any event that this version writes."""
    schema = msgspec.json.schema(Union[tuple(map(_described, EVENT_TYPES))])  # noqa: UP007
    for definition in schema["$defs"].values():
        # Python 3.13 takes the indentation out of docstrings: the schema is the same from every version.
        lines = definition.get("description", "").split("\n")
        definition["description"] = "\n".join(line.strip() for line in lines).strip()
        if "type" in definition["properties"]:
            # What every line has, though the types do not: its number is given late, its hash is around it.
            definition["properties"]["seq"] = {"type": "integer", "minimum": 1}
            definition["properties"]["hash"] = {"type": "string", "pattern": "^[0-9a-f]{64}$"}
            definition["required"] = ["seq", *definition["required"], "hash"]
    return {"$schema": DIALECT, "title": "Build Orchestrator event, format version 1"} | schema


def _described(type_: type[Event]) -> type[msgspec.Struct]:
    """Returns the type without raw JSON, of whose default msgspec cannot make a schema."""
    fields: list[Any] = []
    for field in msgspec.structs.fields(type_):
        raw = field.type is msgspec.Raw
        kind = field.type if not raw else dict[str, Any] if field.required else list[Any]
        if field.required:
            fields.append((field.name, kind))
        elif field.default_factory is not msgspec.NODEFAULT:
            fields.append((field.name, kind, msgspec.field(default_factory=field.default_factory)))
        else:
            default = msgspec.json.decode(field.default) if raw else field.default
            fields.append((field.name, kind, default))
    described = msgspec.defstruct(
        type_.__name__, fields, tag_field="type", tag=type_.__struct_config__.tag, kw_only=True
    )
    described.__doc__ = " ".join((type_.__doc__ or "").split())
    return described


def _properties(table: dict[str, Check]) -> dict[str, dict[str, Any]]:
    return {key: _property(key, words) for key, (_, words) in table.items()}


def _property(key: str, words: str) -> dict[str, Any]:
    found: dict[str, Any] = {"enum": [*STATUSES, "blocked"]} if key == "status" else dict(_BY_WORDS[words])
    if key in OPTIONAL:
        if "enum" in found:
            found["enum"].append(None)
        else:
            found["type"] = [found["type"], "null"]
    return found | ({"description": _MEANING[key]} if key in _MEANING else {})
