"""Makes a plan from what `make -n` would do: a worker for each compile, archive and link command.

    make -n -C src | python examples/plan_from_make.py "Lua" >plan.json
    cd src && bo run -p lua --plan-file ../plan.json -j 2

A command depends on the commands that made the files it names. The workers run where `bo` is run.
"""

from __future__ import annotations

import json
import re
import shlex
import sys
from collections.abc import Iterable
from pathlib import PurePath
from typing import Any

ARCHIVERS = ("ar", "ranlib")


def plan(name: str, lines: Iterable[str]) -> dict[str, Any]:
    """Returns the plan of the commands in `lines`; what is no command that makes a file is passed over."""
    workers: list[dict[str, Any]] = []
    makers: dict[str, str] = {}
    for line in lines:
        command = shlex.split(line, comments=True) if line.strip() and ":" not in line.split()[0] else []
        made = _made_by(command)
        if made is None:
            continue
        worker = re.sub(r"[^A-Za-z0-9_.:-]", "_", f"{PurePath(command[0]).name}:{made}")
        needed = dict.fromkeys(makers[word] for word in command[1:] if word in makers)
        workers.append(
            {"id": worker, "description": line.strip(), "dependencies": list(needed), "command": command}
        )
        makers[made] = worker
    return {"name": name, "objective": f"Build {name}", "workers": workers}


def _made_by(command: list[str]) -> str | None:
    """Returns the file that a command makes, None if that cannot be seen."""
    if not command:
        return None
    if PurePath(command[0]).name in ARCHIVERS:
        return next((word for word in command[1:] if word.endswith(".a")), None)
    if "-o" in command:
        return command[command.index("-o") + 1]
    if "-c" in command:
        source = next((word for word in command if word.endswith(".c")), None)
        return None if source is None else str(PurePath(source).with_suffix(".o").name)
    return None


if __name__ == "__main__":
    print(json.dumps(plan(sys.argv[1], sys.stdin), indent=2))
