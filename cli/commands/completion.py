"""The shell's completion script, with project and worker names."""

from __future__ import annotations

import click


@click.command()
@click.argument("shell", type=click.Choice(("bash", "zsh", "fish")))
def completion(shell: str) -> None:
    """Print the shell's completion script.

    Example: eval "$(bo completion bash)"
    """
    from click.shell_completion import get_completion_class

    from cli.main import bo
    from cli.output import show

    kind = get_completion_class(shell)
    assert kind is not None
    script = kind(bo, {}, "bo", "_BO_COMPLETE").source().rstrip("\n")
    show(False, {}, lambda: script)
