"""Large plans are rendered behind the commands: soon, together, and never backwards."""

from __future__ import annotations

from time import monotonic, sleep

from cli.trailing import MANY
from tests.cli.running import BoProcess


def test_what_a_command_did_to_a_large_plan_is_in_plan_json_soon_after(process: BoProcess) -> None:
    process.init("large", {"workers": [{"id": f"w{number}"} for number in range(MANY + 1)]})
    assert process.plan("large")["_meta"]["seq"] == 1
    for number in range(5):
        assert process("complete", "-w", f"w{number}").code == 0
        assert process("status").json["seq"] == number + 2
    deadline = monotonic() + 60
    while process.plan("large")["_meta"]["seq"] < 6 and monotonic() < deadline:
        sleep(0.02)
    assert process.plan("large")["_meta"]["seq"] == 6
    assert process("verify").json["problems"] == []
