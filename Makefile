# One word for each job. Every target does the set-up it needs itself.

.DEFAULT_GOAL := help
.PHONY: help setup demo test test-all lint fmt types unit interop bench fuzz docs lock clean
export PYTHON

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 10

setup: ## set up all that the program and its tests need; quick when there is nothing to do
	@scripts/setup test

demo: ## a server and a client on this machine, connected, with what they say to each other
	@scripts/setup run
	@.venv/bin/talpa demo

test: ## lint, types, import contract and all tests, real peers among them
	@scripts/setup test
	@scripts/test -m "not matrix"

test-all: ## the same with the whole matrix of real peers: an hour or so
	@scripts/setup test
	@scripts/test

lint: ## style and the import contract
	@scripts/setup run
	@.venv/bin/ruff check
	@.venv/bin/ruff format --check
	@.venv/bin/lint-imports

fmt: ## put the code into its style
	@scripts/setup run
	@.venv/bin/ruff check --fix --quiet
	@.venv/bin/ruff format

types: ## mypy, strict
	@scripts/setup run
	@.venv/bin/mypy

unit: ## the tests that need neither root nor guests
	@scripts/setup unit
	@.venv/bin/pytest -m "not interop and not netns" --numprocesses auto --maxprocesses 4

interop: ## the tests against real peers
	@scripts/setup test
	@scripts/pytest -m "(interop or netns) and not matrix"

bench: ## the benchmarks; figures are in docs/performance.md
	@scripts/setup run
	@.venv/bin/python benchmarks/setup_rate.py
	@.venv/bin/python benchmarks/session_memory.py
	@.venv/bin/python benchmarks/restart.py

fuzz: ## ten minutes of fuzzing over all parsers (FUZZ_SECONDS=n for another time)
	@scripts/setup fuzz
	@.venv/bin/python fuzz/run.py --seconds $(or $(FUZZ_SECONDS),600)

docs: ## build the documentation into site/
	@scripts/setup docs
	@.venv/bin/python docs/generate.py
	@NO_MKDOCS_2_WARNING=1 .venv/bin/mkdocs build --strict --quiet
	@echo "documentation: site/index.html"

lock: ## make the locks under requirements/ anew (needs uv)
	@scripts/lock

clean: ## remove what the targets made here; the guest image stays in the user's cache
	rm -rf .venv site dist build .cache .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
