"""What is recorded, when, and at which cost: one sync for what comes together, and files that never lie."""

import json
import os
from pathlib import Path
from typing import Any

from cli.dispatch.briefing import Briefing
from cli.dispatch.loop import Dispatcher
from cli.dispatch.policy import Policy
from cli.dispatch.runner import Job, Key, Outcome, Site
from cli.dispatch.settings import Overrides
from cli.handle import Handler
from cli.project import Project
from eventlog.disk import OsDisk
from eventlog.jsonl import JsonlStore
from eventlog.names import parse_project_name
from projections import commands as cmd
from tests.dispatch.runs import ENDS, Runs, assert_log_and_ledger_agree, plan, worker


class CountingDisk(OsDisk):
    """Counts how often the log was made durable."""

    def __init__(self) -> None:
        self.syncs = 0

    def sync(self, fd: int) -> None:
        self.syncs += 1
        super().sync(fd)


class AllAtOnce:
    """A runner whose attempts all end together, as soon as the last of `jobs` has begun."""

    name = "together"

    def __init__(self, disk: CountingDisk, jobs: int) -> None:
        self.jobs = jobs
        self.syncs: list[int] = []
        self._disk = disk
        self._begun: list[Job] = []
        self.descriptor, self._writer = os.pipe()

    def start(self, job: Job) -> None:
        if not self._begun:
            self.syncs.append(self._disk.syncs)
        self._begun.append(job)
        os.write(self._writer, b"x")

    def collect(self) -> list[Outcome]:
        begun, self._begun = self._begun, []
        if begun:
            os.read(self.descriptor, 4096)
            self.syncs.append(self._disk.syncs)
        return [Outcome(job.worker, job.attempt, "completed") for job in begun]

    def abort(self, key: Key, *, force: bool) -> None:
        raise AssertionError(key)

    def release(self, key: Key) -> None:
        pass

    def recover(self, job: Job) -> Outcome | None:
        raise AssertionError(job)

    def close(self) -> None:
        os.close(self.descriptor)
        os.close(self._writer)


def dispatcher_on(tmp_path: Path, disk: OsDisk, runner: Any, *workers: dict[str, Any]) -> Dispatcher:
    project = Project(str(tmp_path), parse_project_name("run"))
    project.store = JsonlStore(project.store.path, disk=disk)
    Handler(project, "ada").handle([cmd.DefinePlan(plan=json.dumps(plan(*workers)).encode(), build_id="b1")])
    site = Site(project.folder, project.path(".bo", "run"))
    handler = Handler(project, "ada").load()
    return Dispatcher(
        handler, runner, Briefing(project, site, Overrides()), jobs=runner.jobs, policy=Policy()
    )


def test_results_that_arrive_together_and_what_they_unblock_cost_one_sync(tmp_path: Path) -> None:
    disk = CountingDisk()
    runner = AllAtOnce(disk, jobs=50)
    first = [{"id": f"a{n}"} for n in range(50)]
    second = [{"id": f"b{n}", "dependencies": [f"a{n}"]} for n in range(50)]
    dispatcher_on(tmp_path, disk, runner, *first, *second).run()
    # The plan, its start, 50 spawns, 50 results with 50 spawns, 50 results, its end.
    assert runner.syncs == [3, 3, 4, 4]
    assert disk.syncs == 6


def test_an_outcome_that_a_runner_tells_twice_or_of_nobody_harms_nothing(tmp_path: Path) -> None:
    class Stuttering(AllAtOnce):
        def collect(self) -> list[Outcome]:
            return [*2 * super().collect(), Outcome("nobody", 1, "completed"), Outcome("a", 9, "completed")]

    disk = CountingDisk()
    dispatcher_on(tmp_path, disk, Stuttering(disk, 2), {"id": "a"}, {"id": "b", "dependencies": ["a"]}).run()
    log = [json.loads(line) for line in (tmp_path / "run" / "events.jsonl").read_text().splitlines()]
    assert [event["worker"] for event in log if event["type"] == "worker_completed"] == ["a", "b"]
    assert not [event for event in log if event["type"] == "late_result_received"]


def test_at_every_moment_of_a_run_the_results_are_the_beginning_of_what_the_log_says(bo: Runs) -> None:
    bo.begin(*(worker(f"w{n}", f"w{n - 4}" if n > 3 else "", "sleep 0.02") for n in range(40)))
    results = bo.path("run", "spawn_results.jsonl")
    running = bo.start("run", "-j", "4")
    seen = 0
    while running.poll() is None:
        lines = results.read_bytes().split(b"\n")[:-1] if results.exists() else []
        told = [(r["worker_id"], r["attempt"], r["seq"]) for r in map(json.loads, lines)]
        ends = [(e["worker"], e["attempt"], e["seq"]) for e in bo.log("run") if e["type"] in ENDS]
        assert told == ends[: len(told)]
        assert len(told) >= seen
        seen = len(told)
    running.communicate()
    assert running.returncode == 0
    assert_log_and_ledger_agree(bo)


def test_a_runner_of_another_distribution_can_be_chosen(bo: Runs) -> None:
    installed = bo.folder / "installed"
    (installed / "whistle-1.dist-info").mkdir(parents=True)
    (installed / "whistle-1.dist-info" / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: whistle\nVersion: 1\n"
    )
    (installed / "whistle-1.dist-info" / "entry_points.txt").write_text(
        "[build_orchestrator.runners]\nwhistle = whistle:new\n"
    )
    (installed / "whistle.py").write_text(
        "from tests.dispatch.test_recording import AllAtOnce, CountingDisk\n"
        "class Whistle(AllAtOnce):\n    name = 'whistle'\n"
        "def new(site):\n    return Whistle(CountingDisk(), 3)\n"
    )
    bo.begin({"id": "a"}, {"id": "b", "dependencies": ["a"]})
    assert "whistle" not in bo("run", "--via", "nobody").json["hint"]
    path = {"PYTHONPATH": f"{installed}:{bo.environment()['PYTHONPATH']}"}
    assert "whistle" in bo("run", "--via", "nobody", env=path).json["hint"]
    assert bo("run", "--via", "whistle", env=path).code == 0
    assert {event["via"] for event in bo.events("worker_spawned")} == {"whistle"}


def test_what_comes_together_is_counted_one_by_one(bo: Runs) -> None:
    bo.begin(*(worker(name) for name in ("a", "b", "c", "d", "e")))
    answer = bo("run", "-p", "run", "-j", "5")
    counts = [line.split("]")[0] for line in answer.stderr.splitlines() if " completed in " in line]
    assert counts == ["[1/5", "[2/5", "[3/5", "[4/5", "[5/5"]
