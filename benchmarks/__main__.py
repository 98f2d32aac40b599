"""Runs every measurement, and with --write makes docs/performance.md and its plots.

One after the other in this process, on inputs made once. What fails is named at the end, and the rest
is measured all the same.
"""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from time import perf_counter

import msgspec

from benchmarks import machine
from benchmarks.page import page
from benchmarks.report import Report
from benchmarks.setting import Measurement, Setting, options, setting_of

QUESTIONS = (
    "startup",
    "append",
    "replay",
    "verify",
    "ready",
    "tail",
    "runs",
    "fanout",
    "peers",
    "growth",
    "remote",
    "remote_scale",
    "install",
)
"""The programs, in the order of the page."""


def main() -> int:
    """Returns the exit code: 1 when a program failed."""
    parser = options("Runs every measurement.")
    parser.add_argument("--only", action="append", choices=QUESTIONS, help="only this one; repeatable")
    parser.add_argument("--write", action="store_true", help="write docs/performance.md and its plots")
    parser.add_argument(
        "--docs", type=Path, default=Path(__file__).parent.parent / "docs", help="where --write writes to"
    )
    arguments = parser.parse_args()
    reports: list[Report] = []
    failed: list[str] = []
    with setting_of(arguments) as setting:
        about = machine.describe(setting.work)
        before = machine.load()
        for question in arguments.only or QUESTIONS:
            began = perf_counter()
            try:
                report = _measure(question, setting)
            except Exception as error:
                failed.append(f"{question}: {type(error).__name__}: {error}")
                continue
            reports.append(report)
            print(f"{report.text()}  ({perf_counter() - began:.1f} s)\n", file=sys.stderr, flush=True)
    about.append(("others on the machine", f"{before:.1f} processes wanted a core before it began"))
    if arguments.json:
        sys.stdout.buffer.write(msgspec.json.format(msgspec.json.encode(reports), indent=2) + b"\n")
    if arguments.write:
        _write(reports, about, arguments.docs, quick=arguments.quick)
    for failure in failed:
        print(f"FAILED {failure}", file=sys.stderr)
    print(f"{len(reports)} measurements made, {len(failed)} failed", file=sys.stderr)
    return 1 if failed else 0


def _measure(question: str, setting: Setting) -> Report:
    module = importlib.import_module(f"benchmarks.{question}")
    measure: Measurement = module.measure
    report = measure(setting)
    report.method = " ".join((module.__doc__ or "").partition("\n\n")[2].split())
    return report


def _write(reports: list[Report], about: list[tuple[str, str]], docs: Path, *, quick: bool) -> None:
    from benchmarks.plots import draw

    docs.mkdir(parents=True, exist_ok=True)
    plots = draw(reports, docs / "performance")
    text = page(reports, about, [f"performance/{name}" for name in plots])
    if quick:
        text = "> Made in quick mode: these figures mean nothing.\n\n" + text
    (docs / "performance.md").write_text(text, "utf-8")


if __name__ == "__main__":
    sys.exit(main())
