"""The world: people, processes, HTTP, and the files derived from the log. The highest of three floors."""

__all__: list[str] = []
