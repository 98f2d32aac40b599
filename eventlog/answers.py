"""What servers answer, as far as it is used: whoever says something else has not answered."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from eventlog.servers import Silent


class Fault(Struct):
    """What an answer says that is a refusal."""

    description: str = "no reason"
    code: int = 0
    err_code: int = 0


class Answer(Struct):
    """What every answer may have; the others are the shapes of answers that have no error."""

    error: Fault | None = None


_Seq = Annotated[int, Meta(ge=0, lt=1 << 62)]


class Published(Struct):
    """The answer to a message that is published."""

    seq: _Seq


class Stored(Struct):
    """A message as it is stored."""

    seq: _Seq
    data: bytes = b""
    hdrs: bytes = b""


class Found(Struct):
    """The answer to a question for a message."""

    message: Stored


class Config(Struct):
    """A stream's settings."""

    name: str
    num_replicas: int
    max_age: int = 0
    metadata: dict[str, str] | None = None


class Replica(Struct):
    """A server that follows the leader of a stream."""

    name: str
    current: bool = False
    active: int = 0


class Group(Struct):
    """The servers that have a stream."""

    replicas: list[Replica] | None = None


class Contents(Struct):
    """What is in a stream."""

    subjects: dict[str, int] | None = None


class Described(Struct):
    """The answer to a question about a stream."""

    config: Config
    state: Contents
    cluster: Group | None = None
    total: int = 0


def read_answer(data: bytes, shape: type[Struct] | None) -> dict[str, Any]:
    """Returns an answer, an object of JSON of that `shape` unless it has an `error`. Raises Silent."""
    try:
        said = msgspec.json.decode(data, type=dict[str, Any])
        fault = msgspec.convert(said, Answer).error
        if fault is not None:
            said["error"] = msgspec.to_builtins(fault)
        elif shape is not None:
            msgspec.convert(said, shape)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise Silent("an answer that cannot be read") from error
    return said


# Prepared here, once: msgspec 0.22 crashes when two threads use a type for the first time at once.
for _shape in (Answer, Published, Found, Described):
    msgspec.json.Decoder(_shape)
