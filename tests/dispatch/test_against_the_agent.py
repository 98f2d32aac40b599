"""Hundreds of workers and an agent that fails in every way: its own ledger says whether the log is true."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

import msgspec
import pytest

from cli.dispatch.fake_agent import GARBAGE, Served
from eventlog import JsonlStore
from eventlog.events import WorkerCompleted, WorkerFailed, WorkerSpawned, WorkerTimedOut
from projections import fold
from projections.assignment import assignment
from tests.cli.running import Answer
from tests.dispatch.agents import TOKEN, everything_below
from tests.dispatch.runs import Runs, assert_results_match

WORKERS = 500

MANNERS = "--errors 0.05 --timeouts 0.05 --busy 0.1 --garbage 0.06 --retry-after 0.01 --seed 5".split()

RECORDED = {
    "answered": "completed",
    "timeout": "timed_out",
    "error": "http",
    "error_as_output": "agent_error",
    "closed": "connection",
    "cut_off": "connection",
    "not_json": "bad_answer",
    "not_an_object": "bad_answer",
    "no_output": "bad_answer",
}
"""What the log must say of an attempt, by what the agent did to it."""

WITH_TEXT = {"answered", "error_as_output"}
"""The fates with which a text arrived, and the name of a conversation."""

Key = tuple[str, int]


class Told(NamedTuple):
    """What the log says of an attempt: how it ended, in which conversation, and how its text begins."""

    end: str
    conversation: str | None = None
    text: str | None = None


class Log(NamedTuple):
    """The log by attempt: the text that was asked, and how it ended; in the order of the log."""

    asked: dict[Key, str]
    told: dict[Key, Told]


@contextmanager
def agent(bo: Runs) -> Iterator[Mapping[str, str]]:
    """The agent as a process; yields the environment of whoever asks it. Its ledger is `served`."""
    with bo.start("fake-agent", "--for", "100", "--ledger", str(bo.folder / "served"), *MANNERS) as process:
        assert process.stdout is not None
        url = json.loads(process.stdout.readline())["url"]
        try:
            yield {"ZO_API_URL": url, "ZO_CLIENT_IDENTITY_TOKEN": TOKEN}
        finally:
            process.terminate()


def run(bo: Runs, dispatchers: int, *options: str) -> list[Answer]:
    """Runs all workers with so many dispatchers at once; returns what each of them answered."""
    bo.begin(*({"id": f"w{n}", "description": f"Do part {n}."} for n in range(WORKERS)))
    with agent(bo) as environment, ThreadPoolExecutor(dispatchers) as threads:
        asking = [
            threads.submit(bo, "run", "--via", "zo", "--retry-delay", "50ms", *options, env=environment)
            for _ in range(dispatchers)
        ]
        return [each.result() for each in asking]


def served(bo: Runs) -> dict[str, list[list[Served]]]:
    """The agent's ledger: for each text the questions, each of which ends with what was not put off."""
    lines = (bo.folder / "served").read_bytes().splitlines()
    every = sorted((msgspec.json.decode(line, type=Served) for line in lines), key=lambda one: one.time)
    questions = defaultdict[str, list[list[Served]]](lambda: [[]])
    for one in every:
        own = questions[one.asked]
        if own[-1] and own[-1][-1].fate != "busy":
            own.append([])
        own[-1].append(one)
        assert sum(map(len, own)) == one.time, "the ledger has a gap"
    return dict(questions)


def told_by(event: WorkerCompleted | WorkerFailed | WorkerTimedOut) -> Told:
    if isinstance(event, WorkerTimedOut):
        return Told("timed_out")
    end = "completed" if isinstance(event, WorkerCompleted) else event.reason
    return Told(end, event.conversation, event.answer.text if event.answer else None)


def recorded(folder: Path) -> Log:
    """Reads the log, and makes every assignment again from the build as it was at its spawning."""
    log = Log({}, {})
    build = None
    for batch in JsonlStore(str(folder / "events.jsonl")).read():
        for event in batch.events:
            build = fold([event], build)
            match event:
                case WorkerSpawned(worker=worker, attempt=attempt):
                    text = assignment(build, build.workers[build.index[worker]], "run")
                    log.asked[worker, attempt] = text
                case WorkerCompleted() | WorkerFailed() | WorkerTimedOut():
                    assert (event.worker, event.attempt) not in log.told, "an attempt ended twice"
                    log.told[event.worker, event.attempt] = told_by(event)
    assert sorted(log.asked) == sorted(log.told), "an attempt has no end, or an end no attempt"
    return log


