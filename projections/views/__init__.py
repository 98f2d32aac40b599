"""Pure views: what people ask about a build, as plain data."""

__all__: list[str] = []
