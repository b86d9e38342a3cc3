# make demo   the whole story on data that ships with the package
# make test   the whole gate: format, lint, types, architecture, tests, documentation
# make check  the gate without the tests
# make bench  measure, see docs/benchmarks.md
# make install  everything: base, extras, the tools of the tests
#
# Each makes .venv when it is missing. Another Python: make PYTHON=python3.12 test

PYTHON ?= python3
EXTRAS ?= dev,images,neural
DEMO ?= out/demo
BENCH ?= --data adult california_housing --seeds 0 1 2

BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet --constraint constraints.txt
PINS := pyproject.toml constraints.txt

.PHONY: install demo test check bench clean
.DEFAULT_GOAL := test

install: .venv/.everything

demo: .venv/.images
	$(BIN)/abbild demo -o $(DEMO)

test: check
	$(BIN)/python -m pytest --quiet --numprocesses 2 --dist loadfile

check: .venv/.dev
	$(BIN)/ruff format --check --quiet .
	$(BIN)/ruff check --quiet .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

bench: .venv/.dev
	$(BIN)/python benchmarks/install_peers.py
	$(BIN)/python benchmarks/tables.py $(BENCH) --docs docs/benchmarks.md
	$(BIN)/python benchmarks/scale.py --threads 2 --docs docs/benchmarks.md

clean:
	rm -rf .venv out dist .pytest_cache .mypy_cache .ruff_cache .hypothesis

# A stamp per layer, so that nothing is asked of pip when nothing changed.

$(BIN)/python:
	@command -v $(PYTHON) >/dev/null || \
	  { echo "error: $(PYTHON) is not installed; name another: make PYTHON=python3.12"; exit 2; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "error: Abbild needs Python 3.11 or newer, $(PYTHON) is" \
	    "$$($(PYTHON) -c 'import platform; print(platform.python_version())');" \
	    "name another: make PYTHON=python3.12"; exit 2; }
	$(PYTHON) -m venv .venv

.venv/.base: $(PINS) | $(BIN)/python
	$(PIP) --editable .
	@touch $@

.venv/.images: .venv/.base
	$(PIP) --editable '.[images]'
	@touch $@

.venv/.dev: .venv/.images
	$(PIP) --editable '.[dev,images]'
	@touch $@

.venv/.everything: .venv/.dev
	$(PIP) --editable '.[$(EXTRAS)]'
	@touch $@
