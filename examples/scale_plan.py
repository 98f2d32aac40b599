"""Makes of any plan one that can be run here and now: each worker sleeps for its share of the estimate.

    python examples/scale_plan.py plan.json 1000 >scaled.json
    bo run -p scaled --plan-file scaled.json -j 8

The last argument says how many times shorter everything is. Whatever else is in the plan stays.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any


def scaled(plan: dict[str, Any], by: float) -> dict[str, Any]:
    """Returns the plan with a `command` for each worker: its estimate divided by `by`, asleep.

    A worker without an estimate does not sleep at all. Raises ValueError unless `by` is more than 0.
    """
    if not by > 0:
        raise ValueError(f"a plan cannot be made {by} times shorter")
    return plan | {"workers": [worker | {"command": _sleep(worker, by)} for worker in plan["workers"]]}


def _sleep(worker: dict[str, Any], by: float) -> list[str]:
    return ["sleep", f"{(worker.get('estimated_hours') or 0) * 3600 / by:.3f}"]


if __name__ == "__main__":
    plan = json.loads(Path(sys.argv[1]).read_text("utf-8"))
    print(json.dumps(scaled(plan, float(sys.argv[2])), indent=2))
