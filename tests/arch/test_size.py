from tests.arch.source import PACKAGES, modules, shown

MOST = 400  # lines: what is read in one sitting


def test_no_module_is_longer_than_one_sitting() -> None:
    long = {
        shown(path): lines
        for folder in (*PACKAGES, "tests", "benchmarks", "examples")
        for path in modules(folder)
        if (lines := len(path.read_bytes().splitlines())) > MOST
    }
    assert not long
