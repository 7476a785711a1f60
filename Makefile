# Needs python3 (3.11 or newer) and make, nothing else; `make help` says what there is.

PYTHON   ?= python3
DURATION ?=
# Only from make's own command line: a variable of that name may mean anything elsewhere.
ARGS      =

BIN       := .venv/bin
BOOTSTRAP := $(PYTHON) scripts/bootstrap.py
COMPILE   := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
             --no-header --no-emit-index-url --no-emit-find-links
MAKEFLAGS += --no-print-directory

.DEFAULT_GOAL := help
.PHONY: help demo test check format dashboards docs pictures house soak bench lock clean runtime dev

help:
	@echo "make demo     a simulated org, watched: table, metrics and status, until Ctrl-C"
	@echo "              DURATION=30 ends it after 30 s; ARGS=\"--port 9841\" passes options on"
	@echo "make test     all tests, on both cores; ARGS=\"-k ledger -n0\" passes options on"
	@echo "make check    format, lint, types, import arrows, then all tests with branch coverage"
	@echo "make format   put the code into the form that check asks for"
	@echo "make dashboards   write dashboards, rules and alerts anew from dashboards/source"
	@echo "make docs     write the tables of docs/platform.md anew from the simulator"
	@echo "make pictures     write README's sample of the demo and its pictures anew"
	@echo "make soak     thirty simulated days in one process: what it takes must level off"
	@echo "make bench    what it takes, beside rivals: a table; ARGS=--write puts it into docs/performance.md"
	@echo "make house    figures about the shape of the code; ARGS=-v says what was counted"
	@echo "make lock     write the lock files anew; ARGS=--upgrade takes newer versions"
	@echo "make clean    remove everything that make made, the environment too; keeps your data"
	@echo "PYTHON=python3.12 picks the Python; each target does its own set-up in .venv"

demo: runtime
	@$(BIN)/python -m monitor demo $(if $(DURATION),--duration $(DURATION)) $(ARGS)

test: dev
	$(BIN)/python -m pytest -n 2 $(ARGS)

# Tests come last, so that their closing line is the last word.
check: dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(MAKE) test ARGS="--cov --cov-report=term-missing:skip-covered $(ARGS)"

format: dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

dashboards: dev
	$(BIN)/python -m dashboards.source

docs: dev
	$(BIN)/python -m scripts.platform_page

pictures: dev
	$(BIN)/python -m scripts.pictures

house: dev
	@$(BIN)/python -m scripts.house $(ARGS)

soak: dev
	@$(BIN)/python -m benchmarks.soak $(ARGS)

bench: dev
	@$(BIN)/python -m benchmarks.bench $(ARGS)

# Each lock keeps to the versions of the one before it, so that the tests run what users run.
lock: dev
	$(COMPILE) pyproject.toml -o requirements.lock $(ARGS)
	$(COMPILE) pyproject.toml --group dev -c requirements.lock -o requirements-dev.lock $(ARGS)
	$(COMPILE) --group build -c requirements-dev.lock -o requirements-build.lock $(ARGS)

clean:
	rm -rf .venv dist .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache .coverage .coverage.*
	find monitor tests scripts benchmarks dashboards -name __pycache__ -type d -prune -exec rm -rf {} +

runtime:
	@$(BOOTSTRAP) runtime

dev:
	@$(BOOTSTRAP) dev
