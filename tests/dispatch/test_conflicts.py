"""What others write at the very moment at which a dispatcher writes: nothing it meant is lost by it."""

import json
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from cli.dispatch.briefing import Briefing
from cli.dispatch.command import CommandRunner
from cli.dispatch.loop import Dispatcher
from cli.dispatch.policy import Policy
from cli.dispatch.runner import Site
from cli.dispatch.settings import Overrides
from cli.handle import Handler
from cli.project import Project
from eventlog.disk import OsDisk
from eventlog.events import KnownEvent, WorkerReset, WorkerSpawned
from eventlog.head import Head
from eventlog.jsonl import JsonlStore
from eventlog.names import parse_project_name
from eventlog.store import Batch
from projections import commands as cmd
from tests.dispatch.runs import plan, sh


class Overtaken(JsonlStore):
    """A store whose owner is overtaken, just before the first append that `chosen` says."""

    def __init__(
        self, path: str, chosen: Callable[[Sequence[KnownEvent]], bool], others: Callable[[], None]
    ) -> None:
        super().__init__(path)
        self._chosen = chosen
        self._others: Callable[[], None] | None = others

    def append(self, events: Sequence[KnownEvent], expected: Head) -> Batch:
        if self._others is not None and self._chosen(events):
            others, self._others = self._others, None
            others()
        return super().append(events, expected)


def begun(builds: Path, *workers: dict[str, Any]) -> Project:
    project = Project(str(builds), parse_project_name("run"))
    text = json.dumps(plan(*workers)).encode()
    Handler(project, "ada").handle([cmd.DefinePlan(plan=text, build_id="b1")])
    return project


def by_another(project: Project, *commands: cmd.AnyCommand) -> Callable[[], None]:
    def act() -> None:
        Handler(Project(project.builds, project.name), "bob").load().handle(commands)

    return act


def dispatch(project: Project, store: JsonlStore, **options: Any) -> dict[str, str]:
    """Runs the project on that store, in this process; returns what became of its workers."""
    project.store = store
    site = Site(project.folder, project.path(".bo", "run"))
    handler = Handler(project, "ada").load()
    policy = Policy(retry_delay=0.01, grace=0.1)
    overrides = Overrides(retries=options.get("retries"))
    dispatcher = Dispatcher(
        handler, CommandRunner(site), Briefing(project, site, overrides), jobs=1, policy=policy
    )
    assert threading.current_thread() is threading.main_thread()
    dispatcher.run()
    return {worker.id: worker.status for worker in handler.build.workers}


def spawns(name: str) -> Callable[[Sequence[KnownEvent]], bool]:
    return lambda events: any(isinstance(event, WorkerSpawned) and event.worker == name for event in events)


def test_a_retry_is_made_though_others_wrote_at_its_moment(tmp_path: Path) -> None:
    project = begun(tmp_path, {"id": "a", "command": sh("[ $BO_ATTEMPT = 2 ]")})
    store = Overtaken(
        project.store.path,
        lambda events: any(isinstance(event, WorkerReset) for event in events),
        by_another(project, cmd.AddNote(text="meanwhile")),
    )
    assert dispatch(project, store, retries=1) == {"a": "completed"}


def test_a_worker_added_at_the_moment_of_a_spawn_is_run_too(tmp_path: Path) -> None:
    project = begun(tmp_path, {"id": "a", "command": ["true"]})
    added = json.dumps([{"id": "b", "command": ["true"], "priority": 1}]).encode()
    store = Overtaken(project.store.path, spawns("a"), by_another(project, cmd.AmendPlan(workers=added)))
    assert dispatch(project, store) == {"a": "completed", "b": "completed"}


def test_a_worker_spawned_by_another_at_that_moment_is_left_to_the_other(tmp_path: Path) -> None:
    project = begun(tmp_path, {"id": "a", "command": sh("touch ran")}, {"id": "b", "command": ["true"]})
    store = Overtaken(project.store.path, spawns("a"), by_another(project, cmd.Spawn(worker="a")))
    assert dispatch(project, store) == {"a": "in_progress", "b": "completed"}
    assert not (tmp_path / "ran").exists()


def test_a_worker_cancelled_at_the_moment_of_another_s_result_is_ended(tmp_path: Path) -> None:
    project = begun(
        tmp_path,
        {"id": "a", "command": ["sleep", "300"], "priority": 1},
        {"id": "b", "command": sh("sleep 0.3")},
    )
    project.store = Overtaken(
        project.store.path,
        lambda events: any(
            getattr(event, "worker", "") == "b" and not isinstance(event, WorkerSpawned) for event in events
        ),
        by_another(project, cmd.Cancel(worker="a")),
    )
    site = Site(project.folder, project.path(".bo", "run"))
    handler = Handler(project, "ada").load()
    Dispatcher(
        handler, CommandRunner(site), Briefing(project, site, Overrides()), jobs=2, policy=Policy(grace=0.1)
    ).run()
    assert {worker.id: worker.status for worker in handler.build.workers} == {
        "a": "cancelled",
        "b": "completed",
    }


class CountingDisk(OsDisk):
    """Counts how often the log was made durable."""

    def __init__(self) -> None:
        self.syncs = 0

    def sync(self, fd: int) -> None:
        self.syncs += 1
        super().sync(fd)


def test_a_torn_tail_that_somebody_left_is_no_reason_to_look_again_and_again(tmp_path: Path) -> None:
    project = begun(
        tmp_path, {"id": "a", "command": sh(f"printf '{{\"seq\":' >>{tmp_path}/run/events.jsonl; sleep 1")}
    )
    reads = 0

    class Counted(JsonlStore):
        def read(self, *arguments: Any, **keys: Any) -> Any:
            nonlocal reads
            reads += 1
            return super().read(*arguments, **keys)

    assert dispatch(project, Counted(project.store.path)) == {"a": "completed"}
    assert reads < 30
