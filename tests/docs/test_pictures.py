"""The documentation's pictures are those that the tool draws now, and small enough for a page."""

from __future__ import annotations

from pathlib import Path

from examples.pictures import RNASEQ, draw

PICTURES = Path(__file__).parents[2] / "docs" / "pictures"


SMALL, LARGE = 50_000, 200_000
"""Bytes: what a picture of four workers may have, and one of 197."""


def test_the_pictures_are_not_stale(tmp_path: Path) -> None:
    drawn = draw(tmp_path)
    kept = {path.name for path in PICTURES.iterdir() if RNASEQ.exists() or "rnaseq" not in path.name}
    assert {path.name for path in drawn} == kept
    for path in drawn:
        assert path.read_bytes() == (PICTURES / path.name).read_bytes(), f"`make docs` draws {path.name} anew"
        assert path.stat().st_size < (LARGE if "rnaseq" in path.name else SMALL)
