import __future__

import importlib
from types import ModuleType

import pytest

from tests.arch.source import PACKAGES


def leaks(module: ModuleType) -> list[str]:
    """Public names that a package shows without having promised them in `__all__`."""
    promised = set(module.__all__)
    return sorted(
        name
        for name, value in vars(module).items()
        if not name.startswith("_")
        and name not in promised
        and not _is_submodule(module, value)
        # `from __future__ import annotations` leaves a name that is no part of anyone's surface.
        and not isinstance(value, __future__._Feature)
    )


def constants_then_classes(name: str) -> tuple[bool, bool, str]:
    """The order that ruff gives to `__all__`: CONSTANTS, Classes, functions, each by the alphabet."""
    return not name.isupper(), not name[0].isupper(), name


def _is_submodule(package: ModuleType, value: object) -> bool:
    return isinstance(value, ModuleType) and value.__name__.startswith(f"{package.__name__}.")


@pytest.mark.parametrize("package", PACKAGES)
def test_all_is_sorted_and_names_each_thing_once(package: str) -> None:
    names = list(importlib.import_module(package).__all__)
    assert names == sorted(set(names), key=constants_then_classes)


@pytest.mark.parametrize("package", PACKAGES)
def test_every_name_in_all_resolves(package: str) -> None:
    module = importlib.import_module(package)
    missing = [name for name in module.__all__ if not hasattr(module, name)]
    assert not missing


@pytest.mark.parametrize("package", PACKAGES)
def test_no_other_public_name_is_shown(package: str) -> None:
    assert leaks(importlib.import_module(package)) == []


def test_a_leak_is_found() -> None:
    module = ModuleType("package")
    vars(module).update(__all__=["kept"], kept=1, leaked=2, _private=3, pytest=pytest)
    assert leaks(module) == ["leaked", "pytest"]
