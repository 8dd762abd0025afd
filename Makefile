# A newcomer needs two: make demo, make test. Everything stays inside this directory.
PYTHON ?= python3

BIN := .venv/bin
CONSTRAINTS := constraints/airflow-3.3.txt
AZURITE := .cache/azurite-3.35.0
AXE := .cache/axe-core-4.14.1
AXE_MAIN := $(AXE)/node_modules/axe-core/axe.min.js
AZURITE_MAIN := $(AZURITE)/node_modules/azurite/dist/src/blob/main.js
SUDO = $(shell [ "$$(id -u)" = 0 ] || echo sudo)
HAS_SERVERS := { command -v redis-server && ls /usr/lib/postgresql/*/bin/postgres; } >/dev/null 2>&1
INSTALL_SERVERS = { echo "Installing PostgreSQL and Redis …"; \
  $(SUDO) apt-get update -qq && $(SUDO) apt-get install -qq --no-install-recommends postgresql redis-server; }
INSTALL_JAVA = { echo "Installing Java, for Spark …"; \
  $(SUDO) apt-get update -qq && $(SUDO) apt-get install -qq --no-install-recommends openjdk-17-jre-headless; }
# Last on the PATH for tox and uv, which cannot use pyenv's shims for a Python that pyenv has not set.
PYENV_BINS = "$${PYENV_ROOT:-$$HOME/.pyenv}"/versions/3.*/bin
CHROMIUM := $(firstword $(wildcard /usr/bin/chromium /usr/bin/google-chrome) /usr/bin/chromium)
AIRFLOW_2 := .cache/airflow-2.11
# What make bench compares: the base install, and one beside the providers of the clouds.
BASE := .cache/bench-base
PROVIDERS := .cache/bench-providers
UV := $(BIN)/uv pip install --quiet --python $(BIN)/python --constraints $(CONSTRAINTS)
export UV_CACHE_DIR := $(CURDIR)/.cache/uv
export UV_PYTHON_INSTALL_DIR := $(CURDIR)/.cache/python
export PIP_NO_CACHE_DIR := 1
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PYTHONNOUSERSITE := 1
# pip asks rustc for its version, and that may leave a file at home.
export RUSTUP_HOME := $(CURDIR)/.cache/rustup
# Compiled once, into .venv and __pycache__, whatever the caller says.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: demo test matrix check docs audit bench system e2e e2e-storage e2e-celery e2e-warehouses e2e-browser reliability mutants dist clean constraints

demo: .venv/runtime  ## Run the example Dags against the simulator, show what they wrote, and a report of it
	@$(BIN)/python -m scripts.demo

# ARGS="one two" of the suites below picks tests by words of their names.
PICKED = $(if $(ARGS),-k "$(subst $(eval) , or ,$(strip $(ARGS)))")
SYSTEM = $(BIN)/python -m pytest $(SHOWN) -p no:cacheprovider $(PICKED) -m
SHOWN = -s

test: .venv/test  ## Run the tests
	@$(BIN)/python -m pytest $(ARGS)

matrix: .venv/matrix  ## Run the tests on every supported Airflow: ARGS="3.0 lowest" picks
	@rm -rf .cache/matrix/reports
	@for bin in $(PYENV_BINS); do PATH="$$PATH:$$bin"; done; \
	  $(BIN)/tox run-parallel --recreate --parallel 4 $(if $(ARGS),-m $(ARGS)); red=$$?; \
	  $(BIN)/python -m scripts.matrix && exit $$red

check: .venv/check  ## Lint, types, and that what is imported is declared
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/mypy --strict tests/typing_cases.py
	@# Shown if it fails only: it warns of each package of a group that is not installed here.
	@mkdir -p .cache
	$(BIN)/deptry airflow_provider_docsanalytics 2>.cache/deptry.txt || { cat .cache/deptry.txt; exit 1; }

docs: .venv/docs  ## Build the documentation into .cache/docs; a warning or a dead link fails it
	@$(BIN)/python -m sphinx --fresh-env --fail-on-warning --nitpicky --quiet docs .cache/docs
	@echo "Built: .cache/docs/index.html"

audit: .venv/uv  ## Published advisories against the pinned runtime dependencies; needs the network
	@mkdir -p .cache
	$(BIN)/uv pip compile --quiet --no-header --no-annotate --no-emit-index-url \
	  --constraints $(CONSTRAINTS) --all-extras --output-file .cache/audit.txt pyproject.toml
	$(BIN)/uvx --quiet 'pip-audit>=2.9,<3' --strict --no-deps --disable-pip \
	  --requirement .cache/audit.txt

bench: .venv/bench $(BASE)/installed $(PROVIDERS)/installed  ## What an export costs: ARGS="start storage" picks parts, --help lists them; 15 min
	@AZURITE=$(AZURITE_MAIN) $(BIN)/python -m benchmarks $(ARGS)

system: SHOWN = --durations=0 --durations-min=1
system: .venv/system $(AZURITE)/installed $(AXE)/installed $(CHROMIUM)  ## The short form of the suites below, as CI runs it: 7 min; Debian, Node
	@$(HAS_SERVERS) || $(INSTALL_SERVERS)
	@AZURITE=$(AZURITE_MAIN) AXE=$(AXE_MAIN) CHROMIUM=$(CHROMIUM) $(SYSTEM) short tests/system

e2e: .venv/bench  ## Waiting, the quota, bad servers and lost triggerers on a real Airflow: 25 min
	@$(SYSTEM) system tests/system/waiting

e2e-storage: .venv/spark $(AZURITE)/installed  ## Exports to disk, S3, GCS and Azure, read back by the vendors' clients, DuckDB and Spark; needs Node
	@command -v java >/dev/null || $(INSTALL_JAVA)
	@AZURITE=$(AZURITE_MAIN) $(SYSTEM) system tests/system/storage

e2e-celery: .venv/celery  ## 20 projects on Celery workers, one of which is killed; needs Debian: 5 min
	@$(HAS_SERVERS) || $(INSTALL_SERVERS)
	@$(SYSTEM) system tests/system/celery

e2e-warehouses: .venv/warehouses  ## Exports loaded into PostgreSQL, schemas and Dags for other warehouses; needs Debian: 3 min
	@$(HAS_SERVERS) || $(INSTALL_SERVERS)
	@$(SYSTEM) system tests/system/warehouses

e2e-browser: .venv/browser $(AIRFLOW_2)/installed $(AXE)/installed $(CHROMIUM)  ## The connection form, Dags and a report in Chromium, on Airflow 3.3 and 2.11: 7 min; Debian, Node
	@CHROMIUM=$(CHROMIUM) AXE=$(AXE_MAIN) AIRFLOW_2=$(AIRFLOW_2) $(SYSTEM) system tests/system/browser

reliability: .venv/storage  ## Crashes, faults, races and hostile input: rows lost, rows doubled
	@$(SYSTEM) reliability tests/reliability

mutants: .venv/mutants  ## Small wrong changes to the code, and how many of them the tests notice: 20 min
	@$(BIN)/python -m scripts.mutants $(ARGS)

dist: .venv/dist  ## Build the sdist and the wheel of HEAD twice, and prove what is in them
	@$(BIN)/python -m scripts.dist

clean:  ## Remove every trace
	rm -rf .venv .cache .demo dist .pytest_cache .mypy_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

constraints: .venv/uv  ## Pin what constraints/*.toml name: ARGS="airflow-3.0 lowest" picks
	@set -e; for pins in $(or $(ARGS:%=constraints/%.toml),$(wildcard constraints/*.toml)); do \
	  echo "$${pins%.toml}.txt"; \
	  $(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 --no-header \
	    --no-annotate --no-emit-index-url --config-file $$pins --output-file $${pins%.toml}.txt \
	    pyproject.toml; done

.venv/uv:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.11 …")'
	@echo "Building .venv …"
	@$(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet uv
	@touch $@

.venv/runtime: .venv/uv pyproject.toml $(CONSTRAINTS)
	@$(UV) --editable '.[lake]'
	@touch $@

.venv/test: .venv/runtime
	@$(UV) --group test
	@touch $@

.venv/check: .venv/test
	@$(UV) --group check
	@touch $@

.venv/matrix: .venv/uv pyproject.toml $(CONSTRAINTS)
	@$(UV) --group matrix
	@touch $@

.venv/bench: .venv/test
	@$(UV) --group bench
	@touch $@

$(BASE)/installed $(PROVIDERS)/installed: .venv/uv pyproject.toml $(CONSTRAINTS)
	@echo "Installing $(@D) …"
	@$(BIN)/uv venv --quiet --clear --python $(BIN)/python $(@D)
	@$(BIN)/uv pip install --quiet --python $(@D)/bin/python --constraints $(CONSTRAINTS) $(PACKAGES)
	@touch $@
$(BASE)/installed: PACKAGES = --editable '.[parquet,zstd,lake]'
$(PROVIDERS)/installed: PACKAGES = --editable '.[s3,gcs,azure,openlineage]' --group test --group storage

.venv/mutants: .venv/test
	@$(UV) --group mutants
	@touch $@

.venv/dist: .venv/runtime
	@$(UV) --group dist
	@touch $@

.venv/storage: .venv/test
	@echo "Installing the providers of Google and Microsoft …"
	@$(UV) --editable '.[s3,gcs,azure]' --group storage
	@touch $@

.venv/spark: .venv/storage
	@echo "Installing Spark …"
	@$(UV) --group spark
	@touch $@

.venv/system: .venv/storage .venv/celery .venv/warehouses .venv/browser
	@touch $@

.venv/celery: .venv/test
	@$(UV) --group celery
	@touch $@

.venv/warehouses: .venv/storage
	@echo "Installing the provider of PostgreSQL, and DataFusion …"
	@$(UV) --group warehouses
	@touch $@

$(AZURITE)/installed $(AXE)/installed:
	@echo "Installing $(PACKAGE) …"
	@npm install --prefix $(@D) --cache .cache/npm --no-audit --no-fund --no-update-notifier \
	  --ignore-scripts --loglevel error $(PACKAGE)
	@touch $@
$(AZURITE)/installed: PACKAGE = $(subst .cache/azurite-,azurite@,$(@D))
$(AXE)/installed: PACKAGE = $(subst .cache/axe-core-,axe-core@,$(@D))

.venv/browser: .venv/test
	@$(UV) --group browser
	@touch $@

$(CHROMIUM):
	@echo "Installing Debian's Chromium …"
	@$(SUDO) apt-get update -qq
	@$(SUDO) apt-get install -qq --no-install-recommends chromium fonts-dejavu-core

$(AIRFLOW_2)/installed: .venv/uv pyproject.toml constraints/airflow-2.11.txt
	@echo "Installing Airflow 2.11 …"
	@$(BIN)/uv venv --quiet --clear --python $(BIN)/python $(@D)
	@$(BIN)/uv pip install --quiet --python $(@D)/bin/python \
	  --constraints constraints/airflow-2.11.txt --editable .
	@touch $@

.venv/docs: .venv/runtime
	@$(UV) --group docs
	@touch $@
