"""What agents read names commands that exist."""

from __future__ import annotations

import re
from pathlib import Path

from cli.table_of_commands import COMMANDS

ROOT = Path(__file__).parents[2]
SKILL = ROOT / "skills" / "build-orchestrator" / "SKILL.md"


def test_every_command_that_the_skill_names_exists() -> None:
    named = set(re.findall(r"(?:^|`)bo ([a-z-]+)", SKILL.read_text(encoding="utf-8"), re.MULTILINE))
    assert {"spawn-cmd", "complete"} <= named <= {row.name for row in COMMANDS}


def test_the_skill_begins_with_its_name_and_when_to_use_it() -> None:
    head = re.match(r"---\nname: (.+)\ndescription: (.+)\n---\n", SKILL.read_text(encoding="utf-8"))
    assert head is not None
    assert head[1] == SKILL.parent.name
    assert "Use when" in head[2]
    assert len(head[2]) < 1024


def test_the_makefile_and_paths_that_agents_are_told_of_are_there() -> None:
    text = (ROOT / "AGENTS.md").read_text(encoding="utf-8")
    targets = set(re.findall(r"`make ([a-z]+)`", text))
    assert "check" in targets
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert all(re.search(rf"^{target}:", makefile, re.MULTILINE) for target in targets)
    paths = re.findall(r"`((?:eventlog|projections|cli|docs|tests|\.ci)/[A-Za-z_/.]*)`", text)
    assert "cli/" in paths
    for path in paths:
        assert (ROOT / path).exists(), path
