import re
import tomllib
from typing import Any

from tests.arch.source import ROOT


def names(requirements: list[Any]) -> set[str]:
    """The distributions that requirements name; groups included in groups are named there."""
    return {re.split(r"[^A-Za-z0-9_.-]", line)[0] for line in requirements if isinstance(line, str)}


def declared() -> dict[str, set[str]]:
    """What pyproject.toml asks for, by purpose."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    optional = project["project"].get("optional-dependencies", {})
    return {
        "runtime": names(project["project"]["dependencies"]),
        **{group: names(lines) for group, lines in {**optional, **project["dependency-groups"]}.items()},
    }


def pinned(file: str) -> set[str]:
    """The distributions that a file of pins holds."""
    return set(re.findall(r"^([A-Za-z0-9_.-]+)==", (ROOT / ".ci" / file).read_text("utf-8"), re.MULTILINE))


def test_every_dependency_is_documented_with_its_reason_and_nothing_else_is() -> None:
    rows = re.findall(
        r"^\| ([a-z0-9_.-]+) \|", (ROOT / "docs/dependencies.md").read_text("utf-8"), re.MULTILINE
    )
    assert sorted(set(rows) - {"dependency"}) == sorted(set().union(*declared().values()))


def test_every_dependency_is_pinned() -> None:
    wanted = declared()
    assert wanted["runtime"] | wanted["backend"] <= pinned("runtime.txt")
    assert wanted["runtime"] | wanted["backend"] | wanted["dev"] <= pinned("requirements.txt")
    assert wanted["bench"] <= pinned("bench.txt")
