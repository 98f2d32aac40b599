"""Input that is no plan, or tries to cost more than a plan may: a named error, nothing written."""

from __future__ import annotations

import json
import resource
import subprocess
import sys

import pytest

from tests.cli.running import Bo, BoProcess

BROKEN: list[tuple[bytes, str]] = [
    (b"", "is not JSON at line 1"),
    (b"\xff\xfe", "not UTF-8 at byte 0"),
    (b'{"workers": [{"id": "a\xff"}]}', "not UTF-8 at byte 22"),
    (b'{"workers": [{"id": "\xed\xa0\x80"}]}', "not UTF-8"),
    (b'{"workers": [{"id": "\xc0\x80"}]}', "not UTF-8"),
    ('{"workers": []}'.encode("utf-16"), "not UTF-8"),
    (b'{"workers": [{"id": "a"}]}\0', "is not JSON"),
    (b"\0" * 100, "is not JSON"),
    (b'{"workers": [{"id": "a\0"}]}', "is not JSON"),
    (b'{"workers": [{"id": "a\\u0000"}]}', "is not a worker id"),
    (b'{"name": "\\ud800", "workers": [{"id": "a"}]}', "half of a surrogate pair"),
    (b'{"x": {"\\udfff": 1}, "workers": [{"id": "a"}]}', "half of a surrogate pair"),
    (b"[" * 100_000, "nested too deeply"),
    (b"[" * 100_000 + b"]" * 100_000, "nested too deeply"),
    (b'{"a":' * 100_000 + b"1" + b"}" * 100_000, "nested too deeply"),
    (b'{"workers": [{"id": "a"}], "x": ' + b"[" * 300 + b"]" * 300 + b"}", "nested deeper than 100"),
    (b'{"workers": [{"id": "a"}], "x": ' + b"9" * 5_000 + b"}", "cannot be read"),
    (b'{"workers": [{"id": "a"}], "x": ' + b"9" * 4_000 + b"}", "more than 64 bits"),
    (b'{"workers": [{"id": "a", "estimated_hours": ' + b"9" * 400 + b"}]}", "64 bits"),
    (b'{"workers": [{"id": "a", "estimated_hours": NaN}]}', "not a finite number"),
    (b'{"workers": [{"id": "a", "x": -Infinity}]}', "not a finite number"),
    (b'{"workers": [{"id": "a", "x": 1e999}]}', "not a finite number"),
    (b'{"workers": [{"id": "a", "id": "b"}]}', "the key 'id' twice"),
    (b'{"workers": [{"id": "a", "x": {"k": 1, "k": 1}}]}', "the key 'k' twice"),
    (b'{"workers": [], "workers": [{"id": "a"}]}', "the key 'workers' twice"),
    (b'{"workers": [{"id": "a"}],}', "is not JSON"),
    (b'{"workers": [{"id": "a"}]} {}', "is not JSON"),
    (b"'{}'", "is not JSON"),
    (b"null", "not an object"),
    (b"[]", "not an object"),
    (b"true", "not an object"),
    (b'"workers"', "not an object"),
    (b"{}", "workers: is missing"),
    (b'{"workers": {}}', "not a list of workers"),
    (b'{"workers": []}', "is empty"),
    (b'{"workers": [[]]}', "not an object"),
    (b'{"workers": [{"id": {}}]}', "not a string"),
    (b'{"workers": [{"id": ["a"], "dependencies": [["a"]]}]}', "not a string"),
    (b'{"workers": [{"id": "a", "dependencies": "a"}]}', "not a list of strings"),
    (b'{"workers": [{"id": "a", "dependencies": ["a"]}]}', "depends on itself"),
    (b'{"workers": [{"id": "a", "dependencies": [null]}]}', "not a list of strings"),
    (b'{"workers": [{"id": "a", "status": "done"}]}', "not one of pending"),
    (b'{"workers": [{"id": "a", "status": ["pending"]}]}', "not one of pending"),
    (b'{"workers": [{"id": "a", "estimated_hours": true}]}', "not a finite number"),
    (b'{"workers": [{"id": "a"}], "_meta": null}', "_meta"),
    (b'{"workers": [{"id": "a"}, {"id": "a"}, {"id": "b"}, {"id": "a"}]}', "workers[0], [1] and [3]"),
]


