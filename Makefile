# One door to everything. `make run` and `make test` need only Python >= 3.11 and make.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PACKAGES := $(sort $(wildcard packages/*))
SOURCES := packages tests
STAMP := $(VENV)/.installed
MODULES := circus.protocol circus.exc circus.process circus.stream circus.sockets circus.watcher \
	circus.client circus.consumer circus.ctl circus.arbiter circus.config circus.circusd \
	circus.plugins circus.stats circus.commands circus.pidfile circus.util circus.top circus.web

.PHONY: help run setup check format lint types pure test clean

help:  ## what can be made
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 18

setup: $(STAMP)  ## make .venv with every package, editable, and the tools

$(STAMP): constraints.txt requirements-dev.txt $(PACKAGES:%=%/pyproject.toml)
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet -c constraints.txt -r requirements-dev.txt $(PACKAGES:%=-e ./%)
	touch $@

run: $(STAMP)  ## run circusd on the quickstart
	$(BIN)/circusd examples/quickstart.ini

format: $(STAMP)  ## rewrite the code in the one style
	$(BIN)/ruff format $(SOURCES)
	$(BIN)/ruff check --fix-only --quiet $(SOURCES)

lint: $(STAMP)
	$(BIN)/ruff format --check $(SOURCES)
	$(BIN)/ruff check $(SOURCES)

types: $(STAMP)
	MYPYPATH=$(subst $(eval ) ,:,$(PACKAGES:%=%/src)) $(BIN)/mypy $(MODULES:%=-p %)
	$(BIN)/pyright

pure: $(STAMP)
	$(BIN)/pytest -m "not real and not slow and not reference" -n 2 -q

check: lint types pure  ## format, lint, types and the fast tests

test: lint types $(STAMP)  ## everything that CI runs
	$(BIN)/pytest -n 2 -q

clean:  ## remove what was made
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis
