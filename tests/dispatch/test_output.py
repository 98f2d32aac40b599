"""What workers say: whole in a file, short in the log, harmless wherever it is shown."""

import hashlib
import json
import subprocess
import sys

import pytest

from cli.dispatch.said import BEGINNING, WHOLE, answer_of, last_line
from tests.dispatch.runs import Runs, sh


def says(content: bytes, status: int = 0) -> list[str]:
    """A worker that says exactly this."""
    script = f"import sys; sys.stdout.buffer.write(bytes.fromhex(sys.argv[1])); sys.exit({status})"
    return [sys.executable, "-c", script, content.hex()]


@pytest.mark.parametrize("size", [0, 1, WHOLE - 1, WHOLE])
def test_a_short_output_is_whole_in_its_event(bo: Runs, size: int) -> None:
    bo.begin({"id": "a", "command": says(b"x" * size)})
    assert bo("run").code == 0
    answer = bo.events("worker_completed")[0].get("answer")
    assert answer == ({"text": "x" * size, "size": size} if size else None)
    assert bo.output("a") == b"x" * size


@pytest.mark.parametrize("size", [WHOLE + 1, 60_000])
def test_a_long_output_is_a_file_with_its_hash_in_the_event(bo: Runs, size: int) -> None:
    content = ("größe " * size).encode()[:size]
    bo.begin({"id": "a", "command": says(content)})
    assert bo("run").code == 0
    answer = bo.events("worker_completed")[0]["answer"]
    assert answer == {
        "text": content.decode(errors="replace")[:BEGINNING],
        "file": "outputs/a.1.txt",
        "sha256": hashlib.sha256(content).hexdigest(),
        "size": size,
    }
    assert bo.output("a") == content
    assert bo("verify", "-p", "run").code == 0


def test_a_hundred_megabytes_are_kept_with_little_memory_and_a_small_event(bo: Runs) -> None:
    script = "import sys\nfor _ in range(100): sys.stdout.buffer.write(b'm' * 1_000_000)"
    bo.begin({"id": "a", "command": [sys.executable, "-c", script]})
    # Data that a process may have, in KiB: the tool needs about half of it, a whole output far more.
    command = f"ulimit -d 60000; exec {sys.executable} -m cli run --json"
    done = subprocess.run(
        ["sh", "-c", command], env=bo.environment(), cwd=bo.folder, timeout=100, check=False
    )
    assert done.returncode == 0
    answer = bo.events("worker_completed")[0]["answer"]
    assert answer["size"] == 100_000_000
    assert answer["sha256"] == hashlib.sha256(b"m" * 100_000_000).hexdigest()
    assert max(len(json.dumps(event)) for event in bo.events()) < WHOLE
    bo.path("run", "outputs", "a.1.txt").unlink()


HOSTILE = (
    b"\x00\x01\x1b]0;title\x07\x1b[2J\x9b31m\xff\xfe\xc3\x28\r\n\xe2\x80\xae\xed\xa0\x80\nlast \x1b[31mwords"
)


@pytest.mark.parametrize("status", [0, 1])
def test_bytes_that_are_no_text_are_kept_in_the_file_and_harmless_elsewhere(bo: Runs, status: int) -> None:
    bo.begin({"id": "a", "command": says(HOSTILE, status)})
    run = bo("run", "--table")
    assert run.code == status
    assert bo.output("a") == HOSTILE
    answer = bo.events()[-2]["answer"]
    assert answer["text"] == HOSTILE.decode(errors="replace")
    assert answer["size"] == len(HOSTILE)
    shown = [
        run,
        bo("status", "-p", "run", "--table"),
        bo("log", "-p", "run", "--table"),
        bo("log", "-p", "run"),
    ]
    for said in shown:
        assert not set(said.stdout + said.stderr) & set("\x00\x01\x1b\x07\x9b\x7f\u202e")
    for name in ("README.md", "spawn_results.jsonl", "plan.json", "events.jsonl"):
        assert b"\x1b" not in bo.path("run", name).read_bytes(), name
    if status:
        assert "last" in bo.events("worker_failed")[0]["error"]


def test_both_streams_land_in_one_file_in_the_order_in_which_they_were_said(bo: Runs) -> None:
    bo.begin({"id": "a", "command": sh("echo 1; echo 2 >&2; echo 3; echo 4 >&2")})
    assert bo("run").code == 0
    assert bo.output("a") == b"1\n2\n3\n4\n"


@pytest.mark.parametrize(
    "swap", ["rm $F; mkfifo $F", "rm $F; ln -s /dev/zero $F", "rm $F; mkdir $F", "rm $F"]
)
def test_a_worker_that_puts_something_else_in_place_of_its_output_harms_nobody(bo: Runs, swap: str) -> None:
    output = bo.path("run", "outputs", "a.1.txt")
    bo.begin(
        {"id": "a", "command": sh(f"F={output}; {swap}")},
        {"id": "b", "dependencies": ["a"], "command": ["true"]},
    )
    assert bo("run").code == 0
    assert "answer" not in bo.events("worker_completed")[0]


def test_a_failing_output_names_its_last_line_for_people(bo: Runs) -> None:
    bo.begin({"id": "a", "command": sh("echo first; echo; echo the cause; echo; exit 9")})
    assert bo("run").code == 1
    (result,) = bo.path("run", "spawn_results.jsonl").read_text().splitlines()
    assert json.loads(result)["error"] == "exit status 9: the cause"
    assert json.loads(result)["output_preview"].startswith("first\n")


def test_a_long_last_line_is_cut_and_no_output_has_none(bo: Runs) -> None:
    bo.begin({"id": "a", "command": says(b"first\n" + b"x" * 5000)})
    assert bo("run").code == 0
    folder = str(bo.path("run"))
    assert last_line(answer_of(folder, "outputs/a.1.txt")) == "x" * 297 + "..."
    assert last_line(answer_of(folder, "outputs/nothing.txt")) == ""
    assert answer_of(folder, "outputs") is None
