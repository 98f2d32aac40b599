# Needs make and a Python of at least 3.11; everything else is installed into $(VENV).
#   make run      the example build, run to its end
#   make test     every test but the soak, in parallel
# Another Python or place: make test PYTHON=python3.13 VENV=.venv313

SHELL := /bin/sh
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

VENV ?= .venv
BIN := $(VENV)/bin
# The first one that is new enough and can make an environment; asked only when one has to be made.
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11 python3.14; do \
	$$p -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo $$p; break; }; done)
PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input -qq
# Exactly the pinned files, then the checkout itself, which brings nothing more with it.
install = $(PIP) install --require-hashes -r $(1) && $(PIP) install --no-deps --no-build-isolation -e .

PACKAGES := eventlog projections cli
TYPED := $(PACKAGES) tests $(patsubst %/,%,$(sort $(dir $(wildcard benchmarks/*.py examples/*.py))))
# One more than there are processors: many tests wait for servers, timeouts and leases.
WORKERS ?= $(shell echo $$(($$(getconf _NPROCESSORS_ONLN) + 1)))
GENERATED = $(shell grep -lF '[[[cog' README.md docs/*.md)
ARGS ?=

.PHONY: help run test check format soak bench docs docs-check coverage lock clean

help:
	@sed -n 's/^# \{0,1\}//p; /^$$/q' Makefile
	@echo '  make check    format, lint, types, import floors'
	@echo '  make docs     the generated parts of the documentation'
	@echo '  make soak     long runs      make bench    measurements      make coverage    what tests reach'
	@echo '  make format   rewrites       make lock     new pins (uv)     make clean       removes what was made'

run: $(VENV)/.runtime
	@PATH="$(abspath $(BIN)):$$PATH" examples/run.sh

test: $(VENV)/.dev
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal $(ARGS)

check: $(VENV)/.dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy $(TYPED)
	$(BIN)/lint-imports --no-logo

format: $(VENV)/.dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

soak: $(VENV)/.dev
	HYPOTHESIS_PROFILE=soak $(BIN)/python -m pytest -n auto -m soak --timeout 3600 $(ARGS)

bench: $(VENV)/.bench
	$(BIN)/python -m benchmarks $(or $(ARGS),--write)

coverage: $(VENV)/.dev
	$(BIN)/python -m pytest -n auto --cov --cov-report=term $(ARGS)

docs: $(VENV)/.dev
	$(BIN)/python examples/pictures.py docs/pictures
	$(BIN)/cog -r $(GENERATED)

docs-check: $(VENV)/.dev
	$(BIN)/cog --check --diff $(GENERATED)

# New versions of everything, with their hashes. Only the one who moves a pin needs uv.
COMPILE = uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header \
	--no-emit-index-url --no-emit-find-links
lock:
	$(COMPILE) --upgrade pyproject.toml --group dev -o .ci/requirements.txt
	$(COMPILE) --upgrade pyproject.toml --group backend -c .ci/requirements.txt -o .ci/runtime.txt
	$(COMPILE) --upgrade --group bench -c .ci/requirements.txt -o .ci/bench.txt

clean:
	rm -rf $(VENV) build dist .demo .coverage .coverage.* htmlcov
	rm -rf .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	find $(PACKAGES) tests benchmarks examples -name __pycache__ -prune -exec rm -rf {} + 2>/dev/null || true

$(VENV)/pyvenv.cfg:
	@test -n "$(PYTHON)" || { echo 'No Python 3.11 or newer with venv was found; name one: make PYTHON=...' >&2; exit 1; }
	@echo 'Installing into $(VENV); the first time takes a minute.'
	$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); exit 1; }

# The stamps lie in the environment: whoever removes it removes them.
$(VENV)/.runtime: .ci/runtime.txt pyproject.toml | $(VENV)/pyvenv.cfg
	$(call install,.ci/runtime.txt)
	@touch $@

# What the tests need includes what running needs.
$(VENV)/.dev: .ci/requirements.txt pyproject.toml | $(VENV)/pyvenv.cfg
	$(call install,.ci/requirements.txt)
	@touch $(VENV)/.runtime $@

$(VENV)/.bench: .ci/bench.txt | $(VENV)/.dev
	$(PIP) install --require-hashes -r .ci/bench.txt
	@touch $@
