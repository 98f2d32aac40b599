"""Pure renders: from a build to the text of a file."""

__all__: list[str] = []
