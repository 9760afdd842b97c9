.DEFAULT_GOAL := help
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
# Every run is a process of its own: what they all import is compiled once.
unexport PYTHONDONTWRITEBYTECODE

help: ## what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(INSTALLED) ## a sandbox, real Dagster runs, and the tables and marts they make
	$(BIN)/mews-assets demo

dev: $(INSTALLED) ## the Dagster UI on 127.0.0.1:3000, on the demo's tables (or with your tokens, from .env)
	$(BIN)/mews-assets dev

test: lint ## lint, types and the tests, but for the slow ones
	$(BIN)/pytest -n 3 --dist worksteal

test-slow: $(INSTALLED) ## the slow tests: a real daemon, killed processes, random faults, much memory
	$(BIN)/pytest -n 3 --dist worksteal -m 'slow and not services'

test-services: $(INSTALLED) ## tests with servers that really run: S3, Azurite, Postgres, Redis, Celery workers; and the examples
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev,services,examples]'
	-npm install --silent --no-audit --no-fund --prefix build/azurite azurite
	$(BIN)/pytest -m services mews_assets_tests/services

test-browser: $(INSTALLED) ## the UI in a real browser: needs a chromium on this machine
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev,browser]'
	$(BIN)/pytest -m browser mews_assets_tests/browser

chaos: $(INSTALLED) ## a thousand seeds of random faults, and every deliberately broken rule caught by one
	$(BIN)/python -m mews_assets_tests.chaos --seeds 1000
	$(BIN)/python -m mews_assets_tests.chaos --mutants --seeds 200
	$(BIN)/python -m mews_assets_tests.chaos.two_machines --seeds 300
	$(BIN)/python -m mews_assets_tests.chaos.two_machines --seeds 40 --mutants

lint: $(INSTALLED) ## ruff and mypy
	$(BIN)/ruff check mews_assets mews_assets_tests benchmarks
	$(BIN)/ruff format --check mews_assets mews_assets_tests benchmarks
	$(BIN)/mypy

bench: $(INSTALLED) ## the figures of docs/benchmarks.md: speed and memory, as ratios in one run
	$(BIN)/python -m benchmarks.conversion
	$(BIN)/python -m benchmarks.checks
	$(BIN)/python -m benchmarks.scale --run
	$(BIN)/python -m benchmarks.current
	$(BIN)/python -m benchmarks.large
	$(BIN)/python -m benchmarks.history
	$(BIN)/python -m benchmarks.backfill
	$(BIN)/python -m benchmarks.load

docs: $(INSTALLED) ## docs/tables.md and docs/tables/, from the catalog
	$(BIN)/mews-assets docs

pictures: $(INSTALLED) ## docs/lineage.png and docs/marts.png, from the tables of make demo; needs a chromium
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev,browser]'
	$(BIN)/python -m mews_assets_tests.browser.pictures

site: ## the documentation as a site, in build/site
	$(PYTHON) -m venv .venv-site
	.venv-site/bin/pip install --quiet --disable-pip-version-check 'mkdocs-material>=9.5,<10'
	NO_MKDOCS_2_WARNING=1 .venv-site/bin/mkdocs build

dist: ## the wheel and the sdist, in dist/
	$(PYTHON) -m venv .venv-dist
	.venv-dist/bin/pip install --quiet --disable-pip-version-check build
	.venv-dist/bin/python -m build

lowest: ## conversion, merges and definitions with the lowest versions that pyproject.toml declares
	$(PYTHON) -m venv .venv-lowest
	.venv-lowest/bin/pip install --quiet --disable-pip-version-check uv
	.venv-lowest/bin/uv pip install --quiet --python .venv-lowest/bin/python --resolution lowest-direct --editable '.[dev]'
	.venv-lowest/bin/pytest -n 2 mews_assets_tests/catalog mews_assets_tests/lake mews_assets_tests/cli/commands/test_convert.py \
		mews_assets_tests/cli/commands/test_sql.py mews_assets_tests/defs/test_build.py mews_assets_tests/defs/assets/test_current.py

audit: ## known faults in the pinned packages; needs PyPI's or OSV's data, and fails without
	$(PYTHON) -m venv .venv-audit
	.venv-audit/bin/pip install --quiet --disable-pip-version-check pip-audit
	.venv-audit/bin/pip-audit --strict --no-deps --disable-pip --requirement constraints.txt

clean: ## forget the demo: its lake, its Dagster instance (data/demo)
	rm -rf data/demo

$(INSTALLED): pyproject.toml constraints.txt mews_assets/lake/conversion/_scan.c
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	touch $@

.PHONY: help demo dev test test-slow test-services test-browser lint chaos bench docs pictures site dist lowest audit clean
