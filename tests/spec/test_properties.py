"""What holds for every command on every build."""

import inspect
import re

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from eventlog import errors
from eventlog.errors import InvalidPlan, Refused
from eventlog.events import KnownEvent
from projections import Build, decide, evolve, fold
from projections import commands as cmd
from tests.spec.histories import commands, histories, numbered

encode = msgspec.msgpack.Encoder(order="deterministic").encode

DESTROYS = re.compile(
    r"\b(rm|unlink|delete|remove|erase|wipe|overwrite|truncate|discard|purge|drop)\w*\b", re.IGNORECASE
)


def decided(build: Build, command: cmd.AnyCommand) -> list[KnownEvent] | tuple[str, str, str]:
    """The events of a command, or the code, message and hint of its refusal."""
    try:
        return decide(build, command, "now", "ada")
    except Refused as error:
        return error.code, str(error), error.hint
    except InvalidPlan as error:
        return error.code, str(error), error.hint


@given(histories(), commands)
def test_deciding_never_changes_the_build(history: list[KnownEvent], command: cmd.AnyCommand) -> None:
    build = fold(history)
    before = encode(build)
    decided(build, command)
    assert encode(build) == before


@given(histories(), commands)
def test_whatever_is_decided_can_be_folded(history: list[KnownEvent], command: cmd.AnyCommand) -> None:
    build = fold(history)
    outcome = decided(build, command)
    if isinstance(outcome, list):
        for event in numbered(outcome, build):
            evolve(build, event)


@given(histories())
def test_a_history_that_was_written_and_read_back_means_the_same_to_the_last_byte(
    history: list[KnownEvent],
) -> None:
    read = msgspec.json.Decoder(KnownEvent).decode_lines(msgspec.json.Encoder().encode_lines(history))
    assert read == history
    assert encode(fold(read)) == encode(fold(history))


@given(histories(), commands)
def test_a_refusal_says_what_to_do_and_never_to_destroy_anything(
    history: list[KnownEvent], command: cmd.AnyCommand
) -> None:
    outcome = decided(fold(history), command)
    if isinstance(outcome, tuple):
        code, message, hint = outcome
        assert re.fullmatch(r"[a-z]+(_[a-z]+)*", code)
        assert message
        assert hint
        assert not DESTROYS.search(hint)


def test_no_error_suggests_by_default_to_destroy_anything() -> None:
    hints = [
        type_.default_hint
        for _, type_ in inspect.getmembers(errors, inspect.isclass)
        if issubclass(type_, errors.OrchestratorError)
    ]
    assert any(hints)
    assert not [hint for hint in hints if DESTROYS.search(hint)]


REPEATABLE = (cmd.AddNote, cmd.Progress, cmd.StartDispatcher)
"""Saying these again is saying something new."""


@given(histories(), commands.filter(lambda command: not isinstance(command, REPEATABLE)))
def test_saying_the_same_thing_twice_appends_nothing(
    history: list[KnownEvent], command: cmd.AnyCommand
) -> None:
    build = fold(history)
    outcome = decided(build, command)
    if isinstance(outcome, list):
        for event in numbered(outcome, build):
            evolve(build, event)
        assert decided(build, command) == []


@given(histories())
def test_replaying_a_history_gives_the_same_state(history: list[KnownEvent]) -> None:
    assert encode(fold(history)) == encode(fold(history))


@given(histories(), st.data())
def test_a_history_may_be_folded_in_parts(history: list[KnownEvent], data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(history)))
    assert encode(fold(history[at:], fold(history[:at]))) == encode(fold(history))


def timeless(build: Build) -> bytes:
    """The state with all that says when taken out."""
    build.created_at = build.updated_at = ""
    for worker in build.workers:
        if worker.attempt is not None:
            worker.attempt.started_at = ""
            worker.attempt.progressed_at = None
        if worker.submission is not None:
            worker.submission.at = ""
        if worker.result is not None:
            worker.result.at = ""
    for dispatcher in build.dispatchers.values():
        dispatcher.started_at = ""
    return encode(build)


times = st.datetimes().map(lambda moment: moment.isoformat() + "Z") | st.text(max_size=30)


@given(histories(), st.data())
def test_no_time_in_a_history_changes_what_it_means(history: list[KnownEvent], data: st.DataObject) -> None:
    shifted = [replace(event, time=data.draw(times)) for event in history]
    assert timeless(fold(shifted)) == timeless(fold(history))


@given(histories(), st.randoms(use_true_random=False))
def test_the_times_of_a_history_may_be_permuted(history: list[KnownEvent], random: object) -> None:
    moments = [event.time for event in history]
    random.shuffle(moments)  # type: ignore[attr-defined]
    permuted = [replace(event, time=time) for event, time in zip(history, moments, strict=True)]
    assert timeless(fold(permuted)) == timeless(fold(history))


@settings(max_examples=200)
@given(histories(), commands, st.data())
def test_no_time_in_a_history_changes_a_decision(
    history: list[KnownEvent], command: cmd.AnyCommand, data: st.DataObject
) -> None:
    time = data.draw(times)
    shifted = [replace(event, time=time) for event in history]
    assert decided(fold(shifted), command) == decided(fold(history), command)
