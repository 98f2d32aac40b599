"""Other tools' formats: a build written in them, and plans read from them. Pure."""

__all__: list[str] = []
