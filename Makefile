# feedd. `make demo` and `make test` work on a fresh clone; the rest is for every day.

PYTHON ?= python3
CONFIG ?=
SYMBOL ?=
SEED ?=
CASES ?=
QUICK ?=
T ?=
UPGRADE ?=
SCALE ?=
RECORD ?=

BIN := .venv/bin
FEEDD := $(BIN)/feedd $(if $(CONFIG),--config $(CONFIG))
SETUP := $(PYTHON) scripts/setup.py

.PHONY: demo test chaos bench test-ccxt-latest lint check start stop restart status logs research \
	lock bench-lock build test-py313

demo: .venv/.feedd
	@$(BIN)/feedd demo

start stop status logs: .venv/.feedd
	@$(FEEDD) $@

restart: .venv/.feedd
	@$(FEEDD) restart $(SYMBOL)

# T=… goes to pytest: T=tests/unit/client, T="tests/unit/feed -k staleness", or, for a fast run
# without the tests that start processes, T="-m 'not process'". Without T all tests run, several at
# once: most of them wait for processes.
test: .venv/.feedd-dev
	@$(BIN)/python -m pytest $(if $(T),$(T),-n 4 --dist worksteal)

# Some 15 min; writes docs/reliability.md. SEED=… repeats a run, CASES="proxy bomb" picks some.
chaos: .venv/.feedd-dev
	@PYTHONPATH=tests SEED=$(SEED) $(BIN)/python -m chaos $(CASES)

# Whether one exchange alone can still be imported of the newest ccxt, in an environment of its own.
test-ccxt-latest: LATEST := .venv-ccxt-latest/bin/python
test-ccxt-latest:
	@$(PYTHON) -m venv .venv-ccxt-latest
	@$(LATEST) -m pip install -q --disable-pip-version-check -r requirements-dev.lock
	@$(LATEST) -m pip install -q --disable-pip-version-check --upgrade ccxt
	@$(LATEST) -c "import importlib.metadata as m; print('ccxt', m.version('ccxt'))"
	@$(LATEST) -m pytest tests/unit/sources/ccxt/test_ccxt_import.py

lint: .venv/.feedd-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

check: lint test

# QUICK=1: a few minutes, to see that it works. SCALE=1: many symbols instead of the rest. RECORD=1:
# recording and replaying. AGAINST=DIR: this checkout's workers beside another checkout's, in turns.
bench: .venv/.feedd-dev
	@$(BIN)/python -m bench $(if $(SCALE),scale,$(if $(RECORD),record,main)) $(if $(QUICK),--quick) \
	    $(if $(AGAINST),--against $(AGAINST))

.venv/.feedd: requirements.lock scripts/setup.py pyproject.toml
	@$(SETUP) requirements.lock $@

.venv/.feedd-research: requirements-research.lock scripts/setup.py pyproject.toml
	@$(SETUP) requirements-research.lock $@

.venv/.feedd-dev: requirements-dev.lock scripts/setup.py pyproject.toml
	@$(SETUP) requirements-dev.lock $@

# What `feedd export` to Parquet and `feedd inspect`'s picture need.
research: .venv/.feedd-research

# Update the lock files from pyproject.toml. `make lock UPGRADE=1` takes the newest releases.
UV := .venv-lock/bin/uv
COMPILE := $(UV) pip compile -q --universal --generate-hashes --no-emit-index-url --no-header \
    --python-version 3.11 $(if $(UPGRADE),--upgrade)
lock: $(UV)
	$(COMPILE) --extra build --extra server pyproject.toml -o requirements.lock
	$(COMPILE) --extra build --extra research pyproject.toml -o requirements-research.lock
	$(COMPILE) --extra dev pyproject.toml -o requirements-dev.lock

bench-lock: $(UV)
	$(COMPILE) bench/peers/requirements.in -o bench/peers/requirements.lock

$(UV):
	@$(PYTHON) -m venv .venv-lock
	@.venv-lock/bin/pip install -q --disable-pip-version-check uv

# The wheel and the sdist, in dist/.
build: .venv/.feedd
	@$(BIN)/python -m hatchling build

# Run the tests under Python 3.13 in a Debian trixie folder; T=tests/unit picks some. As root.
test-py313:
	@scripts/test_py313.sh $(T)
