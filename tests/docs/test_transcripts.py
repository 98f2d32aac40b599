"""The sessions and code blocks of README and documentation, run as they stand."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BLOCK = re.compile(r"^```(console|python)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.fixture
def workplace(tmp_path: Path) -> Path:
    place = tmp_path / "workplace"
    (place / "N5" / "builds").mkdir(parents=True)
    (place / "examples").symlink_to(ROOT / "examples")
    return place


def run_line(line: str, workplace: Path) -> str:
    """Runs `bo ...` as a shell would, in a clean environment; returns standard error and output."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("BO_", "N5OS"))}
    shell = f'bo() {{ "{sys.executable}" -m cli "$@"; }}; {line}'
    done = subprocess.run(
        ["bash", "-c", shell],
        cwd=workplace,
        env=environment | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=60,
        check=False,
    )
    return done.stdout


def matches(expected: str, actual: str) -> bool:
    """Whether `actual` is `expected`, in which `...` stands for anything; blanks at ends do not count."""
    expected, actual = ("\n".join(line.rstrip() for line in text.splitlines()) for text in (expected, actual))
    pattern = ".*".join(re.escape(part) for part in expected.strip().split("..."))
    return re.fullmatch(pattern, actual.strip(), re.DOTALL) is not None


PAGES = {
    "README.md": ["console", "console", "python"],
    "docs/insight.md": ["console"] * 7,
    "docs/pictures.md": ["console"] * 3,
    "docs/exchange.md": ["console"] * 2,
}
"""The pages with blocks that run, and which: none may get lost by a wrong mark."""


@pytest.mark.parametrize("page", PAGES)
def test_the_sessions_and_the_code_of_a_page_run_as_they_stand(page: str, workplace: Path) -> None:
    blocks = BLOCK.findall((ROOT / page).read_text(encoding="utf-8"))
    assert [kind for kind, _ in blocks] == PAGES[page]
    for kind, text in blocks:
        if kind == "python":
            code = subprocess.run(
                [sys.executable, "-c", text],
                cwd=workplace,
                env=os.environ | {"PYTHONPATH": str(ROOT)},
                check=False,
            )
            assert code.returncode == 0
            continue
        for step in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
            line, _, expected = step.partition("\n")
            actual = run_line(line, workplace)
            assert matches(expected, actual), f"$ {line}\nexpected:\n{expected}\nactual:\n{actual}"


def test_the_shell_loop_in_the_format_page_accepts_a_real_log_and_finds_a_changed_byte(
    tmp_path: Path,
) -> None:
    page = (ROOT / "docs" / "log-format.md").read_text(encoding="utf-8")
    loop = re.search(r"^```sh\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    assert loop is not None
    plan = '{"workers":[{"id":"a"}]}'
    run_line(f"bo init -p x --builds-dir {tmp_path} --plan '{plan}'", tmp_path)

    run_line(f"bo note -p x --builds-dir {tmp_path} 'caf\u00e9'", tmp_path)
    log = tmp_path / "x" / "events.jsonl"

    def said() -> str:
        done = subprocess.run(
            ["sh", "-c", loop[1]], cwd=log.parent, capture_output=True, text=True, check=False
        )
        return done.stdout + done.stderr

    assert said() == ""
    content = bytearray(log.read_bytes())
    content[40] ^= 1
    log.write_bytes(content)
    assert said().startswith("damaged: ")