@pytest.mark.parametrize(("source", "problem"), BROKEN, ids=lambda value: ascii(value[:40]))
@pytest.mark.parametrize("command", ["init -p x --plan-file", "import -p x"])
def test_what_is_no_plan_is_refused_by_name_and_nothing_is_written(
    bo: Bo, source: bytes, problem: str, command: str
) -> None:
    (bo.folder / "plan.json").write_bytes(source)
    for output in ("--json", "--table"):
        answer = bo(*command.split(), "plan.json", output)
        assert answer.code == 1
        assert problem in answer.stdout + answer.stderr
        assert len(answer.stdout + answer.stderr) < 2_000
    assert bo(*command.split(), "plan.json").json["code"] == "invalid_plan"
    assert not bo.builds.exists()


ABOUT_A_PLAN = (
    "half",
    "nested deeper",
    "more than 64",
    "not an object",
    "workers: is missing",
    "is empty",
    "_meta",
)
"""What is wrong outside of the workers is no part of an amendment."""


@pytest.mark.parametrize(
    "source",
    [source for source, problem in BROKEN if not problem.startswith(ABOUT_A_PLAN)],
    ids=lambda source: ascii(source[:40]),
)
def test_what_is_no_list_of_workers_is_never_added(bo: Bo, source: bytes) -> None:
    bo.init("auth", {"workers": [{"id": "z"}]})
    answer = bo("amend", "--add-file", "-", stdin=source)
    assert (answer.code, answer.json["code"]) == (1, "invalid_plan")
    assert len(bo.log()) == 1


def test_a_byte_order_mark_is_passed_over(bo: Bo) -> None:
    assert (
        bo("init", "-p", "x", "--plan-file", "-", stdin=b'\xef\xbb\xbf{"workers": [{"id": "a"}]}').code == 0
    )


@pytest.mark.parametrize(
    "number", ["18446744073709551615", "-9223372036854775808", "0.1", "1e308", "-0.0", "5e-324"]
)
def test_numbers_that_fit_come_back_as_they_were(bo: Bo, number: str) -> None:
    bo.init("auth", f'{{"workers": [{{"id": "a", "x": {number}}}]}}')
    assert repr(bo.plan()["workers"][0]["x"]) == repr(json.loads(number))
    assert repr(bo.log()[0]["plan"]["workers"][0]["x"]) == repr(json.loads(number))


def test_more_problems_than_anybody_reads_are_one_answer(bo: Bo) -> None:
    workers = [{"id": f"w{n}", "dependencies": [f"v{n}"]} for n in range(2_000)]
    answer = bo("init", "-p", "x", "--plan-file", "-", stdin=json.dumps({"workers": workers}).encode())
    assert len(answer.json["problems"]) == 2_000


@pytest.mark.skipif(sys.platform != "linux", reason="a limit on memory is kept by Linux only")
@pytest.mark.parametrize("source", ["/dev/zero", "/dev/urandom"])
def test_a_file_without_end_is_refused_in_bounded_memory(process: BoProcess, source: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "cli", "init", "-p", "x", "--plan-file", source],
        capture_output=True,
        env=process.environment(),
        cwd=process.folder,
        timeout=60,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (400 << 20, 400 << 20)),
    )
    assert done.returncode == 1, done.stderr
    assert "more than 67,108,864 bytes" in json.loads(done.stdout)["error"]


def test_the_secret_of_the_agents_is_in_no_file_answer_or_error(bo: Bo) -> None:
    canary = "canary-7d1f6a"
    env = {"ZO_CLIENT_IDENTITY_TOKEN": canary}
    bo.init()
    for command in (
        "status",
        "spawn-cmd -w worker_schema --parent c",
        "complete -w worker_schema",
        "complete -w ghost",
        "assignment -w worker_oauth",
        "log",
        "doctor",
        "verify",
        "rebuild",
        "--help",
    ):
        answer = bo(*command.split(), env=env)
        assert canary not in answer.stdout + answer.stderr
    for path in bo.folder.rglob("*"):
        assert not path.is_file() or canary.encode() not in path.read_bytes()