def expected(question: list[Served], text: str) -> Told:
    """What the log must say of an attempt that met these fates when it asked `text`."""
    *put_off, last = question
    assert {one.fate for one in put_off} <= {"busy"}, "an answered question was asked again"
    end = RECORDED[last.fate]
    if last.fate not in WITH_TEXT:
        return Told(end)
    said = f"Done: {text[:200]}" if last.fate == "answered" else "Error: the model is overloaded"
    return Told(end, f"con_{last.asked[:12]}_{last.time}", said)


def digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()


def assert_everything_else_says_what_the_log_says(bo: Runs, log: Log) -> None:
    """The files of answers, spawn_results.jsonl, `status`, `verify` and `audit`; the token is nowhere."""
    folder = bo.path("run")
    said = {path.name: path.read_bytes().decode() for path in (folder / "outputs").iterdir()}
    with_text = {key: told for key, told in log.told.items() if told.text is not None}
    assert said == {f"{name}.{attempt}.txt": told.text for (name, attempt), told in with_text.items()}
    for name, attempt in with_text:
        if log.told[name, attempt].end == "completed":
            assert f"\nDo part {name[1:]}.\n" in said[f"{name}.{attempt}.txt"], "it is the answer of another"

    assert_results_match(bo)
    results = [json.loads(line) for line in (folder / "spawn_results.jsonl").read_bytes().splitlines()]
    for result in results:
        told = log.told[result["worker_id"], result["attempt"]]
        assert (result["conversation_id"], result["output_preview"]) == (told.conversation, told.text or "")
        assert (result["status"] == "completed") == (told.end == "completed")
        assert bool(result["error"]) == (told.end != "completed")

    status = bo("status", "-p", "run").json
    last = {name: (attempt, told) for (name, attempt), told in sorted(log.told.items())}
    for worker in status["workers"]:
        attempt, told = last[worker["id"]]
        assert worker["attempt"] == attempt
        assert worker["status"] == (told.end if told.end in ("completed", "timed_out") else "failed")
        assert told.conversation is None or worker["spawned_conversation"] == told.conversation
    assert +Counter(status["status_counts"]) == Counter(one["status"] for one in status["workers"])
    assert len(status["workers"]) == len(last) == WORKERS

    assert bo("verify", "-p", "run").code == 0
    audit = bo("audit", "-p", "run")
    assert audit.code == 0, audit
    assert TOKEN not in everything_below(bo.folder)


@pytest.mark.timeout(240)
def test_whatever_an_agent_serves_eight_dispatchers_record_for_its_attempt_and_nothing_else(bo: Runs) -> None:
    """Each asks one thing at a time, so that nothing waits behind a silent agent until its time is over.

    Then what happens depends on the seed alone, and the ledger must be the log to the last line.
    """
    answers = run(bo, 8, "-j", "1", "--timeout", "2s", "--retries", "1")
    assert {answer.code for answer in answers} == {1}, "some workers fail twice"
    assert TOKEN not in repr(answers)
    ledger, log = served(bo), recorded(bo.path("run"))

    asked = defaultdict[str, list[Key]](list)
    for key, text in log.asked.items():
        asked[digest(text)].append(key)
    assert {each: len(questions) for each, questions in ledger.items()} == {
        each: len(keys) for each, keys in asked.items()
    }, "an attempt was not asked, or asked twice"
    for each, keys in asked.items():
        assert len({name for name, _ in keys}) == 1, "two workers are told the same"
        for key, question in zip(keys, ledger[each], strict=True):
            assert log.told[key] == expected(question, log.asked[key]), key

    fates = Counter(one.fate for questions in ledger.values() for question in questions for one in question)
    assert set(fates) == {*RECORDED, "busy"} >= {*GARBAGE}
    assert len(log.told) > WORKERS, "some were tried again"
    assert_everything_else_says_what_the_log_says(bo, log)


@pytest.mark.timeout(240)
def test_one_dispatcher_that_asks_many_things_at_once_mixes_up_no_answers(bo: Runs) -> None:
    """What waits behind a silent agent may time out unasked, or as its answer comes: all else is exact."""
    (answer,) = run(bo, 1, "-j", "32", "--timeout", "1s")
    assert answer.code == 1
    assert TOKEN not in repr(answer)
    ledger, log = served(bo), recorded(bo.path("run"))

    asked = {digest(text): key for key, text in log.asked.items()}
    assert len(asked) == len(log.asked) == WORKERS
    assert set(ledger) <= set(asked), "something was asked that no attempt asks"
    for each, key in asked.items():
        questions = ledger.get(each, [])
        assert len(questions) <= 1, "an answered question was asked again"
        if log.told[key].end != "timed_out":
            assert log.told[key] == expected(questions[0], log.asked[key]), key
    silent = {asked[each] for each, ((*_, last),) in ledger.items() if last.fate == "timeout"}
    assert {log.told[key].end for key in silent} == {"timed_out"}
    assert_everything_else_says_what_the_log_says(bo, log)
