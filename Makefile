# `make demo` and `make test` work on a fresh clone. `make help` lists all targets.

PYTHON ?= python3
CONFIG ?=
SYMBOL ?=
SEED ?=
CASES ?=
QUICK ?=
T ?=
FAULTS ?=
UPGRADE ?=
SCALE ?=
RECORD ?=
CROWD ?=
GATEWAY ?=

# A variable's text as one word of the shell, or as several, whatever characters it contains.
quoted = '$(subst ','\'',$(value $1))'
each_quoted = $(foreach one,$(value $1),'$(subst ','\'',$(one))')

# make would expand them for the environment of each command.
unexport CONFIG SYMBOL AGAINST

BIN := .venv/bin
FEEDD = $(BIN)/feedd $(if $(value CONFIG),--config=$(call quoted,CONFIG))
SETUP := $(PYTHON) scripts/setup.py

.PHONY: demo test chaos bench test-ccxt-latest lint check start stop restart status logs research \
	lock bench-lock build chart-library test-py313 help

demo: .venv/.feedd  ## run everything on the embedded exchange and print ticks; FAULTS=1
	@$(FEEDD) demo $(if $(FAULTS),--faults)

start:  ## start everything, or apply a changed configuration; CONFIG=FILE
stop:  ## stop everything
status:  ## report the health; fails unless everything is healthy
logs:  ## show the logs of all processes and follow them
start stop status logs: .venv/.feedd
	@$(FEEDD) $@

restart: .venv/.feedd  ## restart all feeds, or SYMBOL=BTC/USDT
	@$(FEEDD) restart -- $(call each_quoted,SYMBOL)

# T=… goes to pytest: T=tests/unit/client, T="tests/unit/feed -k staleness", or, for a fast run
# without the tests that start processes, T="-m 'not process'". Without T all tests run, several at
# once: most of them wait for processes.
test: .venv/.feedd-dev  ## run the tests; T=tests/unit/client for some
	@$(BIN)/python -m pytest $(if $(T),$(T),-n 6 --dist worksteal)

# Some 15 min; writes docs/reliability.md. SEED=… repeats a run, CASES="proxy bomb" picks some.
chaos: .venv/.feedd-dev  ## run the reliability tests, some 15 min; CASES="proxy bomb", SEED=N
	@PYTHONPATH=tests SEED=$(SEED) $(BIN)/python -m chaos $(CASES)

# In an environment of its own: can one exchange still be imported without the others?
test-ccxt-latest: LATEST := .venv-ccxt-latest/bin/python
test-ccxt-latest:  ## test the import of one exchange with the newest ccxt
	@$(PYTHON) -m venv .venv-ccxt-latest
	@$(LATEST) -m pip install -q --disable-pip-version-check -r requirements-dev.lock
	@$(LATEST) -m pip install -q --disable-pip-version-check --upgrade ccxt
	@$(LATEST) -c "import importlib.metadata as m; print('ccxt', m.version('ccxt'))"
	@$(LATEST) -m pytest tests/unit/sources/ccxt/test_ccxt_import.py

lint: .venv/.feedd-dev  ## run ruff, mypy and import-linter
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

check: lint test  ## lint and test, as CI does

# QUICK=1: a few minutes, to see that it works. SCALE=1: many symbols instead of the rest. RECORD=1:
# recording and replaying. CROWD=1: many subscribers and no spare CPU. GATEWAY=1: the gateway, its page
# in Chromium and slow clients. AGAINST=DIR: this checkout's workers beside another checkout's, in turns.
bench: .venv/.feedd-dev  ## run the benchmarks; QUICK=1, or SCALE, RECORD, CROWD, GATEWAY=1, AGAINST=DIR
	@$(BIN)/python -m bench \
	    $(if $(SCALE),scale,$(if $(RECORD),record,$(if $(CROWD),crowd,$(if $(GATEWAY),gateway,main)))) \
	    $(if $(QUICK),--quick) $(if $(value AGAINST),--against $(call quoted,AGAINST))

# The page's chart library, with a lock file of its own. Setup fetches it; without npm and PyPI
# everything else still works.
CHARTS := feedd/gateway/page/vendor/THIRD-PARTY.txt
CHARTS_LOCK := scripts/chart_library/package-lock.json

chart-library: $(CHARTS)  ## fetch the web page's chart library from npm, if it is missing

$(CHARTS): $(CHARTS_LOCK)
	@$(PYTHON) scripts/chart_library/fetch.py

.venv/.feedd: requirements.lock scripts/setup.py pyproject.toml $(CHARTS_LOCK)
	@$(SETUP) requirements.lock $@

.venv/.feedd-research: requirements-research.lock scripts/setup.py pyproject.toml $(CHARTS_LOCK)
	@$(SETUP) requirements-research.lock $@

.venv/.feedd-dev: requirements-dev.lock scripts/setup.py pyproject.toml $(CHARTS_LOCK)
	@$(SETUP) requirements-dev.lock $@

research: .venv/.feedd-research  ## install what exports to Parquet and pictures need

UV := .venv-lock/bin/uv
COMPILE := $(UV) pip compile -q --universal --generate-hashes --no-emit-index-url --no-header \
    --python-version 3.11 $(if $(UPGRADE),--upgrade)
lock: $(UV)  ## update the lock files; UPGRADE=1 for the newest releases
	$(COMPILE) --extra build --extra server --extra top pyproject.toml -o requirements.lock
	$(COMPILE) --extra build --extra research pyproject.toml -o requirements-research.lock
	$(COMPILE) --extra dev pyproject.toml -o requirements-dev.lock
	cd scripts/chart_library && ../../$(COMPILE) node.in -o node.lock

bench-lock: $(UV)  ## update the lock file of the benchmarks' peers
	$(COMPILE) bench/peers/requirements.in -o bench/peers/requirements.lock

$(UV):
	@$(PYTHON) -m venv .venv-lock
	@.venv-lock/bin/pip install -q --disable-pip-version-check uv

build: .venv/.feedd $(CHARTS)  ## build the wheel and the sdist in dist/
	@$(BIN)/python -m hatchling build

# Run the tests under Python 3.13 in a Debian trixie folder; T=tests/unit picks some. As root.
test-py313:  ## run the tests on Python 3.13, as root; T=tests/unit for some
	@scripts/test_py313.sh $(T)

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "make %-17s %s\n", $$1, $$2}' Makefile
