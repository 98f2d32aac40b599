"""Logs of format version 1 are readable for ever, and mean the same bytes everywhere.

Nothing here writes: `write_version_1.py` says how the frozen files came to be.
"""

import json
import os
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

import pytest

from eventlog.events import Unrecognised, tag_of
from eventlog.memory import MemoryStore
from projections import fold
from tests.golden import projected

FROZEN = {
    "defined": "d78abccbf8c85890eafd67425918ba91a5c1884073d3795434176434b106eeef",
    "imported": "6cbcaf712a774463fa742f88984ba310798ffb47e050f94f50f6e12b487978cc",
}
DERIVED = ["plan.json", "README.md", "spawn_results.jsonl"]
VERSION_1 = Path(__file__).parent / "version_1"
ROOT = Path(__file__).parents[2]

TAGS = set(
    """
    plan_defined plan_imported plan_amended worker_spawned worker_progressed worker_submitted
    worker_rejected worker_completed worker_failed worker_timed_out worker_cancelled worker_reset
    late_result_received note_added forked dispatcher_started dispatcher_stopped x_cost
    """.split()
)


def frozen_log(name: str) -> bytes:
    return (VERSION_1 / name / "events.jsonl").read_bytes()


@pytest.mark.parametrize("name", FROZEN)
def test_a_frozen_log_is_the_one_that_was_frozen(name: str) -> None:
    assert sha256(frozen_log(name)).hexdigest() == FROZEN[name]


def test_the_frozen_logs_hold_every_event_of_version_1_and_an_extension() -> None:
    found = {tag_of(event) for name in FROZEN for event in projected.read(frozen_log(name))[0]}
    assert found == TAGS


@pytest.mark.parametrize("name", FROZEN)
def test_every_field_of_a_frozen_event_is_still_understood(name: str) -> None:
    for line, event in zip(frozen_log(name).splitlines(), projected.read(frozen_log(name))[0], strict=True):
        if not isinstance(event, Unrecognised):
            assert set(json.loads(line)) - {"type", "hash"} <= set(event.__struct_fields__)


def test_a_store_reads_a_frozen_log_in_one_go() -> None:
    log = frozen_log("defined")
    batches = list(MemoryStore(log).read())
    assert [event for batch in batches for event in batch.events] == projected.read(log)[0]


@pytest.mark.parametrize("file", DERIVED)
@pytest.mark.parametrize("name", FROZEN)
def test_a_frozen_log_still_means_the_same_bytes(name: str, file: str) -> None:
    assert projected.projections(frozen_log(name), name)[file] == (VERSION_1 / name / file).read_bytes()


@pytest.mark.parametrize("name", FROZEN)
def test_a_frozen_log_folds_to_the_same_bytes_from_every_place_in_it(name: str) -> None:
    events, _ = projected.read(frozen_log(name))
    whole = fold(events)
    for at in range(len(events)):
        assert fold(events[at:], fold(events[:at])) == whole


PLACES = {
    "another hash seed": {"PYTHONHASHSEED": "1"},
    "a third hash seed": {"PYTHONHASHSEED": "4294967295"},
    "a zone ahead": {"TZ": "Pacific/Kiritimati", "PYTHONHASHSEED": "random"},
    "a zone behind": {"TZ": "America/St_Johns"},
    "no locale": {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    "another locale": {"LC_ALL": "tr_TR.UTF-8", "LANG": "tr_TR.UTF-8"},
    "an encoding of old": {"PYTHONIOENCODING": "latin-1", "LC_ALL": "POSIX"},
    "no assertions": {"PYTHONOPTIMIZE": "2"},
}


@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
@pytest.mark.parametrize("name", FROZEN)
def test_a_log_means_the_same_bytes_wherever_it_is_folded(
    name: str, place: dict[str, str], tmp_path: Path
) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.golden.projected", str(VERSION_1 / name)],
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path), "PYTHONPATH": str(ROOT), **place},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    frozen = {file: sha256((VERSION_1 / name / file).read_bytes()).hexdigest() for file in DERIVED}
    assert dict(line.split() for line in done.stdout.splitlines()) == frozen
