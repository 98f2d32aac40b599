"""A process that appends, and says on stdout what was acknowledged. Tests end it in every way there is.

    python -m tests.crash.writer LOG --name NAME --count N [--size BYTES] [--again] [--lock-timeout S]

Each acknowledgement is one line, `ok <seq> <text>`; an error is `error <code>`, and ends it unless
`--again` asks it to try once more.
"""

from __future__ import annotations

import argparse
import sys

from eventlog import START, Conflict, JsonlStore, LogError
from tests.logs import note


def say(line: str) -> None:
    """Tells the parent at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def append(store: JsonlStore, text: str) -> None:
    """Appends as every command does: again behind the new head if somebody was faster."""
    while True:
        head = store.head() if store.exists() else START
        try:
            batch = store.append([note(text)], head)
        except Conflict:
            continue
        say(f"ok {batch.head.seq} {text}")
        return


def main() -> None:
    """Reads the arguments, says `ready`, waits for a line on stdin, and appends."""
    parser = argparse.ArgumentParser()
    parser.add_argument("log")
    parser.add_argument("--name", default="w")
    parser.add_argument("--count", type=int, default=1)
    parser.add_argument("--size", type=int, default=0)
    parser.add_argument("--again", action="store_true")
    parser.add_argument("--lock-timeout", type=float, default=30.0)
    options = parser.parse_args()
    store = JsonlStore(options.log, lock_timeout=options.lock_timeout)
    say("ready")
    sys.stdin.readline()
    for number in range(options.count):
        text = f"{options.name}-{number}-{'x' * options.size}"
        for _ in range(1 + options.again):
            try:
                append(store, text)
                break
            except LogError as error:
                say(f"error {error.code}")
                if not options.again:
                    sys.exit(4)


if __name__ == "__main__":
    main()
