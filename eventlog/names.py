"""Project names and worker ids: parsed once at the edge, trusted from then on."""

from __future__ import annotations

import re
from typing import NewType

from eventlog.errors import InvalidName

ProjectName = NewType("ProjectName", str)
WorkerId = NewType("WorkerId", str)

_PROJECT = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,62}")
WORKER_ID = r"[A-Za-z0-9][A-Za-z0-9_.:-]{0,199}"
"""What a worker id looks like, as a regular expression."""

_WORKER = re.compile(WORKER_ID)


def parse_project_name(text: str) -> ProjectName:
    """Returns `text` as a project name: 1 to 63 of A-Z a-z 0-9 _ -, the first a letter or digit.

    Raises InvalidName. The alphabet has no dot and no slash, so a name can never leave its folder.
    """
    if _PROJECT.fullmatch(text) is None:
        raise InvalidName(
            f"{_shown(text)} is not a project name",
            hint="use 1 to 63 letters, digits, '_' or '-', beginning with a letter or digit",
        )
    return ProjectName(text)


def parse_worker_id(text: str) -> WorkerId:
    """Returns `text` as a worker id: 1 to 200 of A-Z a-z 0-9 _ . : -, the first a letter or digit.

    Raises InvalidName.
    """
    if _WORKER.fullmatch(text) is None:
        raise InvalidName(
            f"{_shown(text)} is not a worker id",
            hint="use 1 to 200 letters, digits, '_', '.', ':' or '-', beginning with a letter or digit",
        )
    return WorkerId(text)


def _shown(text: str) -> str:
    return ascii(text if len(text) <= 80 else text[:77] + "...")
