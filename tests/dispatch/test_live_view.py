"""The live view on a real terminal: what it shows, that it is harmless, and that it leaves no trace."""

import io
import re

import pytest
from rich.console import Console

from cli.dispatch.live import LiveView
from eventlog.events import WorkerSpawned
from projections.fold import fold
from tests.dispatch.runs import Runs, gate, sh, worker
from tests.dispatch.terminal import Terminal
from tests.spec.scenario import happened, planned

ORDERS = re.compile(rb"\x1b\[[0-9;?]*[A-Za-z]")
"""What the view itself may tell a terminal: colours, and where to write."""


def test_it_shows_progress_what_runs_and_what_ended_and_restores_the_terminal(bo: Runs) -> None:
    bo.begin(worker("a"), worker("b", "a", work=gate("b")), worker("c", "b", work="exit 1"))
    with Terminal("run", env=bo.environment(), cwd=bo.folder) as terminal:
        terminal.until("b started")
        bo("progress", "-p", "run", "-w", "b", "-m", "half of it", env={"BO_ATTEMPT": "1", "BO_WORKER": "b"})
        terminal.until("half of it")
        bo.open_gate("b")
        assert terminal.finish() == 1
        assert terminal.attributes == terminal.before
    said = terminal.said
    assert b"1/3 completed" in said
    assert b"a completed in" in said
    assert said.count(b"\x1b[?25l") == said.count(b"\x1b[?25h") == 1  # the cursor, away and back
    summary = said[said.rindex(b"\x1b[?25h") :]
    assert b"2 of 3 completed" in summary
    assert b"c: failed: exit status 1" in summary


def test_when_it_is_stopped_the_cursor_comes_back(bo: Runs) -> None:
    bo.begin(worker("a", work=gate("never")))
    with Terminal("run", "--grace", "0.1s", env=bo.environment(), cwd=bo.folder) as terminal:
        terminal.until("a started")
        terminal.press(b"\x03")
        terminal.until("asked once more")
        terminal.press(b"\x03")
        terminal.finish()
        assert terminal.attributes == terminal.before
    assert terminal.said.rstrip().rindex(b"\x1b[?25h") > terminal.said.rindex(b"\x1b[?25l")


HOSTILE = "\x1b]0;owned\x07\x1b[2J\x1b[31m[bold red]x[/] :smile: \u202e\x9b5n"


def test_texts_of_workers_give_the_terminal_no_orders_and_the_view_no_markup(bo: Runs) -> None:
    words = "printf '%s\\n' \"$TEXT\" >&2; exit 1"
    bo.begin(
        {
            "id": "a",
            "command": sh(f'"$PYTHON" -m cli progress -w a -m "$TEXT" >/dev/null; {gate("a")}; {words}'),
        }
    )
    with Terminal("run", env={**bo.environment(), "TEXT": HOSTILE}, cwd=bo.folder) as terminal:
        terminal.until("[bold red]x[/] :smile:")
        bo.open_gate("a")
        assert terminal.finish() == 1
    said = terminal.said
    assert b"\x1b]" not in said
    assert b"\x1b[2J" not in said
    assert b"\x07" not in said
    assert "\u202e".encode() not in said
    assert "\x9b".encode() not in said
    assert b"\x1b" not in ORDERS.sub(b"", said)


@pytest.mark.parametrize("env", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_without_colours_or_on_a_dumb_terminal_it_has_none(bo: Runs, env: dict[str, str]) -> None:
    bo.begin(worker("a"), worker("b", "a"))
    with Terminal("run", env={**bo.environment(), **env}, cwd=bo.folder) as terminal:
        assert terminal.finish() == 0
    colours = [
        code for code in re.findall(rb"\x1b\[([0-9;]*)m", terminal.said) if re.search(rb"\b[349]\d\b", code)
    ]
    assert colours == []
    if "TERM" in env:
        assert b"\x1b" not in terminal.said
    assert b"2 of 2 completed" in terminal.said


def test_with_thousands_of_workers_a_frame_fits_the_screen() -> None:
    build = fold([planned(*(f"w{n}" for n in range(2000)))])
    fold((happened(WorkerSpawned, worker=f"w{n}", attempt=1, seq=2 + n) for n in range(2000)), build)
    view = LiveView("run")
    screen = io.StringIO()
    view._console = Console(file=screen, width=80, height=24, force_terminal=True, color_system=None)
    view.stopping(1)
    view._console.print(view._frame(build))
    lines = screen.getvalue().splitlines()
    assert len(lines) <= 24
    assert max(len(line) for line in lines) <= 80
    assert "0/2000 completed, 2000 running" in screen.getvalue()
    assert re.search(r"and 1\d\d\d more", screen.getvalue())


def test_in_a_pipe_it_is_a_line_for_each_end(bo: Runs) -> None:
    bo.begin(worker("a"), worker("b", "a", work="exit 3"))
    answer = bo("run", "--table")
    assert answer.code == 1
    assert re.fullmatch(
        r"\[1/2\] a completed in \d.\d s\n\[1/2\] b failed in \d.\d s: exit status 3\n", answer.stderr
    )
    assert "b: failed: exit status 3" in answer.stdout
