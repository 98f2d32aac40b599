"""The documentation's pictures are those that the tool draws now, and small enough for a page."""

from __future__ import annotations

from pathlib import Path

from examples.pictures import draw

PICTURES = Path(__file__).parents[2] / "docs" / "pictures"


def test_the_pictures_are_not_stale(tmp_path: Path) -> None:
    drawn = draw(tmp_path)
    assert {path.name for path in drawn} == {path.name for path in PICTURES.iterdir()}
    for path in drawn:
        assert path.read_bytes() == (PICTURES / path.name).read_bytes(), f"`make docs` draws {path.name} anew"
        assert path.stat().st_size < 50_000
