# The only commands that people and CI need. `make help` explains them.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
UV := $(shell command -v uv 2>/dev/null || echo $(CURDIR)/.cache/uv/bin/uv)
# Twice the two cores of CI: tests of the operator wait for half of their time.
WORKERS ?= 4
export UV
export UV_PYTHON_DOWNLOADS := never
export PYTHONPATH :=

.DEFAULT_GOAL := help
.PHONY: help check docs docs-serve format test soak demo sandbox sessions crds pages lock clean

help: ## show this list
	@awk -F':.*## ' '/^[a-z-]+:.*## / {printf "  %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

check: $(VENV)/ready ## format, lint, types, layers, generated files: everything but the tests
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m clusterstate.api --check
	$(BIN)/python -m clusterstate.cli.pages --check
	$(BIN)/python -m tests.support.site

docs: $(VENV)/ready ## build the documents as a site into .cache/site/html; a broken link is an error
	$(BIN)/python -m tests.support.site

docs-serve: docs ## build the site and show it on http://127.0.0.1:8000 until Ctrl-C
	$(BIN)/python -m http.server --bind 127.0.0.1 --directory .cache/site/html 8000

format: $(VENV)/ready ## write the code as `check` wants it
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

test: $(VENV)/ready ## all tests, against a real control plane and real object stores (WORKERS=4)
	$(BIN)/python -m clusterstate.sandbox build
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal

soak: $(VENV)/ready ## the tests that are too long for every run
	$(BIN)/python -m clusterstate.sandbox build
	$(BIN)/python -m pytest -n $(WORKERS) --soak -m soak

demo: $(VENV)/ready ## see it work: control plane, S3 server, a kops store, the operator (KEEP=1 leaves it running)
	$(BIN)/clusterstate demo $(if $(KEEP),--keep)

sandbox: $(VENV)/ready ## a control plane and an S3 server to play with, until Ctrl-C
	$(BIN)/python -m clusterstate.sandbox up

sessions: $(VENV)/ready ## draw the sessions of the documents anew
	$(BIN)/python -m tests.support.sessions

crds: $(VENV)/ready ## write crds/, and its copy in the chart, anew from the typed model
	$(BIN)/python -m clusterstate.api

pages: $(VENV)/ready ## write docs/cli.md, the manual page, docs/fields and the drawing anew from the code
	$(BIN)/python -m clusterstate.cli.pages
	$(BIN)/python -m tests.support.drawing

lock: $(UV) ## resolve the dependencies anew and pin them with hashes
	$(UV) pip compile -q --universal --all-extras --generate-hashes --python-version 3.11 --no-header pyproject.toml -o requirements.txt
	$(UV) pip compile -q --universal --all-extras --generate-hashes --python-version 3.11 --no-header pyproject.toml --group dev -o requirements-dev.txt
	$(UV) pip compile -q --universal --generate-hashes --python-version 3.11 --no-header tests/support/openstack/requirements.in -o tests/support/openstack/requirements.txt

clean: ## remove what the other targets made here (not the cache of built servers in your home)
	rm -rf $(VENV) .cache .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache dist

$(VENV)/ready: requirements-dev.txt pyproject.toml $(UV)
	$(UV) venv -q --clear --python $(PYTHON) $(VENV)
	$(UV) pip install -q --compile-bytecode --require-hashes -p $(BIN)/python -r requirements-dev.txt
	$(UV) pip install -q --no-deps --no-build-isolation -p $(BIN)/python -e .
	@touch $@

$(CURDIR)/.cache/uv/bin/uv:
	@echo "uv is not installed: fetching it into .cache/uv (a few seconds)"
	@$(PYTHON) -m venv .cache/uv && .cache/uv/bin/python -m pip install -q --disable-pip-version-check uv
