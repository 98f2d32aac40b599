"""Runs a plan again and again with a dispatcher that is killed at its first, second, third ... step.

`python -m tests.dispatch.die_at FOLDER FIRST STRIDE`: kills at step FIRST, FIRST + STRIDE and so on, until a
run has fewer steps; after each kill a second dispatcher runs to the end. Each try is a folder of its own,
and a line of JSON on standard output with the step. A step is whatever changes or asks the world: opening,
renaming, removing, locking, writing and syncing files, starting the keeper and giving it an attempt.
"""

import json
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cli.dispatch.keeping import Keeping
from cli.main import run
from eventlog.disk import OsDisk
from tests.dispatch.runs import plan, worker

AUDITED = {"open", "os.rename", "os.remove", "os.mkdir", "fcntl.flock", "os.posix_spawn"}
PLAN = plan(worker("a"), worker("b", "a", "[ $BO_ATTEMPT -ge 2 ] || exit 1", retries=1), worker("c"))
COMMAND = ["run", "--json", "-p", "run", "-j", "2", "--retry-delay", "1ms"]


class Steps:
    """Counts the steps of this process, and is its end at the chosen one."""

    def __init__(self, last: int, folder: str) -> None:
        self._left = last
        self._folder = folder
        self._report = os.open(f"{folder}/step", os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o644)

    def step(self, name: str) -> None:
        """One more."""
        self._left -= 1
        if self._left == 0:
            os.write(self._report, name.encode())
            os.kill(os.getpid(), signal.SIGKILL)

    def audit(self, event: str, arguments: tuple[Any, ...]) -> None:
        """Is told by the interpreter what is about to happen."""
        if event in AUDITED:
            where = str(arguments[0])
            if event in ("fcntl.flock", "os.posix_spawn") or self._folder in where:
                self.step(f"before {event} {where.removeprefix(self._folder)}")

    def after(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """Returns `function` with one more step when it is done."""

        def done(*arguments: Any, **keys: Any) -> Any:
            result = function(*arguments, **keys)
            self.step(f"after {name}")
            return result

        return done


def in_a_process(action: Callable[[], int]) -> int:
    """Returns how a process ended that did only this."""
    pid = os.fork()
    if pid == 0:
        os._exit(action())
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def killed_at(step: int, folder: str) -> int:
    """Runs the plan until that step; returns the exit code if it ends before."""
    steps = Steps(step, folder)
    sys.addaudithook(steps.audit)
    OsDisk.write_at = steps.after("write", OsDisk.write_at)  # type: ignore[method-assign]
    OsDisk.sync = steps.after("sync", OsDisk.sync)  # type: ignore[method-assign]
    os.posix_spawn = steps.after("posix_spawn", os.posix_spawn)
    Keeping.start = steps.after("start", Keeping.start)  # type: ignore[method-assign]
    return run(COMMAND)


def main(root: Path, step: int, stride: int) -> None:
    """Kills at every step from `step` on."""
    killed = True
    while killed:
        folder = root / f"{step}"
        folder.mkdir()
        os.environ |= {"BO_BUILDS_DIR": str(folder / "builds"), "LEDGER": str(folder / "ledger")}
        sys.stdout = sys.stderr = (folder / "said").open("w")
        assert run(["init", "--json", "-p", "run", "--plan", json.dumps(PLAN)]) == 0
        killed = in_a_process(lambda: killed_at(step, str(folder))) == -signal.SIGKILL  # noqa: B023
        code = in_a_process(lambda: run(COMMAND))
        sys.stdout.close()
        told = {"step": step, "killed": killed, "at": (folder / "step").read_text(), "code": code}
        print(json.dumps(told), file=sys.__stdout__, flush=True)
        step += stride


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
