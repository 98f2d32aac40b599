"""The page about a real workflow: its sessions run as they stand, where the workflow's plan is at hand."""

from __future__ import annotations

import json
import re
import shutil
import sys
from pathlib import Path

import pytest

from examples.scale_plan import scaled
from tests.cli.running import PLANS, ROOT
from tests.docs.test_transcripts import BLOCK, matches, run_line

PLAN = PLANS / "nfcore-rnaseq.json"


@pytest.mark.skipif(not PLAN.exists(), reason="the recorded plans do not lie beside the checkout")
def test_the_sessions_with_a_real_workflow_run_as_they_stand(tmp_path: Path) -> None:
    (tmp_path / "N5" / "builds").mkdir(parents=True)
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    shutil.copy(PLAN, tmp_path)
    blocks = BLOCK.findall((ROOT / "docs" / "case-study.md").read_text(encoding="utf-8"))
    assert [kind for kind, _ in blocks] == ["console"] * 7
    for _, text in blocks:
        for step in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
            line, _, expected = step.partition("\n")
            actual = run_line(f'python() {{ "{sys.executable}" "$@"; }}; {line}', tmp_path)
            assert matches(expected, actual), f"$ {line}\nexpected:\n{expected}\nactual:\n{actual}"


def test_a_scaled_plan_is_the_same_plan_with_a_worker_that_sleeps_for_its_share() -> None:
    plan = json.loads((ROOT / "examples" / "auth-system.json").read_text(encoding="utf-8"))
    made = scaled(plan, 1000)
    assert [worker.pop("command") for worker in made["workers"]] == [
        ["sleep", "7.200"],
        ["sleep", "14.400"],
        ["sleep", "10.800"],
        ["sleep", "10.800"],
    ]
    assert made == plan


def test_a_worker_without_an_estimate_does_not_sleep() -> None:
    made = scaled({"workers": [{"id": "a"}, {"id": "b", "estimated_hours": None}]}, 10)
    assert [worker["command"] for worker in made["workers"]] == [["sleep", "0.000"]] * 2


@pytest.mark.parametrize("by", [0.0, -1.0, float("nan")])
def test_a_plan_cannot_be_scaled_by_nothing(by: float) -> None:
    with pytest.raises(ValueError, match="times shorter"):
        scaled({"workers": []}, by)
