"""`python -m cli` is the same as `bo`."""

from cli.main import main

main()
