# One door to everything. `make run` and `make test` need only Python >= 3.11 and make.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PACKAGES := $(sort $(wildcard packages/*))
SOURCES := packages tests docs examples
STAMP := $(VENV)/.installed
MODULES := circus.protocol circus.exc circus.process circus.stream circus.sockets circus.watcher \
	circus.client circus.consumer circus.ctl circus.arbiter circus.config circus.circusd \
	circus.plugins circus.stats circus.commands circus.pidfile circus.util circus.top circus.web

REFERENCE := .venv-reference
REFERENCE_STAMP := $(REFERENCE)/.installed
# Debian packages that tests need, with a program of each.
SYSTEM_PACKAGES := fish:fish zsh:zsh tmux:tmux redis-server:redis-server chromium:chromium faketime:faketime openssh-server:sshd

.PHONY: bench chaos bench-quick bench-growth bench-page help run setup reference system-packages check format lint types pure test test-real test-wheels test-lowest test-newest test-pythons test-dependents docs coverage screenshots clean

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
	MYPYPATH=$(subst $(eval ) ,:,$(PACKAGES:%=%/src)):docs $(BIN)/mypy $(MODULES:%=-p %) -p parts -m generate
	$(BIN)/pyright

pure: $(STAMP)
	$(BIN)/pytest -m "not real and not slow and not reference" -n 2 -q

check: lint types pure  ## format, lint, types and the fast tests

reference: $(REFERENCE_STAMP)  ## make .venv-reference, the reference to compare with

$(REFERENCE_STAMP): constraints-reference.txt
	test -x $(REFERENCE)/bin/python || $(PYTHON) -m venv $(REFERENCE)
	$(REFERENCE)/bin/python -m pip install --quiet --no-compile -c $< circus
	touch $@

system-packages:  ## install the missing programs that tests need (root on a Debian; elsewhere those tests are skipped)
	@missing=; for pair in $(SYSTEM_PACKAGES); do \
		command -v $${pair#*:} >/dev/null || missing="$$missing $${pair%:*}"; done; \
	if test -z "$$missing"; then :; \
	elif test "$$(id -u)" = 0 && command -v apt-get >/dev/null; then \
		apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
			$$missing >/dev/null || echo "could not install$$missing: their tests are skipped"; \
	else echo "tests are skipped without them: apt-get install$$missing"; fi

test: lint types $(STAMP) reference system-packages  ## everything that CI runs
	$(BIN)/pytest -n 2 -q

test-real: $(STAMP)  ## the tests that start real processes
	$(BIN)/pytest -m real -n 2 -q

test-wheels: $(STAMP)  ## build every wheel; install and import each alone in a fresh environment
	$(BIN)/pytest tests/layout/test_wheels.py -q

# All tests of the packages that are not slow, on built wheels in a fresh environment (some minutes each); see tests/layout/fresh.py.
test-lowest: $(STAMP)  ## the packages with the lowest versions of libraries that they allow
	$(BIN)/python tests/layout/fresh.py lowest

test-newest: $(STAMP)  ## the packages with the newest versions of libraries
	$(BIN)/python tests/layout/fresh.py newest

PYTHONS ?= 3.11 3.12 3.13
test-pythons: $(STAMP)  ## the packages on each Python that is found: PYTHONS="3.12 /opt/python3.13/bin/python3"
	$(BIN)/python tests/layout/fresh.py pinned --python $(PYTHONS)

chaos: $(STAMP)  ## break circusd if you can: CHAOS_SECONDS=100, CHAOS_SEED=random
	$(BIN)/python tests/chaos/chaos.py

bench: $(STAMP)  ## measure beside other supervisors (an hour on a quiet machine; installs them; results in benchmarks/results)
	$(BIN)/python -m benchmarks

bench-quick: $(STAMP)  ## the same with fewer workers and one repeat, under five minutes
	$(BIN)/python -m benchmarks --quick

bench-growth: $(STAMP)  ## from 1 to 10,000 workers, one watcher of N and N watchers of one
	$(BIN)/python -m benchmarks --growth --peers floor,circus

bench-page: $(STAMP)  ## put the newest results into docs/performance.md and README.md
	$(BIN)/python -m benchmarks.report

docs: $(STAMP)  ## the manual, in docs/_site/index.html
	$(BIN)/python docs/generate.py
	$(BIN)/sphinx-build --fail-on-warning --keep-going --quiet --jobs auto -b html docs docs/_site
	@echo "docs/_site/index.html"

coverage: $(STAMP)  ## which lines and branches the tests reach
	$(BIN)/coverage run -m pytest -q
	$(BIN)/coverage report --show-missing --skip-covered

screenshots: $(STAMP)  ## draw the pictures in the READMEs anew
	$(BIN)/python packages/circus-top/screenshot.py

# Programs built on Circus, each in an environment of its own with our packages in place of the old ones.
LAYERS := $(filter-out packages/circus-top packages/circus-web,$(PACKAGES))

.venv-aiida/.installed .venv-bentoml/.installed: .venv-%/.installed: $(STAMP)
	test -x .venv-$*/bin/python || $(PYTHON) -m venv .venv-$*
	.venv-$*/bin/python -m pip install --quiet $(if $(filter aiida,$*),aiida-core,bentoml) typer rich psutil
	.venv-$*/bin/python -m pip uninstall --quiet --yes circus kantoku
	touch $@

test-dependents: .venv-aiida/.installed .venv-bentoml/.installed  ## AiiDA and BentoML on our packages (large installs)
	for name in aiida bentoml; do .venv-$$name/bin/python -m pip install --quiet --no-deps --force-reinstall \
		$(LAYERS:%=./%) || exit 1; done
	$(BIN)/pytest tests/dependents -v

clean:  ## remove what was made
	rm -rf $(VENV) $(REFERENCE) .venv-peers .mypy_cache .ruff_cache .pytest_cache .hypothesis
