# A newcomer needs two: make demo, make test. Everything stays inside this directory.
PYTHON ?= python3
AIRFLOW ?= 3.3

BIN := .venv/bin
CONSTRAINTS := constraints/airflow-$(AIRFLOW).txt
UV := $(BIN)/uv pip install --quiet --python $(BIN)/python --constraints $(CONSTRAINTS)
export UV_CACHE_DIR := $(CURDIR)/.cache/uv
export PIP_NO_CACHE_DIR := 1
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PYTHONNOUSERSITE := 1
# pip asks rustc for its version, and that may leave a file at home.
export RUSTUP_HOME := $(CURDIR)/.cache/rustup
# Compiled once, into .venv and __pycache__, whatever the caller says.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: demo test check audit bench e2e reliability clean constraints

demo: .venv/runtime  ## Run the example Dags against the simulator and show what they wrote
	@$(BIN)/python scripts/demo.py

test: .venv/test  ## Run the tests
	@$(BIN)/python -m pytest $(ARGS)

check: .venv/check  ## Lint and types
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy

audit: .venv/uv  ## Published advisories against the pinned runtime dependencies; needs the network
	@mkdir -p .cache
	$(BIN)/uv pip compile --quiet --no-header --no-annotate --no-emit-index-url \
	  --constraints $(CONSTRAINTS) --extra s3 --extra zstd --output-file .cache/audit.txt pyproject.toml
	$(BIN)/uvx --quiet 'pip-audit>=2.9,<3' --strict --no-deps --disable-pip \
	  --requirement .cache/audit.txt

bench: .venv/bench  ## Rows per second, CPU, memory and requests against a plain loop and others
	@$(BIN)/python scripts/bench.py

e2e: .venv/bench  ## Waiting, the quota, bad servers and lost triggerers on a real Airflow: 20 min
	@$(BIN)/python scripts/e2e.py $(ARGS)

reliability: .venv/test  ## Crashes, faults, races and hostile input: rows lost, rows doubled
	@$(BIN)/python scripts/reliability.py $(ARGS)

clean:  ## Remove every trace
	rm -rf .venv .cache .demo dist .pytest_cache .mypy_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

constraints: .venv/uv  ## Pin the newest versions that Airflow $(AIRFLOW) works with
	@mkdir -p .cache && echo 'apache-airflow==$(AIRFLOW).*' > .cache/pin.txt
	$(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 --no-header \
	  --no-annotate --no-emit-index-url --constraints .cache/pin.txt --extra s3 --extra zstd \
	  --group test --group check --group bench --output-file $(CONSTRAINTS) pyproject.toml

.venv/uv:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.11 …")'
	@echo "Building .venv …"
	@$(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet uv
	@touch $@

.venv/runtime: .venv/uv pyproject.toml $(CONSTRAINTS)
	@$(UV) --editable .
	@touch $@

.venv/test: .venv/runtime
	@$(UV) --group test
	@touch $@

.venv/check: .venv/test
	@$(UV) --group check
	@touch $@

.venv/bench: .venv/runtime
	@$(UV) --group bench
	@touch $@
