# Set-up, checks, tests and the local stack. Everything made lands in .local/ and build/.

# The Python to build on; by default 3.12 if a working one is found, else 3.11.
PYTHON ?=

VENV := .local/venv/bin
SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.PHONY: help setup demo up down status bi cluster test test-fast check package bench chaos referee clients acceptance format clean

export PYTHONPATH := $(CURDIR)/plugins:$(CURDIR)
export HYPOTHESIS_STORAGE_DIRECTORY := $(CURDIR)/.local/cache/hypothesis
# Without bytecode every Airflow task would compile what it imports.
unexport PYTHONDONTWRITEBYTECODE

help:  ## List these commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup:  ## Install everything into .local (done by the other commands as needed)
	@python3 scripts/setup.py $(if $(PYTHON),--python $(PYTHON)) $(foreach name,$(WITH),--with $(name)) $(CHECK)

# What is compiled for other machines than this one.
test package acceptance: WITH := compiler

# A fault of the configuration is told before the minute that an installation takes.
up: CHECK := --check-config

demo: setup  ## The whole way on sample data: start, load, query, stop
	@$(VENV)/python scripts/demo.py

up: setup  ## Start the local AWS and Airflow, or let them take over a changed configuration; writes .local/env
	@$(VENV)/python -m scripts.stack up

down:  ## Stop what "make up" started; the next one finds the data again
	@if [ -x $(VENV)/python ]; then $(VENV)/python -m scripts.stack down; fi

status:  ## Say what of the stack is running, and where
	@if [ -x $(VENV)/python ]; then $(VENV)/python -m scripts.stack status || true; fi

bi: setup  ## Superset with the dashboards, on the stack that "make up" started; until Ctrl-C (docs/superset.md)
	@$(VENV)/python -m scripts.bi

# Of the test processes two are busy with end-to-end tests for most of the time, and those wait a good deal.
WORKERS ?= 4

test: setup  ## Run every test, in WORKERS=n processes
	@$(VENV)/python -m pytest -n $(WORKERS) --dist loadfile --durations 30

# The suite that needs Airflow's distributed engine: WORKERS=n workers of Celery, 3 if nobody says otherwise.
cluster: WORKERS = 3

cluster:  ## Airflow's distributed engine as MWAA has it, WORKERS=n workers, and its tests, kills included (docs/cluster.md)
	@python3 scripts/setup.py --with cluster --with compiler $(if $(PYTHON),--python $(PYTHON))
	@CLUSTER_WORKERS=$(WORKERS) $(VENV)/python -m pytest tests/cluster --durations 20

test-fast: setup  ## Run what needs no local AWS, no Airflow, no browser and no patience
	@$(VENV)/python -m pytest -n 2 --dist worksteal -m "not stack and not slow and not long"

check: setup  ## Lint, types, configuration, infrastructure template, Compose file, workflow
	$(VENV)/ruff check
	$(VENV)/ruff format --check
	$(VENV)/mypy
	$(VENV)/cfn-lint infrastructure/*.yaml
	$(VENV)/check-jsonschema --builtin-schema vendor.compose-spec docker-compose.yaml
	$(VENV)/check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml
	AWS_ACCOUNT_ID=$${AWS_ACCOUNT_ID:-000000000000} $(VENV)/lakelanes check
	$(VENV)/lakelanes schema | diff --unified include/lake.schema.json -
	$(VENV)/lakelanes schema --dashboard | diff --unified include/dashboard.schema.json -
	AWS_ACCOUNT_ID=$${AWS_ACCOUNT_ID:-000000000000} $(VENV)/lakelanes quicksight | diff --unified infrastructure/dashboards.yaml -
	$(VENV)/python -m scripts.iam_policies | diff --unified infrastructure/iam_policies.json -

# SIZE=small takes minutes, not most of an hour. CASES=a,b runs these alone, REPEATS=n that often; KEEP=1 keeps the files.
SIZE ?= full

bench:  ## Measure against other tools; prints a table, writes build/bench.json (docs/benchmarks.md)
	@python3 scripts/setup.py --with bench $(if $(PYTHON),--python $(PYTHON))
	@$(VENV)/python -m benchmarks --size $(SIZE) $(if $(CASES),--cases $(CASES)) $(if $(REPEATS),--repeats $(REPEATS)) \
		$(if $(KEEP),--keep)

# With CLUSTER=n Airflow does the batch lane, on n workers of Celery (docs/cluster.md).
chaos: WITH := $(if $(CLUSTER),cluster compiler)

chaos: setup  ## Kill, hang, throttle the lanes of FILES=n files (CLUSTER=n: on Airflow's workers), or of TABLE_ITEMS=n; SEED=s
	@$(VENV)/python -m tests.faults $(if $(TABLE_ITEMS),tables --items $(TABLE_ITEMS),$(if $(FILES),--files $(FILES)) \
		$(if $(CLUSTER),--cluster $(CLUSTER))) $(if $(SEED),--seed $(SEED)) $(if $(MUTATION),--mutation $(MUTATION))

referee: setup  ## Ask the local Athena and a Trino the same; EXPRESSIONS=n random ones for each SEED="s t" (needs a JDK and Maven)
	@$(VENV)/python -m tests.referee $(if $(EXPRESSIONS),--expressions $(EXPRESSIONS)) $(foreach one,$(SEED),--seed $(one)) $(OPTIONS)

clients: setup  ## Ask the sample lake with what others wrote: PyAthena, awswrangler, dbt, ibis; CLIENTS="dbt ibis" with these
	@$(VENV)/python -m tests.clients $(CLIENTS)

acceptance: setup  ## Try a whole lake on the AWS account of the environment, and delete it again (docs/acceptance.md)
	@$(VENV)/python -m scripts.acceptance $(OPTIONS)

package: setup  ## Make the functions' bundle and layers and build/mwaa, for the configuration in LAKE_CONFIG
	@$(VENV)/python -m scripts.package

format: setup  ## Sort imports and format the code
	$(VENV)/ruff check --select I --fix
	$(VENV)/ruff format

clean:  ## Stop the stack and delete everything made, the lake's data too: .local and build
	@if [ -x $(VENV)/python ]; then $(VENV)/python -m scripts.stack forget; fi
	rm -rf .local build
