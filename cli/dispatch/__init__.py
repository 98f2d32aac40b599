"""Running a plan: what is ready is spawned, what comes of it is recorded, whoever dies in between."""

__all__: list[str] = []
