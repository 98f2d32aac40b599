"""The page on the layout of the code names every module."""

from tests.arch.source import PACKAGES, ROOT, modules, shown

MAP = (ROOT / "docs" / "layout.md").read_text(encoding="utf-8")


def test_every_module_is_on_the_map_by_its_name_or_by_its_folder() -> None:
    """A folder inside a package counts for what is in it, the package itself does not."""
    missing = [
        shown(path)
        for package in PACKAGES
        for path in modules(package)
        if path.name != "__init__.py"
        and f" {path.name}" not in MAP
        and (path.parent.name == package or f" {path.parent.name}/" not in MAP)
    ]
    assert not missing
