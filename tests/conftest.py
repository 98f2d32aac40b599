import os
import shutil
from collections import Counter

import pytest
from hypothesis import HealthCheck, settings

IN_CI = os.environ.get("CI", "").lower() in {"1", "true"}

# A loaded machine is slow, not wrong: no profile has a deadline.
settings.register_profile("dev", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True, database=None, print_blob=True)
settings.register_profile(
    "soak", deadline=None, max_examples=5_000, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci" if IN_CI else "dev"))


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip a test whose programs are missing; in CI a missing program is a failure, never a silent skip."""
    programs = [name for marker in item.iter_markers("needs") for name in marker.args]
    missing = [name for name in programs if shutil.which(name) is None]
    if missing and IN_CI:
        pytest.fail(f"not on the PATH: {', '.join(missing)}", pytrace=False)
    if missing:
        pytest.skip(f"not on the PATH: {', '.join(missing)}")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Prints what the long runs went through: the sum of all figures that tests recorded as `soak`."""
    figures = Counter[str]()
    for report in [*terminalreporter.getreports("passed"), *terminalreporter.getreports("failed")]:
        if report.when == "call":
            for name, value in report.user_properties:
                if name == "soak":
                    figures.update(value)
    if figures:
        terminalreporter.section("what the runs went through, and came out with")
        for name in sorted(figures, key=lambda name: ("event" in name, name)):
            terminalreporter.write_line(f"{name.replace('_', ' '):<24}{figures[name]:>14,}")
