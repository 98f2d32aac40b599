"""All commands in one table: `bo --help` reads it and imports none of them."""

from __future__ import annotations

from typing import NamedTuple


class Row(NamedTuple):
    """A command: its name, module below `cli.commands`, section of the help, and one line about it."""

    name: str
    module: str
    section: str
    help: str

    @property
    def attribute(self) -> str:
        """The function's name in its module: the command's, with `_command` where Python has its own."""
        name = self.name.replace("-", "_")
        return f"{name}_command" if name in ("import", "list") else name


DEFINE, RUN, WORK, READ, UNDERSTAND, PROVE = "Define", "Run", "Work", "Read", "Understand", "Prove"
EXCHANGE, SERVERS = "Show and exchange", "Logs on servers"
FIRST = "The six of every day"
SECTIONS = (FIRST, DEFINE, RUN, WORK, READ, UNDERSTAND, PROVE, EXCHANGE, SERVERS)

COMMANDS = (
    Row("init", "define", FIRST, "Begin a project with a plan."),
    Row("status", "read", FIRST, "Show all workers and their status."),
    Row("ready", "read", FIRST, "Show the workers that can be spawned now."),
    Row("complete", "report", FIRST, "Record that workers are done."),
    Row("spawn-cmd", "spawn_cmd", FIRST, "Print the command that spawns a worker, and record the spawn."),
    Row("list", "read", FIRST, "List all projects."),
    Row("import", "define", DEFINE, "Adopt a plan.json, or what another tool wrote, with its statuses."),
    Row("amend", "define", DEFINE, "Add workers, change dependencies or estimates."),
    Row("run", "run", RUN, "Run a plan to its end."),
    Row("spawn", "run", RUN, "Spawn workers now, detached."),
    Row("wait", "wait", RUN, "Wait until workers, or the whole build, are finished."),
    Row("stop", "wait", RUN, "End the dispatchers of a project cleanly."),
    Row("submit", "report", WORK, "Hand work in for review."),
    Row("review", "read", WORK, "List what awaits review."),
    Row("approve", "steer", WORK, "Complete work that was handed in."),
    Row("reject", "steer", WORK, "Send handed-in work back."),
    Row("fail", "report", WORK, "Record that workers failed."),
    Row("cancel", "steer", WORK, "Decide that workers are not to be done."),
    Row("reset", "steer", WORK, "Reopen finished workers."),
    Row("progress", "report", WORK, "Say how far a worker is."),
    Row("note", "report", WORK, "Write a remark into the log."),
    Row("fake-agent", "fake_agent", WORK, "Serve a pretended agent on loopback, to try `run --via zo`."),
    Row("log", "history", READ, "Show events, filtered."),
    Row("tail", "history", READ, "Show the last events, and with -f new ones as they land."),
    Row("replay", "history", READ, "Fold the log again, up to any moment, at any speed."),
    Row("assignment", "spawn_cmd", READ, "Print what a worker is told to do."),
    Row("plan", "document", READ, "Print plan.json as the log says it."),
    Row("readme", "document", READ, "Print README.md as the log says it."),
    Row("completion", "completion", READ, "Print the shell's completion script."),
    Row("why", "insight", UNDERSTAND, "Say why a worker is where it is, down to the root."),
    Row("blame", "insight", UNDERSTAND, "Say which event and actor set a field of a worker."),
    Row("diff", "insight", UNDERSTAND, "Show what changed between two moments, or how two projects differ."),
    Row("critical-path", "forecast", UNDERSTAND, "Show which workers the length of the build comes from."),
    Row("what-if", "forecast", UNDERSTAND, "Suppose that workers fail, are slower, added or left out."),
    Row("audit", "audit", PROVE, "Give one verdict for a build, and say who did what."),
    Row("fork", "fork", PROVE, "Begin a new project as a copy of another up to an event."),
    Row("verify", "prove", PROVE, "Check every byte of the log, and the derived files against it."),
    Row("rebuild", "prove", PROVE, "Write the derived files anew from the log."),
    Row("doctor", "prove", PROVE, "Check this machine and installation."),
    Row("graph", "picture", EXCHANGE, "Draw who waits for whom, and how far each is."),
    Row("timeline", "picture", EXCHANGE, "Draw when each worker waited and ran, and the critical path."),
    Row("report", "picture", EXCHANGE, "Write one page that tells the whole build, for any browser."),
    Row("export", "exchange", EXCHANGE, "Write the build in a format that other tools read."),
    Row("schema", "exchange", EXCHANGE, "Print the JSON Schema of plans, or of events."),
    Row("prime", "exchange", EXCHANGE, "Tell an agent how to use this project now."),
    Row("remote", "remote", SERVERS, "Make the place for logs on servers."),
    Row("push", "carry", SERVERS, "Take a project of this machine to the servers."),
    Row("pull", "carry", SERVERS, "Bring mirrors and their derived files up to date."),
)
