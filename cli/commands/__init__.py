"""One module per command or small family: each parses, calls one function, prints."""

__all__: list[str] = []
