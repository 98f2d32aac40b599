"""What each attempt is given: assignment, command, environment, settings; read once per plan."""

from __future__ import annotations

from typing import Any

import msgspec

from cli.dispatch.runner import Job, Site
from cli.dispatch.settings import Overrides, Settings, fill, read_settings
from cli.project import Project
from projections.assignment import assignment
from projections.build import Build, Worker


class Briefing:
    """Makes the jobs of one project. The plan's text is decoded again only when it was amended."""

    def __init__(self, project: Project, site: Site, overrides: Overrides) -> None:
        self._project = project
        self._site = site
        self._overrides = overrides
        self._text = b""
        self._plan: dict[str, Any] = {}
        self.settings: dict[str, Settings] = {}

    def read(self, build: Build) -> bool:
        """Takes note of the build's plan; returns whether it is another than before. Raises Refused."""
        if build.plan == self._text:
            return False
        self.settings = read_settings(build.plan, self._overrides)
        self._plan = msgspec.json.decode(build.plan)
        self._text = build.plan
        return True

    @property
    def priorities(self) -> dict[str, float]:
        """The workers whose priority is not 0."""
        return {name: settings.priority for name, settings in self.settings.items() if settings.priority}

    def job(self, build: Build, worker: Worker) -> Job:
        """Returns the current attempt of `worker` as a job."""
        key = (worker.id, worker.attempts)
        text = assignment(build, worker, self._project.name, self._plan)
        planned = self._plan["workers"][build.index[worker.id]]
        values = {
            "id": worker.id,
            "component": str(planned.get("component") or worker.id),
            "description": str(planned.get("description") or ""),
            "assignment": text,
            "assignment_file": self._site.assignment_file(key),
            "project": self._project.name,
            "attempt": str(worker.attempts),
        }
        return Job(
            worker=worker.id,
            attempt=worker.attempts,
            assignment=text,
            command=fill(self.settings[worker.id].command, values),
            environment={
                "BO_PROJECT": self._project.name,
                "BO_BUILDS_DIR": self._project.builds,
                "BO_WORKER": worker.id,
                "BO_ATTEMPT": str(worker.attempts),
                "BO_COMPONENT": values["component"],
                "BO_ASSIGNMENT_FILE": values["assignment_file"],
                "BO_ACTOR": worker.id,
            },
            output=f"outputs/{worker.id}.{worker.attempts}.txt",
        )
