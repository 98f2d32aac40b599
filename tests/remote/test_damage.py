"""What the servers hold damaged is found on reading, named, and never passed on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from eventlog import START, CorruptLog, DamagedLog, RegressedLog
from eventlog.jetstream import JetStreamStore
from eventlog.store import EventStore
from tests import damage
from tests.logs import everything, note, notes, sealed, texts
from tests.remote.behind import Behind, shared_node

FIVE, AFTER_FIVE = sealed(notes(5))
OTHER, _ = sealed(notes(5, "other"))


@pytest.fixture
def behind() -> Iterator[Behind]:
    made = Behind(shared_node().url)
    yield made
    made.close()


def read_until_damage(store: EventStore) -> tuple[list[str], DamagedLog]:
    """The texts that came before the damage, and the damage."""
    seen: list[str] = []
    try:
        for batch in store.read():
            seen += [event.text for event in batch.events if hasattr(event, "text")]
    except DamagedLog as found:
        return seen, found
    raise AssertionError("no damage was found")


@pytest.mark.parametrize(
    ("there", "line"),
    [
        (damage.edit(FIVE, b"note 3", b"nota 3"), 3),
        (damage.delete_line(FIVE, 1), 2),
        (damage.duplicate_line(FIVE, 3), 5),
        (damage.swap_lines(FIVE, 0), 1),
        (damage.splice(FIVE, OTHER, 3), 4),
        (FIVE + b"what is this\n", 6),
        (FIVE + b"\n", 6),
    ],
    ids=["altered", "a hole", "twice", "swapped", "two histories", "no line", "an empty line"],
)
def test_damage_is_named_and_what_is_whole_before_it_is_mirrored(
    behind: Behind, tmp_path: Path, there: bytes, line: int
) -> None:
    behind.put(there)
    for _ in range(2):
        seen, found = read_until_damage(behind.store(tmp_path))
        assert isinstance(found, CorruptLog)
        assert found.line == line
        assert found.offset == len(b"".join(FIVE.splitlines(keepends=True)[: line - 1]))
        assert seen == [f"note {n}" for n in range(1, line)]
    whole = b"".join(FIVE.splitlines(keepends=True)[: line - 1])
    assert (tmp_path / "events.jsonl").read_bytes() == whole if whole else True


@pytest.mark.parametrize(
    "message",
    [FIVE, FIVE[:-1], FIVE.splitlines()[0], FIVE[:20], b""],
    ids=["five lines", "x", "y", "z", "nothing"],
)
def test_a_message_that_is_not_one_line_is_damage(behind: Behind, tmp_path: Path, message: bytes) -> None:
    behind.publish(message)
    seen, found = read_until_damage(behind.store(tmp_path))
    assert (seen, type(found)) == ([], CorruptLog)
    assert "not one line" in str(found)


@pytest.mark.parametrize(
    "there",
    [
        damage.cut_at(FIVE, FIVE.index(b"\n") + 1),
        b"",
        OTHER,
        damage.splice(OTHER, FIVE, 5) + sealed(notes(9))[0],
    ],
    ids=["cut", "nothing", "another history", "another, longer one"],
)
def test_a_history_that_is_not_the_mirrored_one_is_refused(
    behind: Behind, tmp_path: Path, there: bytes
) -> None:
    store = behind.store(tmp_path)
    store.append(notes(5), START)
    behind.put(there)
    for reader in (store, behind.store(tmp_path)):
        with pytest.raises(RegressedLog):
            everything(reader)
        with pytest.raises(RegressedLog):
            reader.head()
        with pytest.raises(RegressedLog):
            reader.append(notes(1), AFTER_FIVE)
        assert reader.examine().regression is not None
    assert (tmp_path / "events.jsonl").read_bytes() == FIVE
    assert b"".join(behind.messages()) == there


def test_damage_behind_what_is_asked_for_is_not_in_the_way(behind: Behind, tmp_path: Path) -> None:
    behind.put(damage.edit(FIVE, b"note 4", b"nota 4"))
    store = behind.store(tmp_path)
    assert [event.seq for batch in store.read(until=3) for event in batch.events] == [1, 2, 3]
    assert [event.seq for batch in store.salvage(3) for event in batch.events] == [1, 2, 3]


def test_damage_is_in_the_way_of_every_append(behind: Behind, tmp_path: Path) -> None:
    behind.put(damage.edit(FIVE, b"note 4", b"nota 4"))
    store = behind.store(tmp_path)
    read_until_damage(store)
    with pytest.raises(CorruptLog):
        store.append(notes(1), sealed(notes(3))[1])
    assert len(behind.messages()) == 5


def test_an_early_line_that_was_altered_later_is_found_by_the_comparison(
    behind: Behind, tmp_path: Path
) -> None:
    store = behind.store(tmp_path)
    store.append(notes(5), START)
    assert store.compare() == AFTER_FIVE
    behind.put(damage.edit(FIVE, b"note 2", b"nota 2"))
    with pytest.raises(CorruptLog) as found:
        behind.store(tmp_path).compare()
    assert found.value.line == 2


def test_a_stream_that_was_made_anew_from_a_mirror_is_as_good_as_the_old_one(
    behind: Behind, tmp_path: Path
) -> None:
    store = behind.store(tmp_path)
    head = store.append(notes(5), START).head
    behind.delete()
    behind.create()
    behind.publish(b"x")  # other numbers than before
    behind.delete()
    behind.create()
    behind.put(FIVE)
    for one in (store, behind.store(tmp_path)):
        head = one.append([note("more")], head).head
    assert texts(behind.store(tmp_path / "new")) == [*(f"note {n}" for n in range(1, 6)), "more", "more"]


def _remove(path: Path) -> None:
    path.unlink()


def _spoil(path: Path) -> None:
    path.write_bytes(b'{"address":1}')


@pytest.mark.parametrize("harm", [_remove, _spoil])
@pytest.mark.parametrize("name", ["events.jsonl", ".bo/remote", ".bo/lock"])
def test_a_mirror_that_lost_a_part_gets_it_back_or_says_so(
    behind: Behind, tmp_path: Path, name: str, harm: Callable[[Path], None]
) -> None:
    store: JetStreamStore = behind.store(tmp_path)
    store.append(notes(5), START)
    harm(tmp_path / name)
    again = behind.store(tmp_path)
    try:
        assert len(everything(again)) == 5
        again.append(notes(1), AFTER_FIVE)
    except DamagedLog:
        assert name == "events.jsonl"
        return
    assert (tmp_path / "events.jsonl").read_bytes() == b"".join(behind.messages())
