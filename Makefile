# Rekindle's targets; `make` alone lists them.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

PYTHON ?= python3
SUDO := $(shell [ "$$(id -u)" = 0 ] || echo sudo)
BIN := .venv/bin
# npm comes with some packages of Node.js, and Debian's own cannot be beside these.
PACKAGES := $(shell grep -v '^\#' builder/system-packages.txt) $(shell command -v npm >/dev/null || echo npm)
# Costly things that tests and the demo make are kept here, each under a key of its inputs.
export REKINDLE_TEST_CACHE ?= $(CURDIR)/.cache

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "%-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: .cache/packages .venv/ready ## Install the system packages and the virtual environment

.cache/packages: builder/system-packages.txt
	@mkdir -p .cache
	dpkg-query --show $(PACKAGES) >/dev/null 2>&1 || \
		{ $(SUDO) apt-get update -qq && $(SUDO) env DEBIAN_FRONTEND=noninteractive \
		apt-get install -qq -y --no-install-recommends $(PACKAGES); }
	@touch $@

.venv/ready: pyproject.toml .cache/packages
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --editable '.[dev]'
	@touch $@

check: setup ## Format, lint, types, import directions
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/mypy iso_overlay/installer/choose_disk.py
	MYPYPATH=iso_overlay/live $(BIN)/mypy iso_overlay/live/*.py
	$(BIN)/mypy --python-version 3.10 -p collectors -p builder.restore
	$(BIN)/pytest -q tests/unit/test_imports.py

test-unit: setup ## Tests that need neither root nor network: seconds
	$(BIN)/pytest -q -n 2 --dist worksteal tests/unit

test: setup ## All tests, the boots in QEMU included
	$(SUDO) env REKINDLE_TEST_CACHE=$(REKINDLE_TEST_CACHE) $(BIN)/pytest -n 2 --dist worksteal tests

demo: setup ## Collect this machine, build its ISO, and see a sample machine come back in a VM
	$(SUDO) $(BIN)/python -m tests.demo

bench: setup ## Time a full collect with coverage beside find and dpkg --verify (QUICK=1: no million of files)
	$(SUDO) $(BIN)/python -m tests.bench $(if $(QUICK),--quick)

clean: ## Remove what was built here
	$(SUDO) rm -rf .venv .cache demo dist

.PHONY: help setup check test-unit test demo bench clean
